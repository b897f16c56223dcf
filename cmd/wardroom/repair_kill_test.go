package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
	"wardroom/integrations/linode/linodetest"
	"wardroom/storage"
)

// deadly is a night in which the bot is killed.
type deadly struct {
	name    string
	prepare func(*mortalWorld)
	between func(*mortalWorld)   // what happens while the bot is dead; may be nil
	after   func(*mortalWorld)   // what people do at the end; may be nil
	asks    []string             // what joe asks for
	repairs []string             // the remediations that those are
	says    map[string]string    // joe's answers, by the code of the question
	ends    []remediation.Status // how those end
	or      []remediation.Status // or so
	sick    string               // what is wrong with the volume that is remounted
	refused int                  // requests for a recycle that do not arrive
	spoils  string               // the workload whose pods are of no use from the beginning of the incident on
	changes []string             // what the cluster and the cloud were asked to change, each; nil: see recycles
	whole   func(*mortalWorld)   // what else has to be so at the end; may be nil
	// from and until are parts of the points between which it is killed, both
	// included, where what is before and after is another night's; "" is either end.
	from, until string
}

const (
	askRecycle = "/node recycle node:" + mortalNode
	askRemount = "/volume remount volume:" + limboVolume

	askUndo = "/run undo run:INC-1/run-1" // unless nothing was left

	recycleSent = "about to send POST /lke/clusters/13311/nodes/"
	stepDone    = "recorded step.done"
)

var recycles = []string{repair.NodeRecycle}

// recycleNights are those in which the node is recycled, or its volume remounted.
var recycleNights = []deadly{{
	name:    "the node is hung",
	prepare: func(w *mortalWorld) { w.hang() },
	asks:    []string{askRecycle}, repairs: recycles, ends: []remediation.Status{remediation.Done},
}, {
	name: "the node is Ready",
	asks: []string{askRecycle}, repairs: recycles, ends: []remediation.Status{remediation.Done},
}, {
	name: "limbo follows, as on 2021-07-11",
	prepare: func(w *mortalWorld) {
		w.linode.Fault(linodetest.Fault{When: "recycle", Volume: limboVolume, Times: 1, Effect: linodetest.Limbo, Message: "The volume could not be attached"})
		w.hang()
	},
	asks: []string{askRecycle, askRemount}, repairs: []string{repair.NodeRecycle, repair.VolumeRemount}, ends: []remediation.Status{remediation.Failed, remediation.Done},
	sick: "case C", from: recycleSent,
}, {
	name:    "another machine, which is off, has the volume",
	prepare: func(w *mortalWorld) { w.off() },
	after:   func(w *mortalWorld) { w.act(linodetest.Act{Do: "boot", Linode: mortalMachine}) },
	asks:    []string{askRemount}, repairs: []string{repair.VolumeRemount}, ends: []remediation.Status{remediation.Done},
	sick: "case B",
}, {
	name: "the answer is lost, it had arrived",
	prepare: func(w *mortalWorld) {
		w.linode.Fault(linodetest.Fault{Method: "POST", Path: "/recycle", Times: 1, Lost: true})
		w.hang()
	},
	asks: []string{askRecycle}, repairs: recycles, ends: []remediation.Status{remediation.Done},
	from: recycleSent, until: stepDone,
}, {
	name: "the answer is lost before it arrived",
	prepare: func(w *mortalWorld) {
		w.linode.Fault(linodetest.Fault{Method: "POST", Path: "/recycle", Times: 1, Refused: true})
		w.hang()
	},
	// Killed in its second attempt, too, it has been asked for twice and never arrived.
	says: map[string]string{"twice-absent": "again"}, refused: 1,
	asks: []string{askRecycle}, repairs: recycles, ends: []remediation.Status{remediation.Done},
	from: recycleSent, until: stepDone,
}, {
	name:    "somebody else recycles the node while the bot is dead",
	prepare: func(w *mortalWorld) { w.hang() },
	between: func(w *mortalWorld) { w.act(linodetest.Act{Do: "recycle", Slot: w.linode.SlotOf(mortalNode)}) },
	asks:    []string{askRecycle, askUndo}, repairs: recycles, ends: []remediation.Status{remediation.Done},
	or:   []remediation.Status{remediation.Failed, remediation.Done}, // it is not what was approved: what was scaled is scaled back
	from: "recorded run.started", until: recycleSent,
}}

