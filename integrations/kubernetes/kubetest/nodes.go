package kubetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Driver is the name of Linode's volume driver.
	Driver       = "linodebs.csi.linode.com"
	outOfService = "node.kubernetes.io/out-of-service"
	unreachable  = "node.kubernetes.io/unreachable"
	notReady     = "node.kubernetes.io/not-ready"
)

// nodes follows the machines: a node that falls silent, one that comes back after a
// boot, one whose machine was deleted, and a new one that joins.
func (s *Server) nodes() {
	if !s.life.cloud.ok {
		return
	}
	k := s.store.byResource("nodes")
	for id, l := range s.life.machines {
		if _, there := s.life.cloud.machines[id]; !there {
			l.running, l.gone = false, true
		}
	}
	ids := make([]int, 0, len(s.life.cloud.machines))
	for id := range s.life.cloud.machines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		s.follow(s.life.cloud.machines[id])
	}
	for _, o := range s.store.list(k, "") {
		s.node(o.(*corev1.Node))
	}
}

// follow takes in what a machine does, and lets it join when it has no Node.
func (s *Server) follow(m Machine) {
	l := s.life.machines[m.ID]
	if l == nil {
		l = &machine{boot: -1}
		s.life.machines[m.ID] = l
	}
	switch {
	case !m.Running:
		l.running = false
	case !l.running || l.boot != m.Boot:
		l.running, l.boot, l.since = true, m.Boot, s.now()
	}
	taken := s.store.get(s.store.byResource("nodes"), "", m.Name)
	if !l.running || taken != nil {
		return // a Node of that name, of this machine or of an older one
	}
	if s.due(l.since.Add(s.opt.Timing.Join)) {
		n, isMetal := s.life.metal[m.Name]
		if !isMetal || n.Linode != m.ID {
			n = Node{Name: m.Name, Linode: m.ID}
		}
		s.join(n, l)
	}
}

func bootID(machine, boot int) string {
	return fmt.Sprintf("b0070000-0000-4000-8000-%08x%04x", machine, boot&0xffff)
}

// join makes the Node of a machine.
func (s *Server) join(n Node, l *machine) {
	n = n.withDefaults()
	at := s.stamp()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, CreationTimestamp: at, Labels: map[string]string{"kubernetes.io/hostname": n.Name, "kubernetes.io/os": "linux",
			"topology.linode.com/region": "us-east", "node.k8s.linode.com/host-uuid": fmt.Sprintf("4057%012d", n.Linode)},
			Annotations: map[string]string{"volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
		Spec: corev1.NodeSpec{ProviderID: "linode://" + strconv.Itoa(n.Linode)},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{BootID: bootID(n.Linode, l.boot), MachineID: n.MachineID, SystemUUID: n.MachineID, KubeletVersion: "v1.36.3",
				KernelVersion: "6.1.0", OSImage: "Debian GNU/Linux 12", ContainerRuntimeVersion: "containerd://2.0.0", OperatingSystem: "linux", Architecture: "amd64"},
			Addresses:   []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.Hostname}},
			Allocatable: amounts(n.CPU, n.Memory, n.Pods), Capacity: amounts(n.CPU, n.Memory, n.Pods),
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", LastTransitionTime: at, LastHeartbeatTime: at},
				{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastTransitionTime: at, LastHeartbeatTime: at}},
		},
	}
	for k, v := range n.Labels {
		node.Labels[k] = v
	}
	if n.Address != "" {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: n.Address})
	}
	if n.Talos != "" {
		s.life.metal[n.Name] = n
		node.Spec.ProviderID, node.Status.NodeInfo.OSImage = "", "Talos ("+n.Talos+")"
	}
	if parts := strings.Split(n.Name, "-"); len(parts) == 3 && strings.HasPrefix(parts[0], "lke") {
		node.Labels["lke.linode.com/pool-id"] = parts[1]
	}
	if n.ControlPlane {
		node.Labels["node-role.kubernetes.io/control-plane"] = ""
	}
	delete(s.life.noticed, n.Name)
	s.tell(s.put(s.store.byResource("nodes"), node), "Normal", "RegisteredNode", "Node "+n.Name+" event: Registered Node "+n.Name+" in Controller")
}

// machineOf is the machine of a node, nil when it was deleted.
func (s *Server) machineOf(n *corev1.Node) (int, *machine) {
	id, err := strconv.Atoi(strings.TrimPrefix(n.Spec.ProviderID, "linode://"))
	if err != nil {
		if id = s.life.metal[n.Name].Linode; id == 0 {
			return 0, nil
		}
	}
	l := s.life.machines[id]
	if l == nil || l.gone {
		return id, nil
	}
	return id, l
}

// node follows one Node.
func (s *Server) node(n *corev1.Node) {
	id, l := s.machineOf(n)
	t := s.opt.Timing
	hungIn, hung := s.life.hung[n.Name]
	if hung && l != nil && l.boot != hungIn {
		delete(s.life.hung, n.Name)
		hung = false
	}
	if l != nil && l.running && !hung {
		was, silent := s.life.noticed[n.Name]
		if n.Status.NodeInfo.BootID == bootID(id, l.boot) && isReady(n) && !silent {
			s.register(n, l)
			return
		}
		booting := n.Status.NodeInfo.BootID != bootID(id, l.boot)
		if booting && !silent {
			s.life.noticed[n.Name] = l.since // the boot was missed; its kubelet is silent meanwhile
			was = l.since
		}
		if booting && !s.due(l.since.Add(t.Join)) {
			s.silence(n, was, t.Grace)
			return
		}
		delete(s.life.noticed, n.Name)
		s.revive(n, bootID(id, l.boot))
		return
	}
	since, silent := s.life.noticed[n.Name]
	if !silent {
		since = s.now()
		s.life.noticed[n.Name] = since
	}
	s.silence(n, since, t.Grace)
	if l == nil && s.due(since.Add(t.Grace+t.Remove)) {
		s.tell(n, "Normal", "DeletingNode", "Deleting node "+n.Name+" because it does not exist in the cloud provider")
		s.drop("nodes", n)
		if c := s.store.get(s.store.byResource("csinodes"), "", n.Name); c != nil {
			s.drop("csinodes", c)
		}
		delete(s.life.noticed, n.Name)
	}
}

