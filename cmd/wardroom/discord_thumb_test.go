package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
	"wardroom/integrations/discord/rooms"
	"wardroom/storage"
)

// mostTyped is how many characters the night of 2021-07-11 may cost on a phone.
const mostTyped = 12

// thumbs plays the people of a scenario on their phones: what the file lets them
// type they do with taps, on what Discord shows them at that moment. Alerts and
// provider events come as they are written.
type thumbs struct {
	*stage
	t     *testing.T
	steps []thumbStep // one for each command of the file, in its order
	// answers are the newest messages that only one person sees: where buttons are
	// looked for first.
	answers map[string]*discordtest.Message
	forms   map[string]*discordtest.Modal
	read    int      // posts of the room that were shown already
	living  string   // as it was shown last
	typed   []string // each thing that was typed
	walk    strings.Builder
}

// thumbStep is what people do in the place of one typed command.
type thumbStep struct {
	line string // how the command begins
	do   func(u *thumbs)
}

// thumbNight is the night by thumb. The words that people wrote that night do not fit
// into twelve characters: they post pictures of what they see instead.
func thumbNight() []thumbStep {
	return []thumbStep{
		{"/incident ack", func(u *thumbs) { u.tap("joe", "Acknowledge") }},
		{"/incident assign person:joe", func(u *thumbs) { u.tap("joe", "Lead") }},
		{"/timeline add cause:true at:00:27", func(u *thumbs) { u.picture("joe", "connections.png", "Add to timeline") }},
		{"/incident start at:00:27", func(u *thumbs) {
			u.tap("joe", "What can I do?")
			u.tap("joe", "It began at…")
			u.submit("joe", "at", "00:27")
		}},
		{"/status post title:Database problems", func(u *thumbs) {
			u.tap("joe", "Post status")
			u.choose("joe", "What is affected, and how?", "Site is down", "Bot is degraded")
			u.tap("joe", "Next")
			u.submit("joe")
		}},
		{"/status backdate at:00:25", func(u *thumbs) {
			u.tap("joe", "Another start")
			u.submit("joe", "at", "00:25")
		}},
		{"/timeline add text:The node", func(u *thumbs) { u.picture("joe", "node-not-ready.png", "📌") }},
		{"/node recycle", func(u *thumbs) {
			u.tap("joe", "What can I do?")
			u.tap("joe", "Nodes")
			u.tap("joe", "Show lke13311-16405-5fafd1b46dcf")
			u.tap("joe", "Recycle")
		}},
		{"approve", func(u *thumbs) { u.tap("chris", "Approve") }},
		{"/timeline add text:Volumes will not mount", func(u *thumbs) { u.picture("chris", "ticket.png", "Add to timeline") }},
		{"/incident title", func(u *thumbs) {
			u.tap("joe", "What can I do?")
			u.tap("joe", "Title") // whose words would have to be typed: it is left as it is
		}},
		{"/status post state:identified", func(u *thumbs) {
			u.tap("joe", "Identified")
			u.tap("joe", "Post update")
			u.tap("joe", "Next")
			u.submit("joe")
		}},
		{"/volume remount", func(u *thumbs) { u.tap("joe", "Remount pvc-bb1d06139b334c1f") }},
		{"approve", func(u *thumbs) { u.tap("chris", "Approve") }},
		{"/status resolve", func(u *thumbs) {
			u.tap("joe", "Tell that it is over")
			u.submit("joe")
		}},
		{"/timeline add text:Python is online", func(u *thumbs) {
			u.tap("chris", "What can I do?")
			u.tap("chris", "Note")
			u.submit("chris", "text", "Redis")
		}},
		{"/incident resolve", func(u *thumbs) {
			u.tap("joe", "Resolve")
			u.submit("joe")
		}},
	}
}

// Ask implements [scenario.Driver] with taps.
func (u *thumbs) Ask(_ context.Context, person, line string) (command.Reply, error) {
	if len(u.steps) == 0 || !strings.HasPrefix(line, u.steps[0].line) {
		return command.Reply{}, fmt.Errorf("the night by thumb does not know what to do for %s's %s", person, line)
	}
	step := u.steps[0]
	u.steps = u.steps[1:]
	u.shows("")
	step.do(u)
	return command.Reply{}, nil
}

// Approve implements [scenario.Driver] with taps.
func (u *thumbs) Approve(ctx context.Context, person, _ string) error {
	_, err := u.Ask(ctx, person, "approve")
	return err
}

