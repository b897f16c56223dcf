package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// correctCommand is `/status correct`: the text of an update that is public already.
func (s status) correctCommand(incident command.Option) command.Command {
	incident.Help = "Which incident; left out: the update's, the room's, or the only open one"
	return command.Command{
		Path:        "status correct",
		Summary:     "Put the text of an update right that the public already reads",
		Description: "Shows the old text and the new one, and asks. Every page then shows the new text in the place of the old one, with the time of the correction beside it; time, state and components stay, and subscribers are not told. The timeline keeps what was said before.",
		Examples:    []string{"/status correct text:The database is out of connections", "/status correct update:INC-1#7 text:Some customers cannot sign in"},
		Access:      people.Responder,
		Records:     true,
		Options: []command.Option{
			{Name: "text", Help: "What the public should read instead", Type: command.String, Required: true, Positional: true, Long: true},
			{Name: "update", Help: "Which update: its entry, as 7 or INC-1#7; left out: the newest", Type: command.Entry, Complete: completeUpdates},
			incident,
			{Name: "sure", Help: "Answers the question whether you are", Type: command.Bool},
		},
		Form:   s.correctForm(),
		Handle: s.correct,
	}
}

func (s status) correct(ctx context.Context, r command.Request) (command.Reply, error) {
	c := statuspage.Correction{Incident: r.Incident("incident"), Update: r.Entry("update"), Text: r.String("text")}
	if first, _, _ := strings.Cut(c.Text, " "); c.Update.IsZero() && strings.HasPrefix(first, string(c.Incident)+"#") {
		return command.Reply{}, problem.New(problem.Invalid, "the public would read %q", first).WithHint("name the update beside the text: `/status correct update:%s`", first)
	}
	var n statuspage.Notice
	var was statuspage.Update
	err := s.desk.View(ctx, func(v timeline.View) (err error) {
		n, was, err = statuspage.Find(v, c.Incident, c.Update)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	if !r.Bool("sure") && c.Text != was.Text {
		return askCorrect(r, n, was), nil
	}
	c.Update = was.Entry
	out, err := s.desk.Correct(ctx, whoAsks(r), c)
	if err != nil {
		return command.Reply{}, err
	}
	return corrected(r, out, was), nil
}

// correctData is what --json prints of a correction, proposed or made.
type correctData struct {
	Update timeline.Ref `json:"update"`
	Was    string       `json:"was"`
	Text   string       `json:"text"`
	// Entry is the entry that corrects the update; left out while it is only proposed.
	Entry timeline.Ref `json:"entry,omitzero"`
}

// askCorrect shows both texts whole: what is confirmed goes public.
func askCorrect(r command.Request, n statuspage.Notice, u statuspage.Update) command.Reply {
	text := r.String("text")
	yes := statusAct("Correct it", "status correct", n.Incident, command.Primary, "update", u.Entry.String(), "text", text, "sure", "yes")
	return command.Reply{
		Text: fmt.Sprintf("**Correct what the public reads of %s?** %s, %s at %s\n**It says:** %s\n**It will say:** %s\n"+
			"The page will say that it was corrected. Whoever was sent the old text keeps it, and so does the timeline.",
			n.Incident, command.Escape(u.Entry.String()), strings.ToLower(u.State.Title()), r.FormatTime(u.At), command.Escape(u.Text), command.Escape(text)),
		Confirm: true, Actions: []command.Action{yes},
		Data: correctData{Update: u.Entry, Was: u.Text, Text: text},
	}
}

func corrected(r command.Request, out statuspage.Outcome, was statuspage.Update) command.Reply {
	data := correctData{Update: was.Entry, Was: was.Text, Text: was.Text, Entry: out.Entry}
	if out.Entry.IsZero() {
		return command.Reply{Text: command.Escape(strings.Join(out.Notes, " ")), Data: data}
	}
	i := slices.IndexFunc(out.Notice.Updates, func(u statuspage.Update) bool { return u.Entry == was.Entry })
	now := out.Notice.Updates[i]
	data.Text = now.Text
	return command.Reply{
		Text: fmt.Sprintf("**Corrected on the status page** for %s: %s\n%s at %s, corrected at %s: %s", out.Notice.Incident, command.Escape(out.Notice.Title),
			now.State.Title(), r.FormatTime(now.At), r.FormatTime(now.CorrectedAt), command.Escape(now.Text)),
		Data: data,
	}
}

// correctForm offers the updates of the incident, filled with what the chosen one
// says, or the newest.
func (s status) correctForm() *command.Form {
	return &command.Form{
		Title: "Correct what the public reads", Submit: "Go on",
		Fields: []string{"update", "text"},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			id := r.Incident("incident")
			if id == "" {
				return nil, nil // which one is still to be asked
			}
			_, u, err := statuspage.Find(v, id, r.Entry("update"))
			return map[string]string{"update": u.Entry.String(), "text": u.Text}, err
		},
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			n, posted, err := statuspage.Get(v, r.Incident("incident"))
			if err != nil || !posted {
				return nil, err
			}
			const most = 25
			var updates []command.Proposal
			for _, u := range slices.Backward(n.Updates) {
				if len(updates) < most {
					says := strings.Join(strings.Fields(u.Text), " ")
					updates = append(updates, command.Proposal{Value: u.Entry.String(), Help: fmt.Sprintf("%s %s", r.TypeTime(u.At.Truncate(time.Second)), says)})
				}
			}
			return map[string][]command.Proposal{"update": updates}, nil
		},
		Explain: func(timeline.View, command.Request) (map[string]string, error) {
			return map[string]string{"update": "Which update?"}, nil
		},
	}
}

// completeUpdates proposes the updates of all status incidents, the newest first.
func completeUpdates(_ context.Context, v timeline.View, typed string) []string {
	all, err := statuspage.Notices.Select(v, timeline.Query{OrderBy: "number", Desc: true, Limit: 25})
	if err != nil {
		return nil
	}
	var found []string
	for _, n := range all {
		for _, u := range slices.Backward(n.Updates) {
			if strings.Contains(strings.ToLower(u.Entry.String()), strings.ToLower(strings.TrimSpace(typed))) {
				found = append(found, u.Entry.String())
			}
		}
	}
	return found
}
