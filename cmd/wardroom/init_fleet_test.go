package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

// fleetRig has the answers of everything before the cluster, and then these. found is a
// kubeconfig on the machine.
func fleetRig(t *testing.T, w *setupWorld, found string, more ...string) *initRig {
	r := newInitRig(t, false, append(enough[:len(enough)-2:len(enough)-2], more...)...)
	r.machine.linode, r.machine.kubeconfig = w.linode.URL(), found
	return r
}

// fleet are the sections that were written.
func (r *initRig) fleet(cfg *config.Config) (kubernetes.Settings, linode.Settings) {
	r.t.Helper()
	k, err := kubernetes.Decode(cfg.Kubernetes)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.transcript())
	}
	l, err := linode.Decode(cfg.Linode)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.transcript())
	}
	return k, l
}

func TestInitSetsClusterAndLinodeUp(t *testing.T) {
	w := newSetupWorld(t)
	r := fleetRig(t, w, w.file("observe.kubeconfig"),
		"?", "/nowhere/at/all", "", // the one that was found
		"?", linodetest.ReadToken, w.file("linode-read"), "?", "many", "", // the number is known from the nodes
	)
	cfg := r.mustRun()
	k, l := r.fleet(cfg)
	if k.Observe.Kubeconfig != w.file("observe.kubeconfig") || !k.Act.IsZero() || l.Cluster != 13311 || l.Read.Reveal() != linodetest.ReadToken || !l.Act.IsZero() || cfg.Mode != config.Observe {
		t.Errorf("got %+v, %+v, mode %s", k, l, cfg.Mode)
	}
	stable := strings.NewReplacer(w.folder, "FOLDER", w.linode.URL(), "https://linode.example/v4")
	_, text, _ := strings.Cut(r.transcript(), "\n5. ")
	goldenText(t, "../init/fleet.txt", stable.Replace("5. "+text))
	if written := read(t, r.file); strings.Contains(written, linodetest.ReadToken) {
		t.Errorf("the token stands in the configuration:\n%s", written)
	}
	if writes := w.kube.Writes(); len(writes) > 0 {
		t.Errorf("trying it wrote %v", writes)
	}
}

