package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/e2e/internal/process"
	"wardroom/integrations/linode/linodetest"
)

// What a crowded cluster has for each ten nodes, besides one service with a volume:
// with the three DaemonSets of testdata/world.yaml that are a hundred pods and one.
const (
	perTen = 7  // deployments, each with a budget
	perOne = 10 // pods of each
)

// firstDisk is Linode's number of the first of their volumes.
const firstDisk = 5000

// crowd makes what a cluster of many nodes has. Objects of its first three serve as
// molds, so that the others have all that controllers and kubelets write into them; they
// go straight into etcd, as letting these make them takes a hundred times as long.
type crowd struct {
	*rig
	molds
	made int // objects, for their uids
	todo []object
}

// grow makes a cluster one of more nodes, multiples of ten, with ten pods for each on
// average, and waits until its controllers find each as it should be.
func (r *rig) grow(from, to int) {
	r.Helper()
	c := &crowd{rig: r, molds: r.takeMolds(), made: from * 1000}
	for i := len(r.cloud.Machines()); i < to; i++ {
		r.cloud.AddNode(linodetest.Node{Name: fmt.Sprintf("lke13311-16405-%012x", 0x700000000000+i), Linode: firstLinode + i})
	}
	var nodes []*corev1.Node
	var pods []object
	for _, m := range r.cloud.Machines()[max(from, 3):] {
		n := c.node(m)
		nodes = append(nodes, n)
		pods = append(pods, c.daemons(n)...)
	}
	groups := to/10 - from/10
	for i := range groups {
		on := nodes[i*len(nodes)/groups:]
		for j := range perTen {
			pods = append(pods, c.service(fmt.Sprintf("service-%04d", (from/10+i)*perTen+j), c.web, on[:perOne])...)
		}
		pods = append(pods, c.store(from/10+i, on[0])...)
	}
	for _, n := range nodes {
		c.todo = append(c.todo, n, c.driver(n))
	}
	// Controllers that saw the half of it would make what they miss.
	r.toggleControllers("STOPPED")
	r.intoEtcd(append(c.todo, pods...))
	r.toggleControllers("STARTED")
	process.Await(r.T, fmt.Sprintf("%d nodes and their pods are Ready", to), process.Journey, func() (bool, string) {
		amiss := r.unready(to)
		return amiss == "", amiss
	})
}

func (r *rig) unready(nodes int) string {
	ctx := process.Soon(r.T)
	sets, err := r.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, d := range sets.Items {
		if int(d.Status.NumberReady) != nodes || d.Status.DesiredNumberScheduled != d.Status.NumberReady {
			return fmt.Sprintf("%s: %d of %d", d.Name, d.Status.NumberReady, nodes)
		}
	}
	list, err := r.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, d := range list.Items {
		if s := d.Status; s.ObservedGeneration != d.Generation || s.ReadyReplicas != *d.Spec.Replicas || s.Replicas != s.ReadyReplicas {
			return fmt.Sprintf("%s: %d of %d", d.Name, s.ReadyReplicas, *d.Spec.Replicas)
		}
	}
	return ""
}

func (c *crowd) node(m linodetest.Machine) *corev1.Node {
	n, own := copyOf(c, c.molds.node, m.Name), newNode(m)
	n.Labels, n.Spec = own.Labels, own.Spec
	maps.Copy(n.Annotations, own.Annotations)
	n.Status.Addresses = own.Status.Addresses
	info := &n.Status.NodeInfo
	info.BootID, info.MachineID, info.SystemUUID = own.Status.NodeInfo.BootID, own.Status.NodeInfo.MachineID, own.Status.NodeInfo.SystemUUID
	n.Status.VolumesAttached, n.Status.VolumesInUse = nil, nil
	return n
}

// driver is what the volume driver says of a node.
func (c *crowd) driver(n *corev1.Node) *storagev1.CSINode {
	d := copyOf(c, c.molds.csiNode, n.Name)
	d.OwnerReferences[0].Name, d.OwnerReferences[0].UID = n.Name, n.UID
	d.Spec.Drivers[0].NodeID = strings.TrimPrefix(n.Spec.ProviderID, "linode://")
	return d
}

func (c *crowd) daemons(n *corev1.Node) (pods []object) {
	for _, mold := range c.molds.daemons {
		p := copyOf(c, mold, c.podOf(mold.OwnerReferences[0].Name))
		p.Spec.NodeName = n.Name
		for i := range p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[i].MatchFields[0].Values = []string{n.Name}
		}
		pods = append(pods, p)
	}
	return pods
}

func (c *crowd) podOf(owner string) string { return fmt.Sprintf("%s-%05x", owner, c.made) }

