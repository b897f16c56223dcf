package linode_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/scenario"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

const (
	slotA, slotB = "16405-5fafd1b46dcf", "20304-5ffa4d11faab"
	lateA, lateB = 28412345, 28412346 // the machines in them
	volRedis     = 55501
	volPostgres  = 55502
)

// rig is the adapter, talking to a simulated Linode with two nodes and two volumes.
type rig struct {
	*testing.T
	sim   *linodetest.Server
	cloud *linode.Linode
	clock *scenario.Clock
}

func newRig(t *testing.T, change ...func(*linodetest.Options, *linode.Options)) *rig {
	t.Helper()
	clock := scenario.NewClock(time.Date(2021, 7, 11, 0, 50, 0, 0, time.UTC))
	so := linodetest.Options{Now: clock.Now}
	o := linode.Options{Clock: clock, Pause: time.Millisecond, Timeout: 10 * time.Second,
		Settings: linode.Settings{Read: config.NewSecret(linodetest.ReadToken), Act: config.NewSecret(linodetest.ActToken), Cluster: 13311}}
	for _, f := range change {
		f(&so, &o)
	}
	sim, err := linodetest.New(so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	sim.AddNode(linodetest.Node{Name: "lke13311-" + slotA, Linode: lateA})
	sim.AddNode(linodetest.Node{Name: "lke13311-" + slotB, Linode: lateB})
	sim.AddVolume(linodetest.Disk{ID: volRedis, Label: "pvcbb1d06139b334c1f", Linode: lateA})
	sim.AddVolume(linodetest.Disk{ID: volPostgres, Label: "pvc4a9f", Linode: lateB})
	o.URL = sim.URL()
	cloud, err := linode.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, sim, cloud, clock}
}

// pass moves the clock, in steps, so that what follows from a job follows in time.
func (r *rig) pass(d time.Duration) {
	for end := r.clock.Now().Add(d); ; {
		next, any := r.sim.Next()
		if !any || next.After(end) {
			r.clock.MoveTo(end)
			r.sim.Advance()
			return
		}
		r.clock.MoveTo(next)
		r.sim.Advance()
	}
}

func (r *rig) ctx() context.Context { return r.Context() }

func (r *rig) volume(id int) fleet.CloudVolume {
	r.Helper()
	v, err := r.cloud.Volume(r.ctx(), id)
	if err != nil {
		r.Fatal(err)
	}
	return v
}

func (r *rig) slot(id string) fleet.Slot {
	r.Helper()
	slots, err := r.cloud.Slots(r.ctx())
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range slots {
		if s.ID == id {
			return s
		}
	}
	r.Fatalf("no slot %s in %v", id, slots)
	return fleet.Slot{}
}

func (r *rig) events(from int64) []fleet.CloudEvent {
	r.Helper()
	events, err := r.cloud.Events(r.ctx(), from)
	if err != nil {
		r.Fatal(err)
	}
	return events
}

func (r *rig) event(action string) fleet.CloudEvent {
	r.Helper()
	all := r.events(1)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Action == action {
			return all[i]
		}
	}
	r.Fatalf("no event %s in %v", action, all)
	return fleet.CloudEvent{}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func maybe(err error) bool {
	_, ok := errors.AsType[*fleet.Maybe](err)
	return ok
}
