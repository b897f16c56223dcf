package linodetest

import (
	"fmt"
	"time"
)

// emit adds an event and returns it. A job's event goes on with step.
func (s *Server) emit(at time.Time, action, status, by string, about, second *entity) *event {
	e := &event{ID: s.state.NextEvent, Created: stamp(at), Action: action, User: by, Entity: about, Second: second, Status: status, Source: "user"}
	if by == "" {
		e.Source = "platform"
	}
	if status != "notification" {
		e.step(status, 0)
	}
	s.state.NextEvent++
	s.state.Events = append(s.state.Events, e)
	return e
}

func (e *event) step(status string, percent int) {
	e.Status, e.Percent = status, &percent
	e.Remaining = nil
	if status == "finished" {
		none := 0
		e.Remaining = &none
	}
}

// follow lets an event go from scheduled over started to its end, which comes after
// d: then end decides how it ended.
func (s *Server) follow(at time.Time, e *event, d time.Duration, end func(at time.Time) (status, message string)) {
	what := fmt.Sprintf("event %d %s", e.ID, e.Action)
	s.in(at, d/10, what+" starts", func(time.Time) { e.step("started", 10) })
	s.in(at, d/2, what+" goes on", func(at time.Time) {
		e.step("started", 50)
		e.Duration = at.Sub(time.Time(e.Created)).Seconds()
	})
	s.in(at, d, what+" ends", func(at time.Time) {
		status, message := end(at)
		percent := 100
		if status != "finished" {
			percent = 50
		}
		e.step(status, percent)
		e.Message, e.Duration = message, at.Sub(time.Time(e.Created)).Seconds()
	})
}

func (i *instance) entity() *entity {
	return &entity{i.Label, i.ID, "linode", fmt.Sprintf("/v4/linode/instances/%d", i.ID)}
}

func (v *volume) entity() *entity {
	return &entity{v.Label, v.ID, "volume", fmt.Sprintf("/v4/volumes/%d", v.ID)}
}

func (c cluster) entity() *entity {
	return &entity{c.Label, c.ID, "lkecluster", fmt.Sprintf("/v4/lke/clusters/%d", c.ID)}
}

// Emit adds an event that is over, as the platform's or a person's, about a machine
// or a volume, given by one of their numbers.
func (s *Server) Emit(action, status, by string, linode, volume int, message string) (id int64) {
	s.do(func() {
		var about *entity
		if i := s.state.instance(linode); i != nil {
			about = i.entity()
		}
		if v := s.state.volume(volume); v != nil {
			about = v.entity()
		}
		e := s.emit(s.now(), action, status, by, about, nil)
		e.Message, id = message, e.ID
	})
	return id
}
