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
	"wardroom/bot/scenario"
	"wardroom/commands/repair"
)

// The world of the seed, 2021-07-11: two nodes, PostgreSQL and Redis on the sick one.
const (
	sick    = "lke13311-16405-5fafd1b46dcf"
	well    = "lke13311-20304-5ffa4d11faab"
	slot    = "16405-5fafd1b46dcf"
	redisPV = "pvc-bb1d06139b334c1f"
	pgPV    = "pvc-0a4c2f6e7d8b9a10"
	driver  = "linodebs.csi.linode.com"
)

var night = time.Date(2021, 7, 11, 0, 55, 0, 0, time.UTC)

// world is a cluster and its cloud in memory. It moves on with pass: what was asked
// for comes about. Its fields are its state; faults are by the name of a call.
type world struct {
	clock   *scenario.Clock
	s       fleet.Snapshot
	slots   []fleet.Slot
	inst    map[int]*fleet.Instance
	volumes map[int]*fleet.CloudVolume
	events  []fleet.CloudEvent
	k8s     []fleet.Event
	calls   []string
	paused  map[string]string
	fail    map[string]error // answer of a call, which then does nothing
	lose    map[string]bool  // the call arrives, its answer does not
	stuck   map[string]bool  // what never comes about: "pods", "attachments", "boot", "limbo", …
	next    int              // machine
	uid     int
}

func object(kind, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: "default", Name: name}
}

func newWorld() *world {
	w := &world{clock: scenario.NewClock(night), inst: map[int]*fleet.Instance{}, volumes: map[int]*fleet.CloudVolume{}, next: 28400001,
		paused: map[string]string{}, fail: map[string]error{}, lose: map[string]bool{}, stuck: map[string]bool{}}
	w.node(sick, 28312345, slot, 16405)
	w.node(well, 28312346, "20304-5ffa4d11faab", 20304)
	w.workload("postgres", 1, sick, pgPV, 6001, "default/site", "default/hastebin")
	w.workload("redis", 1, sick, redisPV, 6002, "default/bot")
	w.workload("bot", 1, well, "", 0)
	w.workload("site", 2, well, "", 0, "default/cdn")
	w.move("site-0", sick)
	for _, n := range []string{sick, well} {
		ds := object("DaemonSet", "csi-linode-node")
		w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", "csi-"+n), Node: n, Owner: ds, Phase: "Running", Ready: true, Daemon: true})
	}
	w.s.Backups = []fleet.Backup{{Object: object("CronJob", "postgres-backup"), LastSuccess: night.Add(-70 * time.Hour)}, {Object: object("CronJob", "redis-backup"), LastSuccess: night.Add(-2 * time.Hour)}}
	return w
}

func (w *world) node(name string, instance int, slot string, pool int) {
	w.s.Nodes = append(w.s.Nodes, fleet.Node{Name: name, Ready: fleet.True, ReadySince: night.Add(-24 * time.Hour), Drivers: []string{driver},
		Identity:    fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", instance), BootID: fmt.Sprintf("boot-%d", instance), MachineID: fmt.Sprintf("machine-%d", instance), Instance: instance},
		Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110}})
	w.inst[instance] = &fleet.Instance{ID: instance, Label: name, Status: "running", Cluster: 13311, Watchdog: true}
	w.slots = append(w.slots, fleet.Slot{ID: slot, Pool: pool, Instance: instance, Status: "ready"})
}

func (w *world) workload(name string, replicas int, node, pv string, cloud int, usedBy ...string) {
	o := object("Deployment", name)
	w.s.Workloads = append(w.s.Workloads, fleet.Workload{Object: o, Replicas: replicas, Ready: replicas, UsedBy: usedBy, Scalable: true})
	var claims []string
	if pv != "" {
		claim := object("PersistentVolumeClaim", name+"-data")
		claims = []string{claim.Name}
		w.s.Claims = append(w.s.Claims, fleet.Claim{Object: claim, Volume: pv})
		w.s.Volumes = append(w.s.Volumes, fleet.Volume{Name: pv, Claim: claim, Driver: driver, Handle: fmt.Sprintf("%d-%s", cloud, strings.ReplaceAll(pv, "-", "")), CloudID: cloud, Modes: []string{"ReadWriteOnce"}, Phase: "Bound"})
		w.s.Attachments = append(w.s.Attachments, fleet.Attachment{Name: "csi-" + pv, Volume: pv, Node: node, Attached: true, Created: night.Add(-time.Hour)})
		w.volumes[cloud] = &fleet.CloudVolume{ID: cloud, Label: strings.ReplaceAll(pv, "-", ""), Status: "active", Instance: w.nodeOf(node).Identity.Instance, Usable: true, Updated: night.Add(-time.Hour)}
	}
	for i := range replicas {
		w.s.Pods = append(w.s.Pods, fleet.Pod{Object: object("Pod", fmt.Sprintf("%s-%d", name, i)), Node: node, Owner: o, Phase: "Running", Ready: true, Claims: claims, Requests: fleet.Resources{MilliCPU: 500, Memory: 1 << 29}})
	}
}

