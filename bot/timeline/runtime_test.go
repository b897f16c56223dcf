package timeline_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

var epoch = time.Date(2021, 7, 11, 0, 0, 0, 0, time.UTC)

// said is a payload for tests.
type said struct {
	Words string `json:"words"`
}

func (*said) Kind() timeline.Kind { return "said" }
func (s *said) Text() string      { return s.Words }

// rig is a real store under a clock that the test moves.
type rig struct {
	t     *testing.T
	path  string
	clock *scenario.Clock
	store *storage.DB
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "wardroom.db"), clock: scenario.NewClock(epoch)}
	r.open()
	t.Cleanup(func() { r.store.Close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	codec, err := timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[said](timeline.Key)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.store, err = storage.OpenSQLite(r.t.Context(), r.path, storage.Options{Codec: codec, Clock: r.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) say(id timeline.ID, words ...string) {
	r.t.Helper()
	var d timeline.Decision
	for _, w := range words {
		d.Entries = append(d.Entries, timeline.Draft{Timeline: id, Payload: &said{w}, Actor: people.Human("joe")})
	}
	r.record(d)
}

func (r *rig) record(d timeline.Decision) {
	r.t.Helper()
	if _, err := r.store.Update(r.t.Context(), func(timeline.View) (timeline.Decision, error) { return d, nil }); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) words(id timeline.ID) (words []string) {
	r.t.Helper()
	err := r.store.View(r.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries(id, 0, 5000)
		for _, e := range entries {
			words = append(words, string(e.Kind)+": "+e.Payload.Text())
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return words
}

// start runs a runtime until stop, which returns when it has ended.
func (r *rig) start(add func(*timeline.Runtime)) (rt *timeline.Runtime, stop func()) {
	rt = timeline.NewRuntime(r.store, r.clock, slog.New(slog.DiscardHandler))
	add(rt)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- rt.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(stop)
	r.settle(rt)
	return rt, stop
}

func (r *rig) settle(rt *timeline.Runtime) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	if err := rt.Settle(ctx); err != nil {
		r.t.Fatalf("never settled: %v", err)
	}
}

// pass moves the clock by d, stopping at everything that wakes on the way.
func (r *rig) pass(rt *timeline.Runtime, d time.Duration) {
	r.t.Helper()
	until := r.clock.Now().Add(d)
	for {
		next, sleeping := r.clock.Next()
		if !sleeping || next.After(until) {
			break
		}
		r.clock.MoveTo(next)
		r.settle(rt)
	}
	r.clock.MoveTo(until)
	r.settle(rt)
}

// outside is a chat that can be down.
type outside struct {
	mu      sync.Mutex
	posts   []string
	retries int
	broken  map[timeline.ID]error
}

func (o *outside) Post(_ context.Context, d timeline.Delivery) (made []timeline.Delivered, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.Retry {
		o.retries++
	}
	if err := o.broken[d.Timeline]; err != nil {
		return nil, err
	}
	for _, e := range d.Entries {
		o.posts = append(o.posts, e.Ref.String()+" "+e.Payload.Text())
		made = append(made, timeline.Delivered{Of: e.Ref, External: "m" + e.Ref.String()})
	}
	return made, nil
}

func (o *outside) fail(id timeline.ID, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = map[timeline.ID]error{id: err}
}

func (o *outside) said() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.posts)
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func incidents(id timeline.ID) bool { return id.IsIncident() }

func TestPosterDeliversInOrderAndNeverTwice(t *testing.T) {
	r, chat := newRig(t), &outside{}
	r.say("INC-1", "one", "two")
	add := func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) }
	rt, stop := r.start(add)
	r.say("INC-1", "three")
	r.say(timeline.Log, "not for the chat")
	r.settle(rt)
	stop()
	rt, _ = r.start(add)
	r.say("INC-1", "four")
	r.settle(rt)
	want(t, "posts", chat.said(), []string{"INC-1#1 one", "INC-1#2 two", "INC-1#5 three", "INC-1#7 four"})
}

func TestPosterTriesAgainWithoutHoldingUpOthers(t *testing.T) {
	r, chat := newRig(t), &outside{}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) })
	chat.fail("INC-1", errors.New("503"))
	r.say("INC-1", "first")
	r.say("INC-2", "second")
	r.settle(rt)
	want(t, "while INC-1 is broken", chat.said(), []string{"INC-2#1 second"})
	if lag, err := rt.Lag(t.Context()); err != nil || lag["chat"] != 1 {
		t.Errorf("lag is %v (%v), want 1 entry for the chat", lag, err)
	}
	chat.fail("", nil)
	r.pass(rt, time.Minute)
	want(t, "afterwards", chat.said(), []string{"INC-2#1 second", "INC-1#1 first"})
	if chat.retries == 0 {
		t.Error("the second attempt was not marked as a retry")
	}
}

func TestPermanentFailureIsRecordedAndPassedOver(t *testing.T) {
	r, chat := newRig(t), &outside{}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) })
	chat.fail("INC-1", problem.New(problem.Forbidden, "the channel is gone"))
	r.say("INC-1", "lost")
	r.settle(rt)
	chat.fail("", nil)
	r.say("INC-1", "next")
	r.settle(rt)
	want(t, "posts", chat.said(), []string{"INC-1#3 next"})
	want(t, "timeline", r.words("INC-1"), []string{"said: lost", "delivery.failed: chat could not deliver INC-1#1: the channel is gone",
		"said: next", "delivery.done: chat delivered INC-1#3 as mINC-1#3"})
}

