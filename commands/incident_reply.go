package commands

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// stands is a reply about an incident, with what can be done next.
func stands(_ command.Request, i incident.Incident, text string) command.Reply {
	return command.Reply{Text: text, Actions: nextActs(i), Data: i}
}

func act(label, path string, id timeline.ID, style command.Style) command.Action {
	return command.Action{Label: label, Style: style, Ask: command.Ask{Path: path, Options: map[string]string{"incident": string(id)}}}
}

func actWith(a command.Action, name, value string) command.Action {
	a.Ask.Options[name] = value
	return a
}

// nextActs are the acts that make sense now, the likeliest first.
func nextActs(i incident.Incident) []command.Action {
	var acts []command.Action
	if i.MergedInto != "" {
		return []command.Action{act("Show "+string(i.MergedInto), "incident show", i.MergedInto, command.Primary)}
	}
	switch i.Status {
	case incident.Resolved:
		return []command.Action{act("Close", "incident close", i.ID, command.Secondary), act("Reopen", "incident reopen", i.ID, command.Secondary)}
	case incident.Closed:
		return []command.Action{act("Reopen", "incident reopen", i.ID, command.Secondary)}
	case incident.Parked:
		acts = append(acts, act("Take it up again", "incident unpark", i.ID, command.Primary))
	}
	if i.NeedsAck() {
		acts = append(acts, act("Acknowledge", "incident ack", i.ID, command.Primary))
	}
	if i.Lead == "" {
		acts = append(acts, actWith(act("Lead", "incident assign", i.ID, command.Secondary), "person", "me"))
	}
	if !i.Posted {
		acts = append(acts, form(act("Post status", "status post", i.ID, command.Secondary)))
	}
	switch i.Status {
	case incident.Investigating:
		acts = append(acts, actWith(act("Identified", "incident status", i.ID, command.Secondary), "status", "identified"))
	case incident.Identified:
		acts = append(acts, actWith(act("Monitoring", "incident status", i.ID, command.Secondary), "status", "monitoring"))
	}
	return append(acts, form(act("Resolve", "incident resolve", i.ID, command.Secondary)))
}

func (c incidents) list(ctx context.Context, r command.Request) (command.Reply, error) {
	all := []incident.Incident{}
	err := c.desk.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		if err != nil {
			return err
		}
		all = append(all, open...)
		if !r.Bool("all") {
			return nil
		}
		over, err := incident.Table.Select(v, timeline.Query{OrderBy: "number", Desc: true, Where: []timeline.Where{{Column: "is_open", Value: false}}})
		all = append(all, over...)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	slices.SortStableFunc(all, func(a, b incident.Incident) int {
		if a.Open() != b.Open() {
			return cmp.Compare(rank(a), rank(b))
		}
		if a.Open() {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Number, a.Number))
		}
		return cmp.Compare(b.Number, a.Number)
	})
	return listed(r, all), nil
}

// rank puts the worst first, what is parked after what is not, what is over last.
func rank(i incident.Incident) int {
	n := int(i.Severity)
	if n == 0 {
		n = 5
	}
	switch {
	case !i.Open():
		return n + 20
	case i.Status == incident.Parked:
		return n + 10
	}
	return n
}

// mostRows is how many rows a list shows; its Data has all of them.
const mostRows = 50

func listed(r command.Request, all []incident.Incident) command.Reply {
	open := 0
	table := &command.TableData{Headings: []string{"Incident", "Severity", "Status", "Alerts", "Lead", "Began", "Title"}}
	for n, i := range all {
		if i.Open() {
			open++
		}
		if n >= mostRows {
			continue
		}
		lead := i.Lead
		if lead == "" && i.Open() {
			lead = "nobody"
		}
		status := string(i.Status)
		if i.MergedInto != "" {
			status = "merged into " + string(i.MergedInto)
		}
		table.Rows = append(table.Rows, []string{string(i.ID), i.Severity.String(), status, tally(i), lead, r.FormatTime(i.StartedAt), i.Title})
	}
	reply := command.Reply{Data: all, Table: table}
	switch {
	case len(all) == 0 && r.Bool("all"):
		reply.Text, reply.Table = "There has been no incident yet. `/incident declare title:…` opens one; alerts open theirs by themselves.", nil
	case open == 0:
		reply.Text = "No incident is open."
		if len(all) == 0 {
			reply.Text += " `/incident list all:yes` shows those that are over, `/incident declare title:…` opens one."
			reply.Table = nil
		}
	case open == 1:
		reply.Text = "1 incident is open."
	default:
		reply.Text = fmt.Sprintf("%d incidents are open.", open)
	}
	if more := len(all) - mostRows; more > 0 {
		reply.Text += fmt.Sprintf(" %d more are not shown here.", more)
	}
	for _, i := range all[:min(len(all), 5)] {
		if i.Open() {
			reply.Actions = append(reply.Actions, act("Show "+string(i.ID), "incident show", i.ID, command.Secondary))
		}
	}
	return reply
}

func tally(i incident.Incident) string {
	if i.Alerts.Total == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d fire", i.Alerts.Firing, i.Alerts.Total)
}

