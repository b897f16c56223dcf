package room

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Living is the message at the top of an incident's room: how things stand now
// and what can be done next. It is made from state alone.
type Living struct {
	ID       timeline.ID
	Headline string // "INC-1 SEV2 investigating: PostgreSQL is out of connections"
	Title    string
	Severity alert.Severity
	Status   incident.Status

	Lead           string // "" when nobody leads
	AcknowledgedBy string // who is on it; "" when nobody is, also since an alert reopened it
	AcknowledgedAt time.Time
	Reopened       bool // by an alert, and nobody has acknowledged it since
	StartedAt      time.Time
	Until          time.Time     // when it was resolved; zero while it goes on
	Age            time.Duration // from the start to Until, or to now

	Alerts     alert.Tally
	AlertNames []string // in order of joining, at most MaxNames
	MoreNames  int      // names left out

	Notice     *statuspage.Notice // what the public reads; nil when nothing was posted
	Park       string             // why it waits; "" when it is not parked
	MergedInto timeline.ID        // where it goes on; then nothing else is offered here

	// Runs are the repairs that are not over, those that wait for people first, at
	// most MaxRuns; then those that left something. [Living.AddRuns] fills them.
	Runs     []LivingRun
	MoreRuns int // runs left out

	// Acts are the next acts, the most pressing first, at most MaxActs. The last one
	// asks for everything that can be done.
	Acts []command.Action
}

// MaxNames is how many alert names a living message shows.
const MaxNames = 8

// MaxActs is how many buttons stand in one row:
// https://discord.com/developers/docs/components/reference#action-row
const MaxActs = 5

// LivingOf makes the living message of an incident as of now. A NotFound problem
// comes back when there is no such incident.
func LivingOf(v timeline.View, id timeline.ID, now time.Time) (Living, error) {
	i, err := incident.Get(v, id)
	if err != nil {
		return Living{}, err
	}
	notice, posted, err := statuspage.Get(v, id)
	if err != nil {
		return Living{}, err
	}
	l := Living{
		ID: i.ID, Headline: i.Headline(), Title: i.Title, Severity: i.Severity, Status: i.Status,
		Lead: i.Lead, AcknowledgedBy: i.OnIt, AcknowledgedAt: i.OnItAt,
		StartedAt: i.StartedAt, Until: i.ResolvedAt, Alerts: i.Alerts, MergedInto: i.MergedInto,
		AlertNames: i.AlertNames,
	}
	if i.NeedsAck() {
		l.AcknowledgedBy, l.AcknowledgedAt, l.Reopened = "", time.Time{}, i.AckAgain
	}
	if len(l.AlertNames) > MaxNames {
		l.AlertNames, l.MoreNames = l.AlertNames[:MaxNames], len(l.AlertNames)-MaxNames
	}
	if l.Age = now.Sub(i.StartedAt); !l.Until.IsZero() {
		l.Age = l.Until.Sub(i.StartedAt)
	}
	if posted {
		l.Notice = &notice
	}
	if i.Park != nil {
		l.Park = (&incident.ParkedUntil{Park: *i.Park}).Text()
	}
	l.Acts = nextActs(i, posted, notice)
	return l, nil
}

// StatusLine is what the public reads, on one line: "identified, since 00:25 UTC
// (backdated), 2 updates".
func (l Living) StatusLine(zone *time.Location) string {
	n := l.Notice
	if n == nil {
		return "nothing posted"
	}
	line := string(n.State) + ", since " + Clock{zone}.Beside(n.StartedAt, l.StartedAt)
	if n.Backdated {
		line += " (backdated)"
	}
	if len(n.Updates) == 1 {
		return line + ", 1 update"
	}
	return fmt.Sprintf("%s, %d updates", line, len(n.Updates))
}

