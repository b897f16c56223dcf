package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// timelineDesk is what the timeline commands need of [incident.Desk].
type timelineDesk interface {
	noteDesk
	View(ctx context.Context, read func(timeline.View) error) error
	Correct(ctx context.Context, who incident.Who, ref timeline.Ref, c incident.Correction) (was, now timeline.Entry, err error)
	Erase(ctx context.Context, who incident.Who, refs []timeline.Ref, reason string) ([]timeline.Erasure, error)
}

// noteDesk takes notes.
type noteDesk interface {
	Note(ctx context.Context, who incident.Who, id timeline.ID, note incident.Noted, at time.Time) (timeline.Entry, error)
}

// Prominences tells key entries from details; the codec does.
type Prominences interface {
	Prominence(timeline.Kind) timeline.Prominence
}

// Exporter writes an incident's post-mortem.
type Exporter interface {
	// Export returns the file in one of ExportFormats. The same entries give the
	// same bytes.
	Export(ctx context.Context, id timeline.ID, format string) (name string, body []byte, err error)
}

// ExportFormats are what an incident can be exported as.
var ExportFormats = []string{"markdown", "mkdocs", "rst", "json", "html"}

// Timeline is `/timeline`: what was recorded, and how to put it right. Without
// an exporter there is no `/timeline export`.
func Timeline(desk timelineDesk, kinds Prominences, exporter Exporter) []command.Command {
	c := timelines{desk, kinds, exporter}
	anywhere := command.Option{Name: "incident", Help: "Which incident, or log; left out: the room's, or the only open one", Type: command.Incident, Choices: []string{"log"}, Positional: true}
	named := anywhere
	named.Positional = false
	within := command.Option{Name: "incident", Help: "Whose entry, when only its number is given; left out: the room's, or the only open one", Type: command.Incident, Default: "none", Choices: []string{"log"}}
	list := []command.Command{{
		Path:        "timeline add",
		Summary:     "Write something into the timeline, at the time when it happened",
		Description: "With `cause:yes` it is marked as what began the incident: evidence for the start on the status page.",
		Examples:    []string{"/timeline add text:Support ticket opened at Linode", "/timeline add at:06:36 text:Python is offline", "/timeline add at:00:27 cause:yes text:Django opens connections rapidly"},
		Access:      people.Responder, Records: true,
		Options: noteOptions(named),
		Form:    noteForm(),
		Handle:  func(ctx context.Context, r command.Request) (command.Reply, error) { return addNote(ctx, desk, r) },
	}, {
		Path:        "timeline correct",
		Summary:     "Put an entry right; the old one stays, marked as corrected",
		Description: "Notes, starts and the times of a status can be corrected. Say what differs: the text, the time, or both.",
		Examples:    []string{"/timeline correct entry:12 at:06:36", "/timeline correct entry:INC-1#12 text:Python and Redis are offline"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			{Name: "entry", Help: "Which entry: its number, as 12 or INC-1#12", Type: command.Entry, Required: true, Positional: true},
			{Name: "text", Help: "What it should say; left out: as before", Type: command.String, Positional: true, Long: true},
			{Name: "at", Help: "When it happened; left out: as before", Type: command.Time},
			within,
		},
		Form:   correctForm(),
		Handle: c.correct,
	}, {
		Path:        "timeline erase",
		Summary:     "Delete what an entry says, and every copy of it, for good",
		Description: "For a secret that got in. The entry stays, empty, with who erased it and why, so the chain still verifies. What cannot be reached, such as a message that was forwarded, is listed.",
		Examples:    []string{"/timeline erase entry:INC-1#12 reason:held a token"},
		Access:      people.Lead, Records: true,
		Options: []command.Option{
			{Name: "entry", Help: "Which entry: its number, as 12 or INC-1#12", Type: command.Entry, Required: true, Positional: true},
			{Name: "reason", Help: "Why; it stays, so do not repeat what is erased", Type: command.String, Required: true, Positional: true},
			{Name: "sure", Help: "Answers the question whether you are", Type: command.Bool},
			within,
		},
		Form:   eraseForm(),
		Handle: c.erase,
	}, {
		Path:        "timeline show",
		Summary:     "Show what happened, the newest page first",
		Description: "Shows what matters; `all:yes` shows every entry, `entry:12` the whole of one.",
		Examples:    []string{"/timeline show", "/timeline show incident:INC-1 all:yes page:2", "/timeline show incident:log all:yes", "/timeline show entry:INC-1#12"},
		Access:      people.Viewer, Records: true,
		Options: []command.Option{
			anywhere,
			{Name: "all", Help: "Also the details", Type: command.Bool},
			{Name: "page", Help: "1 is the newest", Type: command.Int, Default: "1"},
			{Name: "entry", Help: "One entry, whole: its number, as 12 or INC-1#12", Type: command.Entry},
		},
		Handle: c.show,
	}}
	if exporter == nil {
		return list
	}
	return append(list, command.Command{
		Path:     "timeline export",
		Summary:  "Give the post-mortem as a file",
		Examples: []string{"/timeline export", "/timeline export incident:INC-1 format:mkdocs"},
		Access:   people.Viewer, Records: true,
		Options: []command.Option{
			theIncident,
			{Name: "format", Help: "Which format", Type: command.Choice, Choices: ExportFormats, Default: "markdown"},
		},
		Handle: c.export,
	})
}