// service makes a deployment with its set and its budget, and returns the pods, one on
// each node.
func (c *crowd) service(name string, like service, on []*corev1.Node) (pods []object) {
	replicas := int32(len(on))
	d := copyOf(c, like.deployment, name)
	delete(d.Annotations, "wardroom/used-by")
	d.Spec.Replicas, d.Spec.Selector = &replicas, labelled(name)
	d.Status.Replicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas, d.Status.UpdatedReplicas = replicas, replicas, replicas, replicas
	d.Spec.Template.Labels = map[string]string{"app": name, "app.kubernetes.io/name": name, "team": name[len(name)-1:]}
	dress(&d.Spec.Template.Spec, name)

	hash := like.set.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	s := copyOf(c, like.set, name+"-"+hash)
	s.OwnerReferences[0].Name, s.OwnerReferences[0].UID = d.Name, d.UID
	s.Annotations["deployment.kubernetes.io/desired-replicas"] = strconv.Itoa(len(on))
	s.Annotations["deployment.kubernetes.io/max-replicas"] = strconv.Itoa(len(on) + (len(on)+3)/4)
	s.Labels = maps.Clone(d.Spec.Template.Labels)
	s.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	s.Spec.Replicas, s.Spec.Selector = &replicas, &metav1.LabelSelector{MatchLabels: map[string]string{"app": name, appsv1.DefaultDeploymentUniqueLabelKey: hash}}
	s.Spec.Template.Labels = s.Labels
	dress(&s.Spec.Template.Spec, name)
	s.Status.Replicas, s.Status.ReadyReplicas, s.Status.AvailableReplicas, s.Status.FullyLabeledReplicas = replicas, replicas, replicas, replicas
	c.todo = append(c.todo, d, s)
	if like.budget != nil {
		b := copyOf(c, like.budget, name)
		b.Spec.Selector = labelled(name)
		b.Status.CurrentHealthy, b.Status.ExpectedPods, b.Status.DesiredHealthy, b.Status.DisruptionsAllowed = replicas, replicas, replicas-1, 1
		c.todo = append(c.todo, b)
	}
	for _, n := range on {
		p := copyOf(c, like.pod, c.podOf(s.Name))
		p.OwnerReferences[0].Name, p.OwnerReferences[0].UID = s.Name, s.UID
		p.Labels, p.Spec.NodeName = s.Labels, n.Name
		dress(&p.Spec, name)
		pods = append(pods, p)
	}
	return pods
}

// dress makes a pod's spec that of a service, of the size that manifests have.
func dress(spec *corev1.PodSpec, name string) {
	spec.TopologySpreadConstraints = nil
	one := &spec.Containers[0]
	one.Name, one.Image = name, "registry.example.com/"+name+":1.0.0"
	one.Args = []string{"--listen=:8080", "--config=/etc/" + name + "/config.yaml"}
	for i := range 20 {
		one.Env = append(one.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%02d", i), Value: strings.Repeat("x", 40)})
	}
	for _, v := range spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			v.PersistentVolumeClaim.ClaimName = name
		}
	}
}

func labelled(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

// store makes a service with a volume, on the machine of a node.
func (c *crowd) store(i int, on *corev1.Node) (pods []object) {
	name, label := fmt.Sprintf("store-%04d", i), fmt.Sprintf("pvc%016x", i)
	handle := fmt.Sprintf("%d-%s", firstDisk+i, label)
	machine := strings.TrimPrefix(on.Spec.ProviderID, "linode://")
	id, err := strconv.Atoi(machine)
	if err != nil {
		c.Fatal(err)
	}
	c.cloud.AddVolume(linodetest.Disk{ID: firstDisk + i, Label: label, Linode: id})
	unique := "kubernetes.io/csi/linodebs.csi.linode.com^" + handle
	on.Status.VolumesAttached = []corev1.AttachedVolume{{Name: corev1.UniqueVolumeName(unique), DevicePath: ""}}
	on.Status.VolumesInUse = []corev1.UniqueVolumeName{corev1.UniqueVolumeName(unique)}

	claim, volume := copyOf(c, c.molds.claim, name), copyOf(c, c.molds.volume, "pv-"+name)
	claim.Spec.VolumeName = volume.Name
	volume.Spec.ClaimRef.Name, volume.Spec.ClaimRef.UID = claim.Name, claim.UID
	volume.Spec.CSI.VolumeHandle = handle
	a := copyOf(c, c.molds.attachment, fmt.Sprintf("csi-%x", sha256.Sum256([]byte(handle+"linodebs.csi.linode.com"+on.Name))))
	a.Spec.NodeName, a.Spec.Source.PersistentVolumeName = on.Name, &volume.Name
	a.Annotations["csi.alpha.kubernetes.io/node-id"] = machine
	a.Status.AttachmentMetadata = map[string]string{"devicePath": "/dev/disk/by-id/scsi-0Linode_Volume_" + label}
	c.todo = append(c.todo, claim, volume, a)
	return c.service(name, c.held, []*corev1.Node{on})
}

// service is one that others are made like.
type service struct {
	deployment *appsv1.Deployment
	set        *appsv1.ReplicaSet
	pod        *corev1.Pod
	budget     *policyv1.PodDisruptionBudget // may be nil
}
