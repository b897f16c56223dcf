package remediation_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// started is a bench on which the recycle was asked for and approved.
func started(t *testing.T, prepare func(*bench)) (*bench, remediation.Run) {
	t.Helper()
	b := newBench(t)
	if prepare != nil {
		prepare(b)
	}
	b.open().run().declare(alert.SEV1)
	r := b.ask("recycle-node")
	b.must(b.approve("chris", r))
	return b, r
}

func (b *bench) wants(id remediation.RunID, want remediation.Status) remediation.Run {
	b.Helper()
	r := b.get(id)
	if r.Status != want {
		b.Fatalf("it is %s (%s, asks %+v, held %q), not %s\n%s", r.Status, r.Why, r.Ask, r.Held, want, b.told(0))
	}
	return r
}

// The claim on what cannot be undone stands in the record beside the request, so that no
// other process may send it for the same approval; the end of the run gives it back.
func TestADestructiveRequestIsClaimedUntilItsRunEnds(t *testing.T) {
	b, r := started(t, func(b *bench) { b.world.slow = 5 * time.Minute })
	claimed := func() (held bool) {
		b.must(b.store.View(t.Context(), func(v timeline.View) (err error) {
			for step := 1; err == nil && !held && step <= len(r.Plan.Steps); step++ {
				_, held, err = v.Claim(fmt.Sprintf("%s/once-%d-%d", r.ID, r.Epoch, step))
			}
			return err
		}))
		return held
	}
	if claimed() {
		t.Error("it is claimed before anything is done")
	}
	b.pass(time.Minute)
	if b.wants(r.ID, remediation.Running); b.world.accepted != 1 || !claimed() {
		t.Errorf("%d accepted, and no claim on it", b.world.accepted)
	}
	b.pass(time.Hour)
	if b.wants(r.ID, remediation.Done); claimed() {
		t.Error("the claim outlives the run")
	}
}

func TestARunIsCarriedThrough(t *testing.T) {
	b, r := started(t, nil)
	b.pass(10 * time.Minute)
	r = b.wants(r.ID, remediation.Done)
	if b.world.accepted != 1 || b.world.cordoned {
		t.Errorf("%+v", b.world)
	}
	p := remediation.ProgressOf(r, "", b.clock.Now())
	text := p.Title + "\n" + p.Bar + "\n"
	for _, s := range p.Steps {
		text += s.String() + "\n"
	}
	golden(t, "through", b.told(1)+"\n"+text)
	b.sound()
}

func TestWhatGoesWrong(t *testing.T) {
	tests := map[string]struct {
		prepare func(*bench)
		pass    time.Duration
		want    remediation.Status
		also    func(*bench, remediation.Run)
	}{
		"a step is late and becomes so": {
			prepare: func(b *bench) { b.world.slow = 40 * time.Minute },
			pass:    45 * time.Minute, want: remediation.Done,
		},
		"refused for now": {
			prepare: func(b *bench) {
				b.world.fault["recycle"] = problem.New(problem.Unavailable, "Linode is busy")
			},
			pass: 10 * time.Minute, want: remediation.Done,
		},
		"forbidden": {
			prepare: func(b *bench) {
				b.world.fault["recycle"] = problem.New(problem.Forbidden, "the token may not recycle")
			},
			pass: time.Minute, want: remediation.Failed,
		},
		"a defect": {
			prepare: func(b *bench) { b.world.panics = "recycle" },
			pass:    time.Minute, want: remediation.Asking,
		},
		"the answer is lost, it had arrived": {
			prepare: func(b *bench) { b.world.lose = "arrived" },
			pass:    10 * time.Minute, want: remediation.Done,
		},
		"the answer is lost, it had not arrived": {
			prepare: func(b *bench) { b.world.lose = "before" },
			pass:    10 * time.Minute, want: remediation.Done,
		},
		"the answer is lost, somebody else did it": {
			prepare: func(b *bench) { b.world.lose, b.world.foreign = "before", true },
			pass:    10 * time.Minute, want: remediation.Asking,
			also: func(b *bench, _ remediation.Run) {
				if b.world.accepted != 0 {
					b.Errorf("%d were accepted", b.world.accepted)
				}
			},
		},
		"an event on the machine is not over": {
			prepare: func(b *bench) { b.world.before = func(string) { b.world.busy = true; b.world.before = nil } },
			pass:    10 * time.Minute, want: remediation.Running,
			also: func(b *bench, r remediation.Run) {
				if !strings.Contains(r.Held, "lassie_reboot") {
					b.Errorf("held %q", r.Held)
				}
				b.world.busy = false
				b.pass(10 * time.Minute)
				b.wants(r.ID, remediation.Done)
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, r := started(t, tt.prepare)
			b.pass(tt.pass)
			r = b.wants(r.ID, tt.want)
			if b.world.accepted > 1 {
				t.Errorf("%d recycles were accepted", b.world.accepted)
			}
			if tt.also != nil {
				tt.also(b, r)
			}
			golden(t, strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-"), b.told(1))
			b.sound()
		})
	}
}