func (u *thumbs) note(format string, args ...any) { fmt.Fprintf(&u.walk, format+"\n", args...) }

// room is the channel of the incident.
func (u *thumbs) room() string { return u.channelOf("INC-1") }

// shows tells what came into the room since, and how the living message changed.
func (u *thumbs) shows(by string) {
	posts := u.chat.Messages(u.room())
	for _, m := range posts[u.read:] {
		if !m.Pinned {
			u.note("  in the room, by %s:\n%s", m.Author.Username, u.chat.Shown(m))
		}
	}
	u.read = len(posts)
	for _, m := range u.chat.Pinned(u.room()) {
		if now := u.chat.Shown(m); now != u.living {
			u.note("  📌 says now:\n%s", now)
			u.living = now
		}
	}
}

// act does something as a person does it, and lets what follows come to rest; then
// it takes them some seconds to read it.
func (u *thumbs) act(by, what string, do func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error)) discordtest.Seen {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), chatTimeout)
	defer cancel()
	u.note("%s %s %s", u.clock.Now().Format("15:04"), by, what)
	release := u.app.Runtime.Hold()
	seen, err := do(ctx, u.chat.As(by))
	release()
	if err != nil || seen.Failed != "" {
		u.t.Fatalf("%s %s: %v %s\n%s", by, what, err, seen.Failed, u.walk.String())
	}
	if m := seen.Answer; m != nil && m.Ephemeral() {
		u.answers[by] = m
		u.note("%s", u.chat.Shown(m))
	}
	if seen.Modal != nil {
		u.forms[by] = seen.Modal
		u.note("%s", u.chat.ShownForm(seen.Modal))
	}
	u.passes(ctx, rooms.Pace)
	u.shows(by)
	return seen
}

// passes lets time go by with everything that wakes on the way.
func (u *thumbs) passes(ctx context.Context, d time.Duration) {
	u.t.Helper()
	p := &scenario.Player{Clock: u.clock, Driver: u.stage}
	if err := p.Pass(ctx, u.clock.Now().Add(d)); err != nil {
		u.t.Fatal(err)
	}
}

// tap presses the button of that label on the last answer that this person got, else
// on the living message, else on the newest post that has it.
func (u *thumbs) tap(by, label string) {
	u.t.Helper()
	posts := u.chat.Messages(u.room())
	slices.Reverse(posts)
	for _, m := range slices.Concat([]*discordtest.Message{u.answers[by]}, u.chat.Pinned(u.room()), posts) {
		if m == nil || !slices.Contains(buttonsOf(m), label) {
			continue
		}
		u.act(by, "taps ["+label+"]", func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
			return p.Click(ctx, m, label)
		})
		return
	}
	u.t.Fatalf("%s finds no button %q\n%s", by, label, u.walk.String())
}

func buttonsOf(m *discordtest.Message) (labels []string) {
	for _, row := range m.Components {
		for _, c := range row.Components {
			if c.Type == discordtest.Button && !c.Disabled {
				labels = append(labels, c.Label)
			}
		}
	}
	return labels
}

// choose picks options in the select with that placeholder.
func (u *thumbs) choose(by, placeholder string, options ...string) {
	u.t.Helper()
	m := u.answers[by]
	u.act(by, "chooses "+strings.Join(options, ", "), func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		return p.Choose(ctx, m, placeholder, options...)
	})
}

// submit sends the form that is open; typed are fields and what is written into them.
func (u *thumbs) submit(by string, typed ...string) {
	u.t.Helper()
	form, inputs, what := u.forms[by], map[string]string{}, "taps [Submit]"
	for i := 0; i+1 < len(typed); i += 2 {
		inputs[typed[i]] = typed[i+1]
		what = fmt.Sprintf("makes %q of the field %s and %s", typed[i+1], typed[i], what)
	}
	before := u.chat.Typed(by)
	u.act(by, what, func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		return p.Submit(ctx, form, inputs)
	})
	delete(u.forms, by)
	if n := u.chat.Typed(by) - before; n > 0 {
		u.typed = append(u.typed, fmt.Sprintf("%s types %d for %s in %q", by, n, strings.Join(typed, " = "), form.Title))
	}
}

