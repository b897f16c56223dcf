package kubernetes_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
	"wardroom/commands/repair/runbook"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
)

// kubernetesFolder is what is shipped for operators.
var kubernetesFolder = filepath.Join("..", "..", "deploy", "kubernetes")

func specs() []remediation.Spec {
	return kubernetes.Specs(repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}))
}

// TestShippedRolesAreFresh writes deploy/kubernetes/*/rbac.yaml anew with -update.
func TestShippedRolesAreFresh(t *testing.T) {
	for _, m := range kubernetes.Manifests(specs()) {
		path := filepath.Join(kubernetesFolder, filepath.FromSlash(m.Path))
		if *update {
			if err := os.WriteFile(path, []byte(m.Body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(file), m.Body); diff != "" {
			t.Errorf("%s is stale; `make docs` writes it anew (-file +now):\n%s", path, diff)
		}
	}
}

func TestShippedRolesNameNothingWhole(t *testing.T) {
	for role, rules := range shippedRoles(t) {
		for _, rule := range rules {
			_, resource, _ := strings.Cut(rule, " ")
			name, sub, _ := strings.Cut(resource, "/")
			if strings.Contains(rule, "*") || slices.Contains([]string{"secrets", "configmaps", "serviceaccounts", "roles", "clusterroles"}, name) ||
				slices.Contains([]string{"exec", "attach", "portforward", "proxy", "token"}, sub) {
				t.Errorf("%s may %s", role, rule)
			}
		}
	}
}

// shippedRoles are what deploy/kubernetes allows, as "verb resource", by the name of
// the role.
func shippedRoles(t *testing.T) map[string][]string {
	t.Helper()
	roles := map[string][]string{}
	for _, m := range kubernetes.Manifests(specs()) {
		shippedRole(t, filepath.Join(kubernetesFolder, filepath.FromSlash(m.Path)), roles)
	}
	if len(roles) != 2 || len(roles["wardroom-observe"]) == 0 || len(roles["wardroom-act"]) == 0 {
		t.Fatalf("roles %v", roles)
	}
	return roles
}

func shippedRole(t *testing.T, path string, roles map[string][]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
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
}

var update = flag.Bool("update", false, "write generated files anew")

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
	r.sim.AddWorkload(kubetest.Workload{Name: "kube-system/agent", Kind: "DaemonSet"})
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
	for _, p := range s.Pods {
		if p.Ready {
			_, err = r.cluster.Logs(r.ctx(), p.Object, fleet.LogOptions{Lines: 5})
			note(err)
			break
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
			note(r.cluster.Restart(r.ctx(), w.Object, r.clock.Now()))
			note(r.cluster.Scale(r.ctx(), w.Object, 0))
		case "kube-system/agent":
			note(r.cluster.Restart(r.ctx(), w.Object, r.clock.Now()))
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

// full adds to the example what each kind of step meets: workloads of every kind that
// is scaled, and everything that would undo that.
func full(s *fleet.Snapshot) {
	of := func(kind, name string) fleet.Object {
		return fleet.Object{Kind: kind, Namespace: "NAMESPACE", Name: name}
	}
	for _, kind := range []string{"StatefulSet", "ReplicaSet"} {
		o := of(kind, "a-"+strings.ToLower(kind))
		s.Workloads = append(s.Workloads, fleet.Workload{Object: o, Replicas: 1, Ready: 1, Scalable: true})
		s.Pods = append(s.Pods, fleet.Pod{Object: of("Pod", o.Name+"-0"), Node: "NODE", Owner: o, Phase: "Running", Ready: true, Claims: []string{"CLAIM"}})
	}
	for i := range s.Workloads {
		s.Workloads[i].Keepers = []fleet.Keeper{{How: "Argo CD", Object: of("Application", "core"), Pause: true},
			{How: "Flux", Object: of("Kustomization", "core"), Pause: true}, {How: "Flux", Object: of("HelmRelease", "core"), Pause: true}}
	}
}

// TestWithoutARuleExactlyItsRepairsAreRefused takes each rule of the acting role away.
func TestWithoutARuleExactlyItsRepairsAreRefused(t *testing.T) {
	type planned struct {
		spec  remediation.Spec
		plans []remediation.Plan
	}
	var all []planned
	for _, s := range specs() {
		plans, err := runbook.Plans(t.Context(), s.Name, full)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, planned{s, plans})
	}
	r := roleRig(t)
	may := func(ctx context.Context, a remediation.Access) (bool, error) {
		return r.cluster.May(ctx, kubernetes.Acting, a.Verb, a.What)
	}
	refused := func() (names, sentences []string) {
		r.pass(time.Minute) // answers are believed for a while
		for _, p := range all {
			var found []remediation.Finding
			for _, plan := range p.plans {
				found = append(found, remediation.Denied(r.ctx(), kubernetes.System, p.spec, plan.Steps, may)...)
			}
			if len(found) > 0 {
				names = append(names, p.spec.Name)
			}
			for _, f := range found {
				if f.Strength != remediation.Hard {
					t.Errorf("%s: %+v does not refuse", p.spec.Name, f)
				}
				sentences = append(sentences, f.Sentence)
			}
		}
		return names, sentences
	}
	if names, sentences := refused(); len(names) > 0 {
		t.Fatalf("with the whole role: %v", sentences)
	}
	rules := 0
	for _, rule := range kubernetes.Changes(specs()) {
		for _, right := range rule.Each() {
			rules++
			r.sim.Deny(actRole, right)
			names, sentences := refused()
			want := strings.Split(rule.For, ", ")
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("without %q (-named in the role +refused):\n%s", right, diff)
			}
			for _, sentence := range sentences {
				if !strings.HasPrefix(sentence, "Wardroom's role in kubernetes may not "+right+", which the step ") {
					t.Errorf("without %q: %s", right, sentence)
				}
			}
			r.sim.Allow(actRole, right)
		}
	}
	if rules != len(shippedRoles(t)["wardroom-act"]) {
		t.Errorf("%d rules tried, the file has %d", rules, len(shippedRoles(t)["wardroom-act"]))
	}
}

func TestLackAndExcessAreFound(t *testing.T) {
	r := roleRig(t)
	check := func(as kubernetes.Role, lacks, excess string) {
		t.Helper()
		r.pass(time.Minute)
		lacking, err := r.cluster.Lacks(r.ctx(), as, specs())
		r.must(err)
		tooMuch, err := r.cluster.Excess(r.ctx(), as, specs())
		r.must(err)
		text := ""
		for _, l := range lacking {
			text += l.Right + ": " + l.For + ";"
		}
		if text != lacks || strings.Join(tooMuch, ";") != excess {
			t.Errorf("lacks %q, has %q too much\nwant %q and %q", text, tooMuch, lacks, excess)
		}
	}
	check(kubernetes.Reading, "", "")
	check(kubernetes.Acting, "", "")
	r.sim.Deny(observeRole, "list events")
	r.sim.Allow(observeRole, "patch nodes")
	check(kubernetes.Reading, "list events: FailedMount and the like, for the diagnosis;", "patch nodes")
	r.sim.Deny(actRole, "create pods/eviction")
	r.sim.Allow(actRole, "get secrets")
	check(kubernetes.Acting, "create pods/eviction: node-drain, node-reboot, node-reboot-all, node-recycle;", "get secrets")
	r.sim.Allow(actRole, "* *")
	check(kubernetes.Acting, "create pods/eviction: node-drain, node-reboot, node-reboot-all, node-recycle;", "* *")
	if writes := r.sim.Writes(); len(writes) > 0 {
		t.Errorf("asking wrote %v", writes)
	}
}
