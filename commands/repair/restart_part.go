package repair

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// part is one of the services that every pod needs: what a node lacks that came back
// without them.
type part struct {
	name   string // "calico"; of the network "network"
	names  []string
	labels string   // of k8s-app, where the name is another one
	like   string   // a word of the name
	kinds  []string // of workloads that it is made of, as roles call them
	when   string   // it is to be restarted
}

// The parts, with the names that their projects' manifests give them, in the order in
// which they are restarted.
var (
	calico = part{name: "calico", kinds: []string{theDeployments, theDaemons}, names: []string{"calico-typha", "calico-node", "calico-kube-controllers"},
		when: "Pods of a node are Running and reach no others, or new ones stay ContainerCreating for want of a network, and the node itself is Ready."}
	network = part{name: "network", names: append(slices.Clone(calico.names), "cilium-operator", "cilium", "kube-flannel-ds", "kindnet", "weave-net"), kinds: []string{theDeployments, theDaemons}}
	dns     = part{name: "coredns", names: []string{"coredns"}, labels: "kube-dns", kinds: []string{theDeployments},
		when: "Names of services are not found, or only sometimes, although their pods are Ready."}
	csi = part{name: "csi", like: "csi", kinds: []string{theDeployments, theSets, theDaemons},
		when: "Volumes are not attached or mounted, and the diagnosis says that a node has not registered the driver (case E), or the driver's pods are not Ready."}
	kubeProxy = part{name: "kube-proxy", names: []string{"kube-proxy"}, kinds: []string{theDaemons},
		when: "A service's address does not answer from some nodes, although its pods do."}

	coreParts = []part{network, dns, csi, kubeProxy}
)

// of are the workloads of a part, in the order in which they are restarted. Only the
// system's namespaces count: anybody may call a pod of theirs coredns.
func (p part) of(s *fleet.Snapshot) (all []fleet.Workload) {
	for _, w := range s.Workloads {
		if slices.Contains(p.kinds, strings.ToLower(w.Kind)+"s") && isSystem(w.Namespace) && p.is(w) {
			all = append(all, w)
		}
	}
	rank := func(w fleet.Workload) int {
		if i := slices.Index(p.names, w.Name); i >= 0 {
			return i
		}
		return len(p.names)
	}
	slices.SortStableFunc(all, func(x, y fleet.Workload) int {
		// Of a driver the nodes' pods come first: the others talk to them.
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(daemonFirst(x), daemonFirst(y)), strings.Compare(x.String(), y.String()))
	})
	return all
}

func daemonFirst(w fleet.Workload) int {
	if w.Kind == "DaemonSet" {
		return 0
	}
	return 1
}

func (p part) is(w fleet.Workload) bool {
	return slices.Contains(p.names, w.Name) || p.labels != "" && w.Labels["k8s-app"] == p.labels ||
		p.like != "" && slices.Contains(strings.Split(w.Name, "-"), p.like)
}

func isSystem(namespace string) bool {
	for _, begin := range []string{"kube-", "calico-", "cilium", "csi", "linode-csi"} {
		if strings.HasPrefix(namespace, begin) {
			return true
		}
	}
	return false
}

// partRestart restarts one part.
type partRestart struct {
	planner
	stepTable
	part part
}

func (r partRestart) Spec() remediation.Spec {
	return remediation.Spec{
		Name: restartPrefix + r.part.name, Version: 1, Summary: "Restart " + r.part.name + " and follow it until it is stable", Tier: remediation.Routine,
		When: r.part.when, Breaks: "Node by node, what needs it may fail for some seconds; what runs goes on.",
		Access: restartAccess(stepRestart, r.part.kinds...), NoUndo: noUndoRestart,
	}
}

const restartPrefix = "restart-"

// theCluster is the target of all that restarts the core: one of them at a time.
const theCluster = "the cluster"

func (r partRestart) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	spec := r.Spec()
	plan := remediation.Plan{Remediation: spec.Name, Version: spec.Version, Params: params, Material: map[string]string{}, At: r.clock.Now(),
		Target: remediation.Target{Kind: "core", Name: theCluster}}
	snapshot, isOld, err := r.snapshot(ctx)
	if err != nil {
		return plan, err
	}
	tooOld(&plan, snapshot, isOld)
	all := r.part.of(snapshot)
	if len(all) == 0 {
		return plan, noPart(snapshot, r.part)
	}
	plan.Blast = inTurn(snapshot, all, r.blast)
	plan.Blast.LocalData = nil // what it keeps is its nodes', or is made anew
	r.restart(&plan, snapshot, r.part, all)
	plan.Steps = append(plan.Steps, planPodsReady(objectsOf(all), false))
	if r.part.name != csi.name { // volumes have their own
		verifyByProbes(&plan, snapshot)
	}
	settle(&plan, remediation.Routine)
	return plan, nil
}

func noPart(s *fleet.Snapshot, p part) error {
	for _, kind := range []string{theDeployments, theDaemons} {
		if slices.Contains(s.Missing, kind) {
			return problem.New(problem.Unavailable, "the cluster's %s cannot be read: whether it has %s is not known", kind, p.name)
		}
	}
	return problem.New(problem.NotFound, "the cluster has no %s in its system's namespaces", p.name).WithHint("/restart workload restarts any; /workload list shows them")
}

// restart adds the steps for the workloads of a part: each is stable before the next.
func (planner) restart(plan *remediation.Plan, s *fleet.Snapshot, p part, all []fleet.Workload) {
	for _, w := range all {
		if w.Ready < w.Replicas {
			plan.Facts = append(plan.Facts, workloadFact(w))
		}
		judgeRestart(plan, s, w)
		plan.Steps = append(plan.Steps, planRestart(w.Object), planRolledOut(w.Object))
	}
	if p.name != csi.name {
		return
	}
	for _, w := range all {
		if drivers := driversOf(s, w); len(drivers) > 0 {
			plan.Steps = append(plan.Steps, planRegisteredOn(w.Object, drivers))
		}
	}
}

// driversOf are the drivers that the pods of a DaemonSet register: those of the
// cluster's volumes, or where there are none, those that its nodes have registered.
func driversOf(s *fleet.Snapshot, w fleet.Workload) (drivers []string) {
	if w.Kind != "DaemonSet" {
		return nil
	}
	add := func(name string) {
		// One part may hold the drivers of several: "csi-linode-node" registers
		// linodebs.csi.linode.com.
		if name != "" && sharesWord(w.Name, name) && !slices.Contains(drivers, name) {
			drivers = append(drivers, name)
		}
	}
	for _, v := range s.Volumes {
		add(v.Driver)
	}
	for _, n := range s.Nodes {
		for _, d := range n.Drivers {
			add(d)
		}
	}
	slices.Sort(drivers)
	return drivers
}

// sharesWord reports whether a workload and a driver have a word in common that says
// whose they are.
func sharesWord(workload, driver string) bool {
	words := strings.FieldsFunc(driver, func(r rune) bool { return r == '.' || r == '-' })
	return slices.ContainsFunc(strings.Split(workload, "-"), func(w string) bool {
		return w != "csi" && w != "node" && w != "driver" && slices.Contains(words, w)
	})
}

func objectsOf(all []fleet.Workload) (objects []fleet.Object) {
	for _, w := range all {
		if w.Replicas > 0 {
			objects = append(objects, bare(w.Object))
		}
	}
	return objects
}
