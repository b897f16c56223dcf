package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/fleet"
)

// TestAudit: the first case is 2024-04-10, when a worker was cloned with its system.
func TestAudit(t *testing.T) {
	node := func(name string, change func(*fleet.Node)) fleet.Node {
		n := fleet.Node{Name: name, Version: "v1.29.2", Hostname: name, SystemUUID: "uuid-" + name,
			Identity: fleet.Identity{ProviderID: "linode://" + name, MachineID: "machine-" + name, BootID: "boot-" + name}}
		if change != nil {
			change(&n)
		}
		return n
	}
	for name, c := range map[string]struct {
		nodes []fleet.Node
		want  []string
	}{
		"a clone shares its system's id": {[]fleet.Node{node("worker-2", nil), node("worker-1", nil), node("worker-3", func(n *fleet.Node) { n.Identity.MachineID = "machine-worker-1" })},
			[]string{"clone: worker-1 and worker-3 have one machine-id: one is a clone of the other"}},
		"a clone shares everything": {[]fleet.Node{node("worker-1", nil), node("worker-2", nil), node("worker-3", func(n *fleet.Node) {
			n.Identity, n.Hostname, n.SystemUUID = node("worker-1", nil).Identity, "WORKER-1", "UUID-worker-1"
		})}, []string{"clone: worker-1 and worker-3 have one machine-id, one systemUUID, one providerID, one boot id, one hostname: one is a clone of the other"}},
		"two clones of one": {[]fleet.Node{node("a", nil), node("b", func(n *fleet.Node) { n.Hostname = "a" }), node("c", func(n *fleet.Node) { n.Hostname = "a" })},
			[]string{"clone: a, b and c have one hostname: one is a clone of the other"}},
		"two pairs": {[]fleet.Node{node("a", nil), node("b", func(n *fleet.Node) { n.Hostname = "a" }), node("c", func(n *fleet.Node) { n.SystemUUID = "uuid-d" }), node("d", nil)},
			[]string{"clone: c and d have one systemUUID: one is a clone of the other", "clone: a and b have one hostname: one is a clone of the other"}},
		"all is well": {[]fleet.Node{node("a", nil), node("b", nil)}, nil},
		"what is not known is not shared": {[]fleet.Node{{Name: "a"}, {Name: "b"}},
			[]string{"unknown: the cluster does not say which machine a is", "unknown: the cluster does not say which machine b is"}},
		"nobody provides a machine that runs Talos": {[]fleet.Node{node("a", func(n *fleet.Node) { n.Identity.ProviderID, n.System = "", "Talos (v1.7.0)" })}, nil},
		"leftovers, pressure, versions": {[]fleet.Node{node("c", func(n *fleet.Node) { n.Version = "v1.28.0"; n.Pressure = []string{"DiskPressure"} }),
			node("b", func(n *fleet.Node) { n.Unschedulable = true; n.Taints = []fleet.Taint{fleet.OutOfService} }), node("a", nil)},
			[]string{"pressure: c reports DiskPressure", "taint: b is tainted out of service: no pod may run there", "cordoned: b is cordoned: no new pods go there", "version: c is of version v1.28.0, the others of v1.29.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range fleet.Audit(&fleet.Snapshot{Nodes: c.nodes}) {
				got = append(got, f.Kind+": "+f.Sentence)
				if f.Hint == "" || len(f.Nodes) == 0 {
					t.Errorf("%+v says not what to do about whom", f)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
