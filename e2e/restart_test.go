package e2e

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// What every pod needs is restarted, part by part and all together: each pod is
// another one afterwards, and each part whole.
func TestRestartOfWhatEveryPodNeeds(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.incident("The network is strange")
	for _, c := range []struct {
		part     string
		replaced []string // its pods, by the workloads that they belong to
	}{
		{"coredns", []string{"coredns"}},
		{"calico", []string{"calico-node"}},
		{"csi", []string{"csi-linode-node"}},
		{"core", []string{"calico-node", "coredns", "csi-linode-node", "kube-proxy"}},
	} {
		before := r.uids()
		run := r.bot.confirmed("restart", c.part)
		r.whole()
		after := r.uids()
		for _, name := range c.replaced {
			for uid := range before[name] {
				if after[name][uid] {
					t.Errorf("restart %s has left a pod of %s as it was", c.part, name)
				}
			}
		}
		for _, name := range []string{"redis", "postgres", "site"} {
			for uid := range before[name] {
				if !after[name][uid] {
					t.Errorf("restart %s has taken a pod of %s away", c.part, name)
				}
			}
		}
		r.bot.Tells(run.Incident, "restart-"+c.part, "done in")
	}
	r.askedOnly()
}

// uids are the pods that there are, by the container's name.
func (r *rig) uids() map[string]map[types.UID]bool {
	all := map[string]map[types.UID]bool{}
	for _, p := range r.pods("") {
		name := p.Spec.Containers[0].Name
		if name == "csi-linode-plugin" {
			name = "csi-linode-node"
		}
		if all[name] == nil {
			all[name] = map[types.UID]bool{}
		}
		all[name][p.UID] = true
	}
	return all
}