// picture posts a picture without a word and puts it into the timeline: with the
// message's menu, or with an emoji.
func (u *thumbs) picture(by, name, how string) {
	u.t.Helper()
	var m *discordtest.Message
	u.act(by, "posts a picture", func(ctx context.Context, p *discordtest.Person) (seen discordtest.Seen, err error) {
		m, err = p.Say(ctx, u.room(), "", discordtest.File{Name: name, ContentType: "image/png", Body: []byte("\x89PNG " + name)})
		return seen, err
	})
	u.act(by, "holds it and taps "+how, func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		if how == "📌" {
			return discordtest.Seen{}, errors.Join(p.React(ctx, m, how), u.chat.Wait(ctx, func() bool { return u.marked(m) }))
		}
		return p.Menu(ctx, m, how)
	})
}

// marked reports whether the bot put its own 📌 beside the person's, and notes it.
func (u *thumbs) marked(m *discordtest.Message) bool {
	for _, now := range u.chat.Messages(u.room()) {
		if now.ID != m.ID {
			continue
		}
		for _, r := range now.Reactions {
			if r.Emoji.Name == "📌" && r.Count == 2 {
				u.note("%s", u.chat.Shown(now))
				return true
			}
		}
	}
	return false
}

// TestTheNightByThumb plays seed 000 with taps, selects and forms alone, found in what
// Discord shows at that moment, and holds all that is seen on the way to a golden file.
func TestTheNightByThumb(t *testing.T) {
	t.Parallel()
	f, err := scenario.Read(bytes.NewReader(demoFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	held, err := spec.New("/api/v10", t.Errorf) // the selects and forms of a whole night are those that Discord takes
	if err != nil {
		t.Fatal(err)
	}
	stage, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{Wrap: held.Wrap})
	if err != nil {
		t.Fatal(err)
	}
	u := &thumbs{stage: stage, t: t, steps: thumbNight(), answers: map[string]*discordtest.Message{}, forms: map[string]*discordtest.Modal{}}
	p := &scenario.Player{File: f, Clock: stage.clock, Driver: u, Linger: rooms.Pace}
	if err := p.Play(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, u.walk.String())
	}
	u.shows("")
	if len(u.steps) > 0 {
		t.Errorf("nobody asked for %v", u.steps)
	}
	u.holds(f)
	u.tap("joe", "Close")
	t.Log("\n" + u.walk.String())
	u.closed()
	n := u.chat.Typed("joe") + u.chat.Typed("chris")
	t.Logf("%d characters were typed, of %d:\n%s", n, mostTyped, strings.Join(u.typed, "\n"))
	if n > mostTyped || n == 0 {
		t.Errorf("%d characters were typed, at most %d may be", n, mostTyped)
	}
	if err := stage.close(t.Context()); err != nil {
		t.Error(err)
	}
	goldenText(t, "demo-thumb.txt", anyHash.ReplaceAllString(u.walk.String(), "HASH"))
}

// inWords are the expectations that only what people typed that night can meet, and
// what stands for them in the night by thumb.
var inWords = map[string]string{"00:27 Django": "00:27", "00:55 The node": "node-not-ready.png"}

// holds checks what the scenario expects.
func (u *thumbs) holds(f *scenario.File) {
	u.t.Helper()
	for i := range f.Expect {
		for k, text := range f.Expect[i].TimelineContains {
			if instead, is := inWords[text]; is {
				f.Expect[i].TimelineContains[k] = instead
			}
		}
	}
	outcomes, err := f.Check(u.t.Context(), u.db)
	if err != nil {
		u.t.Fatal(err)
	}
	for _, o := range outcomes {
		if !o.OK {
			u.t.Errorf("expected that %s; got: %s", o.What, o.Got)
		}
	}
	if len(outcomes) < 10 {
		u.t.Errorf("only %d expectations", len(outcomes))
	}
}

// closed checks what is left when it is over.
func (u *thumbs) closed() {
	u.t.Helper()
	err := u.View(u.t.Context(), func(v timeline.View) error {
		i, err := incident.Get(v, "INC-1")
		if i.Status != incident.Closed || i.Lead != "joe" || i.AcknowledgedBy != "joe" {
			u.t.Errorf("at the end it is %s, led by %q, acknowledged by %q", i.Status, i.Lead, i.AcknowledgedBy)
		}
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	report, err := u.db.Verify(u.t.Context(), storage.VerifyOptions{Rebuild: true})
	if err != nil || len(report.Faults) > 0 {
		u.t.Errorf("the record: %v %v", err, report.Faults)
	}
}
