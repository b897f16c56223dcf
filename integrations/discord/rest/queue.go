package rest

import (
	"context"
	"encoding/json"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// grace is what a wait on the client's clock may take longer on the machine's. A
// clock that stands still meanwhile holds no call for longer.
const grace = 250 * time.Millisecond

// enter waits until the call may be sent, for the client's patience at most. Those
// who wait for one bucket go in the order in which they came.
func (c *Client) enter(ctx context.Context, call Call, rt route) (*waiter, error) {
	begin := c.clock.Now()
	patience := max(c.patience, 0)
	enough := time.NewTimer(patience + grace)
	defer enough.Stop()
	parked := false
	for {
		if p := c.stopped(); p != nil && !rt.own {
			return nil, p
		}
		w := c.limits.join(rt, call.Unlimited, begin.Add(patience))
		at, err := c.await(ctx, w, enough.C)
		parked = parked || w.parked
		if err == nil && c.limits.clear(w) {
			if parked { // a clock that goes on shows some time in any case
				c.metrics.Waited(rt.name, c.clock.Now().Sub(begin), false)
			}
			return w, nil
		}
		if err != nil {
			c.limits.leave(w)
			c.metrics.Waited(rt.name, c.clock.Now().Sub(begin), true)
			if at.IsZero() {
				return nil, unavailable("Discord could not be asked in time").Because(err)
			}
			return nil, &timeline.Later{At: at, Err: c.wait(rt, at).Because(err)}
		}
	}
}

// await returns nil when w may be sent now, else when it may be, zero if nobody knows.
func (c *Client) await(ctx context.Context, w *waiter, enough <-chan time.Time) (time.Time, error) {
	for {
		at, granted := c.limits.next(w)
		now := c.clock.Now()
		switch {
		case ctx.Err() != nil:
			return at, ctx.Err()
		case granted && !at.After(now):
			return at, nil
		case at.After(w.giveUp):
			return at, errWait
		}
		if d, ok := ctx.Deadline(); ok && time.Until(d) < at.Sub(now) {
			return at, errWait
		}
		var due <-chan time.Time
		stop := func() {}
		if !at.IsZero() {
			due, stop = c.clock.At(at)
		}
		w.parked = true
		select {
		case <-ctx.Done():
		case <-w.poke:
		case <-due:
		case <-enough:
			if !at.IsZero() {
				stop()
				return at, errWait
			}
			c.limits.hurry(w)
		}
		stop()
	}
}

// next is when to look again (zero: when poked), or, when granted, when to send.
func (l *limits) next(w *waiter) (at time.Time, granted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !w.granted {
		l.pump(w.b.current())
	}
	select {
	case <-w.poke: // by this very look
	default:
	}
	if w.granted {
		return w.slot, true
	}
	return l.opens(w, l.clock.Now()), false
}

// clear reports whether w may still be sent: a limit may have been hit while it
// waited for its slot. If not, it is taken out.
func (l *limits) clear(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if l.until(w, now).After(now) {
		l.giveBack(w)
		return false
	}
	return true
}

func (l *limits) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(w)
}

// hurry lets w go although an answer on its way would tell more: one that is slow
// must not hold up the others.
func (l *limits) hurry(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.impatient = true
}

// leave counts what came back for w; it returns until when a 429 turns it away.
func (c *Client) leave(w *waiter, a answer, err error) time.Time {
	if err != nil {
		a = answer{}
	}
	until, scope := c.limits.done(w, a)
	if scope == "" {
		return until
	}
	c.metrics.Limited(w.rt.name, scope)
	c.log.Warn("discord limits requests", "route", w.rt.name, "scope", scope, "until", until)
	return until
}

// wait is the problem of a call that is sent away.
func (c *Client) wait(rt route, at time.Time) *problem.Error {
	does := "do this"
	if a, ok := acts[rt.name]; ok {
		does = a.says
	}
	return unavailable("Discord asks to wait %s before it lets the bot %s", at.Sub(c.clock.Now()).Round(time.Second), does)
}

// scope is whose limit a 429 was. One that does not look like Discord's own comes
// from the proxy before it and holds for the whole address.
func (a answer) scope() string {
	var said struct {
		Message string   `json:"message"`
		After   *float64 `json:"retry_after"`
		Global  bool     `json:"global"`
	}
	readable := json.Unmarshal(a.body, &said) == nil && (said.Message != "" || said.After != nil)
	scope := a.header.Get("X-RateLimit-Scope")
	switch {
	case !readable && scope == "" && a.header.Get("X-RateLimit-Bucket") == "" && a.header.Get("X-RateLimit-Global") == "":
		return scopeCloudflare
	case said.Global || a.header.Get("X-RateLimit-Global") == "true" || scope == scopeGlobal:
		return scopeGlobal
	case scope == scopeShared:
		return scopeShared
	}
	return scopeUser
}