func (w *world) move(pod, node string) {
	for i := range w.s.Pods {
		if w.s.Pods[i].Name == pod {
			w.s.Pods[i].Node = node
		}
	}
}

func (w *world) nodeOf(name string) *fleet.Node {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Name == name {
			return &w.s.Nodes[i]
		}
	}
	return nil
}

func (w *world) byInstance(id int) *fleet.Node {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Identity.Instance == id {
			return &w.s.Nodes[i]
		}
	}
	return nil
}

// hang makes the sick node stop answering: its machine still runs.
func (w *world) hang() {
	w.nodeOf(sick).Ready = fleet.Unknown
	for i := range w.s.Pods {
		if w.s.Pods[i].Node == sick {
			w.s.Pods[i].Ready = false
		}
	}
}

func (w *world) event(action, status string, e fleet.Entity) {
	w.events = append(w.events, fleet.CloudEvent{ID: int64(len(w.events) + 101), Action: action, Status: status, Entity: e, Created: w.clock.Now(), By: "wardroom"})
}

// pass lets so much time pass, and whatever follows by itself come about.
func (w *world) pass(d time.Duration) {
	w.clock.MoveTo(w.clock.Now().Add(d))
	w.controllers()
}

func (w *world) controllers() {
	w.machines()
	w.garbage()
	w.replicas()
	w.attach()
	w.kubelets()
}

func (w *world) machines() {
	for _, i := range w.inst {
		switch {
		case i.Status == "shutting_down" && !w.stuck["shutdown"]:
			i.Status = "offline"
			if n := w.byInstance(i.ID); n != nil {
				n.Ready = fleet.Unknown
			}
		case (i.Status == "booting" || i.Status == "rebooting") && !w.stuck["boot"]:
			i.Status = "running"
			if n := w.byInstance(i.ID); n != nil {
				n.Identity.BootID += "-again"
				n.Ready = fleet.True
			}
		case i.Status == "provisioning" && !w.stuck["join"]:
			i.Status = "running"
			n := w.nodeOf(sick)
			if n == nil {
				w.s.Nodes = append(w.s.Nodes, fleet.Node{Name: sick})
				n = w.nodeOf(sick)
			}
			*n = fleet.Node{Name: sick, Ready: fleet.True, Drivers: []string{driver}, Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110},
				Identity: fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", i.ID), BootID: "boot-new", MachineID: "machine-new", Instance: i.ID}}
		}
	}
	for k := range w.slots {
		if w.slots[k].Instance == 0 && !w.stuck["machine"] {
			w.next++
			w.inst[w.next] = &fleet.Instance{ID: w.next, Label: sick, Status: "provisioning", Cluster: 13311}
			w.slots[k].Instance = w.next
		}
	}
}

// garbage removes pods that are Terminating, if their kubelet or the taint lets them.
func (w *world) garbage() {
	w.s.Pods = slices.DeleteFunc(w.s.Pods, func(p fleet.Pod) bool {
		n := w.nodeOf(p.Node)
		tainted := n != nil && slices.Contains(n.Taints, fleet.OutOfService)
		leaving := !p.Terminating.IsZero() || tainted && !p.Daemon
		return leaving && !w.stuck["pods"] && (n == nil || n.Ready == fleet.True || tainted)
	})
}

