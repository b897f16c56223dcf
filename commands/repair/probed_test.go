package repair_test

import (
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// What is restarted of DNS and network is verified by the probes where they are there,
// after its pods are Ready; the volumes' driver is not theirs.
func TestRestartsAreVerifiedByProbes(t *testing.T) {
	for name, verified := range map[string]bool{repair.RestartCoreDNS: true, repair.RestartCalico: true, repair.RestartKubeProxy: true, repair.RestartCore: true, repair.RestartCSI: false} {
		for _, there := range []bool{true, false} {
			w := newWorld()
			if there {
				w.probed()
			} else {
				w.core()
			}
			p := w.plan(t, name)
			last := p.Steps[len(p.Steps)-1]
			if is := last.Name == "probes-ready"; is != (verified && there) {
				t.Errorf("%s, probes %t: the last step is %s", name, there, last.Words)
			}
			if says := strings.Contains(strings.Join(p.Facts, "\n"), "Not verified"); says != (verified && !there) {
				t.Errorf("%s, probes %t: %q", name, there, p.Facts)
			}
			if _, why := w.carry(t, p); why != "" {
				t.Errorf("%s, probes %t: %s", name, there, why)
			}
		}
	}
}

// A probe that does not become Ready ends the run, late, and with the name of its node.
func TestAProbeThatStaysUnreadyFailsTheRun(t *testing.T) {
	w := newWorld()
	w.probed()
	p := w.plan(t, repair.RestartCalico)
	w.stuck["network of "+sick] = true
	begin := w.clock.Now()
	at, why := w.carry(t, p)
	if want := "probes-ready: failed: DNS or the way to pods on other nodes does not work: the probe on " + sick + " is not Ready"; why != want || at != len(p.Steps)-1 {
		t.Errorf("step %d: %s", at, why)
	}
	if took := w.clock.Now().Sub(begin); took < 15*time.Minute || took > 20*time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestWhatTheProbesSay(t *testing.T) {
	began := night
	tests := map[string]struct {
		before  func(*world)
		after   time.Duration
		so      bool
		failed  bool
		want    string
		suggest int
	}{
		"all are Ready":                       {func(*world) {}, time.Minute, true, false, "", 0},
		"all are Ready, and may not know yet": {func(*world) {}, 29 * time.Second, false, false, "the probes are given 30s to notice", 0},
		"DNS is gone":                         {func(w *world) { w.stuck["ready coredns"] = true }, time.Minute, false, false, "0 of 2 probes Ready; the probe on " + sick + " is not Ready; the probe on " + well + " is not Ready", 0},
		"the network of a node":               {func(w *world) { w.stuck["network of "+sick] = true }, time.Minute, false, false, "1 of 2 probes Ready; the probe on " + sick + " is not Ready", 0},
		"it does not come back":               {func(w *world) { w.stuck["network of "+sick] = true }, 15 * time.Minute, false, true, "DNS or the way to pods on other nodes does not work: the probe on " + sick + " is not Ready", 1},
		"its node does not answer":            {func(w *world) { w.hang(); w.dnsOn(well) }, time.Minute, true, false, "", 0},
		"since when":                          {func(w *world) { w.ofProbe(sick).Since = night; w.stuck["network of "+sick] = true }, time.Minute, false, false, "1 of 2 probes Ready; the probe on " + sick + " is not Ready since 00:55 UTC", 0},
		"one is being replaced":               {func(w *world) { w.ofProbe(sick).Terminating = night }, time.Minute, false, false, "1 of 2 probes Ready; the probe on " + sick + " is being replaced", 0},
		"nobody runs one":                     {func(w *world) { w.probesGone() }, time.Minute, false, false, "no probe runs", 0},
		"nobody runs one for good":            {func(w *world) { w.probesGone() }, 15 * time.Minute, false, true, "no probe runs: whether DNS resolves and pods on other nodes answer is not known", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.probed()
			step, _ := w.remediation(t, repair.RestartCoreDNS).Step("probes-ready")
			tt.before(w)
			w.kubelets()
			seen, err := step.Observe(t.Context(), remediation.State{Started: began, Now: began.Add(tt.after),
				Args: map[string]string{"kind": probes.Kind, "namespace": probes.Namespace, "name": probes.Name}})
			if err != nil || seen.So != tt.so || (seen.Failed != "") != tt.failed || seen.Failed+seen.Progress != tt.want || len(seen.Suggest) != tt.suggest {
				t.Errorf("%+v %v", seen, err)
			}
		})
	}
}

func (w *world) ofProbe(node string) *fleet.Pod {
	for i := range w.s.Pods {
		if w.s.Pods[i].Owner == probes && w.s.Pods[i].Node == node {
			return &w.s.Pods[i]
		}
	}
	return nil
}

func (w *world) dnsOn(node string) {
	for i := range w.s.Pods {
		if w.s.Pods[i].Owner.Name == "coredns" {
			w.s.Pods[i].Node = node
		}
	}
}

func (w *world) probesGone() {
	for i := range w.s.Pods {
		if w.s.Pods[i].Owner == probes {
			w.s.Pods[i].Node = "" // Pending
		}
	}
}
