package repair_test

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
)

// The world of the seed, 2021-07-11: two nodes, PostgreSQL and Redis on the sick one.
const (
	sick    = "lke13311-16405-5fafd1b46dcf"
	well    = "lke13311-20304-5ffa4d11faab"
	slot    = "16405-5fafd1b46dcf"
	redisPV = "pvc-bb1d06139b334c1f"
	pgPV    = "pvc-0a4c2f6e7d8b9a10"
	driver  = "linodebs.csi.linode.com"
)

var night = time.Date(2021, 7, 11, 0, 55, 0, 0, time.UTC)

// world is a cluster and its cloud in memory. It moves on with pass: what was asked
// for comes about. Its fields are its state; faults are by the name of a call.
type world struct {
	clock    *scenario.Clock
	s        fleet.Snapshot
	slots    []fleet.Slot
	inst     map[int]*fleet.Instance
	volumes  map[int]*fleet.CloudVolume
	events   []fleet.CloudEvent
	k8s      []fleet.Event
	calls    []string
	paused   map[string]string
	fail     map[string]error // answer of a call, which then does nothing
	lose     map[string]bool  // the call arrives, its answer does not
	stuck    map[string]bool  // what never comes about: "pods", "attachments", "boot", "limbo", …
	next     int              // machine
	uid      int
	accepted map[string]int // calls that were carried out, by name
	broken   *breakage      // what the next calls meet; nil: nothing
	blind    error          // every read meets it; nil: none does
	past     []remediation.Run
	tickets  []fleet.SupportTicket
	replies  map[int][]fleet.TicketReply
	old      map[fleet.Object]bool // pods of an older template
	extra    []string              // parameters of the plan beside its target
	blast    fleet.BlastOptions
	talos    map[string]string  // the stage of machines that run Talos, where it is not "running", by address
	etcd     []fleet.EtcdMember // as Talos tells; nil: one on each control-plane node, all healthy
	fish     map[string]*fish   // instances of Redis, by pod; nil: there are none
	sentinel string             // the pod that Sentinel names
	mute     string             // the pod that answers everybody but Wardroom
	failing  string             // the Sentinel that was asked for a failover
	tolerant map[string]string  // the node that the pods of a workload come to whether it is cordoned or not, by its name
	late     []fleet.Pod        // that are seen only after the first eviction
	pinned   map[string]string  // the node that a DaemonSet is meant for alone, by its name
	want     map[string]int     // replicas that a repair is to leave, by workload, where they are others than before
}

func object(kind, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: "default", Name: name}
}

func newWorld() *world {
	w := &world{clock: scenario.NewClock(night), inst: map[int]*fleet.Instance{}, volumes: map[int]*fleet.CloudVolume{}, next: 28400001,
		paused: map[string]string{}, accepted: map[string]int{}, fail: map[string]error{}, lose: map[string]bool{}, stuck: map[string]bool{}, talos: map[string]string{}, old: map[fleet.Object]bool{}}
	w.node(sick, 28312345, slot, 16405)
	w.node(well, 28312346, "20304-5ffa4d11faab", 20304)
	w.workload("postgres", 1, sick, pgPV, 6001, "default/site", "default/hastebin")
	w.workload("redis", 1, sick, redisPV, 6002, "default/bot")
	w.workload("bot", 1, well, "", 0)
	w.workload("site", 2, well, "", 0, "default/cdn")
	w.move("site-0", sick)
	for _, n := range []string{sick, well} {
		ds := object("DaemonSet", "csi-linode-node")
		w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", "csi-"+n), Node: n, Owner: ds, Phase: "Running", Ready: true, Daemon: true})
	}
	w.s.Backups = []fleet.Backup{{Object: object("CronJob", "postgres-backup"), LastSuccess: night.Add(-70 * time.Hour)}, {Object: object("CronJob", "redis-backup"), LastSuccess: night.Add(-2 * time.Hour)}}
	return w
}

func (w *world) node(name string, instance int, slot string, pool int) {
	w.s.Nodes = append(w.s.Nodes, fleet.Node{Name: name, Ready: fleet.True, ReadySince: night.Add(-24 * time.Hour), Drivers: []string{driver},
		Identity:    fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", instance), BootID: fmt.Sprintf("boot-%d", instance), MachineID: fmt.Sprintf("machine-%d", instance), Instance: instance},
		Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110}})
	w.inst[instance] = &fleet.Instance{ID: instance, Label: name, Status: "running", Cluster: 13311, Watchdog: true}
	w.slots = append(w.slots, fleet.Slot{ID: slot, Pool: pool, Instance: instance, Status: "ready"})
}

func (w *world) workload(name string, replicas int, node, pv string, cloud int, usedBy ...string) {
	o := object("Deployment", name)
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: replicas, Ready: replicas, UsedBy: usedBy, Scalable: true})
	var claims []string
	if pv != "" {
		claim := object("PersistentVolumeClaim", name+"-data")
		claims = []string{claim.Name}
		w.s.Claims = append(w.s.Claims, fleet.Claim{Object: claim, Volume: pv})
		w.s.Volumes = append(w.s.Volumes, fleet.Volume{Name: pv, Claim: claim, Driver: driver, Handle: fmt.Sprintf("%d-%s", cloud, strings.ReplaceAll(pv, "-", "")), CloudID: cloud, Modes: []string{"ReadWriteOnce"}, Phase: "Bound"})
		w.s.Attachments = append(w.s.Attachments, fleet.Attachment{Name: "csi-" + pv, Volume: pv, Node: node, Attached: true, Created: night.Add(-time.Hour)})
		w.volumes[cloud] = &fleet.CloudVolume{ID: cloud, Label: strings.ReplaceAll(pv, "-", ""), Status: "active", Instance: w.nodeOf(node).Identity.Instance, Usable: true, Updated: night.Add(-time.Hour)}
	}
	for i := range replicas {
		w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", fmt.Sprintf("%s-%d", name, i)), Node: node, Owner: o, Phase: "Running", Ready: true, Claims: claims, Requests: fleet.Resources{MilliCPU: 500, Memory: 1 << 29}})
	}
}

func (w *world) move(pod, node string) {
	for i := range w.s.Pods {
		if w.s.Pods[i].Name == pod {
			w.s.Pods[i].Node = node
		}
	}
}

func (w *world) nodeOf(name string) *fleet.Node {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Name == name {
			return &w.s.Nodes[i]
		}
	}
	return nil
}

func (w *world) byInstance(id int) *fleet.Node {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Identity.Instance == id {
			return &w.s.Nodes[i]
		}
	}
	return nil
}

// hang makes the sick node stop answering: its machine still runs.
func (w *world) hang() {
	w.nodeOf(sick).Ready = fleet.Unknown
	for i := range w.s.Pods {
		if w.s.Pods[i].Node == sick {
			w.s.Pods[i].Ready = false
		}
	}
}

func (w *world) event(action, status string, e fleet.Entity) {
	w.events = append(w.events, fleet.CloudEvent{ID: int64(len(w.events) + 101), Action: action, Status: status, Entity: e, Created: w.clock.Now(), By: "wardroom"})
}