func (w *world) replicas() {
	for i := range w.s.Workloads {
		wl := &w.s.Workloads[i]
		var pods []int
		for k, p := range w.s.Pods {
			if p.Owner == wl.Object && p.Terminating.IsZero() {
				pods = append(pods, k)
			}
		}
		for len(pods) > wl.Replicas {
			w.s.Pods[pods[len(pods)-1]].Terminating = w.clock.Now()
			pods = pods[:len(pods)-1]
		}
		for ; len(pods) < wl.Replicas; pods = append(pods, len(w.s.Pods)-1) {
			w.uid++
			p := fleet.Pod{Object: object("Pod", fmt.Sprintf("%s-new%d", wl.Name, w.uid)), Owner: wl.Object, Phase: "Pending", Node: w.schedulable(), Reason: "ContainerCreating"}
			for _, c := range w.s.Claims {
				if c.Name == wl.Name+"-data" {
					p.Claims = []string{c.Name}
				}
			}
			w.s.Pods = append(w.s.Pods, p)
		}
	}
}

func (w *world) schedulable() string {
	for _, n := range w.s.Nodes {
		if n.Ready == fleet.True && !n.Unschedulable {
			return n.Name
		}
	}
	return ""
}

// attach makes VolumeAttachments for pods that need them and takes others away.
func (w *world) attach() {
	for _, v := range w.s.Volumes {
		var need string
		held := false
		i := slices.IndexFunc(w.s.Attachments, func(a fleet.Attachment) bool { return a.Volume == v.Name })
		for _, p := range w.s.Pods {
			if slices.Contains(p.Claims, v.Claim.Name) {
				held = held || i >= 0 && w.s.Attachments[i].Node == p.Node
				if p.Terminating.IsZero() {
					need = p.Node
				}
			}
		}
		cv := w.volumes[v.CloudID]
		switch {
		case i >= 0 && !held && !w.stuck["attachments"]:
			w.s.Attachments = slices.Delete(w.s.Attachments, i, i+1)
			if !w.stuck["detach"] {
				cv.Instance, cv.Usable, cv.Updated = 0, false, w.clock.Now()
			}
		case i < 0 && need != "" && w.nodeOf(need) != nil:
			a := fleet.Attachment{Name: "csi-new-" + v.Name, Volume: v.Name, Node: need, Created: w.clock.Now()}
			if cv.Instance == 0 {
				a.Attached = true
				cv.Instance, cv.Usable, cv.Updated = w.nodeOf(need).Identity.Instance, !w.stuck["limbo "+v.Name], w.clock.Now()
				if w.stuck["limbo "+v.Name] {
					w.k8s = append(w.k8s, fleet.Event{At: w.clock.Now().Add(time.Second), About: object("Pod", v.Claim.Name), Type: "Warning", Reason: "FailedMount",
						Message: "MountVolume.MountDevice failed for volume \"" + v.Name + "\" : rpc error: code = Internal desc = Unable to find device path out of attempted paths"})
				}
			}
			w.s.Attachments = append(w.s.Attachments, a)
		}
	}
}

func (w *world) kubelets() {
	for i := range w.s.Pods {
		p := &w.s.Pods[i]
		n := w.nodeOf(p.Node)
		p.Ready = n != nil && n.Ready == fleet.True && p.Terminating.IsZero() && !w.stuck["ready "+p.Owner.Name]
		for _, c := range p.Claims {
			for _, v := range w.s.Volumes {
				if v.Claim.Name == c {
					cv := w.volumes[v.CloudID]
					p.Ready = p.Ready && n != nil && cv.Usable && cv.Instance == n.Identity.Instance
				}
			}
		}
		if p.Ready {
			p.Phase, p.Reason = "Running", ""
		}
	}
	if w.stuck["daemons"] {
		for i := range w.s.Pods {
			w.s.Pods[i].Ready = w.s.Pods[i].Ready && !w.s.Pods[i].Daemon
		}
	}
	if n := w.byInstance(w.next); n != nil && w.stuck["driver"] {
		n.Drivers = nil
	}
}

// call records a change and tells whether it is to be carried out, and its answer.
func (w *world) call(name string, args ...any) (do bool, err error) {
	w.calls = append(w.calls, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	if err := w.fail[name]; err != nil {
		return false, err
	}
	if w.lose[name] {
		return true, &fleet.Maybe{Err: problem.New(problem.Unavailable, "no answer")}
	}
	return true, nil
}

func (w *world) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	if err := w.fail["snapshot"]; err != nil {
		return nil, err
	}
	s := w.s
	s.At = w.clock.Now()
	s.Nodes, s.Pods, s.Workloads = slices.Clone(s.Nodes), slices.Clone(s.Pods), slices.Clone(s.Workloads)
	s.Attachments = slices.Clone(s.Attachments)
	for i := range s.Nodes {
		s.Nodes[i].Taints = slices.Clone(s.Nodes[i].Taints)
	}
	return &s, nil
}

