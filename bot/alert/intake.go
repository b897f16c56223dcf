package alert

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Result counts what became of the alerts of one request.
type Result struct {
	New      int // recorded as received: a new alert, or a new status of a known one
	Changed  int // known, but what they say has changed: recorded, or noted to be recorded within a minute
	Repeated int // known already; nothing was written
}

func (r *Result) add(o Result) {
	r.New += o.New
	r.Changed += o.Changed
	r.Repeated += o.Repeated
}

// Observation is what a meter is told of one call to Record.
type Observation struct {
	Source string // of the first alert
	Result Result
	Took   time.Duration // in real time, the wait for the disk included
	Err    error
}

// Meter is called after each Record, from many goroutines at once.
type Meter func(Observation)

const (
	// changeEvery is how often at most an alert's changes become an entry.
	changeEvery = time.Minute
	// refireAfter is how long after its resolution an episode that is said to fire
	// must be taken at its word. Before that it is a late duplicate: Alertmanager
	// repeats a failed notification for at most max(group_interval, 10 s), and 5 min
	// is group_interval's default. After it, the alert fires again under its old
	// startsAt, as when Prometheus could not reach Alertmanager for a while.
	refireAfter = 10 * time.Minute
	// settle is how long what was recorded outweighs what is read back: replicas
	// lag behind each other, and notifications wait for their group.
	settle = 2 * time.Minute
	// chunk bounds how many alerts one update decides on, so that other senders
	// are not kept waiting.
	chunk = 256
	// maxKey bounds source and fingerprint together, in bytes.
	maxKey = 512
)

// Intake records what sources say, once, however often they say it.
type Intake struct {
	door  timeline.Store
	codec *timeline.Codec
	clock timeline.Clock
	log   *slog.Logger
	meter Meter

	mu   sync.Mutex
	due  map[string]time.Time // alert key → when its note is to become an entry; may name notes that are gone
	wake chan struct{}
}

// NewIntake makes an intake. meter may be nil. [Intake.Run] must run beside it,
// or noted changes wait until they are flushed by a later notification.
func NewIntake(door timeline.Store, codec *timeline.Codec, clock timeline.Clock, log *slog.Logger, meter Meter) *Intake {
	if meter == nil {
		meter = func(Observation) {}
	}
	return &Intake{door: door, codec: codec, clock: clock, log: log, meter: meter,
		due: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

// Record makes durable what is new in alerts: when it returns nil, it is on
// disk. found says how they came in when no webhook brought them, and is empty
// otherwise. It may be called at the same time from many goroutines and repeated
// at will: an alert is the same by (source, fingerprint, startsAt, status), which
// is decided inside the writer.
//
// An alert without StartsAt, from a sender that knows none, began when it was
// first heard of, and is the same for as long as it fires; so is one whose
// StartsAt is approximate. A notification of an episode before the current one
// adds nothing.
//
// It returns an Invalid problem for an alert without source, fingerprint or
// known status, and Unavailable when nothing can be recorded at present.
func (i *Intake) Record(ctx context.Context, alerts []Alert, found string) (Result, error) {
	return i.record(ctx, alerts, manner{found: found})
}

// manner is how alerts came in.
type manner struct {
	found string
	// asOf is when the source was asked, for what was read back: it then speaks of
	// the present. Zero for what was sent, which may have been under way for long.
	asOf time.Time
}

func (i *Intake) record(ctx context.Context, alerts []Alert, how manner) (Result, error) {
	if len(alerts) == 0 {
		return Result{}, nil
	}
	began := time.Now()
	total, err := i.recordAll(ctx, alerts, how)
	i.meter(Observation{Source: alerts[0].Source, Result: total, Took: time.Since(began), Err: err})
	return total, err
}

func (i *Intake) recordAll(ctx context.Context, alerts []Alert, how manner) (Result, error) {
	batch, err := i.prepare(alerts, how)
	if err != nil {
		return Result{}, err
	}
	return i.commitAll(ctx, batch, how)
}

func (i *Intake) commitAll(ctx context.Context, batch []incoming, how manner) (Result, error) {
	var total Result
	for len(batch) > 0 {
		part := batch[:min(chunk, len(batch))]
		batch = batch[len(part):]
		result, err := i.commit(ctx, part, how)
		if err != nil {
			return total, err
		}
		total.add(result)
	}
	return total, nil
}

func (i *Intake) commit(ctx context.Context, batch []incoming, how manner) (Result, error) {
	repeats := repeatsKey(batch)
	var d *decision
	_, err := i.door.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		d = newDecision(v, i.codec, how, repeats)
		for n := range batch {
			if err := d.decide(&batch[n]); err != nil {
				return timeline.Decision{}, err
			}
		}
		return d.Decision, nil
	})
	if err != nil {
		return Result{}, err // d may still be written to
	}
	i.remind(d.noted)
	return d.result, nil
}

