package render

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/integrations/discord/discordtest/spec/hostile"
	"wardroom/integrations/discord/rest"
)

// nights is how many nights full of hostile text are rendered; each fills every
// field that outside text can reach, many hundreds of them.
var nights = flag.Int64("nights", 25, "how many nights full of hostile text")

// mention is one that Discord would draw as such: not escaped, not in code.
var (
	mention = regexp.MustCompile("<@[!&]?[0-9]|@everyone|@here")
	code    = regexp.MustCompile("(?s)\\\\.|```.*?```|`[^`\n]+`") // and what is escaped
)

func TestHostileTextBreaksNoLimit(t *testing.T) {
	for seed := range *nights {
		night(t, seed)
		if t.Failed() {
			t.Fatalf("the night of seed %d", seed)
		}
	}
}

func FuzzOutsideText(f *testing.F) {
	f.Add("@everyone ```", int64(1))
	f.Fuzz(func(t *testing.T, text string, seed int64) {
		p := room.Post{Entry: ref(3), At: time.Unix(seed%4e9, 0), Recorded: at("00:30"), Actor: text, Text: text, Mentions: []string{text}}
		for _, m := range newRenderer().Post(room.Message{Posts: []room.Post{p}}) {
			harmless(t, m)
		}
		messages, _ := newRenderer().Reply(command.Reply{Text: command.Escape(text), Table: &command.TableData{Headings: []string{"a"}, Rows: [][]string{{text}}}})
		for _, m := range messages {
			harmless(t, m)
		}
	})
}

// harmless holds a message to Discord's rules and to ours: it notifies nobody.
func harmless(t testing.TB, m rest.Message) {
	t.Helper()
	legal(t, m)
	if len(m.AllowedMentions.Users) > 0 {
		t.Errorf("it notifies %v", m.AllowedMentions.Users)
	}
	texts := []string{m.Content}
	for _, e := range m.Embeds {
		texts = append(texts, e.Title, e.Description)
		for _, f := range e.Fields {
			texts = append(texts, f.Name, f.Value)
		}
	}
	for _, text := range texts {
		if found := mention.FindString(code.ReplaceAllString(text, "")); found != "" {
			t.Errorf("%q is drawn as a mention in %.300q", found, text)
		}
		if strings.Count(text, "```")%2 != 0 {
			t.Errorf("a code block stays open in %.300q", text)
		}
	}
}

