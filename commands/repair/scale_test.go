package repair_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// recorded is what the runs so far have left in the record.
func (w *world) recorded(context.Context) ([]remediation.Run, error) { return w.past, w.read("past") }

// scaling has the plans ask for so many replicas.
func (w *world) scaling(name string, to int) {
	w.extra, w.want = []string{"replicas", strconv.Itoa(to)}, map[string]int{name: to}
}

// scaled has a run of before have scaled a workload. Its keys are those that stand in
// databases: they never change.
func (w *world) scaled(name string, to int) {
	i := slices.IndexFunc(w.s.Workloads, func(o fleet.Workload) bool { return o.Name == name })
	wl := &w.s.Workloads[i]
	was := wl.Replicas
	args := map[string]string{"kind": wl.Kind, "namespace": wl.Namespace, "name": name, "to": fmt.Sprint(to), "from": fmt.Sprint(was)}
	back := maps.Clone(args)
	back["to"] = fmt.Sprint(was)
	run := remediation.Run{ID: remediation.RunID(fmt.Sprintf("INC-1/run-%d", len(w.past)+1)), Status: remediation.Done, StartedAt: w.clock.Now(), EndedAt: w.clock.Now()}
	add := func(name string, args, learned map[string]string) {
		run.Plan.Steps = append(run.Plan.Steps, remediation.PlannedStep{Name: name, Args: args})
		run.Steps = append(run.Steps, remediation.StepState{Mark: remediation.So, Started: w.clock.Now(), Learned: learned})
	}
	for _, k := range wl.Keepers {
		add("pause-keeper", map[string]string{"kind": k.Object.Kind, "namespace": k.Object.Namespace, "name": k.Object.Name, "how": k.How}, map[string]string{"paused Flux " + k.Object.Kind + " flux-system/apps": "was on"})
		w.paused[k.Object.String()] = "was on"
	}
	add("scale-to", args, map[string]string{"replicas " + wl.Kind + " default/" + name: fmt.Sprint(was)})
	add("replicas-reached", args, map[string]string{"reached " + wl.Kind + " default/" + name: "yes"})
	add("scale-back-unless-reached", back, nil)
	w.past = slices.Insert(w.past, 0, run)
	wl.Replicas = to
	for range 4 {
		w.pass(time.Minute)
	}
}

// What was scaled comes back to what it was, over any number of scalings, and no
// further than to what somebody else has made of it.
func TestRestoreGoesByTheRecord(t *testing.T) {
	tests := map[string]struct {
		before func(*world)
		want   int // -1: nothing is to be restored
		code   string
	}{
		"never scaled": {func(*world) {}, -1, ""},
		"once":         {func(w *world) { w.scaled("site", 0) }, 2, ""},
		"twice":        {func(w *world) { w.scaled("site", 1); w.scaled("site", 0) }, 2, ""},
		"by somebody else in between": {func(w *world) {
			w.scaled("site", 0)
			w.s.Workloads[3].Replicas = 4
			w.scaled("site", 0)
		}, 4, ""},
		"by somebody else since": {func(w *world) { w.scaled("site", 0); w.s.Workloads[3].Replicas = 1 }, 2, repair.ChangedSince},
		"by hand already":        {func(w *world) { w.scaled("site", 0); w.s.Workloads[3].Replicas = 2 }, 2, repair.AlreadySo},
		"another workload":       {func(w *world) { w.scaled("bot", 0) }, -1, ""},
		"it was so already": {func(w *world) {
			w.scaled("site", 0)
			w.past[0].Steps[0].Started = time.Time{}
		}, -1, ""},
		"its answer was lost": {func(w *world) { w.scaled("site", 0); w.past[0].Steps[0].Learned = nil }, 2, ""},
		"undone since": {func(w *world) {
			w.scaled("site", 0)
			undo := remediation.Run{ID: "INC-1/run-9", Status: remediation.Done, Plan: remediation.Plan{Steps: w.past[0].Plan.Steps[2:]}, Steps: []remediation.StepState{{Mark: remediation.So}}}
			w.past = slices.Insert(w.past, 0, undo)
		}, -1, ""},
		"by a remount that failed": {func(w *world) {
			w.scaled("site", 0)
			w.past[0].Plan.Steps[2].Name, w.past[0].Steps[2] = "scale-back", remediation.StepState{Mark: remediation.Pending}
		}, 2, ""},
		"by a remount that ended well": {func(w *world) {
			w.scaled("site", 0)
			w.past[0].Plan.Steps[2].Name = "scale-back"
		}, -1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tt.before(w)
			p, err := w.remediation(t, repair.WorkloadRestore).Plan(t.Context(), map[string]string{"workload": "default/site"})
			if tt.want < 0 {
				if !problem.Is(err, problem.NotFound) {
					t.Errorf("%v, %v", p.Steps, err)
				}
				return
			}
			if err != nil || p.Steps[0].Args["to"] != fmt.Sprint(tt.want) || p.Tier != remediation.Routine {
				t.Fatalf("%v, %s %+v", err, p.Tier, p.Steps)
			}
			if tt.code != "" && !slices.Contains(against(p, remediation.Warning), tt.code) {
				t.Errorf("no %s: %+v", tt.code, p.Findings)
			}
			if _, why := w.carry(t, p); why != "" {
				t.Fatal(why)
			}
			if got := w.s.Workloads[3].Replicas; got != tt.want {
				t.Errorf("%d replicas", got)
			}
		})
	}
}