// incoming is an alert on its way in, encoded before the writer sees it.
type incoming struct {
	sealed   *timeline.Encoded
	received *Received // as it will be recorded, secrets removed
	key      string
	undated  bool // StartsAt does not identify the episode
	// approximate: StartsAt is when the sender spoke.
	approximate bool
	// expect is the entry of the state from which the end of an alert was
	// concluded; zero for what a source said itself. Nothing is recorded when the
	// alert has moved on since.
	expect timeline.Ref
}

// prepare checks and encodes outside the writer, so that requests do it in parallel.
func (i *Intake) prepare(alerts []Alert, how manner) ([]incoming, error) {
	now := timeline.Stamp(i.clock.Now())
	batch := make([]incoming, len(alerts))
	for n := range alerts {
		a := &alerts[n]
		if err := check(a); err != nil {
			return nil, err
		}
		r := &Received{Alert: *a, Found: how.found}
		undated := a.StartsAt.IsZero() || a.Approximate
		normalise(&r.Alert, now)
		if a.Status == Firing {
			r.Value = firstValue(a.Annotations, now)
		}
		if err := i.seal(&batch[n], r); err != nil {
			return nil, err
		}
		batch[n].undated, batch[n].approximate = undated, a.Approximate
	}
	return batch, nil
}

func (i *Intake) seal(in *incoming, r *Received) error {
	sealed, err := i.codec.Seal(r)
	if err != nil {
		return err
	}
	received, ok := sealed.Inner.(*Received)
	if !ok {
		return fmt.Errorf("alert: what was sealed does not decode again: %s", r.Alert.Key())
	}
	*in = incoming{sealed: sealed, received: received, key: received.Alert.Key()}
	return nil
}

func check(a *Alert) error {
	switch {
	case a.Source == "":
		return problem.New(problem.Invalid, "an alert has no source")
	case a.Fingerprint == "":
		return problem.New(problem.Invalid, "the alert %q has no fingerprint", a.Name())
	case len(a.Source)+len(a.Fingerprint) > maxKey:
		return problem.New(problem.Invalid, "an alert's fingerprint has %d bytes", len(a.Fingerprint)).WithHint("at most %d are kept", maxKey-len(a.Source))
	case !writable(a.StartsAt) || !writable(a.EndsAt):
		return problem.New(problem.Invalid, "the alert %q has a time that cannot be written", a.Name())
	case a.Status != Firing && a.Status != Resolved:
		return problem.New(problem.Invalid, "the alert %q has the status %q", a.Name(), a.Status).WithHint("want firing or resolved")
	}
	return nil
}

// writable reports whether RFC 3339 has a form for t.
func writable(t time.Time) bool { y := t.UTC().Year(); return y >= 1 && y <= 9999 }

func normalise(a *Alert, now time.Time) {
	if a.Approximate && a.StartsAt.After(now) {
		a.StartsAt = now // a clock or a zone is off
	}
	a.Approximate = false
	if a.StartsAt.IsZero() {
		a.StartsAt = now
		if a.Status == Resolved && !a.EndsAt.IsZero() && a.EndsAt.Before(now) {
			a.StartsAt = a.EndsAt
		}
	}
	a.Labels, a.Annotations, a.GeneratorURL = validTexts(a.Labels), validTexts(a.Annotations), validText(a.GeneratorURL)
	a.Source, a.Fingerprint = validText(a.Source), validText(a.Fingerprint)
	a.StartsAt, a.EndsAt = timeline.Stamp(a.StartsAt), timeline.Stamp(a.EndsAt)
	if a.Status == Firing {
		a.EndsAt = time.Time{}
	} else if a.EndsAt.IsZero() {
		a.EndsAt = now
	}
	if a.Status == Resolved && a.EndsAt.Before(a.StartsAt) {
		a.EndsAt = a.StartsAt // StartsAt identifies the episode: it stays as it was sent
	}
}

// validText makes of outside text what JSON can hold.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func validTexts(m map[string]string) map[string]string {
	for k, v := range m {
		if utf8.ValidString(k) && utf8.ValidString(v) {
			continue
		}
		mended := make(map[string]string, len(m))
		for k, v := range m {
			mended[validText(k)] = validText(v)
		}
		return mended
	}
	return m
}

// repeatsKey reports whether an alert is in the batch more than once.
func repeatsKey(batch []incoming) bool {
	if len(batch) < 2 {
		return false
	}
	seen := make(map[string]struct{}, len(batch))
	for n := range batch {
		if _, again := seen[batch[n].key]; again {
			return true
		}
		seen[batch[n].key] = struct{}{}
	}
	return false
}
