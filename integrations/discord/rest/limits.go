package rest

import (
	"maps"
	"slices"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// Discord's global limit is 50 requests a second and bot; the window is a little
// longer here, because the network shifts requests against each other.
// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
const (
	defaultPerSecond = 50
	globalWindow     = 1100 * time.Millisecond
	maxBuckets       = 500 // before idle ones are forgotten
)

// limits is all that is known of Discord's limits. Its lock is never held while
// something is sent or waited for.
type limits struct {
	clock timeline.Clock

	mu      sync.Mutex
	buckets map[string]*bucket
	names   map[string]string    // which bucket an answer named for a route
	blocked map[string]time.Time // routes with their major parameter, after a 429
	global  time.Time            // until when all wait but interactions
	banned  time.Time            // until when all wait: the address is turned away
	sent    []time.Time          // the last slots, oldest first, as many as the global limit
	per     int
	invalid budget
}

func newLimits(clock timeline.Clock, perSecond int) *limits {
	if perSecond == 0 {
		perSecond = defaultPerSecond
	}
	return &limits{clock: clock, buckets: map[string]*bucket{}, names: map[string]string{}, blocked: map[string]time.Time{}, per: perSecond}
}

// join puts a call into the queue of its bucket.
func (l *limits) join(rt route, unlimited bool, giveUp time.Time) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	key, named := l.names[rt.name]
	if !named {
		key = rt.name
	}
	key += "|" + rt.major
	b := l.buckets[key]
	if b == nil {
		b = &bucket{provisional: !named}
		l.buckets[key] = b
	}
	w := &waiter{rt: rt, unlimited: unlimited, b: b, giveUp: giveUp, poke: make(chan struct{}, 1)}
	b.queue = append(b.queue, w)
	l.pump(b)
	return w
}

// pump lets those go whose time has come, in their order. A call whose own route is blocked does not hold up those
// of other routes in the same bucket.
func (l *limits) pump(b *bucket) {
	now := l.clock.Now()
	for _, w := range slices.Clone(b.queue) {
		if !b.open(w, now) {
			break
		}
		if l.until(w, now).After(now) {
			continue
		}
		slot := now
		if !w.unlimited {
			if slot = l.slot(now); slot.After(now) && slot.After(w.giveUp) {
				continue
			}
			l.reserve(slot)
		}
		b.drop(w)
		b.take()
		w.granted, w.slot = true, slot
		w.wake()
	}
}

// changed lets those go whose time has come and the others look again when theirs
// comes.
func (l *limits) changed(b *bucket) {
	l.pump(b)
	for _, w := range b.queue {
		w.wake()
	}
}

// until is the end of what keeps w back besides its bucket.
func (l *limits) until(w *waiter, now time.Time) time.Time {
	at := later(l.banned, l.blocked[w.rt.name+"|"+w.rt.major])
	if !w.unlimited {
		at = later(at, l.global)
	}
	return later(at, l.invalid.until(now))
}

// opens is when w may go, as far as is known; zero when that depends on an answer
// that is on its way.
func (l *limits) opens(w *waiter, now time.Time) time.Time {
	at := l.until(w, now)
	b := w.b.current()
	if !b.open(w, now) {
		at = later(at, b.reset)
	} else if !w.unlimited {
		at = later(at, l.slot(now))
	}
	if !at.After(now) {
		return time.Time{}
	}
	return at
}

// slot is when the global limit lets the next request go.
func (l *limits) slot(now time.Time) time.Time {
	at := now
	if l.per > 0 && len(l.sent) >= l.per {
		at = later(at, l.sent[len(l.sent)-l.per].Add(globalWindow))
	}
	if n := len(l.sent); n > 0 && l.invalid.slow(now) {
		at = later(at, l.sent[n-1].Add(slowPace))
	}
	return at
}

func (l *limits) reserve(slot time.Time) {
	l.sent = append(l.sent, slot)
	if most := max(l.per, 1); len(l.sent) > most {
		l.sent = slices.Delete(l.sent, 0, len(l.sent)-most)
	}
}

// giveBack takes a call out that is not going to be sent.
func (l *limits) giveBack(w *waiter) {
	b := w.b.current()
	b.drop(w)
	if w.granted {
		w.granted = false
		b.inFlight--
		b.remaining++
		b.unanswered()
	}
	l.changed(b)
}

// done counts an answer, or that none came (a.header is nil then), and returns until
// when a 429 turns the route away, and whose limit it was.
func (l *limits) done(w *waiter, a answer) (until time.Time, scope string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	b := w.b.current()
	b.inFlight--
	if a.header == nil {
		b.unanswered()
		l.changed(b)
		return until, ""
	}
	if name := a.header.Get("X-RateLimit-Bucket"); name != "" && len(name) <= 100 {
		b = l.name(b, w.rt, name)
	}
	if a.status < 500 || a.header.Get("X-RateLimit-Limit") != "" {
		b.learn(a.header, now)
	}
	if a.status == 429 {
		until, scope = l.refused(w.rt, a, now)
	}
	if a.status == 401 && !w.rt.own || a.status == 403 || a.status == 429 && scope != scopeShared {
		l.invalid.count(now)
	}
	l.changed(b)
	return until, scope
}

// name puts b where the bucket that an answer named is, together with all routes
// that share it.
func (l *limits) name(b *bucket, rt route, name string) *bucket {
	l.names[rt.name] = name
	key := name + "|" + rt.major
	real := l.buckets[key]
	switch {
	case real == b:
		return b
	case b.provisional:
		delete(l.buckets, rt.name+"|"+rt.major)
	case real == nil: // Discord has renamed it: others may still wait in the old one
		real = &bucket{}
		l.buckets[key] = real
		return real
	default:
		return real
	}
	if real == nil {
		b.provisional = false
		l.buckets[key] = b
		return b
	}
	b.moved = real
	real.inFlight += b.inFlight
	real.queue = append(real.queue, b.queue...)
	for _, w := range b.queue {
		w.b = real
	}
	b.queue = nil
	return real
}

// Whose limit a 429 was.
const (
	scopeUser       = "user"
	scopeGlobal     = "global"
	scopeShared     = "shared" // the resource's; no fault of ours
	scopeCloudflare = "cloudflare"
)

// Where a 429 says nothing.
const (
	defaultAfter    = time.Second
	cloudflareAfter = time.Minute
)

// refused remembers a 429. It always holds for the route, which may have a limit that
// the headers do not tell of (renaming a channel); for more where it says so.
func (l *limits) refused(rt route, a answer, now time.Time) (time.Time, string) {
	scope, after := a.scope(), a.retryAfter()
	switch {
	case after == 0 && scope == scopeCloudflare:
		after = cloudflareAfter
	case after == 0:
		after = defaultAfter
	}
	until := now.Add(after)
	switch scope {
	case scopeGlobal:
		l.global = later(l.global, until)
	case scopeCloudflare:
		l.banned = later(l.banned, until)
	}
	key := rt.name + "|" + rt.major
	l.blocked[key] = later(l.blocked[key], until)
	return until, scope
}

// forget drops what no longer matters.
func (l *limits) forget() {
	now := l.clock.Now()
	if len(l.buckets) > maxBuckets {
		maps.DeleteFunc(l.buckets, func(_ string, b *bucket) bool { return b.idle(now) })
	}
	if len(l.blocked) > maxBuckets {
		maps.DeleteFunc(l.blocked, func(_ string, at time.Time) bool { return !at.After(now) })
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
