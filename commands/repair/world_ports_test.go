package repair_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// breakage is what becomes of calls.
type breakage struct {
	err     error
	arrives bool // it is carried out all the same
	times   int
	hit     bool
}

// read is the error of a read.
func (w *world) read(name string) error {
	if w.blind != nil {
		return w.blind
	}
	return w.fail[name]
}

// call records a change and tells whether it is to be carried out, and its answer.
func (w *world) call(name string, args ...any) (do bool, err error) {
	w.calls = append(w.calls, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	if b := w.broken; b != nil && b.times > 0 {
		b.times--
		b.hit = true
		if b.arrives {
			w.accepted[name]++
		}
		return b.arrives, b.err
	}
	if err := w.fail[name]; err != nil {
		return false, err
	}
	if w.lose[name] {
		w.accepted[name]++
		return true, &fleet.Maybe{Err: problem.New(problem.Unavailable, "no answer")}
	}
	w.accepted[name]++
	return true, nil
}

func (w *world) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	if err := w.read("snapshot"); err != nil {
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
	w.s.Pods, w.late = append(w.s.Pods, w.late...), nil
	return err
}

func (w *world) DeletePod(_ context.Context, pod fleet.Object, _ bool) error {
	do, err := w.call("delete", pod)
	if do {
		w.s.Pods = slices.DeleteFunc(w.s.Pods, func(p fleet.Pod) bool { return p.Object == pod })
	}
	return err
}

func (w *world) Scale(_ context.Context, o fleet.Object, replicas int) error {
	do, err := w.call("scale", o, replicas)
	for i := range w.s.Workloads {
		if do && w.s.Workloads[i].Object == o {
			wl := &w.s.Workloads[i]
			was := wl.Replicas
			wl.Replicas, wl.Generation = replicas, wl.Generation+1
			if w.stuck["scaled back"] {
				wl.Replicas, wl.Generation = was, wl.Generation+1
			}
			wl.Observed = wl.Generation
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

func (w *world) Restart(_ context.Context, o fleet.Object, at time.Time) error {
	do, err := w.call("restart", o)
	for i := range w.s.Workloads {
		wl := &w.s.Workloads[i]
		if !do || wl.Kind != o.Kind || wl.String() != o.String() || !wl.Restarted.Before(at.Truncate(time.Second)) {
			continue
		}
		wl.Restarted = at.Truncate(time.Second)
		wl.Generation++
		delete(w.stuck, "ready "+wl.Name) // a restart mends it
		for k := range w.s.Pods {
			if w.s.Pods[k].Owner == wl.Object {
				w.old[w.s.Pods[k].Object] = true
			}
		}
	}
	return err
}

func (w *world) Events(_ context.Context, _ fleet.Object, _ int) ([]fleet.Event, error) {
	return w.k8s, nil
}

func (w *world) Logs(context.Context, fleet.Object, fleet.LogOptions) ([]byte, error) {
	return nil, w.read("logs")
}

func (w *world) DryRun() fleet.Cluster { return w }

// sky is the world's cloud.
type sky struct{ *world }

func (w sky) Slots(context.Context) ([]fleet.Slot, error) {
	return slices.Clone(w.slots), w.read("slots")
}

func (w sky) Instance(_ context.Context, id int) (fleet.Instance, error) {
	i := w.inst[id]
	if i == nil {
		return fleet.Instance{}, problem.New(problem.NotFound, "no instance %d", id)
	}
	return *i, w.read("instance")
}

func (w sky) Volumes(context.Context) (all []fleet.CloudVolume, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.volumes)) {
		all = append(all, *w.volumes[id])
	}
	return all, w.read("volume")
}

func (w sky) Volume(_ context.Context, id int) (fleet.CloudVolume, error) {
	if w.volumes[id] == nil {
		return fleet.CloudVolume{}, problem.New(problem.NotFound, "no volume %d", id)
	}
	return *w.volumes[id], w.read("volume")
}

func (w sky) Events(_ context.Context, from int64) (all []fleet.CloudEvent, err error) {
	for _, e := range w.events {
		if e.ID >= from {
			all = append(all, e)
		}
	}
	return all, w.read("events")
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
