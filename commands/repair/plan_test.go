package repair_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

func TestTierFollowsFromThePlan(t *testing.T) {
	down := func(w *world) { // everything on the sick node is down, and nothing of it elsewhere
		w.hang()
		w.move("site-0", well)
		w.controllers()
	}
	tests := map[string]struct {
		repair, param, value string
		before               func(*world)
		want                 remediation.Tier
	}{
		"recycle":                                          {repair.NodeRecycle, "node", sick, nil, remediation.Destructive},
		"recycle, all down already":                        {repair.NodeRecycle, "node", sick, down, remediation.Disruptive},
		"recycle, all down, local data lost":               {repair.NodeRecycle, "node", sick, func(w *world) { down(w); w.s.Pods[0].LocalData = true }, remediation.Destructive},
		"recycle, all down, a volume of the machine's own": {repair.NodeRecycle, "node", sick, func(w *world) { down(w); w.s.Volumes[0].CloudID = 0 }, remediation.Destructive},
		"recycle, all down, something UNKNOWN":             {repair.NodeRecycle, "node", sick, func(w *world) { down(w); w.s.Missing = []string{"cronjobs"} }, remediation.Destructive},
		"drain":                                            {repair.NodeDrain, "node", sick, nil, remediation.Disruptive},
		"drain, UNKNOWN":                                   {repair.NodeDrain, "node", sick, func(w *world) { w.s.Missing = []string{"poddisruptionbudgets"} }, remediation.Destructive},
		"cordon":                                           {repair.NodeCordon, "node", sick, nil, remediation.Routine},
		"uncordon":                                         {repair.NodeUncordon, "node", sick, nil, remediation.Routine},
		"remount of what is up, from a machine that exists": {repair.VolumeRemount, "volume", redisPV, nil, remediation.Destructive},
		"remount, down":                  {repair.VolumeRemount, "volume", redisPV, limbo, remediation.Disruptive},
		"remount, down, local data lost": {repair.VolumeRemount, "volume", redisPV, func(w *world) { limbo(w); w.s.Pods[1].LocalData = true }, remediation.Destructive},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.before != nil {
				tt.before(w)
			}
			if p := w.plan(t, tt.repair, tt.param, tt.value); p.Tier != tt.want {
				t.Errorf("%s (%s), want %s", p.Tier, p.TierWhy, tt.want)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	tests := map[string]struct {
		repair, param, value string
		before               func(*world)
		code                 string
		strength             remediation.Strength // "": it is not found
	}{
		"last Ready node":                  {repair.NodeReboot, "node", sick, func(w *world) { w.nodeOf(well).Ready = fleet.False }, repair.LastReadyNode, remediation.Soft},
		"control plane":                    {repair.NodeReboot, "node", sick, func(w *world) { w.nodeOf(sick).ControlPlane = true }, repair.ControlPlaneNode, remediation.Warning},
		"no provider id":                   {repair.NodeRecycle, "node", sick, func(w *world) { w.nodeOf(sick).Identity.ProviderID = "" }, repair.IdentityUnproven, remediation.Hard},
		"no machine of the cloud":          {repair.NodeRecycle, "node", sick, func(w *world) { w.nodeOf(sick).Identity.Instance = 0 }, repair.IdentityUnproven, remediation.Hard},
		"no slot holds the machine":        {repair.NodeRecycle, "node", sick, func(w *world) { w.slots[0].Instance = 1 }, repair.IdentityUnproven, remediation.Hard},
		"machine deleted":                  {repair.NodeRecycle, "node", sick, func(w *world) { delete(w.inst, 28312345) }, repair.IdentityUnproven, remediation.Hard},
		"cloud away, cordon does not mind": {repair.NodeCordon, "node", sick, func(w *world) { w.fail["slots"] = problem.New(problem.Unavailable, "503") }, repair.IdentityUnproven, remediation.Warning},
		"two nodes, one identity":          {repair.NodeDrain, "node", sick, func(w *world) { w.nodeOf(well).Identity.MachineID = w.nodeOf(sick).Identity.MachineID }, repair.ClonedIdentity, remediation.Hard},
		"the cloud is at it":               {repair.NodeReboot, "node", sick, func(w *world) { w.event("lassie_reboot", "started", fleet.Entity{Type: "linode", ID: "28312345"}) }, repair.EventUnfinished, remediation.Hard},
		"the cloud is at another one":      {repair.NodeReboot, "node", sick, func(w *world) { w.event("lassie_reboot", "started", fleet.Entity{Type: "linode", ID: "28312346"}) }, repair.EventUnfinished, ""},
		"keeper of what is scaled":         {repair.NodeRecycle, "node", sick, operated(1), repair.KeeperUnpausable, remediation.Soft},
		"keeper of what is evicted":        {repair.NodeRecycle, "node", sick, operated(3), repair.KeeperUnpausable, ""},
		"drain scales nothing":             {repair.NodeDrain, "node", sick, operated(1), repair.KeeperUnpausable, ""},
		"budget": {repair.NodeDrain, "node", sick, func(w *world) {
			w.s.Budgets = []fleet.Budget{{Object: object("PodDisruptionBudget", "site"), Covers: []string{"default/site-0"}}}
		}, repair.BudgetBlocks, remediation.Warning},
		"budget of what is scaled to 0": {repair.NodeRecycle, "node", sick, func(w *world) {
			w.s.Budgets = []fleet.Budget{{Object: object("PodDisruptionBudget", "redis"), Covers: []string{"default/redis-0"}}}
		}, repair.BudgetBlocks, ""},
		"two budgets for one pod":           {repair.NodeDrain, "node", sick, func(w *world) { overlap(w, "default/site-0") }, repair.BudgetsOverlap, remediation.Hard},
		"two budgets for one pod, in turn":  {repair.NodeRebootAll, "", "", func(w *world) { overlap(w, "default/site-0") }, repair.BudgetsOverlap, remediation.Hard},
		"two budgets, scaled to 0":          {repair.NodeRecycle, "node", sick, func(w *world) { overlap(w, "default/redis-0") }, repair.BudgetsOverlap, ""},
		"two budgets, node silent":          {repair.NodeRecycle, "node", sick, func(w *world) { w.hang(); overlap(w, "default/site-0") }, repair.BudgetsOverlap, ""},
		"holder may write":                  {repair.VolumeRemount, "volume", redisPV, (*world).hang, repair.HolderMayWrite, remediation.Hard},
		"attachment at a node that is away": {repair.VolumeRemount, "volume", redisPV, func(w *world) { w.hang(); w.s.Pods = nil; w.volumes[6002].Instance = 0 }, repair.HolderMayWrite, remediation.Hard},
		"volume gone":                       {repair.VolumeRemount, "volume", redisPV, func(w *world) { delete(w.volumes, 6002) }, repair.VolumeGone, remediation.Hard},
		"cloud away":                        {repair.VolumeRemount, "volume", redisPV, func(w *world) { w.fail["volume"] = problem.New(problem.Unavailable, "503") }, repair.VolumeUnclear, remediation.Hard},
		"no driver": {repair.VolumeRemount, "volume", redisPV, func(w *world) {
			limbo(w)
			w.volumes[6002].Instance, w.s.Attachments[1].Attached = 0, false
			w.nodeOf(sick).Drivers = nil
		}, repair.DriverMissing, remediation.Soft},
		"locked": {repair.VolumeRemount, "volume", redisPV, func(w *world) { w.volumes[6002].Status = "resizing" }, repair.VolumeLocked, remediation.Soft},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tt.before(w)
			p := w.plan(t, tt.repair, tt.param, tt.value)
			i := slices.IndexFunc(p.Findings, func(f remediation.Finding) bool { return f.Code == tt.code })
			if i < 0 && tt.strength != "" || i >= 0 && p.Findings[i].Strength != tt.strength {
				t.Errorf("%s is to be %q: %+v", tt.code, tt.strength, p.Findings)
			}
			if len(w.calls) > 0 {
				t.Errorf("planning changed something: %q", w.calls)
			}
		})
	}
}