func (w *world) guarded(node string, id fleet.Identity) (*fleet.Node, error) {
	n := w.nodeOf(node)
	if n == nil {
		return nil, problem.New(problem.NotFound, "no node %s", node)
	}
	if n.Identity.ProviderID != id.ProviderID || n.Identity.BootID != id.BootID {
		return nil, problem.New(problem.Conflict, "another machine")
	}
	return n, nil
}

func (w *world) Cordon(_ context.Context, node string, id fleet.Identity, on bool) error {
	n, err := w.guarded(node, id)
	if err != nil {
		return err
	}
	do, err := w.call("cordon", node, on)
	if do {
		n.Unschedulable = on
	}
	return err
}

func (w *world) Taint(_ context.Context, node string, id fleet.Identity, t fleet.Taint, on bool) error {
	n, err := w.guarded(node, id)
	if err != nil {
		return err
	}
	do, err := w.call("taint", node, t.Key, on)
	if do {
		if n.Taints = slices.DeleteFunc(n.Taints, func(o fleet.Taint) bool { return o == t }); on {
			n.Taints = append(n.Taints, t)
		}
	}
	return err
}

func (w *world) Evict(_ context.Context, pod fleet.Object) error {
	do, err := w.call("evict", pod)
	for i := range w.s.Pods {
		if do && w.s.Pods[i].Object == pod && w.s.Pods[i].Terminating.IsZero() {
			w.s.Pods[i].Terminating = w.clock.Now()
		}
	}
	return err
}

func (w *world) DeletePod(_ context.Context, pod fleet.Object, _ bool) error {
	_, err := w.call("delete", pod)
	return err
}

func (w *world) Scale(_ context.Context, o fleet.Object, replicas int) error {
	do, err := w.call("scale", o, replicas)
	for i := range w.s.Workloads {
		if do && w.s.Workloads[i].Object == o {
			w.s.Workloads[i].Replicas = replicas
		}
	}
	return err
}

func (w *world) Pause(_ context.Context, k fleet.Keeper, on bool, was string) (string, error) {
	do, err := w.call("pause", k.How, k.Object, on, was)
	if do && on {
		w.paused[k.Object.String()] = "was on"
	} else if do {
		delete(w.paused, k.Object.String())
	}
	return "was on", err
}

func (w *world) Restart(context.Context, fleet.Object, time.Time) error { return nil }

func (w *world) Events(_ context.Context, _ fleet.Object, _ int) ([]fleet.Event, error) {
	return w.k8s, nil
}

func (w *world) DryRun() fleet.Cluster { return w }

// sky is the world's cloud.
type sky struct{ *world }

func (w sky) Slots(context.Context) ([]fleet.Slot, error) {
	return slices.Clone(w.slots), w.fail["slots"]
}

func (w sky) Instance(_ context.Context, id int) (fleet.Instance, error) {
	i := w.inst[id]
	if i == nil {
		return fleet.Instance{}, problem.New(problem.NotFound, "no instance %d", id)
	}
	return *i, w.fail["instance"]
}

func (w sky) Volumes(context.Context) (all []fleet.CloudVolume, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.volumes)) {
		all = append(all, *w.volumes[id])
	}
	return all, w.fail["volume"]
}

func (w sky) Volume(_ context.Context, id int) (fleet.CloudVolume, error) {
	if w.volumes[id] == nil {
		return fleet.CloudVolume{}, problem.New(problem.NotFound, "no volume %d", id)
	}
	return *w.volumes[id], w.fail["volume"]
}

func (w sky) Events(_ context.Context, from int64) (all []fleet.CloudEvent, err error) {
	for _, e := range w.events {
		if e.ID >= from {
			all = append(all, e)
		}
	}
	return all, w.fail["events"]
}

func (w sky) Recycle(_ context.Context, id string) error {
	do, err := w.call("recycle", id)
	if do {
		w.replace(id)
	}
	return err
}

