package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// World is what the simulated cluster and cloud hold at the start.
type World struct {
	Nodes     []Node     `yaml:"nodes"`
	Workloads []Workload `yaml:"workloads,omitempty"`
	Backups   []Backup   `yaml:"backups,omitempty"`
	Faults    []Fault    `yaml:"faults,omitempty"`
}

// Node is a node that is Ready at the start.
type Node struct {
	Name   string `yaml:"name"`
	Linode int    `yaml:"linode,omitempty"` // the number of its machine; left out: one of the simulator's
	// Talos is the version of Talos that it runs, as "v1.7.0": then it is no machine of
	// the cloud's, and talosctl restarts it. Left out: it is one of Linode's.
	Talos   string `yaml:"talos,omitempty"`
	Control bool   `yaml:"control_plane,omitempty"` // it is of the control plane, with a member of etcd where it runs Talos
}

// Workload is one whose pods are Ready at the start.
type Workload struct {
	Name     string   `yaml:"name"` // "default/redis"
	Kind     string   `yaml:"kind"` // Deployment, StatefulSet, DaemonSet
	Replicas *int32   `yaml:"replicas,omitempty"`
	Node     string   `yaml:"node,omitempty"` // where its pods are; left out: where there is room
	Volume   string   `yaml:"volume,omitempty"`
	UsedBy   []string `yaml:"used_by,omitempty"`
	CPU      string   `yaml:"cpu,omitempty"`    // that each pod asks for: "500m"; a node has 4
	Memory   string   `yaml:"memory,omitempty"` // "1Gi"; a node has 8
	// Frail: after a boot of their node its pods do not come back by themselves, only
	// when they are made anew. Needs are workloads that have to be there before its pods
	// start.
	Frail bool     `yaml:"frail,omitempty"`
	Needs []string `yaml:"needs,omitempty"`
	Redis *Redis   `yaml:"redis,omitempty"` // of a StatefulSet: its pods are Redis instances, with a Sentinel beside each
}

// Backup is a CronJob that makes backups.
type Backup struct {
	Name string `yaml:"name"` // "default/postgres-backup"
	Last string `yaml:"last"` // when it last succeeded, a time before the first event

	last time.Time
}

// LastSuccess is when it last succeeded.
func (b Backup) LastSuccess() time.Time { return b.last }

// Fault is something that goes wrong with what the cloud is asked for.
type Fault struct {
	When   string `yaml:"when"`             // recycle, attach, detach, reboot, boot, shutdown
	Node   string `yaml:"node,omitempty"`   // of this machine alone
	Volume string `yaml:"volume,omitempty"` // of this volume alone
	Times  int    `yaml:"times,omitempty"`  // how often; left out: always
	// What goes wrong: exactly one.
	Limbo bool   `yaml:"limbo,omitempty"` // the volume is attached and its machine does not see it
	Slow  string `yaml:"slow,omitempty"`  // it takes this much longer
	Fail  bool   `yaml:"fail,omitempty"`  // it is not carried out

	slow time.Duration
}

// Longer is by how much it is slow.
func (f Fault) Longer() time.Duration { return f.slow }

