package kubetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Node is a node that is there and Ready from the start.
type Node struct {
	Name         string            `json:"name"`   // "lke13311-16405-5fafd1b46dcf"
	Linode       int               `json:"linode"` // the id of its machine
	Hostname     string            `json:"hostname,omitempty"`
	MachineID    string            `json:"machine_id,omitempty"` // two nodes that share one are clones
	CPU          string            `json:"cpu,omitempty"`        // "4"
	Memory       string            `json:"memory,omitempty"`     // "8Gi"
	Pods         int               `json:"pods,omitempty"`       // 110
	Labels       map[string]string `json:"labels,omitempty"`
	ControlPlane bool              `json:"control_plane,omitempty"`
	// Talos is the version of Talos that its machine runs: nobody provides such a
	// machine, so the Node names no provider. "": it is the cloud's, and runs Debian.
	Talos   string `json:"talos,omitempty"`
	Address string `json:"address,omitempty"` // among the nodes: "10.0.0.2"
}

func (n Node) withDefaults() Node {
	n.Hostname = cmp.Or(n.Hostname, n.Name)
	n.MachineID = cmp.Or(n.MachineID, shortHash(fmt.Sprint("machine", n.Linode), 32))
	n.CPU, n.Memory, n.Pods = cmp.Or(n.CPU, "4"), cmp.Or(n.Memory, "8Gi"), cmp.Or(n.Pods, 110)
	return n
}

// Workload is one that runs from the start, with its volume.
type Workload struct {
	Name        string            `json:"name"`           // "default/redis"
	Kind        string            `json:"kind,omitempty"` // "": Deployment
	Replicas    *int32            `json:"replicas,omitempty"`
	Node        string            `json:"node,omitempty"`    // where its pods are at first; "": wherever there is room
	Volume      string            `json:"volume,omitempty"`  // a PersistentVolume of its own: "pvc-bb1d06139b334c1f"
	Disk        int               `json:"disk,omitempty"`    // the cloud's number of it
	UsedBy      []string          `json:"used_by,omitempty"` // written as the annotation wardroom/used-by
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	CPU         string            `json:"cpu,omitempty"` // that each pod asks for; "100m"
	Memory      string            `json:"memory,omitempty"`
	Scratch     bool              `json:"scratch,omitempty"`    // an emptyDir
	Recreate    bool              `json:"recreate,omitempty"`   // the old pod goes before the new one comes
	Selector    map[string]string `json:"selector,omitempty"`   // the labels of the nodes that its pods are for
	Tolerant    bool              `json:"tolerant,omitempty"`   // its pods bear every taint, also that of a cordon
	Available   *int              `json:"available,omitempty"`  // a disruption budget that wants so many
	OwnerKind   string            `json:"owner_kind,omitempty"` // an operator's resource that owns it: "postgresql.acid.zalan.do/v1 postgresql"
	OwnerName   string            `json:"owner_name,omitempty"`
	// Argo is the Argo CD Application, and Flux the Kustomization of the namespace
	// flux-system, that restores the workload every minute unless it is paused.
	Argo string `json:"argo,omitempty"`
	Flux string `json:"flux,omitempty"`
	// Autoscaled gives it a HorizontalPodAutoscaler, which changes nothing by itself.
	Autoscaled bool `json:"autoscaled,omitempty"`
	// Frail lets its pods not come back after a boot of their node, until they are made
	// anew. Needs are workloads, by name, of which each has to have a Ready pod before a
	// pod of this one starts; what runs runs on without them.
	Frail bool     `json:"frail,omitempty"`
	Needs []string `json:"needs,omitempty"`
}

// Backup is a CronJob that makes backups.
type Backup struct {
	Name        string    `json:"name"`                  // "default/postgres-backup"
	LastSuccess time.Time `json:"last_success,omitzero"` // zero: never
}

// AddNode puts a Ready node there, and its machine where the cloud is a [Seeder]. It
// and AddWorkload are for the beginning: what is pending then happens at once.
func (s *Server) AddNode(n Node) {
	if to, ok := s.opt.Cloud.(Seeder); ok {
		to.SeedMachine(Machine{ID: n.Linode, Name: n.Name, Running: true})
	}
	s.seeding(func() {
		boot := s.life.cloud.machines[n.Linode].Boot
		l := &machine{running: true, boot: boot, since: s.now()}
		s.life.machines[n.Linode] = l
		s.join(n, l)
	})
}

// seeding runs f so that what it puts there has been there, and stable, for a day.
func (s *Server) seeding(f func()) {
	s.do(func() {
		s.seeds = true
		s.look()
		f()
		s.settle()
		s.seeds = false
	})
}

