package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
)

// bot is a Wardroom that repairs, as joe reaches it.
type bot struct {
	*wardroom.Program
	t *testing.T
}

// run is how a run stands.
func (b *bot) run(id string) remediation.Run {
	b.t.Helper()
	return wardroom.Decode[remediation.Run](b.Program, "run", "show", id)
}

// plan asks for a repair and returns its run, which waits for an approval.
func (b *bot) plan(args ...string) remediation.Run {
	b.t.Helper()
	before := len(b.runs())
	said := b.Do(args...)
	all := b.runs() // the newest first
	if len(all) != before+1 {
		b.t.Fatalf("wardroom %s made %d runs:\n%s", strings.Join(args, " "), len(all)-before, said)
	}
	return b.run(string(all[0].ID))
}

// confirmed asks for a repair that is routine, confirms it, and waits for its good end.
func (b *bot) confirmed(args ...string) remediation.Run {
	b.t.Helper()
	return b.finishes(b.plan(append(args, "--yes")...))
}

func (b *bot) runs() []remediation.Run {
	b.t.Helper()
	return wardroom.Decode[[]remediation.Run](b.Program, "run", "list", "--all")
}

// finishes waits until a run is over, and fails unless it is done.
func (b *bot) finishes(r remediation.Run) remediation.Run {
	b.t.Helper()
	r = b.ends(r)
	if r.Status != remediation.Done {
		b.t.Fatalf("%s is %s: %s\n%s", r.ID, r.Status, r.Why, b.story(r))
	}
	return r
}

// ends waits until a run is over. One that stops and asks does not end.
func (b *bot) ends(r remediation.Run) remediation.Run {
	b.t.Helper()
	over := false
	defer func() {
		if !over {
			b.t.Log(b.story(r))
		}
	}()
	process.Await(b.t, string(r.ID)+" is over", process.Journey, func() (bool, string) {
		r = b.run(string(r.ID))
		if r.Status == remediation.Asking {
			b.t.Fatalf("%s asks: %s", r.ID, r.Ask.Sentence)
		}
		over = !r.Status.Active()
		return over, string(r.Status)
	})
	b.t.Logf("%s %s of %s: %s after %s", r.ID, r.Plan.Remediation, r.Plan.Target.Name, r.Status, r.EndedAt.Sub(r.StartedAt).Round(time.Second))
	return r
}

// story is a run's steps and its incident's timeline, for whoever reads a failure.
func (b *bot) story(r remediation.Run) string {
	show, err := b.Ask("run", "show", string(r.ID))
	if err != nil {
		show += err.Error()
	}
	return fmt.Sprintf("%s\n%s\n%s", show, strings.Join(b.Timeline(r.Incident), "\n"), b.LastLines())
}
