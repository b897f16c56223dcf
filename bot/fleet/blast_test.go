package fleet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
)

const (
	sick = "lke13311-16405-5fafd1b46dcf"
	well = "lke13311-20304-5ffa4d11faab"
)

var night = time.Date(2021, 7, 11, 0, 55, 0, 0, time.UTC)

func object(kind, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: "default", Name: name}
}

// snapshot is two nodes with Redis, on which the bot depends, and a site of two pods.
func snapshot() *fleet.Snapshot {
	s := &fleet.Snapshot{At: night}
	for i, name := range []string{sick, well} {
		s.Nodes = append(s.Nodes, fleet.Node{Name: name, Ready: fleet.True, Drivers: []string{driver},
			Identity:    fleet.Identity{ProviderID: "linode://" + name, BootID: "boot-" + name, Instance: 101 + i},
			Allocatable: fleet.Resources{MilliCPU: 2000, Memory: 4 << 30, Pods: 110}})
	}
	run(s, "redis", sick, "redis-data")
	run(s, "bot", well)
	run(s, "site", sick)
	run(s, "site", well)
	s.Workloads[0].UsedBy = []string{"default/bot"}
	s.Claims = []fleet.Claim{{Object: object("PersistentVolumeClaim", "redis-data"), Volume: pv}}
	s.Volumes = []fleet.Volume{{Name: pv, Claim: object("PersistentVolumeClaim", "redis-data"), Driver: driver, CloudID: 6002, Modes: []string{"ReadWriteOnce"}}}
	s.Attachments = []fleet.Attachment{{Name: "csi-1", Volume: pv, Node: sick, Attached: true, Created: night.Add(-time.Hour)}}
	s.Backups = []fleet.Backup{{Object: object("CronJob", "redis-backup"), LastSuccess: night.Add(-2 * time.Hour)}}
	return s
}

// run adds a Ready pod of a Deployment.
func run(s *fleet.Snapshot, name, node string, claims ...string) {
	o := object("Deployment", name)
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return w.Object == o })
	if i < 0 {
		i = len(s.Workloads)
		s.Workloads = append(s.Workloads, fleet.Workload{Object: o, Scalable: true})
	}
	s.Workloads[i].Replicas++
	s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", name+"-"+string(rune('0'+s.Workloads[i].Replicas))), Owner: o, Node: node, Phase: "Running", Ready: true,
		Claims: claims, Requests: fleet.Resources{MilliCPU: 500, Memory: 1 << 30, Pods: 1}})
}