// nextActs offers what this incident needs next. The order is that of a night:
// somebody has it, somebody leads, the public knows and knows since when, it ends.
func nextActs(i incident.Incident, posted bool, n statuspage.Notice) []command.Action {
	act := func(label string, style command.Style, path string, options ...string) command.Action {
		ask := command.Ask{Path: path, Options: map[string]string{"incident": string(i.ID)}}
		for k := 0; k+1 < len(options); k += 2 {
			ask.Options[options[k]] = options[k+1]
		}
		return command.Action{Label: label, Style: style, Ask: ask}
	}
	form := func(label string, style command.Style, path string) command.Action {
		a := act(label, style, path)
		a.Form = true
		return a
	}
	help := act("What can I do?", command.Secondary, "incident acts")
	if i.MergedInto != "" {
		into := act("Show "+string(i.MergedInto), command.Primary, "incident show")
		into.Ask.Options["incident"] = string(i.MergedInto)
		return []command.Action{into, help}
	}
	var acts []command.Action
	if i.NeedsAck() {
		acts = append(acts, act("Acknowledge", command.Primary, "incident ack"))
	}
	if i.Status == incident.Parked {
		acts = append(acts, act("Take it up again", command.Secondary, "incident unpark"))
	}
	if i.Lead == "" && i.Open() {
		acts = append(acts, act("Lead", command.Secondary, "incident assign", "role", incident.RoleLead))
	}
	switch {
	case i.Open() && posted:
		acts = append(acts, form("Post update", command.Secondary, "status post"))
	case i.Open():
		acts = append(acts, form("Post status", command.Secondary, "status post"))
	case posted && n.Open():
		acts = append(acts, form("Tell that it is over", command.Primary, "status resolve"))
	}
	if posted && n.Open() && !n.Backdated && n.StartedAt.Sub(i.StartedAt) >= time.Minute {
		acts = append(acts, form("Backdate", command.Secondary, "status backdate"))
	}
	switch i.Status {
	case incident.Investigating:
		acts = append(acts, act("Identified", command.Secondary, "incident status", "status", string(incident.Identified)))
	case incident.Identified:
		acts = append(acts, act("Monitoring", command.Secondary, "incident status", "status", string(incident.Monitoring)))
	case incident.Monitoring:
		acts = append(acts, form("Resolve", command.Primary, "incident resolve"))
		if posted && n.Open() {
			acts = append(acts, form("Tell that it is over", command.Secondary, "status resolve"))
		}
	case incident.Resolved:
		acts = append(acts, act("Close", command.Primary, "incident close"), act("Reopen", command.Secondary, "incident reopen"))
	case incident.Closed:
		acts = append(acts, act("Reopen", command.Secondary, "incident reopen"))
	}
	return append(acts[:min(len(acts), MaxActs-1)], help)
}

// Lines is the living message for a terminal: plain, without colours.
func (l Living) Lines(zone *time.Location) []string {
	c := Clock{zone}
	lines := []string{Plain(l.Headline)}
	if l.MergedInto != "" {
		return append(lines, "goes on in "+string(l.MergedInto))
	}
	state := "started " + c.Full(l.StartedAt) + ", " + command.FormatDuration(l.Age)
	if l.Until.IsZero() {
		state += " ago"
	} else {
		state += " until " + c.Beside(l.Until, l.StartedAt)
	}
	lines = append(lines, state)
	nobody := "nobody has acknowledged it"
	if l.Reopened {
		nobody += " since it was reopened"
	}
	switch {
	case l.Lead != "" && l.Reopened:
		lines = append(lines, "lead: "+Plain(l.Lead)+"; "+nobody)
	case l.Lead != "" && l.AcknowledgedBy != "":
		lines = append(lines, "lead: "+Plain(l.Lead)+"; acknowledged by "+Plain(l.AcknowledgedBy)+" at "+c.Beside(l.AcknowledgedAt, l.StartedAt))
	case l.Lead != "":
		lines = append(lines, "lead: "+Plain(l.Lead))
	case l.AcknowledgedBy != "":
		lines = append(lines, "nobody leads; acknowledged by "+Plain(l.AcknowledgedBy)+" at "+c.Beside(l.AcknowledgedAt, l.StartedAt))
	default:
		lines = append(lines, nobody)
	}
	if l.Park != "" {
		lines = append(lines, Plain(l.Park))
	}
	lines = append(lines, l.alertLine(), "status page: "+l.StatusLine(zone))
	for _, r := range l.Runs {
		lines = append(lines, r.lines(c)...)
	}
	if l.MoreRuns > 0 {
		lines = append(lines, "and "+counted(l.MoreRuns, "more run"))
	}
	labels := make([]string, len(l.Acts))
	for i, a := range l.Acts {
		labels[i] = "[" + a.Label + "]"
	}
	return append(lines, strings.Join(labels, " "))
}

// alertLine is "alerts: 2 of 3 firing: postgres/connection-limit, redis/down".
func (l Living) alertLine() string {
	if l.Alerts.Total == 0 {
		return "alerts: none"
	}
	names := make([]string, len(l.AlertNames))
	for i, n := range l.AlertNames {
		names[i] = Cut(Plain(n), 60)
	}
	if l.MoreNames > 0 {
		names = append(names, fmt.Sprintf("and %d more", l.MoreNames))
	}
	return fmt.Sprintf("alerts: %d of %d firing: %s", l.Alerts.Firing, l.Alerts.Total, strings.Join(names, ", "))
}