// overlap has two budgets, which both allow an eviction, cover a pod.
func overlap(w *world, pod string) {
	for _, name := range []string{"one", "other"} {
		w.s.Budgets = append(w.s.Budgets, fleet.Budget{Object: object("PodDisruptionBudget", name), Allowed: 1, Covers: []string{pod}})
	}
}

// operated has an operator own a workload.
func operated(i int) func(*world) {
	return func(w *world) {
		w.s.Workloads[i].Keepers = []fleet.Keeper{{How: "operator", Object: object("Database", "x")}}
	}
}

// A list that cannot be read says nothing about what is in it.
func TestWhatCannotBeReadIsNotAbsent(t *testing.T) {
	w := newWorld()
	w.s.Nodes, w.s.Volumes, w.s.Missing = nil, nil, []string{"nodes", "persistentvolumes"}
	for name, param := range map[string]string{repair.NodeDrain: "node", repair.VolumeRemount: "volume"} {
		if _, err := w.remediation(t, name).Plan(t.Context(), map[string]string{param: "x"}); !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bare pod makes kubectl refuse to drain without --force; keepers are paused by hand
// as Wardroom does it.
func TestCommandsDoTheSame(t *testing.T) {
	w := newWorld()
	w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", "debug"), Node: sick, Phase: "Running", Ready: true})
	w.s.Workloads[1].Keepers = []fleet.Keeper{{How: "Argo CD", Object: fleet.Object{Kind: "Application", Namespace: "argocd", Name: "apps"}, Pause: true}}
	got := text(w.plan(t, repair.NodeRecycle, "node", sick))
	for _, want := range []string{
		"$ kubectl drain " + sick + " --ignore-daemonsets --delete-emptydir-data --force\n",
		"$ kubectl -n argocd annotate applications.argoproj.io apps argocd.argoproj.io/skip-reconcile=true --overwrite\n",
		"$ kubectl -n argocd annotate applications.argoproj.io apps argocd.argoproj.io/skip-reconcile-\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A machine that comes back between the plan and the act may be writing again.
func TestDetachIsProvenJustBefore(t *testing.T) {
	w := newWorld()
	w.hang()
	w.inst[28312345].Status = "offline"
	p := w.plan(t, repair.VolumeRemount, "volume", redisPV)
	step, _ := w.remediation(t, p.Remediation).Step("detach-at-cloud")
	s := remediation.State{Plan: p, Args: p.Steps[slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "detach-at-cloud" })].Args, Now: night}
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) {
		t.Errorf("still attached by the cluster: %v", err)
	}
	w.s.Attachments = nil
	if err := step.Prove(t.Context(), s); err != nil {
		t.Errorf("off: %v", err)
	}
	w.event("volume_detach", "started", fleet.Entity{Type: "volume", ID: "6002"})
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Unavailable) {
		t.Errorf("Linode is at it: %v", err)
	}
	s.Now = s.Now.Add(10 * time.Minute)
	if err := step.Prove(t.Context(), s); err != nil {
		t.Errorf("that hangs: %v", err)
	}
	w.inst[28312345].Status = "running"
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "may still be writing") {
		t.Errorf("on again: %v", err)
	}
}