// echo answers each word in the log with one in INC-1.
type echo struct{ t *testing.T }

func (echo) Decide(_ timeline.View, entries []timeline.Entry) (d timeline.Decision, err error) {
	for _, e := range entries {
		if s, ok := e.Payload.(*said); ok {
			d.Entries = append(d.Entries, timeline.Draft{Timeline: "INC-1", Payload: &said{"echo " + s.Words}, Cause: e.Ref})
		}
	}
	return d, nil
}

func TestDeciderCountsEachEntryOnceAcrossRestarts(t *testing.T) {
	r := newRig(t)
	add := func(rt *timeline.Runtime) {
		rt.AddDecider("echo", func(id timeline.ID) bool { return id == timeline.Log }, echo{t})
	}
	var expected []string
	for _, word := range []string{"a", "b", "c"} {
		rt, stop := r.start(add)
		r.say(timeline.Log, word)
		r.settle(rt)
		stop()
		r.store.Close()
		r.open()
		expected = append(expected, "said: echo "+word)
	}
	want(t, "INC-1", r.words("INC-1"), expected)
}

// board shows the newest words of a timeline.
type board struct {
	r     *rig
	mu    sync.Mutex
	shown []string
}

func (b *board) Show(_ context.Context, id timeline.ID) ([]timeline.Delivered, error) {
	words := b.r.words(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = append(b.shown, b.r.clock.Now().Format("04:05 ")+words[len(words)-1])
	return nil, nil
}

func TestMirrorShowsTheLastStateAndNotTooOften(t *testing.T) {
	r := newRig(t)
	b := &board{r: r}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddMirror("board", incidents, 5*time.Second, b) })
	r.say("INC-1", "a")
	r.settle(rt)
	for _, word := range []string{"b", "c", "d"} {
		r.pass(rt, time.Second)
		r.say("INC-1", word)
		r.settle(rt)
	}
	r.pass(rt, time.Minute)
	want(t, "shown", b.shown, []string{"00:00 said: a", "00:05 said: d"})
}

func TestTimerAppendsItsEntryWhenDue(t *testing.T) {
	r := newRig(t)
	rt, stop := r.start(func(rt *timeline.Runtime) {
		rt.Handle("remind", func(v timeline.View, timer timeline.Timer) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timer.Timeline, Payload: &said{"reminder: " + timer.Data}}}}, nil
		})
		rt.Handle("poison", func(timeline.View, timeline.Timer) (timeline.Decision, error) {
			return timeline.Decision{}, errors.New("always fails")
		})
	})
	timer := func(key, what string, after time.Duration) timeline.Timer {
		return timeline.Timer{Key: key, Due: epoch.Add(after), Timeline: "INC-1", What: what, Data: "update the status page"}
	}
	r.record(timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &said{"set"}, Effects: timeline.Effects{
		Set: []timeline.Timer{timer("late", "remind", time.Hour), timer("bad", "poison", time.Minute), timer("off", "remind", 2*time.Minute)}}}}})
	r.record(timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &said{"clear"}, Effects: timeline.Effects{Clear: []string{"off"}}}}})
	r.pass(rt, 30*time.Minute)
	want(t, "after half an hour", r.words("INC-1"), []string{"said: set", "said: clear", "timer.fired: Timer bad was due"})
	stop()
	rt, _ = r.start(func(rt *timeline.Runtime) {
		rt.Handle("remind", func(v timeline.View, timer timeline.Timer) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timer.Timeline, Payload: &said{"reminder: " + timer.Data}}}}, nil
		})
	})
	r.pass(rt, time.Hour)
	want(t, "after the restart", r.words("INC-1")[3:], []string{"timer.fired: Timer late was due", "said: reminder: update the status page"})
	err := r.store.View(t.Context(), func(v timeline.View) error {
		e, err := v.Entry(timeline.Ref{Timeline: "INC-1", Seq: 5})
		if err == nil && (e.Cause != timeline.Ref{Timeline: "INC-1", Seq: 4} || !e.RecordedAt.Equal(epoch.Add(time.Hour))) {
			t.Errorf("the reminder was caused by %q at %s", e.Cause, e.RecordedAt)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// picky is a chat that only erasures concern.
type picky struct{ outside }

func (*picky) Wants(k timeline.Kind) bool { return k == "erased" }

func TestAChoosyFollowerIsNotWokenForWhatDoesNotConcernIt(t *testing.T) {
	r, chat := newRig(t), &picky{}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) })
	r.say("INC-1", "one", "two")
	r.settle(rt)
	want(t, "posts", chat.said(), nil)
	if lag, err := rt.Lag(t.Context()); err != nil || lag["chat"] != 0 {
		t.Errorf("lag %v, %v: it has nothing left to do", lag, err)
	}
	ref := timeline.Ref{Timeline: "INC-1", Seq: 1}
	r.record(timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1",
		Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "a token"}, Effects: timeline.Effects{Erase: []timeline.Ref{ref}}}}})
	r.settle(rt)
	want(t, "posts", chat.said(), []string{"INC-1#3 Erased INC-1#1: a token"})
	chat.fail("INC-1", errors.New("503"))
	r.record(timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &timeline.Erasure{Reason: "nothing"}}}})
	r.settle(rt)
	r.say("INC-1", "while it waits")
	r.settle(rt)
	chat.fail("", nil)
	r.pass(rt, time.Minute)
	if posts := chat.said(); len(posts) < 2 || posts[1] != "INC-1#5 Erased : nothing" {
		t.Errorf("posts %q", posts)
	}
}
