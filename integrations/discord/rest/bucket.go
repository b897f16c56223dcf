package rest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// bucket is one of Discord's limits: so many requests until it resets, counted for
// all routes that name the same bucket and major parameter. Its waiters go in the
// order in which they came. The mutex of [limits] guards it.
type bucket struct {
	// provisional buckets stand for a single route, until an answer names the real one.
	provisional bool
	moved       *bucket // where a provisional bucket went

	known     bool // an answer told, or told that there is no limit
	limit     int  // 0: none was named
	remaining int
	reset     time.Time // zero while no answer of this window has told
	inFlight  int
	queue     []*waiter
}

// waiter is one call before it is sent.
type waiter struct {
	rt        route
	unlimited bool
	b         *bucket
	giveUp    time.Time     // on the client's clock
	impatient bool          // has waited long enough for other answers
	poke      chan struct{} // something has changed
	granted   bool
	slot      time.Time // when it may be sent, once granted
	parked    bool      // it had to wait; for the caller alone
}

func (b *bucket) current() *bucket {
	for b.moved != nil {
		b = b.moved
	}
	return b
}

// open reports whether one more request may go at now.
func (b *bucket) open(w *waiter, now time.Time) bool {
	if !b.reset.IsZero() && !now.Before(b.reset) {
		b.remaining, b.reset = b.limit, time.Time{} // a new window begins with the next request
	}
	switch {
	case !b.known: // the first one learns the limit for all
		return b.inFlight == 0 || w.impatient
	case b.limit == 0:
		return true
	case b.remaining > 0:
		return true
	}
	return b.reset.IsZero() && w.impatient
}

// take counts a request that is sent now.
func (b *bucket) take() {
	b.inFlight++
	b.remaining = max(b.remaining-1, 0)
}

// unanswered forgets what cannot be known when the answers of a window were lost.
func (b *bucket) unanswered() {
	if b.inFlight == 0 && b.remaining == 0 && b.reset.IsZero() {
		b.known = false
	}
}

// learn reads the headers of an answer.
// https://discord.com/developers/docs/topics/rate-limits#header-format
func (b *bucket) learn(h http.Header, now time.Time) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	after, err3 := strconv.ParseFloat(h.Get("X-RateLimit-Reset-After"), 64)
	if err1 != nil || err2 != nil || err3 != nil || limit < 1 || remaining < 0 {
		b.known = true
		return
	}
	reset := now.Add(seconds(after))
	const same = 250 * time.Millisecond // answers of one window do not agree to the millisecond
	if b.known && b.limit == limit && !b.reset.IsZero() && reset.Sub(b.reset).Abs() < same {
		b.remaining = min(b.remaining, remaining) // an older answer may come later
	} else {
		b.remaining = max(remaining-b.inFlight, 0) // those on their way may not be counted yet
	}
	if reset.After(b.reset) {
		b.reset = reset
	}
	b.known, b.limit = true, limit
}

// idle reports whether nothing is lost when b is forgotten.
func (b *bucket) idle(now time.Time) bool {
	return b.inFlight == 0 && len(b.queue) == 0 && !b.reset.After(now)
}

func (b *bucket) drop(w *waiter) {
	b.queue = slices.DeleteFunc(b.queue, func(o *waiter) bool { return o == w })
}

func (w *waiter) wake() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}