func TestInitAsksForTheContextOfSeveral(t *testing.T) {
	w := newSetupWorld(t)
	path := w.file("several.kubeconfig")
	text := strings.Replace(read(t, w.file("observe.kubeconfig")), "contexts: [", "contexts: [{name: elsewhere, context: {cluster: nowhere, user: nobody}}, ", 1)
	if err := os.WriteFile(path, []byte(strings.Replace(text, "current-context: simulated", "current-context: elsewhere", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := fleetRig(t, w, "", path, "production", "simulated", w.file("linode-read"), "")
	k, _ := r.fleet(r.mustRun())
	if k.Observe != (kubernetes.Credential{Kubeconfig: path, Context: "simulated"}) {
		t.Errorf("got %+v\n%s", k.Observe, r.transcript())
	}
}

func TestInitLeavesClusterAndLinodeOut(t *testing.T) {
	for name, c := range map[string]struct {
		answers       []string
		kube, machine bool
	}{
		"both":    {[]string{"-", "-"}, false, false},
		"Linode":  {[]string{"", "-"}, true, false},
		"cluster": {[]string{"-", "FOLDER/linode-read", "13311"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSetupWorld(t)
			for i := range c.answers {
				c.answers[i] = strings.Replace(c.answers[i], "FOLDER", w.folder, 1)
			}
			r := fleetRig(t, w, w.file("observe.kubeconfig"), c.answers...)
			cfg := r.mustRun()
			if cfg.Kubernetes.IsZero() == c.kube || cfg.Linode.IsZero() == c.machine {
				t.Errorf("kubernetes %t, linode %t\n%s", !cfg.Kubernetes.IsZero(), !cfg.Linode.IsZero(), r.transcript())
			}
		})
	}
}

// TestInitKeepsWhatItDoesNotAskOfTheFleet holds it to what repairs may do.
func TestInitKeepsWhatItDoesNotAskOfTheFleet(t *testing.T) {
	w := newSetupWorld(t)
	r := fleetRig(t, w, "", "", "", "", "yes")
	old := fmt.Sprintf("mode: act\nkubernetes: {kubeconfig: %q, act: {kubeconfig: %q}, timeout: 5s, argocd_namespace: argo, used_by: {default/redis: [default/bot, \"default/no\"]}, backups: [default/dump]}\n"+
		"linode: {cluster: 13311, read_token_file: %q, act_token: %s, url: %q}\n", w.file("observe.kubeconfig"), w.file("act.kubeconfig"), w.file("linode-read"), linodetest.ActToken, w.linode.URL())
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte(old), 0o600)); err != nil {
		t.Fatal(err)
	}
	was, err := config.Load(r.file)
	if err != nil {
		t.Fatal(err)
	}
	k, l := r.fleet(was)
	cfg := r.mustRun()
	kNow, lNow := r.fleet(cfg)
	if fmt.Sprintf("%+v", k) != fmt.Sprintf("%+v", kNow) || fmt.Sprintf("%+v", l) != fmt.Sprintf("%+v", lNow) || lNow.Act.Reveal() != linodetest.ActToken || cfg.Mode != config.Act {
		t.Errorf("was %+v, %+v\nis  %+v, %+v, mode %s\n%s", k, l, kNow, lNow, cfg.Mode, r.transcript())
	}
}

func TestInitSaysWhatIsWrongWithClusterAndLinode(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*setupWorld)
		more  []string
		want  []string
	}{
		"the cluster's token has run out": {func(w *setupWorld) { w.kube.Expire(kubetest.ObserveToken, true) }, []string{"no", "-"},
			[]string{"does not accept Wardroom's credential", "put a new kubeconfig in place"}},
		"nodes may not be listed": {func(w *setupWorld) { w.kube.Deny(kubetest.ObserveToken, "list nodes") }, []string{"no", "-"},
			[]string{"nodes may not be listed"}},
		"budgets may not be listed": {func(w *setupWorld) { w.kube.Deny(kubetest.ObserveToken, "list poddisruptionbudgets") }, []string{"-"},
			[]string{"! cluster: 2 of 2 nodes Ready", "cannot be read: poddisruptionbudgets"}},
		"Linode's token has run out": {func(w *setupWorld) {
			w.linode.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ReadScopes, Expired: true})
		}, []string{"FOLDER/linode-read", "", "no"}, []string{"✗ read_token: Linode refuses the token (401)"}},
		"a scope is missing": {func(w *setupWorld) {
			w.linode.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: "lke:read_only volumes:read_only linodes:read_only"})
		}, []string{"FOLDER/linode-read", "", "no"}, []string{"✗ read_token lacks events:read_only"}},
		"another cluster": {func(*setupWorld) {}, []string{"FOLDER/linode-read", "7", "", "FOLDER/linode-read", "lke13311"},
			[]string{"✗ Linode has no cluster 7 that this token sees", "✓ linode cluster: cluster 13311"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSetupWorld(t)
			c.world(w)
			answers := []string{""}
			for _, a := range c.more {
				answers = append(answers, strings.Replace(a, "FOLDER", w.folder, 1))
			}
			r := fleetRig(t, w, w.file("observe.kubeconfig"), answers...)
			r.mustRun() // answers that were kept are written, although they do not work yet
			for _, want := range c.want {
				if !strings.Contains(r.transcript(), want) {
					t.Errorf("lacks %q:\n%s", want, r.transcript())
				}
			}
		})
	}
}

// Without questions nobody says that the kubeconfig of whoever sits here is the one.
func TestInitWithoutQuestionsTakesNoKubeconfigThatItFound(t *testing.T) {
	w := newSetupWorld(t)
	r := newInitRig(t, true)
	r.machine.kubeconfig = w.file("observe.kubeconfig")
	r.listenOn(fmt.Sprintf("127.0.0.1:%d", r.port))
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(r.file + ".new")
	if err != nil || !cfg.Kubernetes.IsZero() {
		t.Errorf("kubernetes is configured, %v", err)
	}
	r = newInitRig(t, true)
	text := fmt.Sprintf("listen: 127.0.0.1:%d\nkubernetes: {kubeconfig: %q}\n", r.port, filepath.Join(w.folder, "act.kubeconfig"))
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.kube.Expire(kubetest.ActToken, true)
	if err := r.run(t.Context()); !problem.Is(err, problem.Unavailable) {
		t.Errorf("a configured one that does not work: %v", err)
	}
}

func TestTheClusterIsKnownFromItsNodes(t *testing.T) {
	for nodes, want := range map[string]int{
		"lke13311-16405-5fafd1b46dcf lke13311-20304-5ffa4d11faab": 13311,
		"lke13311-16405-5fafd1b46dcf lke7-20304-5ffa4d11faab":     0,
		"lke13311-16405-5fafd1b46dcf worker-1":                    0,
		"lke0-1-2":                                                0,
		"lke99999999999999999999-1-2":                             0,
		"worker-1":                                                0,
		"":                                                        0,
	} {
		if got := clusterOf(strings.Fields(nodes)); got != want {
			t.Errorf("%q: %d, want %d", nodes, got, want)
		}
	}
}