// AddWorkload puts a workload there with pods that are Ready, and its volume, with
// the disk where the cloud is a [Seeder]. One with a volume and no Node is on the
// first Ready one.
func (s *Server) AddWorkload(w Workload) {
	namespace, name, _ := strings.Cut(w.Name, "/")
	if w.Disk != 0 {
		d := Disk{ID: w.Disk, Label: labelOf(w.Volume)}
		s.do(func() {
			for _, o := range s.store.list(s.store.byResource("nodes"), "") {
				if n := o.(*corev1.Node); w.Node == n.Name || w.Node == "" && isReady(n) {
					w.Node = n.Name
					d.Machine, _ = s.machineOf(n)
					d.Usable = d.Machine != 0
				}
			}
		})
		if to, ok := s.opt.Cloud.(Seeder); ok {
			to.SeedDisk(d)
		}
	}
	s.seeding(func() {
		s.life.frail[w.Name], s.life.needs[w.Name] = w.Frail, w.Needs
		s.place = w.Node
		if w.Volume != "" {
			s.addVolume(w, namespace, name)
		}
		if w.Available != nil {
			at := intstr.FromInt32(int32(*w.Available))
			s.put(s.store.byResource("poddisruptionbudgets"), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1},
				Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &at, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}}})
		}
		resource, o := w.object(namespace, name)
		o = s.put(s.store.byResource(resource), o)
		s.keepers(w, resource, o)
		s.settle()
		s.place = ""
	})
}

// AddBackup puts a CronJob there, which makes no Jobs.
func (s *Server) AddBackup(b Backup) {
	namespace, name, _ := strings.Cut(b.Name, "/")
	s.seeding(func() {
		j := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1}, Spec: batchv1.CronJobSpec{Schedule: "17 3 * * *"}}
		if !b.LastSuccess.IsZero() {
			at := metav1.NewTime(b.LastSuccess.UTC().Truncate(time.Second))
			j.Status.LastSuccessfulTime, j.Status.LastScheduleTime = &at, &at
		}
		s.put(s.store.byResource("cronjobs"), j)
	})
}

// keepers puts there what would undo a change of a workload's replicas.
func (s *Server) keepers(w Workload, resource string, o object) {
	add := func(resource, namespace, name string, spec map[string]any) {
		k := s.store.byResource(resource)
		if s.store.get(k, namespace, name) == nil {
			u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
			u.SetNamespace(namespace)
			u.SetName(name)
			s.put(k, u)
		}
	}
	if w.Argo != "" {
		add("applications", "argocd", w.Argo, map[string]any{"syncPolicy": map[string]any{"automated": map[string]any{"selfHeal": true}}})
	}
	if w.Flux != "" {
		add("kustomizations", "flux-system", w.Flux, map[string]any{"interval": "1m", "path": "./" + w.Flux})
	}
	if w.Argo != "" || w.Flux != "" {
		s.life.wanted[resource+" "+w.Name], s.life.synced[resource+" "+w.Name] = int32(count(w.Replicas)), s.now()
	}
	if w.Autoscaled {
		least := int32(max(1, count(w.Replicas)))
		gvk := o.GetObjectKind().GroupVersionKind()
		s.put(s.store.byResource("horizontalpodautoscalers"), &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &least, MaxReplicas: 2 * least,
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: o.GetName()}}})
	}
}

// labelOf is how Linode's driver labels a volume.
func labelOf(pv string) string { return strings.Replace(pv, "-", "", 1) }

func (s *Server) addVolume(w Workload, namespace, name string) {
	handle := fmt.Sprintf("%d-%s", w.Disk, labelOf(w.Volume))
	claim := s.put(s.store.byResource("persistentvolumeclaims"), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:   corev1.PersistentVolumeClaimSpec{VolumeName: w.Volume, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}})
	s.put(s.store.byResource("persistentvolumes"), &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: w.Volume},
		Spec: corev1.PersistentVolumeSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: "linode-block-storage-retain",
			ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name, UID: claim.GetUID()},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: Driver, VolumeHandle: handle, FSType: "ext4"}}},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound}})
}