// WorldEvent is something that happens to the cluster or the cloud. Exactly one is set.
type WorldEvent struct {
	Hang  string `yaml:"hang,omitempty"`  // this node's kubelet answers no more; its machine runs on
	Power string `yaml:"power,omitempty"` // this node's machine loses its power
	Sever string `yaml:"sever,omitempty"` // this node's pods have no network, until that of calico-node is replaced or it boots
	// Clone has a machine join that was made as a copy of this node's, as "NODE-clone"; Gone
	// turns a node's machine off for good and deletes the node.
	Clone string `yaml:"clone,omitempty"`
	Gone  string `yaml:"gone,omitempty"`
	Break string `yaml:"break,omitempty"` // the containers of this workload crash
	Mend  string `yaml:"mend,omitempty"`  // they do not any more
	Spoil string `yaml:"spoil,omitempty"` // the pods that this workload has now crash; those that are made anew do not
	Jam   string `yaml:"jam,omitempty"`   // the pods that it has now do not end when they are asked to
	// Recycle and Detach are what somebody does in the cloud's own console.
	Recycle string `yaml:"recycle,omitempty"` // a node
	Detach  string `yaml:"detach,omitempty"`  // a volume
	// Split has the Redis in this pod take itself for a master, whatever its Sentinels
	// say, Join lets it follow them again; Mute has it answer nobody, and Hear everybody.
	Split string `yaml:"split,omitempty"`
	Join  string `yaml:"join,omitempty"`
	Mute  string `yaml:"mute,omitempty"`
	Hear  string `yaml:"hear,omitempty"`

	Repair bool `yaml:"repair,omitempty"` // the cloud mends what goes wrong with it: no fault strikes any more
}

// Words say what happens, for the commentary.
func (w WorldEvent) Words() (who, what string) {
	switch {
	case w.Hang != "":
		return "Kubernetes", "hears nothing more of " + w.Hang
	case w.Power != "":
		return "Linode", "loses the power of " + w.Power
	case w.Sever != "":
		return "Kubernetes", "does not notice that the pods of " + w.Sever + " reach no others"
	case w.Clone != "":
		return "somebody", "clones " + w.Clone + ": the copy boots and joins"
	case w.Gone != "":
		return "somebody", "turns " + w.Gone + " off and deletes it"
	case w.Break != "":
		return "Kubernetes", w.Break + " crashes"
	case w.Mend != "":
		return "Kubernetes", w.Mend + " crashes no more"
	case w.Spoil != "":
		return "Kubernetes", "sees the pods of " + w.Spoil + " crash"
	case w.Jam != "":
		return "Kubernetes", "will wait in vain for the pods of " + w.Jam + " to end"
	case w.Recycle != "":
		return "somebody", "recycles " + w.Recycle + " in the Cloud Manager"
	case w.Detach != "":
		return "somebody", "detaches " + w.Detach + " in the Cloud Manager"
	case w.Split != "":
		return "Redis", w.Split + " takes itself for a master"
	case w.Join != "":
		return "Redis", w.Join + " follows the master again"
	case w.Mute != "":
		return "Redis", w.Mute + " answers nobody"
	case w.Hear != "":
		return "Redis", w.Hear + " answers again"
	}
	return "Linode", "has mended what was wrong"
}

var (
	workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet"}
	faultActs     = []string{"recycle", "attach", "detach", "reboot", "boot", "shutdown"}
)

func (f *File) checkWorld() (faults []error) {
	w := f.World
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("world: "+format, args...)) }
	for i, n := range w.Nodes {
		if n.Name == "" || n.Linode < 0 {
			fault("nodes: number %d: needs a name", i+1)
		}
	}
	for i, l := range w.Workloads {
		switch namespace, name, ok := strings.Cut(l.Name, "/"); {
		case !ok || namespace == "" || name == "":
			fault("workloads: number %d: name: %q must be written as default/redis", i+1, l.Name)
		case !slices.Contains(workloadKinds, l.Kind):
			fault("workloads: %s: kind: %q is none of %s", l.Name, l.Kind, strings.Join(workloadKinds, ", "))
		case l.Node != "" && !f.hasNode(l.Node):
			fault("workloads: %s: node: there is no %q", l.Name, l.Node)
		case l.Redis != nil && l.Kind != "StatefulSet":
			fault("workloads: %s: redis: only a StatefulSet's pods can be instances", l.Name)
		case l.Redis != nil && (l.Redis.Master < 0 || l.Redis.Master >= l.Instances()):
			fault("workloads: %s: redis: master: there is no pod %d", l.Name, l.Redis.Master)
		}
		for _, needed := range l.Needs {
			if !w.has(needed) {
				fault("workloads: %s: needs: there is no workload %q", l.Name, needed)
			}
		}
	}
	for i := range w.Backups {
		b := &w.Backups[i]
		var ok bool
		if b.last, ok = f.full(b.Last); !ok || !strings.Contains(b.Name, "/") {
			fault("backups: number %d: needs a name as default/postgres-backup, and last as a full time: 2021-07-10 03:00", i+1)
		}
	}
	for i := range w.Faults {
		if err := f.checkFault(&w.Faults[i]); err != nil {
			fault("faults: number %d: %w", i+1, err)
		}
	}
	return faults
}

