package linodetest

import (
	"slices"
	"time"
)

// job is something that will happen.
type job struct {
	at   time.Time
	seq  int
	what string // for Dump
	run  func(at time.Time)
}

type jobs struct {
	list []job
	seq  int
}

// in plans run for d after at, which is the time of what leads to it.
func (s *Server) in(at time.Time, d time.Duration, what string, run func(at time.Time)) {
	s.jobs.seq++
	s.jobs.list = append(s.jobs.list, job{at.Add(d), s.jobs.seq, what, run})
}

// advance does what is due, each at its own time, the earliest first.
func (s *Server) advance() {
	now := s.now()
	for {
		i := s.earliest()
		if i < 0 || s.jobs.list[i].at.After(now) {
			return
		}
		j := s.jobs.list[i]
		s.jobs.list = slices.Delete(s.jobs.list, i, i+1)
		j.run(j.at)
	}
}

func (s *Server) earliest() int {
	first := -1
	for i, j := range s.jobs.list {
		if first < 0 || j.at.Before(s.jobs.list[first].at) || j.at.Equal(s.jobs.list[first].at) && j.seq < s.jobs.list[first].seq {
			first = i
		}
	}
	return first
}

// Next is when the next job is due, and whether there is one.
func (s *Server) Next() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.earliest(); i >= 0 {
		return s.jobs.list[i].at, true
	}
	return time.Time{}, false
}