func night(t *testing.T, seed int64) {
	t.Helper()
	source := rand.New(rand.NewPCG(uint64(seed), 0))
	text := func() string { return hostile.Text(source) }
	r := newRenderer()

	var posts []room.Post
	for i := range 1 + source.IntN(60) {
		posts = append(posts, room.Post{Entry: ref(int64(i + 1)), At: at("00:25").Add(time.Duration(i) * time.Hour), Recorded: at("00:30"), Actor: text(), Text: text()})
	}
	for i := range posts {
		for range source.IntN(50) {
			posts[i].More = append(posts[i].More, room.Detail{Text: text(), As: room.DetailKind(source.IntN(4))})
		}
		posts[i].Whole = text()
	}
	for _, m := range append(r.Post(room.Message{Posts: posts, Stale: true}), r.Post(room.Message{Posts: posts[:1]})...) {
		harmless(t, m)
		if _, ok := EntryOf(seen(t, m)); !ok {
			t.Error("a post without its entry")
		}
	}

	l := room.Living{ID: "INC-1", Title: text(), Severity: alert.SEV1, Status: incident.Identified, Lead: text(), AcknowledgedBy: text(), StartedAt: at("00:25"),
		Alerts: alert.Tally{Total: 9, Firing: 4}, AlertNames: []string{text(), text(), text()}, Park: text(),
		Notice: &statuspage.Notice{State: statuspage.State(text()), Title: text()}}
	var actions []command.Action
	for range source.IntN(30) {
		actions = append(actions, command.Action{Label: text(), Form: source.IntN(2) == 0, Ask: command.Ask{Path: "incident ack", Options: map[string]string{"incident": text(), "why": text()}}})
	}
	l.Acts = actions
	for n := range source.IntN(4) {
		l.Runs = append(l.Runs, hostileRun(n+1, text, source, actions))
	}
	harmless(t, r.Living(l, []room.Working{{Name: text(), OK: true}, {Name: text(), Why: text(), Means: text(), Since: at("00:25")}}))

	var lines []room.OverviewLine
	for i := range source.IntN(40) {
		lines = append(lines, room.OverviewLine{ID: ref(int64(i + 1)).Timeline, Title: text(), Lead: text(), OnIt: text(), Park: text(), Place: room.Place{Channel: text()}})
	}
	for _, m := range r.Overview(lines) {
		harmless(t, m)
	}

	harmless(t, r.Problem(problem.New(problem.Invalid, "%q is wrong", text()).WithHint("%s", text())))
	harmless(t, r.Problem(errors.New(text())))

	reply := command.Reply{Text: command.Escape(text()) + " " + command.Code(text()), Actions: actions, Confirm: source.IntN(2) == 0,
		Files: []command.File{{Name: text()}, {Name: text()}}, Table: &command.TableData{Headings: []string{"a", text()}}}
	for range source.IntN(12) {
		e := command.Embed{Title: command.Escape(text()), Description: command.Escape(text()), Footer: command.Escape(text()), Color: source.Int(), At: at("00:25")}
		for range source.IntN(30) {
			e.Fields = append(e.Fields, command.Field{Name: command.Escape(text()), Value: command.Escape(text()), Inline: true})
		}
		reply.Embeds = append(reply.Embeds, e)
		reply.Table.Rows = append(reply.Table.Rows, []string{text(), text(), text()})
	}
	messages, _ := r.Reply(reply)
	for _, m := range messages {
		harmless(t, m)
	}

	forms(t, r, text, source)
	var found []command.Proposal
	for range source.IntN(30) {
		found = append(found, command.Proposal{Value: text(), Help: text()})
	}
	callback(t, discordgo.InteractionApplicationCommandAutocompleteResult, Choices(found))
	if route, err := r.Route(text()); err == nil && route.Act == "" {
		t.Error("a hostile custom id was read")
	}
}

func hostileRun(n int, text func() string, source *rand.Rand, acts []command.Action) room.LivingRun {
	run := remediation.Run{ID: remediation.RunID(fmt.Sprintf("INC-1/run-%d", n)), Status: remediation.Running, Step: source.IntN(9)}
	for range source.IntN(40) {
		run.Plan.Steps = append(run.Plan.Steps, remediation.PlannedStep{Words: text()})
		run.Steps = append(run.Steps, remediation.StepState{Mark: remediation.Begun, Started: at("00:25")})
	}
	l := room.LivingRun{ID: run.ID, Title: text(), Status: run.Status, By: text(), At: at("00:25"), Asked: text(), Breaks: []string{text(), text(), text(), text()}, More: 3,
		Against: []string{text(), text()}, Left: []string{text(), text()}, Started: source.IntN(2) == 0, Since: at("00:26"), Acts: acts}
	l.Progress = remediation.ProgressOf(run, text(), at("00:30"))
	l.Progress.Line = text()
	return l
}

func forms(t *testing.T, r *Renderer, text func() string, source *rand.Rand) {
	t.Helper()
	v := command.FormView{Title: text(), Submit: text(), Ask: command.Ask{Path: "status post", Options: map[string]string{"text": text()}}}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		f := command.FormField{Option: command.Option{Name: name, Help: text(), Required: source.IntN(2) == 0}, Label: text(), Value: text(), Long: source.IntN(2) == 0, Many: source.IntN(2) == 0}
		for range source.IntN(30) * source.IntN(2) {
			f.Proposals = append(f.Proposals, command.Proposal{Value: text(), Help: text()})
		}
		v.Fields = append(v.Fields, f)
	}
	modal, m, err := r.Form(v)
	if err != nil {
		t.Fatal(err)
	}
	if modal == nil {
		harmless(t, m)
		if modal, err = r.Modal(v); err != nil {
			t.Fatal(err)
		}
	}
	if modal != nil {
		callback(t, discordgo.InteractionResponseModal, *modal)
	}
}
