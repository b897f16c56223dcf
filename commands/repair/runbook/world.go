package runbook

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/bot/watch"
	"wardroom/commands/repair"
)

// world is a cluster and its cloud at one moment, held in memory: plans are made on
// it, and nothing of it can be changed. What was not read stays unread.
type world struct {
	s         fleet.Snapshot
	slots     read[[]fleet.Slot]
	events    read[[]fleet.CloudEvent]
	volumes   read[[]fleet.CloudVolume]
	instances map[int]read[fleet.Instance]
	blast     fleet.BlastOptions
	redis     *fleet.RedisView // nil: there is none
	past      []remediation.Run
	lost      []watch.Lost
}

// read is what came of reading something.
type read[T any] struct {
	value T
	err   error
}

func (r read[T]) get() (T, error) { return r.value, r.err }

// ports are those of the world: every change is refused.
func (w *world) ports() repair.Ports {
	return repair.Ports{Cluster: stillCluster{world: w}, Cloud: stillCloud{world: w}, Redis: stillRedis{view: w.redis}, Clock: stillClock{at: w.s.At}, Blast: w.blast, Talos: stillTalos{world: w},
		Past: func(context.Context) ([]remediation.Run, error) { return w.past, nil },
		NotBack: func(context.Context, timeline.ID) (watch.Comparison, error) {
			return watch.Comparison{Lost: w.lost}, nil
		}}
}

// core gives the cluster what every pod needs, by the names that Linode's clusters
// have, the probes that verify it, and a workload that is not back.
func (w *world) core(string) {
	w.s.Workloads = slices.Clone(w.s.Workloads)
	for _, l := range w.s.Workloads {
		w.lost = append(w.lost, watch.Lost{Kind: l.Kind, Name: l.String()})
	}
	for _, o := range []fleet.Object{{Kind: "DaemonSet", Name: "calico-node"}, {Kind: "Deployment", Name: "calico-kube-controllers"}, {Kind: "Deployment", Name: "coredns"},
		{Kind: "DaemonSet", Name: "csi-linode-node"}, {Kind: "StatefulSet", Name: "csi-linode-controller"}, {Kind: "DaemonSet", Name: "kube-proxy"}} {
		o.Namespace = "kube-system"
		w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: 2, Ready: 2})
	}
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: fleet.Object{Kind: "DaemonSet", Namespace: "wardroom", Name: repair.ProbeName},
		Replicas: 2, Ready: 2, Labels: map[string]string{repair.ProbeLabel: repair.ProbeName}})
}

// onTalos makes of the two nodes machines that run Talos, beside a control plane of three.
func (w *world) onTalos(string) {
	for _, name := range []string{"CONTROL-1", "CONTROL-2", "CONTROL-3"} {
		n := w.s.Nodes[0]
		n.Name, n.ControlPlane, n.Drivers = name, true, nil
		n.Identity = fleet.Identity{BootID: "boot-" + name, MachineID: "machine-" + name}
		w.s.Nodes = append(w.s.Nodes, n)
	}
	for i := range w.s.Nodes {
		n := &w.s.Nodes[i]
		n.System, n.Address = "Talos (v1.13.2)", "ADDRESS-OF-"+n.Name
		n.Identity.ProviderID, n.Identity.Instance = "", 0
	}
}

// ofKind makes the workload one of another kind.
func ofKind(kind string) func(*world, string) {
	return func(w *world, target string) {
		w.s.Workloads = slices.Clone(w.s.Workloads)
		for i := range w.s.Workloads {
			if l := &w.s.Workloads[i]; l.String() == target {
				l.Kind = kind
			}
		}
	}
}

// scaled has a repair of before have scaled the workload, of this kind, to 0.
func scaled(kind string) func(*world, string) {
	return func(w *world, target string) {
		ofKind(kind)(w, target)
		for i := range w.s.Workloads {
			if l := &w.s.Workloads[i]; l.String() == target {
				run := remediation.Run{Plan: remediation.Plan{Steps: repair.Scaling(*l, 0)}}
				for range run.Plan.Steps {
					run.Steps = append(run.Steps, remediation.StepState{Mark: remediation.Begun, Started: w.s.At})
				}
				w.past = append(w.past, run)
				l.Replicas, l.Ready = 0, 0
			}
		}
	}
}

// copy may be changed without changing w.
func (w *world) copy() *world {
	c := *w
	c.s.Nodes = slices.Clone(w.s.Nodes)
	c.instances = maps.Clone(w.instances)
	return &c
}

// silence makes a node stop answering.
func (w *world) silence(node string) {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Name == node {
			w.s.Nodes[i].Ready = fleet.Unknown
		}
	}
}

// off makes a node stop answering because its machine is off.
func (w *world) off(node string) {
	w.silence(node)
	for _, n := range w.s.Nodes {
		if id := n.Identity.Instance; n.Name == node && id != 0 {
			known := w.instances[id]
			known.value.ID, known.value.Status, known.err = id, "offline", nil
			w.instances[id] = known
		}
	}
}

// holders are the nodes that a volume is attached to by the cluster's word.
func (w *world) holders(volume string) (nodes []string) {
	for _, a := range w.s.Attachments {
		if a.Volume == volume {
			nodes = append(nodes, a.Node)
		}
	}
	return nodes
}

// stillClock stands at one moment: a plan says when it was made.
type stillClock struct {
	timeline.RealClock
	at time.Time
}

func (c stillClock) Now() time.Time { return c.at }

type stillCluster struct {
	fleet.NoCluster
	*world
}

func (c stillCluster) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	s := c.s
	return &s, nil
}

// Events are evidence of the moment, which pages do not show.
func (c stillCluster) Events(context.Context, fleet.Object, int) ([]fleet.Event, error) {
	return nil, nil
}

