package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

// midnight is when these histories begin; the incident is at 00:10.
var midnight = time.Date(2021, 7, 11, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return midnight.Add(time.Duration(n) * time.Minute) }

// look notes one minute of default/python, of which two are wanted, beside a workload
// that rests. stored is what is on the disk.
func look(t *testing.T, h *history, stored map[string][]byte, at, ready int) *fleet.Snapshot {
	t.Helper()
	s := &fleet.Snapshot{At: minute(at), Workloads: []fleet.Workload{
		{Object: fleet.Object{Kind: "Deployment", Namespace: "default", Name: "python"}, Replicas: 2, Ready: ready},
		{Object: fleet.Object{Kind: "Deployment", Namespace: "default", Name: "site"}, Replicas: 1, Ready: 1}}}
	puts, err := h.note(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range puts {
		stored[p.Key] = p.Doc
	}
	return s
}

// notes are a disk; they implement what of a [timeline.View] a history is read with.
type notes struct {
	timeline.View
	docs map[string][]byte
}

func (n notes) Scratch(string) (map[string][]byte, error) { return n.docs, nil }

func load(t *testing.T, docs map[string][]byte) *history {
	t.Helper()
	h, err := loadHistory(notes{docs: docs})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A workload that changes every minute of a long night is compared with how it was
// before the night all the same, also by the next process.
func TestWhatDoesNotComeToRestIsNotForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		steady, began int // the minute from which on both are Ready, and that of the incident
		was           int
		since         func(last int) int // the minute
	}{
		"it rested for long before":            {0, 240, 2, func(int) int { return 240 }},
		"it rested for a while before":         {230, 240, 2, func(int) int { return 240 }},
		"it did not rest before, and was up":   {240, 240, 1, func(last int) int { return last }},
		"it did not rest before, and was down": {241, 241, 1, func(last int) int { return last }},
	} {
		for _, hours := range []int{6, 30} {
			t.Run(fmt.Sprintf("%s, %d hours", name, hours), func(t *testing.T) {
				h, stored := newHistory(), map[string][]byte{}
				last := c.began + hours*60
				for at := range last {
					ready := at % 2
					if at >= c.steady && at < c.began {
						ready = 2
					}
					look(t, h, stored, at, ready)
				}
				now := look(t, h, stored, last, 0)
				since := c.since(last - last%2) // down at last, and the minute before where that was even
				for as, h := range map[string]*history{"in memory": h, "from the disk": load(t, stored)} {
					if n := len(h.tracks["Deployment/default/python"].Was); n > mostStandings {
						t.Errorf("%s: %d standings are kept", as, n)
					}
					got := h.compare(minute(c.began), now)
					if len(got.Lost) != 1 || got.Lost[0].Name != "default/python" || got.Lost[0].Was != c.was || len(got.Unknown) > 0 {
						t.Fatalf("%s: %+v", as, got)
					}
					if s := got.Lost[0].Since; !s.Equal(minute(since)) {
						t.Errorf("%s: it is lost since %v, want %v", as, s, minute(since))
					}
				}
			})
		}
	}
}

// However it changes, thinning makes nothing worse than it was, and forgets neither
// the newest half nor from when on it is known.
func TestThinningKeepsTheBestAndTheNewest(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		n := mostStandings + r.IntN(mostStandings)
		all, at := make([]standing, n), midnight
		for i := range all {
			after := at
			at = at.Add(time.Duration(1+r.IntN(1+r.IntN(10_000))) * time.Minute)
			all[i] = standing{From: at, After: after, Ready: r.IntN(3), Wanted: 2}
			all[i].Gone = all[i].Ready == 0 && r.IntN(2) == 0
		}
		kept := thinned(slices.Clone(all))
		if len(kept) != min(n, mostStandings) || kept[0].From != all[0].From || !slices.Equal(kept[len(kept)-mostStandings/2:], all[n-mostStandings/2:]) {
			t.Fatalf("seed %d: %d are kept, from %v", seed, len(kept), kept[0].From)
		}
		was, is := track{Was: all}, track{Was: kept}
		for _, s := range all {
			before, _ := was.at(s.From)
			if after, known := is.at(s.From); !known || after.Ready < before.Ready {
				t.Fatalf("seed %d: at %v it was %+v, and counts as %+v", seed, s.From, before, after)
			}
		}
	}
}

// What is not needed is given up first: what says the same, and what lasted the shortest.
func TestThinningLeavesWhatLasted(t *testing.T) {
	var all []standing
	add := func(d time.Duration, ready int) {
		from := midnight
		if n := len(all); n > 0 {
			from = all[n-1].After // here: when it ends
		}
		all = append(all, standing{From: from, After: from.Add(d), Ready: ready, Wanted: 2})
	}
	add(5*time.Hour, 2)
	add(time.Minute, 0)
	add(time.Hour, 1)
	for i := range 2 * mostStandings {
		add(time.Minute, i%2)
	}
	kept := thinned(slices.Clone(all))
	if !slices.Equal(kept[:3], all[:3]) {
		t.Errorf("kept %+v", kept[:3])
	}
}

// An earlier version kept the newest standings alone, in the same form: what it has
// forgotten is UNKNOWN and never back, and it reads what this version keeps.
func TestWhatAnEarlierVersionKeptIsRead(t *testing.T) {
	h, stored := newHistory(), map[string][]byte{}
	for at := range 10 {
		look(t, h, stored, at, 2)
	}
	python := h.tracks["Deployment/default/python"]
	python.Was = nil
	for at := 11; at <= 10+mostStandings; at++ {
		python.Was = append(python.Was, standing{From: minute(at), After: minute(at - 1), Ready: at % 2, Wanted: 2})
	}
	h.spans[0].To = minute(10 + mostStandings)
	stored[spansKey], _ = json.Marshal(h.spans) // plain data
	stored[trackPrefix+"Deployment/default/python"], _ = json.Marshal(python)
	h = load(t, stored)
	for ready, want := range map[int]string{0: "UNKNOWN: how default/python stood at 00:09 UTC: too much has changed since", 1: "UNKNOWN: how default/python stood at 00:09 UTC: too much has changed since", 2: ""} {
		now := look(t, h, stored, 20+mostStandings+ready, ready)
		c := h.compare(minute(10), now)
		if got := strings.Join(c.Sentences(), "; "); got != want || c.Back() != (want == "") {
			t.Errorf("%d of 2 are Ready, and it says %q", ready, got)
		}
	}
	var before struct {
		Object fleet.Object `json:"object"`
		UsedBy []string     `json:"used_by"`
		Was    []struct {
			From, After   time.Time
			Ready, Wanted int
			Gone          bool
		} `json:"was"`
	}
	d := json.NewDecoder(bytes.NewReader(stored[trackPrefix+"Deployment/default/python"]))
	d.DisallowUnknownFields()
	if err := d.Decode(&before); err != nil || len(before.Was) != mostStandings {
		t.Errorf("%v: %d standings", err, len(before.Was))
	}
}