func (f *File) checkFault(x *Fault) (err error) {
	if !slices.Contains(faultActs, x.When) {
		return fmt.Errorf("when: %q is none of %s", x.When, strings.Join(faultActs, ", "))
	}
	if x.Node != "" && !f.hasNode(x.Node) {
		return fmt.Errorf("node: there is no %q", x.Node)
	}
	wrong := 0
	for _, set := range []bool{x.Limbo, x.Slow != "", x.Fail} {
		if set {
			wrong++
		}
	}
	if wrong != 1 {
		return fmt.Errorf("want exactly one of limbo, slow, fail; there are %d", wrong)
	}
	if x.Slow != "" {
		if x.slow, err = time.ParseDuration(x.Slow); err != nil || x.slow <= 0 {
			return fmt.Errorf("slow: %q is not a duration; write it as 9m", x.Slow)
		}
	}
	return nil
}

func (f *File) checkWorldEvent(e *Event) error {
	if f.World == nil {
		return fmt.Errorf("at %s: world: there is none; say at the top what it holds", e.At)
	}
	w, set := e.World, 0
	for _, s := range []string{w.Hang, w.Power, w.Sever, w.Clone, w.Gone, w.Break, w.Mend, w.Spoil, w.Jam, w.Recycle, w.Detach, w.Split, w.Join, w.Mute, w.Hear} {
		if s != "" {
			set++
		}
	}
	if w.Repair {
		set++
	}
	if set != 1 {
		return fmt.Errorf("at %s: world: want exactly one of hang, power, sever, clone, gone, break, mend, spoil, jam, recycle, detach, split, join, mute, hear, repair; there are %d", e.At, set)
	}
	for _, node := range []string{w.Hang, w.Power, w.Sever, w.Clone, w.Gone, w.Recycle} {
		if node != "" && !f.hasNode(node) {
			return fmt.Errorf("at %s: world: there is no node %q", e.At, node)
		}
	}
	for _, name := range []string{w.Break, w.Mend, w.Spoil, w.Jam} {
		if name != "" && !f.World.has(name) {
			return fmt.Errorf("at %s: world: there is no workload %q", e.At, name)
		}
	}
	if w.Detach != "" && !slices.ContainsFunc(f.World.Workloads, func(l Workload) bool { return l.Volume == w.Detach }) {
		return errors.New("at " + e.At + ": world: there is no volume " + w.Detach)
	}
	for _, pod := range []string{w.Split, w.Join, w.Mute, w.Hear} {
		if pod != "" && !f.World.hasRedis(pod) {
			return fmt.Errorf("at %s: world: there is no Redis %q: write it as mastodon/redis-0", e.At, pod)
		}
	}
	return nil
}

func (w *World) has(workload string) bool {
	return slices.ContainsFunc(w.Workloads, func(l Workload) bool { return l.Name == workload })
}

// hasNode reports whether there is such a node at first, or a clone of one.
func (f *File) hasNode(name string) bool {
	for _, e := range f.Events {
		if e.World != nil && e.World.Clone != "" && name == CloneOf(e.World.Clone) {
			return true
		}
	}
	return slices.ContainsFunc(f.World.Nodes, func(n Node) bool { return n.Name == name })
}

// CloneOf is the name of the node that a clone of this one joins as.
func CloneOf(node string) string { return node + "-clone" }
