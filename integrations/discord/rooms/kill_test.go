package rooms_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
)

// night is every kind of thing that is made in Discord, in a few steps.
func night(g *rig) {
	g.happen("00:32", "INC-1", declared("PostgreSQL is full", alert.SEV2, "00:25"), note("one"))
	noted := g.happen("00:50", "INC-1", &incident.Acknowledged{}, note("two"))
	g.happen("01:10", "INC-2", declared("disk fills", alert.SEV3, "01:05"), note("before the room"))
	g.happen("01:30", "INC-2", &incident.Acknowledged{})
	g.clock.MoveTo(at("01:40"))
	erased := []timeline.Ref{noted[1].Ref}
	if _, err := g.db.Update(g.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: "INC-1", Payload: &timeline.Erasure{Refs: erased, Reason: "a token"},
			Effects: timeline.Effects{Erase: erased}}}}, nil
	}); err != nil {
		g.t.Fatal(err)
	}
	g.settle()
	g.happen("01:50", "INC-2", &incident.MergedInto{Into: "INC-1"})
	g.happen("02:10", "INC-1", resolve)
	g.happen("02:30", "INC-1", closed)
	g.happen("02:50", "INC-1", reopen)
}

// The process dies at each request in turn, and what stands in Discord at the end is
// the same as if it had not: once before the request is sent, and once after it
// arrived, when it starts again so late that Discord has forgotten the nonce.
func TestAProcessThatDiesAtAnyRequestLosesAndDoublesNothing(t *testing.T) {
	whole := newRig(t, setup{})
	night(whole)
	requests := len(whole.wire.seen)
	if requests < 40 {
		t.Fatalf("only %d requests: the night is too quiet", requests)
	}
	points := 0
	for at := 1; at <= requests; at++ {
		for _, arrives := range []bool{false, true} {
			points++
			t.Run(fmt.Sprintf("%d arrives %t", at, arrives), func(t *testing.T) {
				t.Parallel()
				g := newRig(t, setup{unheld: true})
				show := (*rig).picture
				if arrives {
					g.rests, show = 6*time.Minute, (*rig).tally
				}
				g.wire.mu.Lock()
				g.wire.at, g.wire.arrives = at, arrives
				g.wire.mu.Unlock()
				night(g)
				if g.deaths != 1 {
					t.Fatalf("died %d times", g.deaths)
				}
				if diff := cmp.Diff(show(whole), show(g)); diff != "" {
					t.Errorf("died at %s\n%s", whole.wire.seen[at-1], diff)
				}
			})
		}
	}
	t.Logf("%d requests, %d points of death", requests, points)
}

// tally counts what each channel tells, however it is folded.
func (g *rig) tally() string {
	var b strings.Builder
	for part := range strings.SplitSeq(g.picture(), "== ") {
		name, text, _ := strings.Cut(part, "\n")
		fmt.Fprintln(&b, name)
		text = strings.ReplaceAll(text, "What stood here was erased", "[erased]")
		for _, word := range []string{"📌", "Incident declared", "** one", "\none", "before the room", "Acknowledged", "[erased]", "a token", "Merged into",
			"It goes on in", "to resolved", "to closed", "Reopened", "Head of", "overview 1", " · began 2021"} {
			fmt.Fprintf(&b, "\t%s: %d\n", strings.TrimSpace(word), strings.Count(text, word))
		}
	}
	return strings.ReplaceAll(b.String(), "** one: 1\n\tone: 0", "** one: 0\n\tone: 1") // in a fold, or alone
}

// Every answer to what makes something is lost once, and the process lives.
func TestLostAnswersDoubleNothing(t *testing.T) {
	whole := newRig(t, setup{unheld: true})
	night(whole)
	for _, f := range []discordtest.Fault{
		{Method: http.MethodPost, Path: "/guilds/*/channels", Times: 1, Lost: true},
		{Method: http.MethodPost, Path: "/guilds/*/channels", Skip: 1, Times: 1, Lost: true},
		{Method: http.MethodPost, Path: "/guilds/*/channels", Skip: 3, Times: 2, Lost: true},
		{Method: http.MethodPost, Path: "/channels/*/messages", Times: 4, Lost: true},
		{Method: http.MethodPost, Path: "/channels/*/messages", Skip: 2, Times: 4, Lost: true},
		{Method: http.MethodPatch, Path: "/channels/*", Times: 1, Lost: true},
		{Method: http.MethodPut, Times: 4, Lost: true},
	} {
		t.Run(fmt.Sprintf("%s %s after %d", f.Method, f.Path, f.Skip), func(t *testing.T) {
			t.Parallel()
			g := newRig(t, setup{unheld: true})
			g.discord.Fault(f)
			night(g)
			if diff := cmp.Diff(whole.picture(), g.picture()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
