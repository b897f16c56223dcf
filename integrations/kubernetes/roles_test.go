package kubernetes_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// shippedRoles are what deploy/kubernetes/roles.yaml allows, as "verb resource", by the
// name of the role.
func shippedRoles(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "deploy", "kubernetes", "roles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	roles := map[string][]string{}
	for d := yaml.NewDecoder(f); ; {
		var doc struct {
			Kind     string `yaml:"kind"`
			Metadata struct {
				Name string `yaml:"name"`
			} `yaml:"metadata"`
			Rules []struct {
				Groups    []string `yaml:"apiGroups"`
				Resources []string `yaml:"resources"`
				Verbs     []string `yaml:"verbs"`
			} `yaml:"rules"`
		}
		if err := d.Decode(&doc); err != nil {
			break
		}
		for _, r := range doc.Rules {
			for _, resource := range r.Resources {
				// The simulator calls what Kubernetes does not bring by its group, too.
				if group := r.Groups[0]; strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") {
					resource += "." + group
				}
				for _, verb := range r.Verbs {
					roles[doc.Metadata.Name] = append(roles[doc.Metadata.Name], verb+" "+resource)
				}
			}
		}
	}
	if len(roles) != 2 || len(roles["wardroom-observe"]) == 0 || len(roles["wardroom-act"]) == 0 {
		t.Fatalf("roles %v", roles)
	}
	return roles
}

const observeRole, actRole = "token-of-the-observing-role", "token-of-the-acting-role"

// roleRig is a cluster that is asked with the shipped roles alone, in which there is
// something for each rule.
func roleRig(t *testing.T) *rig {
	act := ""
	r := newRig(t, func(_ *kubetest.Options, o *kubernetes.Options) { act = o.Act.Kubeconfig })
	roles := shippedRoles(t)
	for _, rule := range roles["wardroom-observe"] {
		r.sim.Allow(observeRole, rule)
	}
	for _, rule := range roles["wardroom-act"] {
		r.sim.Allow(actRole, rule)
	}
	r.sim.AddWorkload(kubetest.Workload{Name: "default/argo", Argo: "core"})
	r.sim.AddWorkload(kubetest.Workload{Name: "default/flux", Flux: "core"})
	r.sim.AddWorkload(kubetest.Workload{Name: "default/set", Kind: "StatefulSet"})
	r.must(r.sim.WriteKubeconfig(r.observe, observeRole))
	r.must(r.sim.WriteKubeconfig(act, actRole))
	return r
}

// all does everything that repairs do to a cluster and returns what was refused.
func (r *rig) all() (refused []string) {
	r.Helper()
	note := func(err error) {
		if p, is := errors.AsType[*problem.Error](err); is && p.Code == problem.Forbidden {
			refused = append(refused, p.Message)
		} else if err != nil {
			r.Errorf("%v", err)
		}
	}
	s := r.snapshot()
	refused = append(refused, s.Missing...)
	_, err := r.cluster.Events(r.ctx(), fleet.Object{Kind: "Node", Name: nodeA}, 5)
	note(err)
	for _, n := range s.Nodes {
		if n.Name == nodeC {
			note(r.cluster.Cordon(r.ctx(), n.Name, n.Identity, true))
		}
	}
	done := map[string]bool{}
	for _, p := range s.Pods {
		switch name := p.Owner.String(); {
		case name == "default/bot":
			note(r.cluster.Evict(r.ctx(), p.Object))
		case name == "default/site" && !done[name]:
			done[name] = true
			note(r.cluster.DeletePod(r.ctx(), p.Object, true))
		}
	}
	for _, w := range s.Workloads {
		switch w.String() {
		case "default/redis", "default/set":
			note(r.cluster.Scale(r.ctx(), w.Object, 0))
		}
		for _, k := range w.Keepers {
			if !k.Pause {
				refused = append(refused, k.Why)
				continue
			}
			_, err := r.cluster.Pause(r.ctx(), k, true, "")
			note(err)
		}
	}
	return refused
}

func TestTheShippedRolesSufficeForEverything(t *testing.T) {
	r := roleRig(t)
	if refused := r.all(); len(refused) > 0 {
		t.Errorf("refused: %s", strings.Join(refused, "; "))
	}
	watched := 0
	for _, rule := range shippedRoles(t)["wardroom-observe"] {
		if strings.HasPrefix(rule, "watch ") {
			watched++
		}
	}
	if watched != resources {
		t.Errorf("%d resources may be watched, the caches watch %d", watched, resources)
	}
	for _, o := range r.sim.Requests() {
		if o.Status == 401 || o.Status == 403 {
			t.Errorf("%+v", o)
		}
	}
}

// What the simulator has no object for, or the caches alone need, is not found missing.
var unasked = []string{"patch replicasets/scale", "get helmreleases.helm.toolkit.fluxcd.io", "patch helmreleases.helm.toolkit.fluxcd.io"}

func TestTheShippedRolesAllowNoMoreThanIsUsed(t *testing.T) {
	for role, token := range map[string]string{"wardroom-observe": observeRole, "wardroom-act": actRole} {
		for _, rule := range shippedRoles(t)[role] {
			if strings.HasPrefix(rule, "watch ") || slices.Contains(unasked, rule) {
				continue
			}
			t.Run(rule, func(t *testing.T) {
				r := roleRig(t)
				r.sim.Deny(token, rule)
				s, err := r.cluster.Snapshot(r.ctx(), 0)
				if err == nil && len(s.Missing) == 0 && len(r.all()) == 0 {
					t.Errorf("nothing needs it")
				}
			})
		}
	}
}
