package statuspage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Whatever people do, in whatever order, and whatever is erased: the same entries
// fold to the same tables (rig.verify), and no notice contradicts itself.
func TestAnyNightFoldsToTheSameTables(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, dice := newRig(t), rand.New(rand.NewPCG(seed, 1))
			for n := range 3 {
				r.declare(timeline.Incident(n+1), fmt.Sprintf("Incident %d", n+1))
			}
			r.components("Website", "API", "Bot")
			var erasable []timeline.Ref
			for range 40 {
				r.clock.MoveTo(r.clock.Now().Add(time.Duration(dice.IntN(600)) * time.Second))
				out, err := r.act(dice, erasable)
				if err == nil && !out.Entry.IsZero() {
					erasable = append(erasable, out.Entry)
				}
			}
			for _, n := range r.site().Notices {
				check(t, n)
			}
		})
	}
}

// act does something at random; a refusal is as good as anything.
func (r *rig) act(dice *rand.Rand, erasable []timeline.Ref) (statuspage.Outcome, error) {
	ctx := r.t.Context()
	id := timeline.Incident(dice.IntN(3) + 1)
	past := r.clock.Now().Add(-time.Duration(dice.IntN(3000)) * time.Second)
	levels := map[string]statuspage.Level{}
	for _, name := range []string{"website", "API", "Bot"} {
		if dice.IntN(3) == 0 {
			levels[name] = statuspage.Levels[dice.IntN(len(statuspage.Levels))]
		}
	}
	switch dice.IntN(9) {
	case 0, 1:
		return r.desk.Post(ctx, joe, statuspage.Post{Incident: id, Text: "x", State: statuspage.States[dice.IntN(4)], Components: levels})
	case 2:
		return r.desk.Post(ctx, joe, statuspage.Post{Incident: id, Text: "x", At: past, Title: fmt.Sprint("Title ", dice.IntN(3))})
	case 3:
		return r.desk.Backdate(ctx, joe, id, past, "")
	case 4:
		return r.desk.SetComponent(ctx, joe, "", "API", statuspage.Levels[dice.IntN(len(statuspage.Levels))])
	case 5:
		return r.desk.Resolve(ctx, joe, statuspage.Post{Incident: id})
	case 6:
		r.components([][]string{{"Website", "API", "Bot"}, {"Bot", "API"}, {"API", "Forms", "Website"}}[dice.IntN(3)]...)
	case 7:
		c := statuspage.Correction{Incident: id, Text: fmt.Sprint("y", dice.IntN(9))}
		if len(erasable) > 0 && dice.IntN(2) == 0 {
			c.Update = erasable[dice.IntN(len(erasable))]
			c.Incident = c.Update.Timeline
		}
		return r.desk.Correct(ctx, joe, c)
	case 8:
		if len(erasable) > 0 {
			ref := erasable[dice.IntN(len(erasable))]
			r.record(timeline.Draft{Timeline: ref.Timeline, Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "x"},
				Effects: timeline.Effects{Erase: []timeline.Ref{ref}}})
		}
	}
	return statuspage.Outcome{}, nil
}

func check(t *testing.T, n statuspage.Notice) {
	t.Helper()
	if len(n.Updates) == 0 || n.Title == "" {
		t.Fatalf("%s: %+v", n.Incident, n)
	}
	if n.StartedAt.After(n.CreatedAt) {
		t.Errorf("%s began at %s, after it was posted at %s", n.Incident, n.StartedAt, n.CreatedAt)
	}
	if n.State != n.Latest().State || n.Open() != n.ResolvedAt.IsZero() {
		t.Errorf("%s: state %s, newest update %s, resolved at %s", n.Incident, n.State, n.Latest().State, n.ResolvedAt)
	}
	for _, u := range n.Updates {
		if u.At.After(u.PostedAt) {
			t.Errorf("%s shows %s for what was posted at %s", u.Entry, u.At, u.PostedAt)
		}
	}
}
