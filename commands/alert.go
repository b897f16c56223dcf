package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/suggest"
	"wardroom/bot/timeline"
)

// alertDesk is what the alert commands need of [incident.Desk].
type alertDesk interface {
	View(ctx context.Context, read func(timeline.View) error) error
	AcknowledgeAlert(ctx context.Context, who incident.Who, key string) (by timeline.Entry, already bool, err error)
	SilenceAlert(ctx context.Context, who incident.Who, key string, until time.Time, reason string) (timeline.Entry, error)
	SilenceIsPlaced(ctx context.Context, silenced timeline.Entry, placed incident.SilencePlaced) error
}

// Silencer makes an alert's source keep quiet, as Alertmanager can.
type Silencer interface {
	// Silence returns the source's id for the silence. It may be repeated with the
	// same entry, which identifies the silence, and then returns the same id. An
	// Unsupported problem says that this alert's source cannot.
	Silence(ctx context.Context, a alert.Alert, entry timeline.Ref, until time.Time, by, reason string) (at, id string, err error)
}

// Alert is `/alert`: what the sources say. Without a silencer, silences are
// recorded and nobody outside is told; without a resolver, nothing is said of what
// alerts are about.
func Alert(desk alertDesk, silencer Silencer, resolver *suggest.Resolver) []command.Command {
	c := alerts{desk, silencer, resolver}
	which := command.Option{Name: "alert", Help: "Which alert: its key, fingerprint or name", Type: command.String, Required: true, Positional: true, Complete: completeAlert}
	return []command.Command{{
		Path:     "alert list",
		Summary:  "List the alerts that fire",
		Examples: []string{"/alert list", "/alert list all:yes", "/alert list incident:INC-7"},
		Access:   people.Viewer,
		Options: []command.Option{
			{Name: "all", Help: "Also those that are resolved", Type: command.Bool},
			{Name: "incident", Help: "Only those of this incident", Type: command.Incident, Default: "none", Positional: true},
		},
		Handle: c.list,
	}, {
		Path:        "alert show",
		Summary:     "Show all that is known of an alert, and what it is about",
		Description: "What it is about is read from its labels, by the rules under `targets` in the configuration, and proven against the cluster; its text is never read. Then what may be looked at or planned is offered, the least disruptive first.",
		Examples:    []string{"/alert show alert:postgres/connection-limit"},
		Access:      people.Viewer,
		Options:     []command.Option{which},
		Form:        whichAlertForm("Which alert?", "Show"),
		Handle:      c.show,
	}, {
		Path:        "alert ack",
		Summary:     "Say that you know of an alert",
		Description: "Acknowledges the incident that it belongs to as well, when nobody has.",
		Examples:    []string{"/alert ack alert:postgres/connection-limit"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{which},
		Handle:  c.ack,
	}, {
		Path:        "alert silence",
		Summary:     "Let an alert not be heard for a while",
		Description: "Recorded with its reason and, where the source can be told, placed there. It ends by itself.",
		Examples:    []string{"/alert silence alert:kubernetes/jobs-failed reason:known, fixed on Monday for:2d"},
		Access:      people.Responder, Records: true,
		Options: []command.Option{
			which,
			{Name: "reason", Help: "Why; stands in the timeline", Type: command.String, Required: true, Positional: true},
			{Name: "for", Help: "For how long", Type: command.Duration, Default: "2h", Complete: completeSilence},
		},
		Form:   silenceForm(),
		Handle: c.silence,
	}}
}

type alerts struct {
	desk     alertDesk
	silencer Silencer
	resolver *suggest.Resolver
}

// shownAlert is an alert as --json prints it. Scripts rely on the names.
type shownAlert struct {
	Fingerprint string       `json:"fingerprint"`
	Status      alert.Status `json:"status"`
	StartsAt    time.Time    `json:"starts_at"`
	Incident    timeline.ID  `json:"incident"` // "" when it belongs to none
	Name        string       `json:"name"`
	Source      string       `json:"source"`
	Summary     string       `json:"summary"`
	EndsAt      *time.Time   `json:"ends_at"` // null while it fires
	Value       *alert.Value `json:"value"`   // null when it carries none
	// What people have said of it while it fires.
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	SilencedUntil  *time.Time `json:"silenced_until,omitempty"`
}

// said adds what people have said of the alert.
func (row *shownAlert) said(q incident.Quiet) {
	if q.Acknowledged != nil {
		row.AcknowledgedBy = q.Acknowledged.Actor.Display()
	}
	if q.Silenced != nil {
		until := q.Silenced.Payload.(*incident.AlertSilenced).Until.UTC()
		row.SilencedUntil = &until
	}
}

// state is the alert's status with what people have said of it.
func (row *shownAlert) state() string {
	text := string(row.Status)
	if row.AcknowledgedBy != "" {
		text += ", acknowledged"
	}
	if row.SilencedUntil != nil {
		text += ", silenced"
	}
	return text
}

func alertRow(a alert.Current) shownAlert {
	row := shownAlert{Fingerprint: a.Fingerprint, Status: a.Status, StartsAt: a.StartsAt.UTC(), Incident: a.Incident, Name: a.Name(), Source: a.Source, Summary: a.Summary(), Value: a.Value}
	if !a.EndsAt.IsZero() {
		ends := a.EndsAt.UTC()
		row.EndsAt = &ends
	}
	return row
}

func (c alerts) list(ctx context.Context, r command.Request) (command.Reply, error) {
	q := timeline.Query{OrderBy: "starts_at"}
	if !r.Bool("all") {
		q.Where = append(q.Where, timeline.Where{Column: "status", Value: string(alert.Firing)})
	}
	if id := r.Incident("incident"); id != "" {
		q.Where = append(q.Where, timeline.Where{Column: "incident", Value: string(id)})
	}
	rows := []shownAlert{}
	err := c.desk.View(ctx, func(v timeline.View) error {
		found, err := alert.Table.Select(v, q)
		for _, a := range found {
			row := alertRow(a)
			if a.Status == alert.Firing {
				q, err := incident.QuietOf(v, a)
				if err != nil {
					return err
				}
				row.said(q)
			}
			rows = append(rows, row)
		}
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	return listedAlerts(r, rows), nil
}

func listedAlerts(r command.Request, rows []shownAlert) command.Reply {
	reply := command.Reply{Data: rows}
	firing := 0
	table := &command.TableData{Headings: []string{"Status", "Since", "Incident", "Alert", "Says"}}
	for n, a := range rows {
		if a.Status == alert.Firing {
			firing++
		}
		if n >= mostRows {
			continue
		}
		says := clipped(strings.Join(strings.Fields(a.Summary), " "), 80)
		if a.Value != nil {
			says = strings.TrimSpace(says + " (" + a.Value.String() + ")")
		}
		table.Rows = append(table.Rows, []string{a.state(), r.FormatTime(a.StartsAt), string(a.Incident), clipped(strings.Join(strings.Fields(a.Name), " "), 60), says})
	}
	switch {
	case len(rows) == 0 && !r.Bool("all"):
		reply.Text = "No alert fires. `/alert list all:yes` shows those that are resolved."
		return reply
	case len(rows) == 0:
		reply.Text = "No alert has come in yet. `wardroom serve` prints where senders post to."
		return reply
	}
	reply.Table, reply.Text = table, fmt.Sprintf("%s, %d firing.", count(len(rows), "alert"), firing)
	if more := len(rows) - mostRows; more > 0 {
		reply.Text += fmt.Sprintf(" %d more are not shown here.", more)
	}
	return reply
}

func (c alerts) find(ctx context.Context, r command.Request) (alert.Current, error) {
	var a alert.Current
	err := c.desk.View(ctx, func(v timeline.View) (err error) { a, err = findAlert(v, r.String("alert")); return err })
	return a, err
}

// alertData is an alert as --json prints it.
type alertData struct {
	alert.Current
	About *suggest.Resolution `json:"about,omitempty"` // left out where there is no cluster
	// As in [shownAlert].
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	SilencedUntil  *time.Time `json:"silenced_until,omitempty"`
}

func (c alerts) show(ctx context.Context, r command.Request) (command.Reply, error) {
	a, err := c.find(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	e := command.Embed{Title: fmt.Sprintf("%s: %s", strings.ToUpper(string(a.Status[:1]))+string(a.Status[1:]), command.Escape(clipped(a.Name(), 150))), Description: command.Escape(clipped(a.Summary(), 1000))}
	add := func(name, value string) {
		e.Fields = append(e.Fields, command.Field{Name: name, Value: value, Inline: true})
	}
	add("Since", r.FormatTime(a.StartsAt))
	if !a.EndsAt.IsZero() {
		add("Until", r.FormatTime(a.EndsAt))
	}
	if a.Incident != "" {
		add("Incident", string(a.Incident))
	}
	if a.Value != nil {
		add("Value", a.Value.String())
	}
	q, row, err := c.quiet(ctx, a)
	if err != nil {
		return command.Reply{}, err
	}
	if by := q.Acknowledged; by != nil {
		add("Acknowledged", fmt.Sprintf("by %s at %s", command.Escape(row.AcknowledgedBy), r.FormatTime(by.OccurredAt)))
	}
	if by := q.Silenced; by != nil {
		add("Silenced", fmt.Sprintf("until %s by %s: %s", r.FormatTime(*row.SilencedUntil), command.Escape(by.Actor.Display()),
			command.Escape(by.Payload.(*incident.AlertSilenced).Reason)))
	}
	add("Key", command.Code(a.Key()))
	inline := len(e.Fields)
	e.Fields = append(e.Fields, pairs("Labels", a.Labels), pairs("Annotations", a.Annotations))
	if a.GeneratorURL != "" {
		e.Fields = append(e.Fields, command.Field{Name: "Source", Value: command.Code(clipped(a.GeneratorURL, 500))})
	}
	data := alertData{Current: a, AcknowledgedBy: row.AcknowledgedBy, SilencedUntil: row.SilencedUntil}
	acts := alertActs(a)
	if q.Acknowledged != nil && len(acts) > 0 {
		acts = acts[1:] // it counts once
	}
	if c.resolver != nil {
		snapshot := c.resolver.Look(ctx)
		about := c.resolver.Of(snapshot, a.Labels)
		data.About = &about
		e.Fields = slices.Insert(e.Fields, inline, aboutField(about))
		if about.Target != nil && a.Status == alert.Firing {
			acts = besideAlert(a, acts, c.resolver.For(snapshot, *about.Target))
		}
	}
	e.Fields = slices.DeleteFunc(e.Fields, func(f command.Field) bool { return f.Value == "" })
	return command.Reply{Embeds: []command.Embed{e}, Data: data, Actions: acts}, nil
}

// quiet is what people have said of an alert that fires.
func (c alerts) quiet(ctx context.Context, a alert.Current) (q incident.Quiet, row shownAlert, err error) {
	row = alertRow(a)
	if a.Status != alert.Firing {
		return q, row, nil
	}
	err = c.desk.View(ctx, func(v timeline.View) (err error) { q, err = incident.QuietOf(v, a); return err })
	row.said(q)
	return q, row, err
}

// pairs shows labels in code, at most 20 of them.
func pairs(name string, labels map[string]string) command.Field {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if len(lines) == 20 {
			lines = append(lines, fmt.Sprintf("and %d more", len(labels)-20))
			break
		}
		lines = append(lines, command.Code(k+"="+clipped(labels[k], 120)))
	}
	return command.Field{Name: name, Value: strings.Join(lines, "\n")}
}

func alertActs(a alert.Current) []command.Action {
	if a.Status != alert.Firing {
		return nil
	}
	acts := []command.Action{{Label: "Acknowledge", Style: command.Primary, Ask: command.Ask{Path: "alert ack", Options: map[string]string{"alert": a.Key()}}}}
	acts = append(acts, command.Action{Label: "Silence", Form: true, Ask: command.Ask{Path: "alert silence", Options: map[string]string{"alert": a.Key()}}})
	if a.Incident != "" {
		acts = append(acts, act("Show "+string(a.Incident), "incident show", a.Incident, command.Secondary),
			command.Action{Label: "Does not belong here", Ask: command.Ask{Path: "incident split", Options: map[string]string{"alert": a.Key()}}})
	}
	return acts
}

func (c alerts) ack(ctx context.Context, r command.Request) (command.Reply, error) {
	a, err := c.find(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	by, already, err := c.desk.AcknowledgeAlert(ctx, asker(r), a.Key())
	if err != nil {
		return command.Reply{}, err
	}
	name := command.Escape(clipped(a.Name(), 100))
	reply := command.Reply{Data: alertRow(a)}
	switch {
	case already && by.Actor == r.Actor():
		reply.Text = fmt.Sprintf("You acknowledged alert %s at %s already.", name, r.FormatTime(by.OccurredAt))
	case already:
		reply.Text = fmt.Sprintf("%s acknowledged alert %s at %s already.", command.Escape(by.Actor.Display()), name, r.FormatTime(by.OccurredAt))
	default:
		reply.Text = fmt.Sprintf("**%s knows of alert %s.**", command.Escape(by.Actor.Display()), name)
	}
	if a.Incident != "" {
		reply.Actions = []command.Action{act("Show "+string(a.Incident), "incident show", a.Incident, command.Secondary)}
	}
	return reply, nil
}

func (c alerts) silence(ctx context.Context, r command.Request) (command.Reply, error) {
	a, err := c.find(ctx, r)
	if err != nil {
		return command.Reply{}, err
	}
	until := r.Now.Add(r.Duration("for"))
	e, err := c.desk.SilenceAlert(ctx, asker(r), a.Key(), until, r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	text := fmt.Sprintf("**Alert %s is silenced** until %s: %s", command.Escape(clipped(a.Name(), 100)), r.FormatTime(until), command.Escape(r.String("reason")))
	where, err := c.place(ctx, r, a, e, until)
	if err != nil {
		return command.Reply{}, err
	}
	return command.Reply{Text: text + "\n" + where, Data: alertRow(a)}, nil
}

// place tells the alert's source, after the silence was recorded.
func (c alerts) place(ctx context.Context, r command.Request, a alert.Current, e timeline.Entry, until time.Time) (string, error) {
	unheard := fmt.Sprintf("This is noted only: %s goes on sending, so silence it there as well.", command.Escape(a.Source))
	if c.silencer == nil {
		return unheard, nil
	}
	at, id, err := c.silencer.Silence(ctx, a.Alert, e.Ref, until, r.Actor().Display(), r.String("reason"))
	if problem.Is(err, problem.Unsupported) {
		return unheard, nil
	}
	if err != nil {
		return "", problem.New(problem.Unavailable, "the silence is recorded as %s, but %s could not be told", e.Ref, a.Source).WithHint("silence it there, or try again later").Because(err)
	}
	if err := c.desk.SilenceIsPlaced(ctx, e, incident.SilencePlaced{Key: a.Key(), At: at, ID: id}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s holds it as %s.", command.Escape(at), command.Code(id)), nil
}