func TestScalingTiers(t *testing.T) {
	tests := map[string]struct {
		workload, to string
		before       func(*world)
		want         remediation.Tier
	}{
		"to 0":                       {"default/redis", "0", nil, remediation.Disruptive},
		"to 0, it is down":           {"default/redis", "0", func(w *world) { w.stuck["ready redis"] = true; w.controllers() }, remediation.Routine},
		"down by one":                {"default/site", "1", nil, remediation.Disruptive},
		"up":                         {"default/site", "3", nil, remediation.Routine},
		"up, something UNKNOWN":      {"default/site", "3", func(w *world) { w.s.Missing = []string{"cronjobs"} }, remediation.Disruptive},
		"to 0, down, local data":     {"default/redis", "0", func(w *world) { w.stuck["ready redis"] = true; w.s.Pods[1].LocalData = true; w.controllers() }, remediation.Disruptive},
		"to what it is":              {"redis", "1", nil, remediation.Routine},
		"by its kind, in small caps": {"deployment/default/site", "3", nil, remediation.Routine},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.before != nil {
				tt.before(w)
			}
			if p := w.plan(t, repair.WorkloadScale, "workload", tt.workload, "replicas", tt.to); p.Tier != tt.want {
				t.Errorf("%s (%s), want %s: %+v", p.Tier, p.TierWhy, tt.want, p.Blast)
			}
		})
	}
}

func TestScalingIsRefused(t *testing.T) {
	hpa := fleet.Keeper{How: "HorizontalPodAutoscaler", Object: object("HorizontalPodAutoscaler", "site"), Pause: true}
	w := newWorld()
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: object("DaemonSet", "agent"), Replicas: 2, Ready: 2}, fleet.Workload{Object: object("StatefulSet", "bot"), Replicas: 1, Scalable: true})
	w.s.Workloads[3].Keepers = []fleet.Keeper{hpa}
	r := w.remediation(t, repair.WorkloadScale)
	for name, tt := range map[string]struct {
		workload, to string
		code         problem.Code
	}{
		"no number":    {"default/redis", "many", problem.Invalid},
		"below 0":      {"default/redis", "-1", problem.Invalid},
		"a slip":       {"default/redis", "11111", problem.Invalid},
		"not scalable": {"default/agent", "1", problem.Unsupported},
		"not there":    {"default/nosuch", "1", problem.NotFound},
		"one of two":   {"bot", "1", problem.Invalid},
		"none":         {"", "1", problem.Invalid},
	} {
		if _, err := r.Plan(t.Context(), map[string]string{"workload": tt.workload, "replicas": tt.to}); !problem.Is(err, tt.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := w.plan(t, repair.WorkloadScale, "workload", "default/site", "replicas", "4"); !slices.Contains(against(p, remediation.Soft), repair.KeeperUnpausable) {
		t.Errorf("an autoscaler would scale it again: %+v", p.Findings)
	}
	if p := w.plan(t, repair.WorkloadScale, "workload", "default/site", "replicas", "0"); len(against(p, remediation.Soft)) > 0 || slices.ContainsFunc(p.Steps, func(s remediation.PlannedStep) bool { return strings.HasPrefix(s.Name, "pause") }) {
		t.Errorf("an autoscaler stands still at 0: %+v %+v", p.Findings, p.Steps)
	}
	w.s.Missing = []string{"statefulsets"}
	if _, err := r.Plan(t.Context(), map[string]string{"workload": "nosuch", "replicas": "1"}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("what cannot be read is absent: %v", err)
	}
}

// Somebody who scales it meanwhile ends the run; what it paused is put back.
func TestScaledBySomebodyElseMeanwhile(t *testing.T) {
	w := newWorld()
	kept(w)
	w.stuck["pods"] = true
	p := w.plan(t, repair.WorkloadScale, "workload", "default/redis", "replicas", "0")
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	for i := range 2 {
		if why := c.one(i); why != "" {
			t.Fatal(why)
		}
	}
	w.s.Workloads[1].Replicas = 5
	if why := c.one(2); why != "failed: default/redis is at 5: somebody else has scaled it meanwhile" {
		t.Errorf("%q", why)
	}
	c.putBack(2)
	w.restored(t, "scaled meanwhile", p.Remediation)
}

// Whoever scales a workload back before that was seen, as an owner does that nobody has
// told, ends the run: it does not wait for what will not come, nor scale against them.
func TestScaledBackAtOnce(t *testing.T) {
	w := newWorld()
	w.stuck["scaled back"] = true
	p := w.plan(t, repair.NodeReboot, "node", sick)
	i := slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "scale-to" })
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}
	if why := c.one(i); why != "failed: default/postgres is at 1 again: somebody or something else scales it back; see who, and pause it first" {
		t.Errorf("%q", why)
	}
	if w.accepted["scale"] != 1 {
		t.Errorf("scaled %d times", w.accepted["scale"])
	}
}