// deadlyTries is how often a night is played to be killed at a point. How many points
// come before it hangs on what a step sees at its first look, hence a little on how busy
// the machine is.
const deadlyTries = 3

// deadlyNights are what the bot is killed in.
func deadlyNights() []deadly { return slices.Concat(recycleNights, kitNights, redisNights) }

// The bot, a process of its own, is killed at every point of its journal while the
// cluster and the cloud live on. The points are those that a night has in which nobody
// kills it: a new step is killed without anybody touching this test.
func TestTheBotIsKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	var counting sync.Mutex
	all, count := 0, map[string]int{}
	t.Run("nights", func(t *testing.T) {
		for i, night := range deadlyNights() {
			t.Run(night.name, func(t *testing.T) {
				t.Parallel()
				points := night.play(t, 0)
				first, last := night.deadly(points)
				for again := 1; again < deadlyTries && last-first < 3; again++ {
					points = night.play(t, 0)
					first, last = night.deadly(points)
				}
				if first == 0 || last-first < 3 || len(points) < 6 {
					t.Fatalf("points %d to %d: the test does not look\n%s", first, last, strings.Join(points, "\n"))
				}
				killed := 0
				for n := first + i%min(deadlyStep, last-first); n <= last; n += deadlyStep {
					point := points[n-1]
					for again := range deadlyTries {
						died := night.play(t, n)
						if len(died) >= n && died[n-1] == point {
							break
						}
						if again == deadlyTries-1 {
							t.Errorf("killed at point %d it did not die where it %s:\n%s", n, point, strings.Join(died, "\n"))
						}
					}
					if t.Failed() {
						return
					}
					killed++
					what, _, _ := strings.Cut(point, ":")
					counting.Lock()
					all++
					count[what]++
					counting.Unlock()
				}
				t.Logf("killed at %d points", killed)
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(count)) {
		t.Logf("counted: /%s killed at %d points%s", what, count[what], someOnly())
	}
	t.Logf("counted: killed at %d points in all%s, in %d nights", all, someOnly(), len(deadlyNights()))
}

// TestEveryRepairIsKilled: a repair in which nobody kills the bot is not proven.
func TestEveryRepairIsKilled(t *testing.T) {
	for _, r := range repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}) {
		if !slices.ContainsFunc(deadlyNights(), func(d deadly) bool { return slices.Contains(d.repairs, r.Spec().Name) }) {
			t.Errorf("%s has no night in deadlyNights", r.Spec().Name)
		}
	}
}

// someOnly says that there are more points than this run looks at.
func someOnly() string {
	if deadlyStep == 1 {
		return ""
	}
	return fmt.Sprintf(", each %dth, because it looks for races", deadlyStep)
}

// deadly are the first and the last point at which the bot is killed, from 1.
func (d deadly) deadly(points []string) (first, last int) {
	for n, p := range points {
		if first == 0 && strings.Contains(p, d.from) {
			first = n + 1
		}
		if last = n + 1; first > 0 && d.until != "" && strings.Contains(p, d.until) {
			return first, last
		}
	}
	return first, last
}

// play plays the night, killed at a point, 0 for not at all, and returns the points
// that the processes came to.
func (d deadly) play(t *testing.T, kill int) (points []string) {
	t.Helper()
	w := newMortalWorld(t)
	defer w.close()
	if d.prepare != nil {
		d.prepare(w)
	}
	told := lifetime{Began: w.clock.Now(), Spoils: d.spoils, Folder: w.folder, Control: w.control.URL, Linode: w.linode.URL(), Asks: d.asks, Says: d.says, Kill: kill}
	if w.redis != nil {
		told.Redis = w.redis.Doors()
	}
	for lives := 1; ; lives++ {
		told.Now = w.clock.Now()
		out, killed := w.run(told)
		if killed && told.Kill > 0 {
			if told.Kill = 0; d.between != nil {
				d.between(w)
			}
			continue
		}
		if out != "" || killed {
			t.Fatalf("killed at point %d, in life %d:\n%s", kill, lives, out)
		}
		if kill > 0 && lives != 2 {
			t.Fatalf("it was not killed at point %d", kill)
		}
		break
	}
	if d.after != nil {
		d.after(w)
	}
	w.calm()
	w.check(d.recycles(kill > 0))
	if d.changes != nil {
		w.changed(d.changes)
	}
	if d.whole != nil {
		d.whole(w)
	}
	d.checkRecord(t, w)
	if t.Failed() {
		t.Logf("killed at point %d", kill)
	}
	return w.lines(mortalPoints)
}

// recycles are how many requests for one the cloud has to have seen, and how many it
// has to have accepted, from anybody. A second request is one too many, also where the
// cloud would have been too busy for it.
func (d deadly) recycles(killed bool) (requests, accepted int) {
	switch {
	case !slices.Contains(d.asks, askRecycle):
		return 0, 0
	case d.between != nil && killed:
		return 0, 1 // the other's
	}
	return 1 + d.refused, 1
}

// checkRecord holds what was recorded to what people did.
func (d deadly) checkRecord(t *testing.T, w *mortalWorld) {
	t.Helper()
	db, _, err := record{file: filepath.Join(w.folder, mortalData, databaseFile)}.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	report, err := db.Verify(t.Context(), storage.VerifyOptions{Rebuild: true})
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("the record does not verify: %v %v", report.Faults, err)
	}
	var runs []remediation.Run
	var given []string
	err = db.View(t.Context(), func(v timeline.View) (err error) {
		if runs, err = remediation.RunsOf(v, timeline.Incident(1)); err != nil {
			return err
		}
		entries, err := v.Entries(timeline.Incident(1), 0, 5000)
		for _, e := range entries {
			if a, is := e.Payload.(*remediation.RunApproved); is {
				given = append(given, e.Actor.Name+" "+a.Hash)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var ends []remediation.Status
	for n, r := range runs {
		ends = append(ends, r.Status)
		if n < len(d.repairs) && r.Plan.Remediation != d.repairs[n] {
			t.Errorf("%s is a %s, want %s", r.ID, r.Plan.Remediation, d.repairs[n])
		}
		if len(r.Approvals) != 1 || r.Approvals[0].By.Name != "chris" || len(r.Locks) > 0 && r.Status == remediation.Done {
			t.Errorf("%s ends with approvals %+v and locks %v", r.ID, r.Approvals, r.Locks)
		}
		if is := r.Plan.Material["volume "+limboVolume]; r.Plan.Target.Kind == "volume" && !strings.HasSuffix(is, d.sick) {
			t.Errorf("%s was for %q, want %s", r.ID, is, d.sick)
		}
	}
	if !slices.Equal(ends, d.ends) && (d.or == nil || !slices.Equal(ends, d.or)) {
		t.Errorf("the runs ended as %v, want %v", ends, d.ends)
	}
	if want := w.lines(mortalGiven); !slices.Equal(given, want) {
		t.Errorf("recorded approvals\n%q, given were\n%q", given, want)
	}
	if t.Failed() {
		lines, err := entriesOf(t.Context(), db)
		t.Logf("the record (%v):\n%s", err, strings.Join(lines, "\n"))
	}
}

// lines are those of a file in the night's folder.
func (w *mortalWorld) lines(name string) []string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.folder, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// entriesOf are an incident's entries, as text.
func entriesOf(ctx context.Context, db *storage.DB) (lines []string, err error) {
	err = db.View(ctx, func(v timeline.View) error {
		entries, err := v.Entries(timeline.Incident(1), 0, 5000)
		for _, e := range entries {
			lines = append(lines, fmt.Sprintf("%s %-14s %s", e.RecordedAt.UTC().Format(time.TimeOnly), e.Kind, e.Payload.Text()))
		}
		return err
	})
	return lines, err
}

// recycles are the requests for one that came to the cloud, and those that it
// accepted, from anybody.
func (w *mortalWorld) recycles() (requests, accepted int) {
	w.t.Helper()
	for _, r := range w.linode.Writes() {
		if strings.HasSuffix(r.Path, "/recycle") {
			requests++
		}
	}
	var dump struct {
		State struct {
			Events []struct{ Action string }
		}
	}
	if err := json.Unmarshal(w.linode.Dump(), &dump); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range dump.State.Events {
		if e.Action == "lke_node_recycle" {
			accepted++
		}
	}
	return requests, accepted
}