func (c stillCluster) DryRun() fleet.Cluster { return c }

type stillCloud struct {
	fleet.NoCloud
	*world
}

func (c stillCloud) Slots(context.Context) ([]fleet.Slot, error) { return c.world.slots.get() }

func (c stillCloud) Instance(_ context.Context, id int) (fleet.Instance, error) {
	if i, known := c.instances[id]; known {
		return i.get()
	}
	return fleet.Instance{}, problem.New(problem.Unavailable, "instance %d was not read", id)
}

func (c stillCloud) Volumes(context.Context) ([]fleet.CloudVolume, error) {
	return c.world.volumes.get()
}

func (c stillCloud) Volume(_ context.Context, id int) (fleet.CloudVolume, error) {
	all, err := c.world.volumes.get()
	if err != nil {
		return fleet.CloudVolume{}, err
	}
	if i := slices.IndexFunc(all, func(v fleet.CloudVolume) bool { return v.ID == id }); i >= 0 {
		return all[i], nil
	}
	return fleet.CloudVolume{}, problem.New(problem.NotFound, "there is no volume %d", id)
}

func (c stillCloud) Events(context.Context, int64) ([]fleet.CloudEvent, error) {
	return c.world.events.get()
}

// stillTalos takes the cluster at its word: the pages are for a night on which nobody
// can ask the machines.
type stillTalos struct {
	fleet.NoTalos
	*world
}

func (t stillTalos) Machines(_ context.Context, addresses []string) (all []fleet.TalosMachine, err error) {
	for _, n := range t.s.Nodes {
		if slices.Contains(addresses, n.Address) {
			all = append(all, fleet.TalosMachine{Address: n.Address, Node: n.Name, Stage: "running"})
		}
	}
	return all, nil
}

func (t stillTalos) Etcd(context.Context, []string) (all []fleet.EtcdMember, err error) {
	for _, n := range t.s.Nodes {
		if n.ControlPlane {
			all = append(all, fleet.EtcdMember{Name: n.Name, Healthy: n.Ready == fleet.True})
		}
	}
	return all, nil
}

var (
	_ fleet.Talos   = stillTalos{}
	_ fleet.Cluster = stillCluster{}
	_ fleet.Cloud   = stillCloud{}
)

// How the cloud's numbers stand in the example; [placeholders] makes words of them.
const (
	exampleInstance = 999900001
	exampleVolume   = 999900002
	exampleCluster  = 999900003
	exampleReplicas = 999900004
)

var placeholders = strings.NewReplacer("999900001", "INSTANCE-ID", "999900002", "VOLUME-ID", "999900003", "LKE-ID", "999900004", "REPLICAS",
	"pvc-example", "VOLUME", "instance 999900009", "another instance", "999900009", "OTHER-INSTANCE-ID")

// driver is the cloud's, as it is called in every cluster of it.
// https://github.com/linode/linode-blockstorage-csi-driver
const driver = "linodebs.csi.linode.com"

// example is a world of two nodes, on one of which everything stands that repairs
// have to do with. What it is made of is named by what a person fills in.
func example() *world {
	at := time.Date(2021, 7, 11, 0, 55, 0, 0, time.UTC)
	object := func(kind, name string) fleet.Object {
		return fleet.Object{Kind: kind, Namespace: "NAMESPACE", Name: name}
	}
	claim, workload := object("PersistentVolumeClaim", "CLAIM"), object("Deployment", "WORKLOAD")
	node := func(name string, instance int) fleet.Node {
		return fleet.Node{Name: name, Ready: fleet.True, ReadySince: at.Add(-24 * time.Hour), Drivers: []string{driver}, Allocatable: fleet.Resources{MilliCPU: 8000, Memory: 16 << 30, Pods: 110},
			Identity: fleet.Identity{ProviderID: "linode://example-" + name, BootID: "boot-" + name, MachineID: "machine-" + name, Instance: instance}}
	}
	return &world{
		s: fleet.Snapshot{At: at,
			Nodes:       []fleet.Node{node("NODE", exampleInstance), node("OTHER-NODE", 999900009)},
			Workloads:   []fleet.Workload{{Object: workload, Replicas: exampleReplicas, Ready: exampleReplicas, Scalable: true}},
			Pods:        []fleet.Pod{{Object: object("Pod", "POD"), Node: "NODE", Owner: workload, Phase: "Running", Ready: true, Claims: []string{"CLAIM"}}},
			Claims:      []fleet.Claim{{Object: claim, Volume: "pvc-example"}},
			Volumes:     []fleet.Volume{{Name: "pvc-example", Claim: claim, Driver: driver, Handle: "999900002-pvcexample", CloudID: exampleVolume, Modes: []string{"ReadWriteOnce"}, Phase: "Bound"}},
			Attachments: []fleet.Attachment{{Name: "csi-example", Volume: "pvc-example", Node: "NODE", Attached: true, Created: at.Add(-time.Hour)}},
		},
		slots:   read[[]fleet.Slot]{value: []fleet.Slot{{ID: "SLOT-ID", Instance: exampleInstance, Status: "ready"}, {ID: "OTHER-SLOT", Instance: 999900009, Status: "ready"}}},
		volumes: read[[]fleet.CloudVolume]{value: []fleet.CloudVolume{{ID: exampleVolume, Label: "pvcexample", Status: "active", Instance: exampleInstance, Updated: at.Add(-time.Hour)}}},
		instances: map[int]read[fleet.Instance]{
			exampleInstance: {value: fleet.Instance{ID: exampleInstance, Label: "NODE", Status: "running", Cluster: exampleCluster}},
			999900009:       {value: fleet.Instance{ID: 999900009, Label: "OTHER-NODE", Status: "running", Cluster: exampleCluster}},
		},
	}
}