// Between the last look and the request somebody else may have begun, or may have
// replaced the machine.
func TestARecycleIsProvenJustBefore(t *testing.T) {
	w := newWorld()
	p := w.plan(t, repair.NodeRecycle, "node", sick)
	step, _ := w.remediation(t, p.Remediation).Step("recycle")
	s := remediation.State{Plan: p, Args: p.Steps[slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "recycle" })].Args, Now: night}
	if err := step.Prove(t.Context(), s); err != nil {
		t.Errorf("as it was planned: %v", err)
	}
	w.event("linode_reboot", "started", fleet.Entity{Type: "linode", ID: "28312345"})
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Unavailable) {
		t.Errorf("Linode is at it: %v", err)
	}
	w.events = nil
	for i := range w.slots {
		w.slots[i].Instance++
	}
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "no longer holds instance 28312345") {
		t.Errorf("another machine is in its place: %v", err)
	}
}

// The taint lets volumes go at once: a machine that still writes would lose data by it.
func TestTheTaintIsForAMachineThatIsOff(t *testing.T) {
	w := newWorld()
	step, _ := w.remediation(t, repair.VolumeRemount).Step("taint-out-of-service")
	s := remediation.State{Args: map[string]string{"node": sick, "instance": "28312345"}, Now: night}
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "may still be writing") {
		t.Errorf("it runs: %v", err)
	}
	w.inst[28312345].Status = "offline"
	if err := step.Prove(t.Context(), s); err != nil {
		t.Errorf("it is off: %v", err)
	}
}

// counting counts what the cloud and the cluster are asked.
type counting struct {
	sky
	cloud, events int
}

func (c *counting) Volumes(ctx context.Context) ([]fleet.CloudVolume, error) {
	c.cloud++
	return c.sky.Volumes(ctx)
}

func (c *counting) Volume(ctx context.Context, id int) (fleet.CloudVolume, error) {
	c.cloud++
	return c.sky.Volume(ctx, id)
}

func (c *counting) Instance(ctx context.Context, id int) (fleet.Instance, error) {
	c.cloud++
	return c.sky.Instance(ctx, id)
}

func (c *counting) Events(ctx context.Context, from int64) ([]fleet.CloudEvent, error) {
	c.cloud++
	return c.sky.Events(ctx, from)
}