func (s *Server) drop(resource string, o object) {
	s.store.remove(s.store.byResource(resource), o)
	s.dirty = true
}

// silence makes a node NotReady once its kubelet has been silent for the grace.
func (s *Server) silence(n *corev1.Node, since time.Time, grace time.Duration) {
	if !s.due(since.Add(grace)) || readiness(n) == corev1.ConditionUnknown {
		return
	}
	s.edit("nodes", n, func(o object) {
		n := o.(*corev1.Node)
		condition(n, corev1.ConditionUnknown, "NodeStatusUnknown", s.stamp())
		at := s.stamp()
		for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
			taint := corev1.Taint{Key: unreachable, Effect: effect}
			if effect == corev1.TaintEffectNoExecute {
				taint.TimeAdded = &at
			}
			n.Spec.Taints = append(n.Spec.Taints, taint)
		}
	})
	s.tell(n, "Normal", "NodeNotReady", "Node "+n.Name+" status is now: NodeNotReady")
	for _, p := range s.podsOn(n.Name) {
		s.unready(p, "Node is not ready")
		s.tell(p, "Warning", "NodeNotReady", "Node is not ready")
	}
}

// revive makes a node Ready after a boot, or when its kubelet speaks again.
func (s *Server) revive(n *corev1.Node, boot string) {
	s.edit("nodes", n, func(o object) {
		n := o.(*corev1.Node)
		n.Status.NodeInfo.BootID = boot
		condition(n, corev1.ConditionTrue, "KubeletReady", s.stamp())
		n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == unreachable || t.Key == notReady })
		if len(n.Spec.Taints) == 0 {
			n.Spec.Taints = nil
		}
	})
	s.tell(n, "Normal", "NodeReady", "Node "+n.Name+" status is now: NodeReady")
}

// register lets the volume driver register: when its pod on the node is Ready where
// there is such a DaemonSet, else some time after the boot.
func (s *Server) register(n *corev1.Node, l *machine) {
	on := false
	if s.driverSet() != nil {
		for _, p := range s.podsOn(n.Name) {
			on = on || p.Labels["app"] == driverApp && ready(p) && s.life.pod(p.UID).boot == l.boot
		}
	} else if _, isMetal := s.life.metal[n.Name]; !isMetal {
		on = s.due(l.since.Add(s.opt.Timing.Join + s.opt.Timing.Register))
	}
	k := s.store.byResource("csinodes")
	have := s.store.get(k, "", n.Name)
	id := strings.TrimPrefix(n.Spec.ProviderID, "linode://")
	switch {
	case on && have == nil:
		s.put(k, &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: n.Name}, Spec: storagev1.CSINodeSpec{
			Drivers: []storagev1.CSINodeDriver{{Name: Driver, NodeID: id, TopologyKeys: []string{"topology.linode.com/region"}}}}})
	case on && len(have.(*storagev1.CSINode).Spec.Drivers) == 0:
		s.edit("csinodes", have, func(o object) {
			o.(*storagev1.CSINode).Spec.Drivers = []storagev1.CSINodeDriver{{Name: Driver, NodeID: id, TopologyKeys: []string{"topology.linode.com/region"}}}
		})
	case !on && have != nil && len(have.(*storagev1.CSINode).Spec.Drivers) > 0 && s.driverSet() != nil:
		s.edit("csinodes", have, func(o object) { o.(*storagev1.CSINode).Spec.Drivers = nil })
	}
}

// driverApp is the label app of the volume driver's DaemonSet, where there is one.
const driverApp = "csi-linode-node"

func (s *Server) driverSet() object {
	return s.store.get(s.store.byResource("daemonsets"), "kube-system", driverApp)
}

func (s *Server) registered(node string) bool {
	c, ok := s.store.get(s.store.byResource("csinodes"), "", node).(*storagev1.CSINode)
	return ok && len(c.Spec.Drivers) > 0
}

// alive reports whether a node's kubelet works now, and in which boot.
func (s *Server) alive(name string) (*machine, int, bool) {
	n, ok := s.store.get(s.store.byResource("nodes"), "", name).(*corev1.Node)
	if !ok {
		return nil, 0, false
	}
	id, l := s.machineOf(n)
	_, hung := s.life.hung[name]
	if l == nil || !l.running || hung || n.Status.NodeInfo.BootID != bootID(id, l.boot) || !isReady(n) {
		return l, id, false
	}
	return l, id, true
}

func readiness(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

func isReady(n *corev1.Node) bool { return readiness(n) == corev1.ConditionTrue }

func condition(n *corev1.Node, status corev1.ConditionStatus, reason string, at metav1.Time) {
	for i := range n.Status.Conditions {
		if c := &n.Status.Conditions[i]; c.Type == corev1.NodeReady && c.Status != status {
			c.Status, c.Reason, c.LastTransitionTime = status, reason, at
		}
	}
}

func tainted(n *corev1.Node, key string) *corev1.Taint {
	for i := range n.Spec.Taints {
		if n.Spec.Taints[i].Key == key && n.Spec.Taints[i].Effect == corev1.TaintEffectNoExecute {
			return &n.Spec.Taints[i]
		}
	}
	return nil
}