func (w Workload) object(namespace, name string) (string, object) {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, Labels: map[string]string{"app": name}, Annotations: map[string]string{}}
	for k, v := range w.Labels {
		meta.Labels[k] = v
	}
	for k, v := range w.Annotations {
		meta.Annotations[k] = v
	}
	if len(w.UsedBy) > 0 {
		meta.Annotations["wardroom/used-by"] = strings.Join(w.UsedBy, ", ")
	}
	if name == probeApp {
		meta.Labels["app.kubernetes.io/name"] = probeApp
	}
	if w.Argo != "" {
		meta.Annotations["argocd.argoproj.io/tracking-id"] = w.Argo + ":apps/" + cmp.Or(w.Kind, "Deployment") + ":" + w.Name
	}
	if w.Flux != "" {
		meta.Labels["kustomize.toolkit.fluxcd.io/name"], meta.Labels["kustomize.toolkit.fluxcd.io/namespace"] = w.Flux, "flux-system"
	}
	if group, kind, ok := strings.Cut(w.OwnerKind, " "); ok {
		yes := true
		meta.OwnerReferences = []metav1.OwnerReference{{APIVersion: group, Kind: kind, Name: cmp.Or(w.OwnerName, name), UID: "0perat0r-0000-4000-8000-000000000001", Controller: &yes}}
	}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: name, Image: "example.org/" + name + ":1",
			Resources: corev1.ResourceRequirements{Requests: amounts(cmp.Or(w.CPU, "100m"), cmp.Or(w.Memory, "128Mi"), 0)}}}, NodeSelector: w.Selector}}
	if w.Tolerant {
		template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	}
	volume := func(v corev1.VolumeSource, as string) {
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: as, VolumeSource: v})
		c := &template.Spec.Containers[0]
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: as, MountPath: "/" + as})
	}
	if w.Volume != "" {
		volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}, "data")
	}
	if w.Scratch {
		volume(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, "scratch")
	}
	n := int32(count(w.Replicas))
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	switch w.Kind {
	case "StatefulSet":
		return "statefulsets", &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: &n, Selector: selector, Template: template, ServiceName: name}}
	case "DaemonSet":
		return "daemonsets", &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}
	}
	d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &n, Selector: selector, Template: template}}
	if w.Recreate || w.Volume != "" {
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	}
	return "deployments", d
}

// Apply stores an object as JSON, of any kind that is served: CronJobs, autoscalers,
// Kustomizations, bare pods. One that is there already is replaced.
func (s *Server) Apply(raw []byte) error {
	var head struct {
		metav1.TypeMeta
		Metadata struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("simulated cluster: %w", err)
	}
	gvk := schema.FromAPIVersionAndKind(head.APIVersion, head.Kind)
	for _, k := range s.store.kinds {
		if k.GroupVersionKind != gvk {
			continue
		}
		o := k.empty()
		if err := json.Unmarshal(raw, o); err != nil {
			return fmt.Errorf("simulated cluster: %w", err)
		}
		s.do(func() {
			if was := s.store.get(k, o.GetNamespace(), o.GetName()); was != nil {
				o.SetUID(was.GetUID())
				o.SetCreationTimestamp(was.GetCreationTimestamp())
			}
			s.put(k, o)
		})
		return nil
	}
	return fmt.Errorf("simulated cluster: no kind %s", gvk)
}

// Hang kills a node's kubelet; its machine runs on. A boot of the machine mends it.
func (s *Server) Hang(node string) {
	s.do(func() {
		if n, ok := s.store.get(s.store.byResource("nodes"), "", node).(*corev1.Node); ok {
			if _, l := s.machineOf(n); l != nil {
				s.life.hung[node] = l.boot
			}
		}
	})
}

// Break keeps the containers of a workload from running, as "CrashLoopBackOff"; ""
// mends them.
func (s *Server) Break(workload, why string) {
	s.do(func() {
		s.life.broken[workload] = why
		if why == "" {
			delete(s.life.broken, workload)
		}
	})
}

// Spoil keeps the containers of the pods that a workload has now from running; those
// that are made anew run.
func (s *Server) Spoil(workload string) {
	s.each(workload, func(l *podLife) { l.spoiled = true })
}

// Jam keeps the pods that a workload has now from ending when they are asked to, until
// their node is booted: a kubelet waits for their containers. By force they are deleted.
func (s *Server) Jam(workload string) {
	s.each(workload, func(l *podLife) { l.jammed = true })
}

// each runs f with every pod that a workload has now.
func (s *Server) each(workload string, f func(*podLife)) {
	s.do(func() {
		for _, p := range s.pods() {
			if workloadOf(p) == workload {
				f(s.life.pod(p.UID))
			}
		}
	})
}

// Keep lets a delivery tool restore a workload's replicas every minute, unless the
// Kustomization, HelmRelease or Application that its labels name is suspended.
// resource is "deployments" or "statefulsets".
func (s *Server) Keep(resource, workload string, replicas int) {
	s.do(func() {
		s.life.wanted[resource+" "+workload] = int32(replicas)
		s.life.synced[resource+" "+workload] = s.now()
	})
}

// Emit tells an event about an object that is there: resource "pods", name
// "default/redis-0".
func (s *Server) Emit(resource, name, level, reason, message string) error {
	return s.with(resource, name, func(o object) { s.tell(o, level, reason, message) })
}