type listening struct {
	*world
	asked *int
}

func (l listening) Events(ctx context.Context, about fleet.Object, limit int) ([]fleet.Event, error) {
	*l.asked++
	return nil, nil
}

// A thousand volumes cost a handful of requests, and not one each.
func TestManyVolumesAreDiagnosedWithFewRequests(t *testing.T) {
	w := newWorld()
	var names []string
	for i := range 1000 {
		name := fmt.Sprintf("pvc-%016x", i)
		w.workload(fmt.Sprint("w", i), 1, well, name, 7000+i)
		names = append(names, name)
	}
	w.volumes[7001].Usable = false
	w.volumes[7002].Instance = 28312345
	w.hang()
	for i := range w.s.Pods {
		w.s.Pods[i].Ready = w.s.Pods[i].Ready && i%10 != 0
	}
	s, _ := w.Snapshot(t.Context(), 0)
	c := &counting{sky: sky{w}}
	all, err := repair.DiagnoseAll(t.Context(), listening{w, &c.events}, c, s, names, night)
	if err != nil || len(all) != len(names) {
		t.Fatal(len(all), err)
	}
	if c.cloud > 5 || c.events > 50 {
		t.Errorf("%d requests of the cloud, %d of the cluster", c.cloud, c.events)
	}
	for i, want := range []fleet.Case{fleet.Healthy, fleet.Limbo, fleet.Elsewhere, fleet.Healthy} {
		if all[i].Diagnosis.Case != want {
			t.Errorf("%s: %s, want %s", names[i], all[i].Diagnosis, want)
		}
	}
	w.fail["volume"] = problem.New(problem.Unavailable, "503")
	if all, _ = repair.DiagnoseAll(t.Context(), listening{w, &c.events}, c, s, names, night); all[5].Diagnosis.Case != fleet.Unclear {
		t.Errorf("without the cloud: %s", all[5].Diagnosis)
	}
}

// A keeper whose pausing was asked for is resumed, though the answer was lost and the
// run ended there.
func TestLostPauseIsResumed(t *testing.T) {
	w := newWorld()
	limbo(w)
	kept(w)
	p := w.plan(t, repair.VolumeRemount, "volume", redisPV)
	c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: 0,
		broken: &breakage{err: &fleet.Maybe{Err: errors.New("reset")}, arrives: true, times: 1}}
	step, _ := c.r.Step(p.Steps[0].Name)
	at := &progress{step: step, state: remediation.State{Plan: p, Args: p.Steps[0].Args}}
	seen, err := step.Observe(t.Context(), at.state)
	if err != nil {
		t.Fatal(err)
	}
	w.broken = c.broken
	if why := c.ask(at, seen); why != "" || at.accepted || len(w.paused) != 1 {
		t.Fatalf("%q, accepted %t, paused %v", why, at.accepted, w.paused)
	}
	w.broken, c.at = nil, -1
	c.putBack(0)
	w.restored(t, "aborted", repair.VolumeRemount)
}

// Pods are deleted by force only where the taint did nothing for a while, and never
// on a machine that runs.
func TestForceDeleteIsTheLastResort(t *testing.T) {
	w := newWorld()
	w.hang()
	w.inst[28312345].Status = "offline"
	p := w.plan(t, repair.VolumeRemount, "volume", redisPV)
	i := slices.IndexFunc(p.Steps, func(s remediation.PlannedStep) bool { return s.Name == "force-delete-left" })
	if i < 1 || p.Steps[i-1].Name != "taint-out-of-service" {
		t.Fatalf("%+v", p.Steps)
	}
	step, _ := w.remediation(t, p.Remediation).Step("force-delete-left")
	s := remediation.State{Plan: p, Args: p.Steps[i].Args, Started: night, Now: night.Add(2 * time.Minute)}
	if _, err := step.Do(t.Context(), s); !problem.Is(err, problem.Unavailable) || len(w.calls) > 0 {
		t.Errorf("too early: %v, %q", err, w.calls)
	}
	s.Now = night.Add(3 * time.Minute)
	if _, err := step.Do(t.Context(), s); err != nil || !slices.Equal(w.calls, []string{"delete default/redis-0"}) {
		t.Errorf("%v, %q", err, w.calls)
	}
	w.inst[28312345].Status = "running"
	if err := step.Prove(t.Context(), s); !problem.Is(err, problem.Conflict) {
		t.Errorf("it runs: %v", err)
	}
}
