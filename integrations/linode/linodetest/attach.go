package linodetest

import (
	"fmt"
	"net/http"
	"time"
)

// attach answers with linode_id set and io_ready false; the machine sees the volume
// some seconds later. As recorded.
func (s *Server) attach(at time.Time, user string, a Act) *Refusal {
	v, i := s.state.volume(a.Volume), s.state.instance(a.Linode)
	switch {
	case v == nil || i == nil:
		return notFound
	case v.Instance != nil:
		// The volume driver looks for "is already attached" in the text.
		return &Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("Volume %d is already attached to a Linode.", v.ID)}
	case v.Status != "active":
		return &Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("Volume must be active, is %s.", v.Status)} // assumed
	case i.Status != "running" && i.Status != "offline":
		return busy
	}
	e := s.emit(at, "volume_attach", "scheduled", user, v.entity(), i.entity())
	v.set(at, i, false)
	v.persist, v.busy = a.Persist, true
	f := s.strikes("attach", i.ID, v.Label, "")
	if f != nil && f.Effect == Limbo {
		// Linode says attached, the machine has no device, and the event failed.
		s.follow(at, e, s.opt.Timing.Attach, func(at time.Time) (string, string) {
			v.busy = false
			s.change(at, Change{What: VolumeAttached, Volume: v.ID, Label: v.Label, Linode: i.ID, By: user})
			return "failed", f.Message
		})
		return nil
	}
	s.carry(at, f, e, s.opt.Timing.Attach, func(at time.Time) {
		v.busy = false
		if v.holder() != i.ID {
			return // the machine is gone meanwhile
		}
		v.Ready, v.Updated = true, stamp(at)
		s.change(at, Change{What: VolumeAttached, Volume: v.ID, Label: v.Label, Linode: i.ID, Ready: true, By: user})
	}, func() {
		v.busy = false
		v.Instance, v.InstLabel = nil, nil
	})
	return nil
}

// detach takes a volume off whatever has it, also a machine that is no more. What
// Linode answers for one that is attached to nothing is not known: assumed.
func (s *Server) detach(at time.Time, user string, id int) *Refusal {
	v := s.state.volume(id)
	switch {
	case v == nil:
		return notFound
	case v.Instance == nil:
		return &Refusal{Status: http.StatusBadRequest, Reason: "Volume is not attached."}
	case v.busy:
		return busy
	}
	var from *entity
	if i := s.state.instance(v.holder()); i != nil {
		from = i.entity()
	}
	e := s.emit(at, "volume_detach", "scheduled", user, v.entity(), from)
	v.busy = true
	f := s.strikes("detach", v.holder(), v.Label, "")
	s.carry(at, f, e, s.opt.Timing.Detach, func(at time.Time) {
		v.busy = false
		s.letGo(at, v, user)
	}, func() { v.busy = false })
	return nil
}
