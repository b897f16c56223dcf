package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardroom/bot/config"
	checks "wardroom/bot/watch"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/talos"
	"wardroom/integrations/talos/talostest"
)

// metal adds a node that runs Talos to the world, and a talosctl to the PATH that knows
// it. It returns the talosconfig.
func (w *setupWorld) metal(role string) string {
	w.t.Helper()
	ctl, err := talostest.New(talostest.Options{Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(ctl.Close)
	ctl.Add(talostest.Machine{Address: "10.0.0.9", Node: "metal-1"})
	w.kube.AddNode(kubetest.Node{Name: "metal-1", Linode: 28412399, Talos: "v1.13.2", Address: "10.0.0.9"})
	folder := w.t.TempDir()
	if _, err := talostest.Install(folder); err != nil {
		w.t.Fatal(err)
	}
	w.t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	path := filepath.Join(folder, "talosconfig")
	if err := ctl.WriteConfig(path); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func TestInitAsksForTheTalosconfigWhereNodesRunTalos(t *testing.T) {
	w := newSetupWorld(t)
	path := w.metal("os:operator")
	r := fleetRig(t, w, w.file("observe.kubeconfig"), "", "-", "?", "/nowhere/at/all", path)
	cfg := r.mustRun()
	s, err := talos.Decode(cfg.Talos)
	if err != nil || s.Config != path || s.Binary != talos.DefaultBinary {
		t.Errorf("%+v, %v\n%s", s, err, r.transcript())
	}
	for _, line := range []string{"1 node of the cluster runs Talos", "talosctl: v1.13.2", "talos role: os:operator", "talos machines: 1 of 1 machines answer"} {
		if !strings.Contains(r.transcript(), line) {
			t.Errorf("%q is missing in\n%s", line, r.transcript())
		}
	}
	if strings.Contains(r.transcript(), "without Linode, nodes are cordoned") {
		t.Errorf("it says that nothing is restarted\n%s", r.transcript())
	}
}

func TestInitLeavesTalosOut(t *testing.T) {
	w := newSetupWorld(t)
	w.metal("os:operator")
	if cfg := fleetRig(t, w, w.file("observe.kubeconfig"), "", "-", "-").mustRun(); !cfg.Talos.IsZero() {
		t.Error("there is a section for it")
	}
}

func TestTalosIsTried(t *testing.T) {
	w := newSetupWorld(t)
	path := w.metal("os:admin")
	cfg, err := config.Parse("wardroom.yaml", w.folder, []byte(w.config("act", true)+"talos: {config: "+path+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]checks.Result{}
	for _, r := range checks.Run(t.Context(), newChecker(cfg, t.TempDir()).machines()) {
		if strings.HasPrefix(r.Name, "talos") {
			found[r.Name] = r
		}
	}
	if len(found) != 3 || found["talosctl"].Level != checks.OK || found["talos machines"].Sentence != "1 of 1 machines answer" ||
		found["talos role"].Level != checks.Warning || !strings.Contains(found["talos role"].Sentence, "more than is needed") {
		t.Errorf("%+v", found)
	}
}