func (c incidents) show(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Get(ctx, r.Incident("incident"))
	if err != nil {
		return command.Reply{}, err
	}
	public, err := c.public(ctx, r, i.ID)
	if err != nil {
		return command.Reply{}, err
	}
	reply := stands(r, i, "")
	e := command.Embed{
		Title:       fmt.Sprintf("%s %s: %s", i.ID, i.Severity, command.Escape(i.Title)),
		Description: situation(r, i), Color: colour(i),
		Fields: slices.Concat(times(r, i), crew(i), public, rest(i)),
		Footer: "as of " + r.FormatTime(i.UpdatedAt),
	}
	reply.Embeds = []command.Embed{e}
	reply.Actions = append(reply.Actions, act("Timeline", "timeline show", i.ID, command.Secondary))
	return reply, nil
}

// public is what everybody can read of it.
func (c incidents) public(ctx context.Context, r command.Request, id timeline.ID) (fields []command.Field, err error) {
	err = c.desk.View(ctx, func(v timeline.View) error {
		n, posted, err := statuspage.Get(v, id)
		text := "nothing was posted"
		if posted {
			text = fmt.Sprintf("%s, from %s", strings.ToLower(n.State.Title()), r.FormatTime(n.StartedAt))
		}
		fields = []command.Field{{Name: "Public", Value: text, Inline: true}}
		return err
	})
	return fields, err
}

// situation is one line on where the incident stands.
func situation(r command.Request, i incident.Incident) string {
	if i.MergedInto != "" {
		return fmt.Sprintf("Merged into %s.", i.MergedInto)
	}
	text := strings.ToUpper(string(i.Status[:1])) + string(i.Status[1:])
	switch {
	case i.Park != nil:
		text += " until " + parkedUntil(r, i.Park)
	case i.SelfRecovered:
		text += ": recovered by itself, nobody had to act"
	}
	switch {
	case i.Alerts.Total == 0:
		return text + ". No alert belongs to it."
	case i.Alerts.Firing == 0:
		return text + fmt.Sprintf(". None of its %s fires.", count(i.Alerts.Total, "alert"))
	}
	return text + fmt.Sprintf(". %d of %s firing.", i.Alerts.Firing, count(i.Alerts.Total, "alert"))
}

func parkedUntil(r command.Request, p *incident.Park) string {
	if p.For != "" {
		return command.Escape(p.For)
	}
	return r.FormatTime(p.Until)
}

func times(r command.Request, i incident.Incident) []command.Field {
	fields := []command.Field{
		{Name: "Began", Value: r.FormatTime(i.StartedAt) + " (" + command.Escape(i.StartedWhy) + ")"},
		{Name: "Detected", Value: r.FormatTime(i.DetectedAt), Inline: true},
	}
	if i.AcknowledgedAt.IsZero() {
		if i.Open() {
			fields = append(fields, command.Field{Name: "Acknowledged", Value: "by nobody yet", Inline: true})
		}
	} else {
		value := r.FormatTime(i.AcknowledgedAt) + " by " + command.Escape(i.AcknowledgedBy)
		switch {
		case i.NeedsAck():
			value += "; by nobody since it was reopened"
		case i.OnItAt.After(i.AcknowledgedAt):
			value += "; again " + r.FormatTime(i.OnItAt) + " by " + command.Escape(i.OnIt)
		}
		fields = append(fields, command.Field{Name: "Acknowledged", Value: value, Inline: true})
	}
	if !i.MitigatedAt.IsZero() {
		fields = append(fields, command.Field{Name: "Mitigated", Value: r.FormatTime(i.MitigatedAt), Inline: true})
	}
	if !i.ResolvedAt.IsZero() {
		fields = append(fields, command.Field{Name: "Resolved", Value: r.FormatTime(i.ResolvedAt), Inline: true})
	}
	return fields
}

func crew(i incident.Incident) []command.Field {
	lead := i.Lead
	if lead == "" {
		lead = "nobody"
	}
	fields := []command.Field{{Name: "Lead", Value: command.Escape(lead), Inline: true}}
	for _, role := range slices.Sorted(maps.Keys(i.Roles)) {
		fields = append(fields, command.Field{Name: strings.ToUpper(role[:1]) + role[1:], Value: command.Escape(i.Roles[role]), Inline: true})
	}
	if len(i.Responders) > 0 {
		fields = append(fields, command.Field{Name: "Responders", Value: command.Escape(strings.Join(i.Responders, ", "))})
	}
	return fields
}

func rest(i incident.Incident) []command.Field {
	var fields []command.Field
	const most = 10
	if names := i.AlertNames; len(names) > 0 {
		text := strings.Join(names[:min(len(names), most)], ", ")
		if len(names) > most {
			text += fmt.Sprintf(" and %d more", len(names)-most)
		}
		fields = append(fields, command.Field{Name: "Alerts", Value: command.Escape(text)})
	}
	if len(i.Links) > 0 {
		var lines []string
		for _, l := range i.Links[:min(len(i.Links), most)] {
			lines = append(lines, "- "+strings.TrimSpace(command.Escape(l.Text)+" "+command.Code(l.URL)))
		}
		fields = append(fields, command.Field{Name: "Links", Value: strings.Join(lines, "\n")})
	}
	if len(i.Merged) > 0 {
		ids := make([]string, len(i.Merged))
		for n, id := range i.Merged {
			ids[n] = string(id)
		}
		fields = append(fields, command.Field{Name: "Merged into this one", Value: strings.Join(ids, ", "), Inline: true})
	}
	return fields
}

func colour(i incident.Incident) int {
	switch {
	case !i.Open():
		return 0x2e7d32
	case i.Status == incident.Parked:
		return 0x757575
	case i.Severity == 1:
		return 0xc62828
	case i.Severity == 2:
		return 0xef6c00
	}
	return 0xf9a825
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clipped(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
