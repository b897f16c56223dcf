package discord

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// maxQueued bounds what waits in a stream. What does not fit is dropped, said so,
// and found again at the next catching up.
const maxQueued = 10_000

// stream runs jobs one after another, in the order they were put. Putting never
// blocks, so that a slow job never keeps the connection from being read.
type stream struct {
	log    *slog.Logger
	mu     sync.Mutex
	jobs   []job
	doing  bool
	signal chan struct{}
	rested func() // nothing waits any more
}

type job struct {
	what string
	do   func()
}

func (s *stream) init(log *slog.Logger, rested func()) {
	s.log, s.signal, s.rested = log, make(chan struct{}, 1), rested
}

func (s *stream) put(what string, do func()) {
	s.mu.Lock()
	full := len(s.jobs) >= maxQueued
	if !full {
		s.jobs = append(s.jobs, job{what, do})
	}
	s.mu.Unlock()
	if full {
		s.log.Error("too much waits: an event was dropped", "event", what)
		return
	}
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// busy reports whether a job waits or runs.
func (s *stream) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doing || len(s.jobs) > 0
}

// run does the jobs until ctx ends. A job that panics is logged; the next follows.
func (s *stream) run(ctx context.Context) {
	for {
		j, ok := s.next()
		if !ok {
			s.rested()
			select {
			case <-ctx.Done():
				return
			case <-s.signal:
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.do(j)
	}
}

func (s *stream) next() (job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doing = len(s.jobs) > 0
	if !s.doing {
		return job{}, false
	}
	j := s.jobs[0]
	s.jobs[0] = job{}
	s.jobs = s.jobs[1:]
	return j, true
}

func (s *stream) do(j job) {
	defer func() {
		if why := recover(); why != nil {
			s.log.Error("panic", "in", j.what, "panic", fmt.Sprint(why), "stack", stack())
		}
	}()
	j.do()
}
