package timeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
)

// narrow is a chat that takes one post every ten seconds.
type narrow struct {
	clock *scenario.Clock
	chat  outside

	mu   sync.Mutex
	free time.Time
}

func (n *narrow) Post(ctx context.Context, d timeline.Delivery) (made []timeline.Delivered, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range d.Entries {
		if n.clock.Now().Before(n.free) {
			return made, &timeline.Later{At: n.free, Err: errors.New("429")}
		}
		one, err := n.chat.Post(ctx, timeline.Delivery{Timeline: d.Timeline, Entries: []timeline.Entry{e}, Retry: d.Retry})
		if err != nil {
			return made, err
		}
		made = append(made, one...)
		n.free = n.clock.Now().Add(10 * time.Second)
	}
	return made, nil
}

func TestAPosterThatHasToWaitKeepsWhatItDelivered(t *testing.T) {
	r := newRig(t)
	chat := &narrow{clock: r.clock}
	add := func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) }
	rt, stop := r.start(add)
	r.say("INC-1", "one", "two", "three")
	r.settle(rt)
	want(t, "at once", chat.chat.said(), []string{"INC-1#1 one"})
	r.pass(rt, 10*time.Second)
	stop() // a restart in between repeats nothing either
	rt, _ = r.start(add)
	r.pass(rt, 30*time.Second)
	want(t, "in the end", chat.chat.said(), []string{"INC-1#1 one", "INC-1#2 two", "INC-1#3 three"})
}

func TestFollowersInTurnLeaveTheSameRecord(t *testing.T) {
	var first []string
	for round := range 5 {
		r := newRig(t)
		rt, _ := r.start(func(rt *timeline.Runtime) {
			rt.InTurn()
			for n := range 6 {
				rt.AddPoster(fmt.Sprintf("chat %d", n), incidents, &outside{})
			}
		})
		release := rt.Hold()
		r.say("INC-1", "one")
		r.say("INC-1", "two") // stands beside the first: nobody acts in between
		release()
		r.settle(rt)
		r.say("INC-1", "three")
		r.settle(rt)
		if words := r.words("INC-1"); round == 0 {
			first = words
			want(t, "the beginning", words[:3], []string{"said: one", "said: two", "delivery.done: chat 0 delivered INC-1#1 as mINC-1#1"})
		} else {
			want(t, "a later round", words, first)
		}
	}
}

func TestRetryDoesNotWaitOutWhatWasPutOff(t *testing.T) {
	r, chat := newRig(t), &outside{}
	chat.fail("INC-1", errors.New("503"))
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) })
	r.say("INC-1", "first")
	r.settle(rt)
	chat.fail("", nil)
	rt.Retry("another")
	r.settle(rt)
	want(t, "before", chat.said(), nil)
	rt.Retry("chat")
	r.settle(rt)
	want(t, "after", chat.said(), []string{"INC-1#1 first"})
}

func TestAHiccupAfterALongOutageIsNotAnotherLongWait(t *testing.T) {
	r, chat := newRig(t), &outside{}
	chat.fail("INC-1", errors.New("503"))
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddPoster("chat", incidents, chat) })
	r.say("INC-1", "first")
	r.settle(rt)
	for range 12 {
		r.clock.MoveTo(r.clock.Now().Add(5 * time.Minute))
		r.settle(rt)
	}
	rt.Retry("chat") // it is back, and stumbles once
	r.settle(rt)
	chat.fail("", nil)
	r.clock.MoveTo(r.clock.Now().Add(2 * time.Second))
	r.settle(rt)
	want(t, "soon after", chat.said(), []string{"INC-1#1 first"})
}

// glass shows how often it was looked through.
type glass struct {
	mu    sync.Mutex
	shown int
}

func (g *glass) Show(context.Context, timeline.ID) ([]timeline.Delivered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shown++
	return nil, nil
}

func TestAMirrorIsRefreshedWithoutAnEntryAndNotTooOften(t *testing.T) {
	r, g := newRig(t), &glass{}
	rt, _ := r.start(func(rt *timeline.Runtime) { rt.AddMirror("glass", incidents, 5*time.Second, g) })
	r.say("INC-1", "one")
	r.settle(rt)
	rt.Refresh("glass", "INC-1")
	rt.Refresh("another", "INC-1")
	r.settle(rt)
	if g.shown != 1 {
		t.Errorf("shown %d times within five seconds", g.shown)
	}
	r.pass(rt, 10*time.Second)
	if g.shown != 2 {
		t.Errorf("shown %d times, want once more after five seconds", g.shown)
	}
}

// slowAlarms is a clock that takes its time to set an alarm.
type slowAlarms struct{ *scenario.Clock }

func (s slowAlarms) At(t time.Time) (<-chan time.Time, func()) {
	for range 100 {
		runtime.Gosched()
	}
	return s.Clock.At(t)
}

// TestWhoeverSettledKnowsWhatIsWaitedFor: a rehearsal asks the clock, once all has
// come to rest, when it goes on. A wait that is not known by then is slept through.
func TestWhoeverSettledKnowsWhatIsWaitedFor(t *testing.T) {
	r := newRig(t)
	rt := timeline.NewRuntime(r.store, slowAlarms{r.clock}, slog.New(slog.DiscardHandler))
	rt.AddPoster("chat", incidents, &narrow{clock: r.clock})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- rt.Run(ctx) }()
	<-rt.Begun()
	for n := range 100 {
		r.say("INC-1", "told", "has to wait")
		r.settle(rt)
		if next, waits := r.clock.Next(); !waits || !next.Equal(r.clock.Now().Add(10*time.Second)) {
			t.Fatalf("round %d: the next wait is %s, %t; it is %s", n, next, waits, r.clock.Now())
		}
		r.pass(rt, 30*time.Second)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
