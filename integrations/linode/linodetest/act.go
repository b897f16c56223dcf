package linodetest

import (
	"fmt"
	"net/http"
	"time"
)

// Act is something that somebody asks Linode to do: through the API, or a person in
// the Cloud Manager.
type Act struct {
	Do     string `json:"do"` // "recycle", "reboot", "boot", "shutdown", "attach", "detach", "delete"
	Slot   string `json:"slot,omitempty"`
	Linode int    `json:"linode,omitempty"`
	Volume int    `json:"volume,omitempty"`
	// Persist keeps an attachment across boots.
	Persist bool `json:"persist,omitempty"`
}

// Refusal is an error of the API.
type Refusal struct {
	Status int
	Field  string
	Reason string
}

func (r *Refusal) Error() string { return fmt.Sprintf("[%03d] %s", r.Status, r.Reason) }

var (
	notFound = &Refusal{Status: http.StatusNotFound, Reason: "Not found"}
	busy     = &Refusal{Status: http.StatusBadRequest, Reason: "Linode busy."}
)

// Act does what user asks for, as if the API had let the user. The error is a *Refusal.
func (s *Server) Act(user string, a Act) (err error) {
	s.do(func() {
		if r := s.act(user, a); r != nil {
			err = r
		}
	})
	return err
}

func (s *Server) act(user string, a Act) *Refusal {
	at := s.now()
	switch a.Do {
	case "recycle":
		return s.recycle(at, user, a.Slot)
	case "attach":
		return s.attach(at, user, a)
	case "detach":
		return s.detach(at, user, a.Volume)
	}
	i := s.state.instance(a.Linode)
	if i == nil {
		return notFound
	}
	switch a.Do {
	case "delete":
		s.deleteInstance(at, user, i)
		return nil
	case "reboot", "boot", "shutdown":
		return s.power(at, user, a.Do, i)
	}
	return &Refusal{Status: http.StatusBadRequest, Reason: "no such act: " + a.Do}
}

// power turns a machine off or on. One thing at a time: everything else is busy.
func (s *Server) power(at time.Time, user, do string, i *instance) *Refusal {
	n := s.state.slotOf(i.ID)
	if i.Status != "running" && i.Status != "offline" || n != nil && n.recycling {
		return busy
	}
	if do == "boot" && i.Status == "running" {
		return &Refusal{Status: http.StatusBadRequest, Reason: "Linode is already running."}
	}
	if do == "reboot" && i.Status == "offline" {
		return &Refusal{Status: http.StatusBadRequest, Reason: "Linode is not running."} // assumed
	}
	e := s.emit(at, "linode_"+do, "scheduled", user, i.entity(), nil)
	f := s.strikes(do, i.ID, "", "")
	if do == "shutdown" {
		i.Status = "shutting_down"
		s.carry(at, f, e, s.opt.Timing.Shutdown, func(at time.Time) {
			i.Status = "offline"
			s.off(at, i, user)
		}, func() { i.Status = "running" })
		return nil
	}
	back := i.Status
	i.Status = "booting"
	if do == "reboot" {
		i.Status = "rebooting"
		s.off(at, i, user)
	}
	s.carry(at, f, e, s.opt.Timing.Boot, func(at time.Time) { s.booted(at, i, user) }, func() { i.Status = back })
	return nil
}

// carry lets a job with its event go on as usual, or as the fault has it: slow,
// hanging until the fault is cleared, failing.
func (s *Server) carry(at time.Time, f *Fault, e *event, d time.Duration, done func(time.Time), undone func()) {
	if f != nil && f.Effect == Slow {
		d += f.By
	}
	if f != nil && f.Effect == Hang {
		s.in(at, d/10, fmt.Sprintf("event %d %s starts and hangs", e.ID, e.Action), func(time.Time) { e.step("started", 10) })
		f.held = append(f.held, func(at time.Time) {
			s.follow(at, e, d, func(at time.Time) (string, string) { done(at); return "finished", "" })
		})
		return
	}
	s.follow(at, e, d, func(at time.Time) (string, string) {
		if f != nil && f.Effect == Fail {
			undone()
			return "failed", f.Message
		}
		done(at)
		return "finished", ""
	})
}

func (s *Server) off(at time.Time, i *instance, by string) {
	i.Updated = stamp(at)
	s.change(at, Change{What: InstanceOff, Linode: i.ID, Label: i.Label, Slot: s.slotID(i.ID), By: by})
}

// booted brings a machine up. An attachment that is not kept across boots is gone
// then, and nobody tells the cluster: linode-blockstorage-csi-driver#390.
func (s *Server) booted(at time.Time, i *instance, by string) {
	i.Status, i.Updated = "running", stamp(at)
	for _, v := range s.state.attachedTo(i.ID) {
		if !v.persist {
			s.letGo(at, v, "")
		} else {
			v.Ready = true
		}
	}
	s.change(at, Change{What: InstanceBooted, Linode: i.ID, Label: i.Label, Slot: s.slotID(i.ID), By: by})
}

func (s *Server) slotID(instance int) string {
	if n := s.state.slotOf(instance); n != nil {
		return n.ID
	}
	return ""
}

// letGo makes a volume attached to nothing.
func (s *Server) letGo(at time.Time, v *volume, by string) {
	was := v.holder()
	v.set(at, nil, false)
	s.change(at, Change{What: VolumeDetached, Volume: v.ID, Label: v.Label, Linode: was, By: by})
}

// deleteInstance deletes a machine: "any volumes attached to it are automatically
// detached", https://techdocs.akamai.com/linode-api/reference/post-detach-volume,
// unless a fault keeps them on it.
func (s *Server) deleteInstance(at time.Time, by string, i *instance) {
	e := s.emit(at, "linode_delete", "scheduled", by, i.entity(), nil)
	i.Status = "deleting"
	slot := s.slotID(i.ID)
	s.change(at, Change{What: InstanceOff, Linode: i.ID, Label: i.Label, Slot: slot, By: by})
	s.follow(at, e, s.opt.Timing.Delete, func(at time.Time) (string, string) {
		for k, have := range s.state.Instances {
			if have == i {
				s.state.Instances = append(s.state.Instances[:k], s.state.Instances[k+1:]...)
				break
			}
		}
		for _, v := range s.state.attachedTo(i.ID) {
			if f := s.strikes("delete", i.ID, v.Label, ""); f != nil {
				v.Ready = false // held by a machine that is no more
				continue
			}
			s.letGo(at, v, by)
		}
		if n := s.state.slotOf(i.ID); n != nil {
			n.Instance, n.Status = nil, "not_ready"
		}
		s.change(at, Change{What: InstanceDeleted, Linode: i.ID, Label: i.Label, Slot: slot, By: by})
		return "finished", ""
	})
}