func TestBlastOfNode(t *testing.T) {
	tests := map[string]struct {
		change func(*fleet.Snapshot, *fleet.BlastOptions)
		says   []string
		not    []string
	}{
		"only replica, with who depends on it": {nil, []string{
			"default/redis goes down: its only replica", "  breaks default/bot", "default/site loses 1 pod of 2",
			"Volume " + pv + " of default/redis has to move", "Backup default/redis-backup: the last one is 2 h old", "Room elsewhere for 2 pods, on 1 node"}, []string{"UNKNOWN", "last Ready"}},
		"dependants of dependants, declared in the configuration": {func(_ *fleet.Snapshot, o *fleet.BlastOptions) {
			o.UsedBy = map[string][]string{"default/bot": {"default/cdn"}, "default/cdn": {"default/redis"}}
		}, []string{"  breaks default/bot, default/cdn"}, nil},
		"budget that would block": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			s.Budgets = []fleet.Budget{{Object: object("PodDisruptionBudget", "site"), Covers: []string{"default/site-1"}}, {Object: object("PodDisruptionBudget", "bot"), Covers: []string{"default/bot-1"}}}
		}, []string{"Budget default/site allows no eviction now"}, []string{"Budget default/bot"}},
		"pods that no eviction takes": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			run(s, "site", sick)
			run(s, "site", sick)
			s.Pods[4].Phase, s.Pods[5].Terminating = "Pending", night
			s.Budgets = []fleet.Budget{{Object: object("PodDisruptionBudget", "site"), Allowed: 1, Covers: []string{"default/site-1", "default/site-2", "default/site-3", "default/site-4"}},
				{Object: object("PodDisruptionBudget", "all"), Allowed: 1, Covers: []string{"default/redis-1", "default/site-1", "default/site-2", "default/site-3", "default/site-4"}}}
		}, []string{"CANNOT be evicted: default/site-1 is under 2 budgets: default/all, default/site"}, []string{"site-2 is under", "site-3 is under", "site-4 is under", "redis-1 is under", "allows no eviction"}},
		"no room elsewhere": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Nodes[1].Allocatable.Memory = 3 << 30 },
			[]string{"NO ROOM elsewhere for all of 2 pods"}, nil},
		"cordoned node is no room": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Nodes[1].Unschedulable = true }, []string{"NO ROOM elsewhere for all of 2 pods"}, nil},
		"last Ready node, control plane, our own": {func(s *fleet.Snapshot, o *fleet.BlastOptions) {
			s.Nodes[1].Ready, s.Nodes[0].ControlPlane, o.Own = fleet.Unknown, true, sick
		}, []string{"The last Ready node: everything stops", "A control-plane node", "Wardroom itself runs here and stops with it"}, nil},
		"stale backup":           {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Backups[0].LastSuccess = night.Add(-70 * time.Hour) }, []string{"Backup default/redis-backup is stale: the last one is 2 days old"}, nil},
		"suspended backup":       {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Backups[0].Suspended = true }, []string{"Backup default/redis-backup is suspended; the last one is 2 h old"}, nil},
		"backup never succeeded": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Backups[0].LastSuccess = time.Time{} }, []string{"Backup default/redis-backup never succeeded, as far as is known"}, nil},
		"no backup":              {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Backups = nil }, []string{"No backup of default/redis is known"}, nil},
		"local data, bare pod": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			s.Pods[2].LocalData = true
			s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", "debug"), Node: sick, Phase: "Running", Ready: true},
				fleet.Pod{Object: object("Pod", "fresh"), Node: sick, Phase: "Pending", LocalData: true})
		}, []string{"default/site-1 loses its local data", "default/debug is lost: nobody makes this pod again"}, []string{"default/fresh loses"}},
		"keepers": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			s.Workloads[0].Keepers = []fleet.Keeper{{How: "Flux", Object: object("Kustomization", "apps"), Pause: true}, {How: "operator", Object: object("Redis", "redis")}}
		}, []string{"Flux default/apps would undo it: it is paused", "operator default/redis would undo it and CANNOT be paused"}, nil},
		"what cannot be read is UNKNOWN": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			s.Missing, s.Claims = []string{"poddisruptionbudgets"}, nil
			s.Nodes[1].Allocatable = fleet.Resources{}
		}, []string{"UNKNOWN: poddisruptionbudgets could not be read", "UNKNOWN: claim default/redis-data could not be read", "UNKNOWN: capacity of node " + well + " could not be read",
			"Volume " + pv + " is attached, no pod uses it"}, nil},
		"pods of DaemonSets and static ones stay": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) {
			s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", "csi"), Owner: object("DaemonSet", "csi"), Daemon: true, Node: sick, Phase: "Running"},
				fleet.Pod{Object: object("Pod", "proxy"), Mirror: true, Node: sick, Phase: "Running"})
		}, nil, []string{"csi", "proxy"}},
		"down already": {func(s *fleet.Snapshot, _ *fleet.BlastOptions) { s.Pods[0].Ready = false }, []string{"default/redis is down already", "  is missed by default/bot"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, o := snapshot(), fleet.BlastOptions{}
			if tt.change != nil {
				tt.change(s, &o)
			}
			lines := fleet.BlastOfNode(s, sick, o).Lines()
			for _, want := range tt.says {
				if !slices.Contains(lines, want) {
					t.Errorf("no %q in\n%s", want, strings.Join(lines, "\n"))
				}
			}
			for _, not := range tt.not {
				if strings.Contains(strings.Join(lines, "\n"), not) {
					t.Errorf("%q in\n%s", not, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// What is unknown is never harmless, and never counts as down already.
func TestUnknownIsNotEmpty(t *testing.T) {
	for name, b := range map[string]fleet.Blast{
		"no snapshot":         fleet.BlastOfNode(nil, sick, fleet.BlastOptions{}),
		"no snapshot, volume": fleet.BlastOfVolume(nil, pv, fleet.BlastOptions{}),
		"no such node":        fleet.BlastOfNode(snapshot(), "lke-none", fleet.BlastOptions{}),
	} {
		if len(b.Unknown) == 0 || b.AllDown() || !strings.HasPrefix(b.Lines()[0], "UNKNOWN: ") {
			t.Errorf("%s: %q", name, b.Lines())
		}
	}
}

func TestAllDown(t *testing.T) {
	s := snapshot()
	s.Pods[0].Ready = false
	if b := fleet.BlastOfVolume(s, pv, fleet.BlastOptions{}); !b.AllDown() || len(b.Workloads) != 1 || !b.Workloads[0].All {
		t.Errorf("%+v", b)
	}
	if fleet.BlastOfNode(s, sick, fleet.BlastOptions{}).AllDown() {
		t.Error("a pod of the site still answers there")
	}
	s.Missing = []string{"pods"}
	if fleet.BlastOfVolume(s, pv, fleet.BlastOptions{}).AllDown() {
		t.Error("pods that cannot be read are not down")
	}
}

// Of nodes that are away in turn never two are: a workload is down only where one of
// them has all of it.
func TestBlastInTurn(t *testing.T) {
	s := snapshot()
	s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", "debug"), Node: well, Phase: "Running", LocalData: true})
	b := fleet.BlastInTurn(s, []string{sick, well}, fleet.BlastOptions{Own: well})
	for _, h := range b.Workloads {
		if stops := h.Name != "site"; h.Stops() != stops || h.Pods != h.Replicas {
			t.Errorf("%s stops: %t, with %d pods", h.Object, h.Stops(), h.Pods)
		}
	}
	if len(b.Workloads) != 3 || b.Workloads[0].Name != "redis" || len(b.Bare) != 1 || len(b.LocalData) != 1 || len(b.Volumes) != 1 || len(b.Backups) != 1 || !b.Own || b.LastReady {
		t.Errorf("%+v", b)
	}
	s.Budgets = []fleet.Budget{{Object: object("PodDisruptionBudget", "site"), Allowed: 1, Covers: []string{"default/site-1", "default/site-2"}}, {Object: object("PodDisruptionBudget", "all"), Allowed: 1, Covers: []string{"default/site-1", "default/site-2"}}}
	if over := fleet.BlastInTurn(s, []string{sick, well}, fleet.BlastOptions{}).Overlaps; len(over) != 2 || over[0].Pod.Name != "site-1" || len(over[1].Budgets) != 2 {
		t.Errorf("overlaps of both nodes: %v", over)
	}
	if alone := fleet.BlastInTurn(s, []string{sick}, fleet.BlastOptions{}); len(alone.Workloads) != 2 {
		t.Errorf("of one node alone: %+v", alone.Workloads)
	}
	s.Nodes[1].Ready = fleet.Unknown
	if b = fleet.BlastInTurn(s, []string{sick, well}, fleet.BlastOptions{}); !b.LastReady || b.Capacity.Fits() {
		t.Errorf("nothing else is Ready: %+v", b)
	}
	if b = fleet.BlastInTurn(nil, []string{sick}, fleet.BlastOptions{}); len(b.Unknown) == 0 {
		t.Error("a cluster that was not read is harmless")
	}
}
