package linodetest

import (
	"context"
	"time"
)

// Change is something that whoever simulates the cluster on these machines must
// follow.
type Change struct {
	Seq    int       `json:"seq"` // from 1
	At     time.Time `json:"at"`
	What   What      `json:"what"`
	Linode int       `json:"linode,omitempty"`
	Label  string    `json:"label,omitempty"` // the machine's name
	Slot   string    `json:"slot,omitempty"`  // that the machine is or was in
	Volume int       `json:"volume,omitempty"`
	Ready  bool      `json:"ready,omitempty"` // of an attached volume: the machine sees it
	By     string    `json:"by,omitempty"`
}

// What has changed.
type What string

const (
	InstanceCreated What = "instance-created" // it is there and does not run yet
	InstanceBooted  What = "instance-booted"  // it runs, with a new boot
	InstanceOff     What = "instance-off"     // it is off, or on its way to another boot
	InstanceDeleted What = "instance-deleted"
	VolumeAttached  What = "volume-attached" // Ready false: in limbo
	VolumeDetached  What = "volume-detached"
)

// OnChange calls f after each change, in order, one at a time, never with the
// simulator locked: f may call it. Earlier changes are not told.
func (s *Server) OnChange(f func(Change)) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tell) == 0 {
		s.told = len(s.changes)
	}
	s.tell = append(s.tell, f)
}

// Changes returns the changes after the one with this number.
func (s *Server) Changes(after int) (list []Change) {
	s.do(func() {
		if after < len(s.changes) {
			list = append(list, s.changes[max(after, 0):]...)
		}
	})
	return list
}

// WaitChanges is Changes that waits until there are some or ctx ends.
func (s *Server) WaitChanges(ctx context.Context, after int) ([]Change, error) {
	for {
		s.mu.Lock()
		next := s.changed
		s.mu.Unlock()
		if list := s.Changes(after); len(list) > 0 {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-next:
		}
	}
}

func (s *Server) change(at time.Time, c Change) {
	c.Seq, c.At = len(s.changes)+1, at
	s.changes = append(s.changes, c)
}

// tellAll tells the listeners what they have not heard. A listener that calls the
// simulator does not wait for itself: whoever tells already goes on with it.
func (s *Server) tellAll() {
	for s.telling.TryLock() {
		for c, more := s.untold(); more; c, more = s.untold() {
			for _, f := range s.tell {
				f(c)
			}
		}
		s.telling.Unlock()
		// What came in before the unlocking was left to us.
		s.mu.Lock()
		left := len(s.tell) > 0 && s.told < len(s.changes)
		s.mu.Unlock()
		if !left {
			return
		}
	}
}

func (s *Server) untold() (c Change, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tell) == 0 || s.told >= len(s.changes) {
		return Change{}, false
	}
	s.told++
	return s.changes[s.told-1], true
}
