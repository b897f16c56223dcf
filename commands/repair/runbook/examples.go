package runbook

import "wardroom/commands/repair"

// onto says what a repair is tried on.
type onto struct {
	kind   string // of what the cluster's own pages are made: "node", "volume"; "" for none
	target string // in the example
	params func(target string) map[string]string
	shapes []shape
}

// shape is one way in which a person may find the target.
type shape struct {
	when string
	make func(w *world, target string)
}

func param(name string) func(string) map[string]string {
	return func(target string) map[string]string { return map[string]string{name: target} }
}

func asItIs(*world, string) {}

var (
	nodeShapes = []shape{
		{"While the node answers", asItIs},
		{"When the node does not answer", (*world).silence},
	}
	volumeShapes = []shape{
		{"While the nodes that have it answer", asItIs},
		{"When its node does not answer and its machine is off", func(w *world, volume string) {
			for _, node := range w.holders(volume) {
				w.off(node)
			}
		}},
	}
)

// examples are how each repair is tried; a repair without one has no page, and a test
// that fails.
var examples = map[string]onto{
	repair.NodeUncordon:  {"node", "NODE", param("node"), nodeShapes},
	repair.NodeCordon:    {"node", "NODE", param("node"), nodeShapes},
	repair.NodeDrain:     {"node", "NODE", param("node"), nodeShapes},
	repair.NodeReboot:    {"node", "NODE", param("node"), nodeShapes},
	repair.NodeRecycle:   {"node", "NODE", param("node"), nodeShapes},
	repair.NodeRebootAll: {"", "", param("x"), []shape{{"Machines of Linode, whose control plane is managed", asItIs}, {"Machines that run Talos", (*world).onTalos}}},
	repair.VolumeRemount: {"volume", "pvc-example", param("volume"), volumeShapes},

	repair.VolumeTicket: {"", "pvc-example", func(target string) map[string]string {
		return map[string]string{"volume": target, "subject": "SUBJECT", "text": "TEXT"}
	}, []shape{{"", asItIs}}},

	repair.PodForceDelete: {"", "NAMESPACE/POD", param("pod"), []shape{{"", func(w *world, _ string) { w.off("NODE") }}}},

	repair.WorkloadRestart: {"", "NAMESPACE/WORKLOAD", param("workload"), []shape{{"A Deployment", asItIs}, {"A StatefulSet", ofKind("StatefulSet")}, {"A DaemonSet", ofKind("DaemonSet")}}},
	repair.WorkloadScale: {"", "NAMESPACE/WORKLOAD", func(target string) map[string]string {
		return map[string]string{"workload": target, "replicas": "0"}
	}, []shape{{"A Deployment", asItIs}, {"A StatefulSet", ofKind("StatefulSet")}, {"A ReplicaSet", ofKind("ReplicaSet")}}},
	repair.WorkloadRestore: {"", "NAMESPACE/WORKLOAD", param("workload"), []shape{{"A Deployment", scaled("Deployment")}, {"A StatefulSet", scaled("StatefulSet")}, {"A ReplicaSet", scaled("ReplicaSet")}}},
	repair.RedisCollapse: {"", "NAMESPACE/WORKLOAD", param("redis"), []shape{{"The first instance is the master", redisUnder(0)}, {"Another instance is the master", redisUnder(1)},
		{"Nobody is the master", redisUnder(-1)}}},
	repair.RedisExpand:    {"", "NAMESPACE/WORKLOAD", param("redis"), []shape{{"", redisAlone}}},
	repair.RestartCoreDNS: {"", "", param("x"), []shape{{"", (*world).core}}},
	repair.RestartCalico:  {"", "", param("x"), []shape{{"", (*world).core}}},
	repair.RestartCSI: {"", "", param("x"), []shape{{"Its controller is a StatefulSet", (*world).core}, {"Its controller is a Deployment", func(w *world, target string) {
		w.core(target)
		for i := range w.s.Workloads {
			if l := &w.s.Workloads[i]; l.Name == "csi-linode-controller" {
				l.Kind = "Deployment"
			}
		}
	}}}},
	repair.RestartKubeProxy: {"", "", param("x"), []shape{{"", (*world).core}}},
	repair.RestartCore:      {"", "INC-1", param("incident"), []shape{{"", (*world).core}}},
}