// replace is what a recycle does at once; the new machine comes later.
func (w *world) replace(id string) {
	w.event("lke_node_recycle", "notification", fleet.Entity{Type: "lkecluster", ID: "13311"})
	for i := range w.slots {
		if w.slots[i].ID == id && !w.stuck["recycle"] {
			old := w.slots[i].Instance
			delete(w.inst, old)
			w.slots[i].Instance = 0
			for _, v := range w.volumes {
				if v.Instance == old {
					v.Instance, v.Usable = 0, false
				}
			}
		}
	}
}

func (w sky) Reboot(_ context.Context, id int) error {
	do, err := w.call("reboot", id)
	if do {
		w.event("linode_reboot", "finished", fleet.Entity{Type: "linode", ID: strconv.Itoa(id)})
		w.inst[id].Status = "rebooting"
	}
	return err
}

func (w sky) Shutdown(_ context.Context, id int) error {
	do, err := w.call("shutdown", id)
	if do {
		w.inst[id].Status = "shutting_down"
	}
	return err
}

func (w sky) Boot(_ context.Context, id int) error {
	do, err := w.call("boot", id)
	if do {
		w.inst[id].Status = "booting"
	}
	return err
}

func (w sky) Detach(_ context.Context, id int) error {
	do, err := w.call("detach", id)
	if do && !w.stuck["release"] {
		w.volumes[id].Instance, w.volumes[id].Usable, w.volumes[id].Updated = 0, false, w.clock.Now()
	}
	return err
}

var (
	_ fleet.Cluster = (*world)(nil)
	_ fleet.Cloud   = sky{}
)

func (w *world) remediation(t *testing.T, name string) remediation.Remediation {
	t.Helper()
	for _, r := range repair.All(repair.Ports{Cluster: w, Cloud: sky{w}, Clock: w.clock}) {
		if r.Spec().Name == name {
			return r
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func (w *world) plan(t *testing.T, name string, params ...string) remediation.Plan {
	t.Helper()
	p, err := w.remediation(t, name).Plan(t.Context(), asParams(params))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func asParams(list []string) map[string]string {
	params := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		params[list[i]] = list[i+1]
	}
	return params
}

// carry carries a plan out, as the engine does, until a step cannot become so. It
// returns how far it came and why it ended; "" when all is done.
func (w *world) carry(t *testing.T, p remediation.Plan) (at int, why string) {
	t.Helper()
	r := w.remediation(t, p.Remediation)
	learned := map[string]string{}
	for i, planned := range p.Steps {
		step, known := r.Step(planned.Name)
		if !known {
			t.Fatalf("there is no step %s", planned.Name)
		}
		got, why := w.step(t, p, planned, step, learned)
		if why != "" {
			return i, planned.Name + ": " + why
		}
		maps.Copy(learned, got)
	}
	return len(p.Steps), ""
}

func (w *world) step(t *testing.T, p remediation.Plan, planned remediation.PlannedStep, step remediation.Step, before map[string]string) (map[string]string, string) {
	t.Helper()
	s := remediation.State{Run: "INC-1/run-1", Plan: p, Args: planned.Args, Learned: before, Now: w.clock.Now()}
	learned := map[string]string{}
	asked := false
	for range 200 {
		s.Now = w.clock.Now()
		seen, err := step.Observe(t.Context(), s)
		switch {
		case err != nil && !problem.Is(err, problem.Unavailable):
			return nil, err.Error()
		case seen.Failed != "":
			return nil, seen.Failed
		case seen.So:
			maps.Copy(learned, seen.Learned)
			return learned, ""
		}
		if step.Do != nil && !asked {
			if step.Prove != nil {
				if err := step.Prove(t.Context(), s); err != nil {
					return nil, err.Error()
				}
			}
			got, err := step.Do(t.Context(), s)
			if err != nil && !problem.Is(err, problem.Unavailable) {
				return nil, err.Error()
			}
			asked = err == nil
			maps.Copy(learned, got)
			s.Learned = maps.Clone(before)
			maps.Copy(s.Learned, learned)
		}
		if s.Started.IsZero() {
			s.Started = w.clock.Now()
		}
		w.pass(10 * time.Second)
	}
	return nil, "never: " + planned.Words
}
