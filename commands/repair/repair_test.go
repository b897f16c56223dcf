package repair_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update to accept):\n%s", path, got)
	}
}

// text is a whole plan.
func text(p remediation.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s v%d of %s %s\n", p.Remediation, p.Version, p.Target.Kind, p.Target.Name)
	fmt.Fprintf(&b, "tier: %s %s\n", p.Tier, p.TierWhy)
	fmt.Fprintf(&b, "proof: %+v slot %s volume %d\n", p.Target.Identity, p.Target.Slot, p.Target.Volume)
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "fact: %s\n", f)
	}
	for _, l := range p.Blast.Lines() {
		fmt.Fprintf(&b, "blast: %s\n", l)
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "%s %s: %s (%s)\n", f.Strength, f.Code, f.Sentence, f.Hint)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%2d %s: %s\n", i+1, s.Name, s.Words)
		for _, c := range s.Commands {
			fmt.Fprintf(&b, "     $ %s\n", c)
		}
	}
	for _, k := range slices.Sorted(keys(p.Material)) {
		fmt.Fprintf(&b, "material: %s = %s\n", k, p.Material[k])
	}
	fmt.Fprintf(&b, "holds: %s\nundo: %s\n", strings.Join(p.Holds, ", "), p.Undo)
	return b.String()
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func limbo(w *world) {
	v := w.volumes[6002]
	v.Usable = false
	w.k8s = append(w.k8s, fleet.Event{At: night, About: object("Pod", "redis-0"), Type: "Warning", Reason: "FailedMount", Message: "Unable to find device path out of attempted paths"})
	w.controllers()
}

func TestPlans(t *testing.T) {
	tests := map[string]struct {
		repair string
		params []string
		before func(*world)
	}{
		"recycle":          {repair.NodeRecycle, []string{"node", sick}, nil},
		"recycle-hung":     {repair.NodeRecycle, []string{"node", sick}, (*world).hang},
		"reboot":           {repair.NodeReboot, []string{"node", sick}, nil},
		"reboot-all":       {repair.NodeRebootAll, nil, nil},
		"reboot-all-talos": {repair.NodeRebootAll, []string{"order", "control-1"}, (*world).onTalos},
		"reboot-talos":     {repair.NodeReboot, []string{"node", "control-1"}, (*world).onTalos},
		"drain":            {repair.NodeDrain, []string{"node", sick}, nil},
		"cordon":           {repair.NodeCordon, []string{"node", sick}, nil},
		"uncordon":         {repair.NodeUncordon, []string{"node", sick}, nil},
		"remount-limbo":    {repair.VolumeRemount, []string{"volume", redisPV}, limbo},
		"remount-not-sick": {repair.VolumeRemount, []string{"volume", "default/redis-data"}, nil},
		"remount-hung":     {repair.VolumeRemount, []string{"volume", "6002"}, (*world).hang},
		"remount-off": {repair.VolumeRemount, []string{"volume", redisPV}, func(w *world) {
			w.hang()
			w.inst[28312345].Status = "offline"
		}},
		"scale-to-0":                {repair.WorkloadScale, []string{"workload", "default/redis", "replicas", "0"}, kept},
		"force-delete":              {repair.PodForceDelete, []string{"pod", "default/redis-0"}, func(w *world) { w.hang(); w.inst[28312345].Status = "offline" }},
		"redis-collapse":            {repair.RedisCollapse, []string{"redis", "cache"}, func(w *world) { w.cache(); w.s.Workloads[4].Keepers = flux() }},
		"redis-collapse-takes-over": {repair.RedisCollapse, []string{"redis", "default/cache"}, func(w *world) { w.cache(); w.mastered("cache-1")() }},
		"redis-collapse-promotes":   {repair.RedisCollapse, nil, func(w *world) { w.cache(); w.orphaned() }},
		"redis-expand":              {repair.RedisExpand, []string{"redis", "cache"}, func(w *world) { w.cache(); w.s.Workloads[4].Keepers = flux(); w.scaled("cache", 1) }},
		"scale-up":                  {repair.WorkloadScale, []string{"workload", "site", "replicas", "3"}, nil},
		"restore":                   {repair.WorkloadRestore, []string{"workload", "default/redis"}, func(w *world) { kept(w); w.scaled("redis", 0) }},
		"recycle-kept-by-flux":      {repair.NodeRecycle, []string{"node", sick}, kept},
		"recycle-cloud-down":        {repair.NodeRecycle, []string{"node", sick}, func(w *world) { w.fail["slots"] = problem.New(problem.Unavailable, "Linode answers 503") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.before != nil {
				tt.before(w)
			}
			golden(t, name, text(w.plan(t, tt.repair, tt.params...)))
			if len(w.calls) > 0 {
				t.Errorf("planning changed something: %q", w.calls)
			}
		})
	}
}

