package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/remediation"
	"wardroom/e2e/internal/process"
	"wardroom/integrations/linode/linodetest"
)

// finishing is a run on its way.
type finishing struct {
	r   *rig
	run remediation.Run
}

// finishes waits for its end, which must be a good one.
func (f finishing) finishes() remediation.Run {
	f.r.Helper()
	return f.r.bot.finishes(f.run)
}

// whole waits until the cluster is as it should be: each node Ready and open to pods,
// each workload complete, each volume on the machine of the pod that uses it, and
// nothing that a repair has put there.
func (r *rig) whole() {
	r.Helper()
	process.Await(r.T, "the cluster is whole", process.Journey, func() (bool, string) {
		var amiss []string
		for _, look := range []func() []string{r.sickNodes, r.sickWorkloads, r.strayVolumes} {
			amiss = append(amiss, look()...)
		}
		return len(amiss) == 0, strings.Join(amiss, "; ")
	})
}

func (r *rig) sickNodes() (amiss []string) {
	list, err := r.CoreV1().Nodes().List(process.Soon(r.T), metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	if len(list.Items) != 3 {
		amiss = append(amiss, fmt.Sprintf("%d nodes", len(list.Items)))
	}
	for _, n := range list.Items {
		if ready(n) != corev1.ConditionTrue {
			amiss = append(amiss, fmt.Sprintf("%s is Ready: %s", n.Name, ready(n)))
		}
		if n.Spec.Unschedulable || len(n.Spec.Taints) > 0 {
			amiss = append(amiss, fmt.Sprintf("%s is closed: %v", n.Name, n.Spec.Taints))
		}
	}
	return amiss
}

func ready(n corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return "unknown"
}

func (r *rig) sickWorkloads() (amiss []string) {
	ctx := process.Soon(r.T)
	deployments, err := r.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range deployments.Items {
		if s := d.Status; s.ObservedGeneration != d.Generation || s.ReadyReplicas != wanted[d.Name] || s.Replicas != s.ReadyReplicas || s.UpdatedReplicas != s.Replicas {
			amiss = append(amiss, fmt.Sprintf("%s: %d of %d Ready", d.Name, s.ReadyReplicas, wanted[d.Name]))
		}
	}
	sets, err := r.AppsV1().StatefulSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	for _, s := range sets.Items {
		if s.Status.ReadyReplicas != wanted[s.Name] || s.Status.Replicas != s.Status.ReadyReplicas {
			amiss = append(amiss, fmt.Sprintf("%s: %d of %d Ready", s.Name, s.Status.ReadyReplicas, wanted[s.Name]))
		}
	}
	daemons, err := r.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range daemons.Items {
		if !rolledOut(d) || d.Status.NumberReady != 3 {
			amiss = append(amiss, fmt.Sprintf("%s: %d of 3 Ready", d.Name, d.Status.NumberReady))
		}
	}
	return amiss
}

// wanted are the replicas of testdata/world.yaml.
var wanted = map[string]int32{"redis": 1, "postgres": 1, "site": 3, "coredns": 2}

func rolledOut(d appsv1.DaemonSet) bool {
	s := d.Status
	return s.ObservedGeneration == d.Generation && s.UpdatedNumberScheduled == s.DesiredNumberScheduled && s.NumberReady == s.DesiredNumberScheduled
}

// strayVolumes compares the cluster's view of volumes with Linode's.
func (r *rig) strayVolumes() (amiss []string) {
	ctx := process.Soon(r.T)
	attached, err := r.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{err.Error()}
	}
	if len(attached.Items) != 2 {
		amiss = append(amiss, fmt.Sprintf("%d VolumeAttachments", len(attached.Items)))
	}
	for app, volume := range map[string]int{"redis": redisVolume, "postgres": postgresVolume} {
		node := r.nodeOf(app)
		if on := r.machineOf(node); on == 0 || r.holder(volume) != on {
			amiss = append(amiss, fmt.Sprintf("%s runs on %q, machine %d, and Linode has its volume on %d", app, node, on, r.holder(volume)))
		}
	}
	return amiss
}

// pods are those with the label app; "": all.
func (r *rig) pods(app string) []corev1.Pod {
	o := metav1.ListOptions{}
	if app != "" {
		o.LabelSelector = "app=" + app
	}
	list, err := r.CoreV1().Pods("").List(process.Soon(r.T), o)
	if err != nil {
		r.Logf("pods: %v", err)
		return nil
	}
	return list.Items
}

// nodeOf is where the running pod of a workload is; "" when there is none.
func (r *rig) nodeOf(app string) string {
	for _, p := range r.pods(app) {
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			return p.Spec.NodeName
		}
	}
	return ""
}

// machineOf is Linode's number of the machine that a node says it is.
func (r *rig) machineOf(node string) int {
	if node == "" {
		return 0
	}
	n, err := r.CoreV1().Nodes().Get(process.Soon(r.T), node, metav1.GetOptions{})
	if err != nil {
		return 0
	}
	id, _ := strconv.Atoi(strings.TrimPrefix(n.Spec.ProviderID, "linode://")) // 0 is the answer
	return id
}

// holder is the machine that sees a volume; 0: none does.
func (r *rig) holder(volume int) int {
	for _, d := range r.cloud.Disks() {
		if d.ID == volume && !d.Stuck {
			return d.Linode
		}
	}
	return 0
}

// asked are the changes that Wardroom asked Linode for, as "POST /lke/…/recycle".
func (r *rig) asked() (changes []string) {
	for _, q := range r.cloud.Writes() {
		if q.Token != clusterToken {
			changes = append(changes, q.Method+" "+strings.TrimPrefix(q.Path, "/v4"))
		}
	}
	return changes
}

// askedOnly fails unless these were all the changes that Linode was asked for.
func (r *rig) askedOnly(changes ...string) {
	r.Helper()
	if got := r.asked(); !slices.Equal(got, changes) {
		r.Errorf("Wardroom asked Linode for\n%s\nand should have for\n%s", strings.Join(got, "\n"), strings.Join(changes, "\n"))
	}
}

// linodeOf is the machine that has a name now.
func (r *rig) linodeOf(name string) linodetest.Machine {
	r.Helper()
	for _, m := range r.cloud.Machines() {
		if m.Name == name {
			return m
		}
	}
	r.Fatalf("there is no machine %s", name)
	return linodetest.Machine{}
}

// others are the nodes besides one.
func others(node string) []string {
	return slices.DeleteFunc([]string{nodeA, nodeB, nodeC}, func(n string) bool { return n == node })
}