type timelines struct {
	desk     timelineDesk
	kinds    Prominences
	exporter Exporter
}

// noteOptions are those of `/timeline add` and `/incident note`.
func noteOptions(incident command.Option) []command.Option {
	return []command.Option{
		{Name: "text", Help: "What happened", Type: command.String, Required: true, Positional: true, Long: true},
		{Name: "at", Help: "When it happened, as 00:25 or 10m ago; left out: now", Type: command.Time},
		{Name: "cause", Help: "It is what began the incident", Type: command.Bool},
		incident,
	}
}

func addNote(ctx context.Context, desk noteDesk, r command.Request) (command.Reply, error) {
	note := incident.Noted{Body: r.String("text"), IsCause: r.Bool("cause")}
	e, err := desk.Note(ctx, asker(r), r.Incident("incident"), note, r.Time("at"))
	if err != nil {
		return command.Reply{}, err
	}
	text := fmt.Sprintf("Noted at %s as **%s**: %s", r.FormatTime(e.OccurredAt), command.Escape(e.Ref.String()), command.Escape(clipped(e.Payload.Text(), 200)))
	reply := command.Reply{Text: text, Data: entryRow(e)}
	if note.IsCause && e.Timeline.IsIncident() {
		began := act("It began then", "incident start", e.Timeline, command.Primary)
		began.Ask.Options["at"] = e.OccurredAt.UTC().Format(time.RFC3339Nano)
		began.Ask.Options["why"] = clipped(e.Payload.Text(), 200)
		reply.Actions = []command.Action{began}
	}
	return reply, nil
}

func (c timelines) correct(ctx context.Context, r command.Request) (command.Reply, error) {
	if !r.Has("text") && !r.Has("at") {
		return command.Reply{}, problem.New(problem.Invalid, "say what is different").WithHint("text:…, at:06:36, or both")
	}
	was, now, err := c.desk.Correct(ctx, asker(r), r.Entry("entry"), incident.Correction{Text: r.String("text"), At: r.Time("at")})
	if err != nil {
		return command.Reply{}, err
	}
	if was.Ref == now.Ref {
		return command.Reply{Text: fmt.Sprintf("%s says that already.", command.Escape(was.Ref.String())), Data: entryRow(now)}, nil
	}
	text := fmt.Sprintf("**%s corrects %s.**\nIt said: %s, %s\nIt says: %s, %s", command.Escape(now.Ref.String()), command.Escape(was.Ref.String()),
		r.FormatTime(was.OccurredAt), command.Escape(clipped(was.Payload.Text(), 200)), r.FormatTime(now.OccurredAt), command.Escape(clipped(now.Payload.Text(), 200)))
	return command.Reply{Text: text, Data: entryRow(now)}, nil
}

