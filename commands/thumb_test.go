package commands_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// thumb is a person who taps. typed counts the characters that they write.
type thumb struct {
	*watch
	by    string
	typed int
	last  command.Reply
}

// tap presses a button of the room's message or of the last answer. answers are
// what is chosen or typed in its form instead of what is proposed.
func (u *thumb) tap(clock, label string, answers ...string) {
	u.t.Helper()
	u.clock.MoveTo(night(clock))
	offered := append(slices.Clone(u.last.Actions), u.living(u.by, clock).Acts...)
	i := slices.IndexFunc(offered, func(a command.Action) bool { return a.Label == label })
	if i < 0 {
		labels := make([]string, len(offered))
		for n, a := range offered {
			labels[n] = a.Label
		}
		u.t.Fatalf("%s: there is no button %q, only %q", clock, label, labels)
	}
	caller, ask := u.caller(u.by, "INC-1"), offered[i].Ask
	if offered[i].Form {
		ask = u.fill(caller, ask, answers)
	}
	reply, err := u.runner.Run(u.t.Context(), caller, ask)
	if err != nil {
		u.t.Fatalf("%s: %s: %v", clock, label, err)
	}
	u.last = reply
}

// fill goes through the form twice, as a surface does that cannot show selects
// and texts at once: first what is chosen, then the texts for what was chosen.
func (u *thumb) fill(caller command.Caller, ask command.Ask, answers []string) command.Ask {
	u.t.Helper()
	given := map[string]string{}
	for i := 0; i+1 < len(answers); i += 2 {
		given[answers[i]] = answers[i+1]
	}
	for range 2 {
		view, err := u.runner.Form(u.t.Context(), caller, ask)
		if err != nil {
			u.t.Fatal(err)
		}
		next := view.Ask
		choosing := slices.ContainsFunc(view.Fields, func(f command.FormField) bool { return !f.Typed() })
		for _, f := range view.Fields {
			value, changed := f.Value, false
			if answer, is := given[f.Option.Name]; is && choosing != f.Typed() {
				value, changed = answer, answer != f.Value
			}
			if f.Typed() && choosing {
				continue
			}
			if f.Typed() && changed {
				u.typed += utf8.RuneCountInString(value)
			}
			if !f.Typed() && value != "" {
				for one := range strings.SplitSeq(value, ",") {
					if !slices.ContainsFunc(f.Proposals, func(p command.Proposal) bool { return p.Value == one }) {
						u.t.Fatalf("%s cannot be chosen for %s: %v", one, f.Option.Name, f.Proposals)
					}
				}
			}
			if next.Options == nil {
				next.Options = map[string]string{}
			}
			next.Options[f.Option.Name] = value
		}
		if ask = next; !choosing {
			break
		}
	}
	return ask
}

// The night of 2021-07-11 (docs/scenarios) by a thumb alone.
func TestANightIsPlayableWithTwelveTypedCharacters(t *testing.T) {
	w := newWatch(t)
	w.runner.Zone = nil // the team's is UTC that night
	w.declare("Site", "Bot", "Hastebin")
	limit := page("postgres/connection-limit", "00:31", "PostgreSQL has saturated its 115 max connections limit")
	w.receive("00:32", limit)
	u := &thumb{watch: w, by: "joe"}
	u.tap("00:32", "Acknowledge")
	u.tap("00:38", "Lead")
	u.tap("00:42", "Post status", "components", "Site=down,Bot=degraded")
	if !strings.Contains(u.last.Text, "00:31 UTC: alert postgres/connection-limit") {
		t.Errorf("the evidence is not shown: %s", u.last.Text)
	}
	u.tap("00:42", "Another start", "at", "00:25")
	u.tap("01:15", "Identified")
	u.tap("01:16", "Post update")
	u.tap("01:20", "What can I do?")
	u.tap("01:21", "Severity", "severity", "SEV1")
	limit.Status, limit.EndsAt = "resolved", night("07:05")
	w.receive("07:05", limit)
	u.tap("07:10", "What can I do?")
	u.tap("07:10", "Tell that it is over")
	u.tap("07:15", "Resolve")
	u.tap("07:16", "Close")

	if u.typed > 12 || u.typed != len("00:25") {
		t.Errorf("%d characters were typed", u.typed)
	}
	err := w.store.View(t.Context(), func(v timeline.View) error {
		i, err := incident.Get(v, "INC-1")
		if err != nil {
			return err
		}
		n, _, err := statuspage.Get(v, "INC-1")
		if i.Status != incident.Closed || i.Lead != "joe" || i.Severity != 1 || n.Open() || !n.StartedAt.Equal(night("00:25")) || len(n.Updates) != 3 {
			t.Errorf("%+v\n%+v", i, n)
		}
		var read []string
		for _, u := range n.Updates {
			read = append(read, u.State.Title()+": "+u.Text)
		}
		want := "Problems with Bot and Site\n" +
			"Investigating: We are investigating a problem. Site is down; Bot is degraded.\n" +
			"Identified: We have found the cause and are working on a fix. Site is down; Bot is degraded.\n" +
			"Resolved: This incident has been resolved. Bot and Site are back to normal."
		if got := n.Title + "\n" + strings.Join(read, "\n"); got != want {
			t.Errorf("the public read\n%s\nwant\n%s", got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
