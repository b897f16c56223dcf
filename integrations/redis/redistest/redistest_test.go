package redistest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/integrations/redis/redistest"
)

// rig is a set on a clock and pods of its own.
type rig struct {
	*testing.T
	*redistest.Server
	clock *scenario.Clock
	pods  []redistest.Pod
}

func newRig(t *testing.T, o redistest.Options) *rig {
	t.Helper()
	r := &rig{T: t, clock: scenario.NewClock(time.Date(2024, 4, 10, 16, 36, 0, 0, time.UTC))}
	for n := range 3 {
		r.pods = append(r.pods, redistest.Pod{Name: fmt.Sprintf("redis-%d", n), UID: fmt.Sprint("first-", n), Ready: true})
	}
	o.Now, o.Pods = r.clock.Now, func() []redistest.Pod { return r.pods }
	var err error
	if r.Server, err = redistest.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// pass lets time pass second by second, as a cluster beside it would.
func (r *rig) pass(d time.Duration) {
	for range d / time.Second {
		r.clock.MoveTo(r.clock.Now().Add(time.Second))
		r.Advance()
	}
}

// stand is "M r -": a master, a replica with its link up or (x) down, no process.
func (r *rig) stand() string {
	var all []string
	for _, s := range r.States() {
		switch {
		case !s.Up:
			all = append(all, "-")
		case s.Master == "":
			all = append(all, "M")
		case s.Link:
			all = append(all, "r")
		default:
			all = append(all, "x")
		}
	}
	return strings.Join(all, " ")
}

func (r *rig) stands(want string) {
	r.Helper()
	if got := r.stand(); got != want {
		r.Errorf("%s, want %s: %+v", got, want, r.States())
	}
}

func TestSentinelReplacesAMasterThatIsDown(t *testing.T) {
	r := newRig(t, redistest.Options{})
	r.stands("M r r")
	r.pods[0].Ready = false
	r.pass(29 * time.Second)
	r.stands("- x x")
	r.pass(6 * time.Second)
	r.stands("- r M") // of two alike the one with the lower run id
	before := r.States()[0].Run
	r.pods[0] = redistest.Pod{Name: "redis-0", UID: "second", Ready: true}
	r.pass(15 * time.Second)
	if s := r.States()[0]; s.Run == before || s.Link || s.Master == "" {
		t.Errorf("it copies everything first: %+v", s)
	}
	r.pass(10 * time.Second)
	if s := r.States()[0]; !s.Link || s.Keys != 1000 {
		t.Errorf("%+v", s)
	}
}

func TestOneSentinelAloneReplacesNobody(t *testing.T) {
	r := newRig(t, redistest.Options{Master: 2})
	r.pods = r.pods[:1]
	r.pass(5 * time.Minute)
	r.stands("x - -")
}

func TestASecondMasterIsMadeAReplicaUnlessItIsSplit(t *testing.T) {
	r := newRig(t, redistest.Options{})
	r.Split("redis-2")
	r.pass(time.Minute)
	r.stands("M r M")
	r.Join("redis-2")
	r.pass(25 * time.Second)
	r.stands("M r r")
}

func TestWhoIsSeveredIsReachedByNobody(t *testing.T) {
	r := newRig(t, redistest.Options{Unwatched: true})
	r.pods[0].Severed = true
	r.pass(time.Second)
	r.stands("M x x")
	r.pods[0].Severed = false
	r.pass(5 * time.Second)
	r.stands("M r r")
}