// erase asks first: it is the one act that nothing undoes.
func (c timelines) erase(ctx context.Context, r command.Request) (command.Reply, error) {
	ref := r.Entry("entry")
	if !r.Bool("sure") {
		return c.askErase(ctx, r, ref)
	}
	done, err := c.desk.Erase(ctx, asker(r), []timeline.Ref{ref}, r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	var refs, unreached []string
	for _, one := range done {
		for _, gone := range one.Refs {
			refs = append(refs, gone.String())
		}
		unreached = append(unreached, one.Unreached...)
	}
	text := fmt.Sprintf("**Erased** with every copy I know of: %s.", command.Escape(clipped(strings.Join(refs, ", "), 800)))
	if len(unreached) > 0 {
		text += "\n**Out of my reach:** " + command.Escape(clipped(strings.Join(unreached, ", "), 800))
	}
	text += "\nIf it was a secret, change it: it may have been read, and earlier backups and exports still hold it."
	return command.Reply{Text: text, Data: done}, nil
}

func (c timelines) askErase(ctx context.Context, r command.Request, ref timeline.Ref) (command.Reply, error) {
	var e timeline.Entry
	err := c.desk.View(ctx, func(v timeline.View) (err error) { e, err = v.Entry(ref); return err })
	if err != nil {
		return command.Reply{}, err
	}
	yes := command.Action{Label: "Erase it", Style: command.Danger, Ask: command.Ask{Path: "timeline erase",
		Options: map[string]string{"entry": ref.String(), "reason": r.String("reason"), "sure": "yes"}}}
	return command.Reply{
		Text: fmt.Sprintf("Erase %s for good? It says, at %s: %s\nIts copies go too: the request, the alert's text wherever it is mentioned, messages in rooms. Nothing brings it back.",
			command.Escape(ref.String()), r.FormatTime(e.OccurredAt), command.Escape(clipped(e.Payload.Text(), 200))),
		Confirm: true, Actions: []command.Action{yes},
	}, nil
}

func (c timelines) export(ctx context.Context, r command.Request) (command.Reply, error) {
	id, format := r.Incident("incident"), r.String("format")
	name, body, err := c.exporter.Export(ctx, id, format)
	if err != nil {
		return command.Reply{}, err
	}
	return command.Reply{
		Text:  fmt.Sprintf("The post-mortem of %s as %s.", id, command.Code(name)),
		Files: []command.File{{Name: name, ContentType: contentTypes[format], Body: body}},
	}, nil
}

var contentTypes = map[string]string{"markdown": "text/markdown; charset=utf-8", "mkdocs": "text/markdown; charset=utf-8",
	"rst": "text/x-rst; charset=utf-8", "json": "application/json", "html": "text/html; charset=utf-8"}

// shownEntry is an entry as --json prints it.
type shownEntry struct {
	Entry       timeline.Ref  `json:"entry"`
	Kind        timeline.Kind `json:"kind"`
	OccurredAt  time.Time     `json:"occurred_at"`
	RecordedAt  time.Time     `json:"recorded_at"`
	Actor       string        `json:"actor"`
	Text        string        `json:"text"`
	Cause       timeline.Ref  `json:"cause,omitzero"`
	Corrects    timeline.Ref  `json:"corrects,omitzero"`
	CorrectedBy timeline.Ref  `json:"corrected_by,omitzero"`
	Erased      bool          `json:"erased,omitempty"`
}

func entryRow(e timeline.Entry) shownEntry {
	_, erased := e.Payload.(*timeline.Erased)
	return shownEntry{Entry: e.Ref, Kind: e.Kind, OccurredAt: e.OccurredAt, RecordedAt: e.RecordedAt, Actor: e.Actor.String(), Text: e.Payload.Text(),
		Cause: e.Cause, Corrects: e.Supersedes, Erased: erased}
}

// pageSize is how many entries fit on a phone without losing the thread.
const pageSize = 20

func (c timelines) show(ctx context.Context, r command.Request) (command.Reply, error) {
	if ref := r.Entry("entry"); !ref.IsZero() {
		return c.showOne(ctx, r, ref)
	}
	id, all, page := r.Incident("incident"), r.Bool("all"), r.Int("page")
	if page < 1 {
		return command.Reply{}, problem.New(problem.Invalid, "pages count from 1, the newest")
	}
	rows := []shownEntry{}
	more := false
	var actors []string
	err := c.desk.View(ctx, func(v timeline.View) error {
		entries, older, err := c.page(v, id, all, page)
		if err != nil {
			return err
		}
		more = older
		for _, e := range entries {
			row := entryRow(e)
			row.CorrectedBy, _, err = incident.CorrectedBy(v, e.Ref)
			if err != nil {
				return err
			}
			rows, actors = append(rows, row), append(actors, e.Actor.Display())
		}
		return nil
	})
	if err != nil {
		return command.Reply{}, err
	}
	return c.shown(r, id, rows, actors, more), nil
}

// showOne is an entry with all that it says: rooms cut what is long.
func (c timelines) showOne(ctx context.Context, r command.Request, ref timeline.Ref) (command.Reply, error) {
	var e timeline.Entry
	var row shownEntry
	err := c.desk.View(ctx, func(v timeline.View) (err error) {
		if e, err = v.Entry(ref); err != nil {
			return err
		}
		row = entryRow(e)
		row.CorrectedBy, _, err = incident.CorrectedBy(v, ref)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	head := fmt.Sprintf("**%s**, %s, %s", command.Escape(ref.String()), r.FormatTime(e.OccurredAt), command.Escape(e.Actor.Display()))
	if row.RecordedAt.Sub(row.OccurredAt) >= time.Minute {
		head += ", recorded " + r.FormatTime(row.RecordedAt)
	}
	if !row.Corrects.IsZero() {
		head += ", corrects " + command.Escape(row.Corrects.String())
	}
	if !row.CorrectedBy.IsZero() {
		head += ", corrected by " + command.Escape(row.CorrectedBy.String())
	}
	return command.Reply{Text: head + "\n" + command.Escape(row.Text), Data: row}, nil
}

// page reads backwards from the head until it has what the page shows: a
// timeline can be long, and its end is what people look at.
func (c timelines) page(v timeline.View, id timeline.ID, all bool, page int) (entries []timeline.Entry, more bool, err error) {
	head, _, err := v.Head(id)
	if err != nil {
		return nil, false, err
	}
	const stride = 200
	want, skip := pageSize+1, (page-1)*pageSize
	for upto := head.Seq; upto > 0 && len(entries) < want; upto -= stride {
		after := max(upto-stride, 0)
		chunk, err := v.Entries(id, after, int(upto-after))
		if err != nil {
			return nil, false, err
		}
		for _, e := range slices.Backward(chunk) {
			matters, err := c.matters(v, e)
			if err != nil {
				return nil, false, err
			}
			if !all && !matters {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if entries = append(entries, e); len(entries) == want {
				break
			}
		}
	}
	if more = len(entries) == want; more {
		entries = entries[:pageSize]
	}
	slices.Reverse(entries)
	return entries, more, nil
}

// matters reports whether an entry is shown without being asked for: key ones,
// and of those that were corrected the newest.
func (c timelines) matters(v timeline.View, e timeline.Entry) (bool, error) {
	if c.kinds.Prominence(e.Kind) != timeline.Key || e.Kind.IsDelivery() {
		return false, nil
	}
	_, corrected, err := incident.CorrectedBy(v, e.Ref)
	return !corrected, err
}

func (c timelines) shown(r command.Request, id timeline.ID, rows []shownEntry, actors []string, more bool) command.Reply {
	reply := command.Reply{Data: rows}
	if len(rows) == 0 {
		reply.Text = fmt.Sprintf("Nothing to show of %s on this page. `/timeline show all:yes` shows every entry, `/timeline add` writes one.", id)
		return reply
	}
	table := &command.TableData{Headings: []string{"Entry", "When", "Who", "What"}}
	for n, row := range rows {
		what := row.Text
		if !row.CorrectedBy.IsZero() {
			what += fmt.Sprintf(" (corrected by #%d)", row.CorrectedBy.Seq)
		}
		if !row.Corrects.IsZero() {
			what += fmt.Sprintf(" (corrects #%d)", row.Corrects.Seq)
		}
		if late := row.RecordedAt.Sub(row.OccurredAt); late >= time.Minute {
			what += " (recorded " + r.FormatTime(row.RecordedAt) + ")"
		}
		table.Rows = append(table.Rows, []string{fmt.Sprintf("#%d", row.Entry.Seq), r.FormatTime(row.OccurredAt), actors[n], strings.Join(strings.Fields(what), " ")})
	}
	reply.Table, reply.Text = table, fmt.Sprintf("**%s**, page %d", id, r.Int("page"))
	turn := func(label string, page int) {
		options := map[string]string{"incident": string(id), "page": fmt.Sprint(page)}
		if r.Bool("all") {
			options["all"] = "yes"
		}
		reply.Actions = append(reply.Actions, command.Action{Label: label, Ask: command.Ask{Path: "timeline show", Options: options}})
	}
	if more {
		turn("Earlier", r.Int("page")+1)
	}
	if r.Int("page") > 1 {
		turn("Later", r.Int("page")-1)
	}
	return reply
}