// Every repair brings back what it took down, and leaves nothing behind.
func TestRepairsEndWell(t *testing.T) {
	tests := map[string]struct {
		repair, param, value string
		before               func(*world)
		calls                []string // in this order, others between them
	}{
		"recycle":                         {repair.NodeRecycle, "node", sick, nil, []string{"cordon " + sick + " true", "scale default/postgres 0", "scale default/redis 0", "evict default/site-0", "recycle " + slot, "scale default/postgres 1", "scale default/redis 1"}},
		"recycle, hung":                   {repair.NodeRecycle, "node", sick, (*world).hang, []string{"shutdown 28312345", "scale default/redis 0", "taint " + sick + " node.kubernetes.io/out-of-service true", "taint " + sick + " node.kubernetes.io/out-of-service false", "recycle " + slot, "scale default/redis 1"}},
		"recycle, driver does not detach": {repair.NodeRecycle, "node", sick, func(w *world) { w.stuck["detach"] = true }, []string{"scale default/redis 0", "detach 6002", "recycle " + slot}},
		"reboot":                          {repair.NodeReboot, "node", sick, nil, []string{"scale default/redis 0", "reboot 28312345", "cordon " + sick + " false", "scale default/redis 1"}},
		"reboot, hung":                    {repair.NodeReboot, "node", sick, (*world).hang, []string{"shutdown 28312345", "boot 28312345", "cordon " + sick + " false"}},
		"drain":                           {repair.NodeDrain, "node", sick, nil, []string{"cordon " + sick + " true", "evict default/postgres-0"}},
		"remount, limbo":                  {repair.VolumeRemount, "volume", redisPV, func(w *world) { limbo(w); w.stuck["detach"] = true }, []string{"scale default/redis 0", "detach 6002", "scale default/redis 1"}},
		"remount, paused": {repair.VolumeRemount, "volume", redisPV, func(w *world) {
			limbo(w)
			w.s.Workloads[1].Keepers = []fleet.Keeper{{How: "Flux", Object: fleet.Object{Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}, Pause: true}}
		}, []string{"pause Flux flux-system/apps true", "scale default/redis 0", "scale default/redis 1", "pause Flux flux-system/apps false was on"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.before != nil {
				tt.before(w)
			}
			p := w.plan(t, tt.repair, tt.param, tt.value)
			if hard := against(p, remediation.Hard); len(hard) > 0 {
				t.Fatalf("refused: %v", hard)
			}
			if at, why := w.carry(t, p); why != "" {
				t.Fatalf("step %d of %d: %s\n%s", at+1, len(p.Steps), why, strings.Join(w.calls, "\n"))
			}
			rest := w.calls
			for _, want := range tt.calls {
				i := slices.Index(rest, want)
				if i < 0 {
					t.Fatalf("no %q, or too early, in\n%s", want, strings.Join(w.calls, "\n"))
				}
				rest = rest[i+1:]
			}
			if n := count(w.calls, "recycle "); n > 1 {
				t.Errorf("%d recycles", n)
			}
			w.whole(t, tt.repair != repair.NodeDrain)
		})
	}
}

// whole checks that every workload is as wanted and nothing is left over.
func (w *world) whole(t *testing.T, uncordoned bool) {
	t.Helper()
	for _, wl := range w.s.Workloads {
		ready := 0
		for _, p := range w.s.Pods {
			if p.Owner == wl.Object && p.Ready {
				ready++
			}
		}
		if want, is := w.want[wl.Name]; is {
			if wl.Replicas != want || ready != want {
				t.Errorf("%s: %d of %d Ready, want %d", wl.Object, ready, wl.Replicas, want)
			}
			continue
		}
		if wl.Replicas == 0 || ready != wl.Replicas {
			t.Errorf("%s: %d of %d Ready", wl.Object, ready, wl.Replicas)
		}
	}
	for _, n := range w.s.Nodes {
		if len(n.Taints) > 0 || n.Unschedulable && uncordoned {
			t.Errorf("%+v", n)
		}
	}
	if len(w.paused) > 0 && w.want["redis"] != 0 { // what is scaled to 0 stays paused
		t.Errorf("paused: %v", w.paused)
	}
}

func against(p remediation.Plan, s remediation.Strength) (codes []string) {
	for _, f := range p.Findings {
		if f.Strength == s {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func count(calls []string, prefix string) (n int) {
	for _, c := range calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// The night of 2021-07-11: volumes were freed first, and yet one is in limbo
// afterwards. The recycle says so by name; the remount mends it.
func TestLimboAfterRecycleIsNamedAndRemounted(t *testing.T) {
	w := newWorld()
	w.stuck["limbo "+redisPV] = true
	p := w.plan(t, repair.NodeRecycle, "node", sick)
	_, why := w.carry(t, p)
	want := "volumes-usable: failed: " + redisPV + " limbo (C): Linode says attached, the machine has no device. Next: /volume remount"
	if why != want {
		t.Fatalf("%q\nwant %q", why, want)
	}
	delete(w.stuck, "limbo "+redisPV)
	w.stuck["detach"] = true // the driver does not detach what the machine has not
	w.pass(time.Minute)
	again := w.plan(t, repair.VolumeRemount, "volume", redisPV)
	if hard, soft := against(again, remediation.Hard), against(again, remediation.Soft); len(hard)+len(soft) > 0 {
		t.Errorf("what this recycle left behind is refused: %v %v", hard, soft)
	}
	if again.Tier != remediation.Disruptive || !strings.Contains(again.TierWhy, "down already") {
		t.Errorf("tier %s: %s", again.Tier, again.TierWhy)
	}
	if _, why := w.carry(t, again); why != "" {
		t.Fatal(why)
	}
	w.whole(t, true)
}
