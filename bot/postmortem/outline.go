package postmortem

import (
	"fmt"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/people"
)

// The outline is the document in sections of a few kinds of blocks. Renderers
// know blocks and spans and nothing else, so every format tells the same.

// style of a span.
type style int

const (
	plain style = iota
	strong
	emphasis
	code
)

// span is a piece of text in one style. Its text is outside text.
type span struct {
	text  string
	style style
	url   string // http or https; the span is a link
}

// spans is text in mixed styles.
type spans []span

func text(format string, args ...any) spans { return spans{{text: fmt.Sprintf(format, args...)}} }

// block is one of paragraph, bullets, checks, verbatim, subheading.
type block interface{ isBlock() }

type (
	paragraph  struct{ spans }
	bullets    []spans
	checks     []spans
	subheading struct{ text string }
	// verbatim is text as it was written, folded away under a title.
	verbatim struct{ title, text string }
)

func (paragraph) isBlock()  {}
func (bullets) isBlock()    {}
func (checks) isBlock()     {}
func (subheading) isBlock() {}
func (verbatim) isBlock()   {}

// section has one of the nine headings. They and their prompts are those of the
// post-mortems that teams already have.
type section struct {
	id, heading, prompt string
	blocks              []block
}

// blank stands where only people can tell.
var blank = paragraph{spans{{text: "To be written.", style: emphasis}}}

// outline makes the nine sections.
func (d *Document) outline() []section {
	return []section{
		{"leadup", "⚠️ Leadup", "List the sequence of events that led to the incident", d.leadupBlocks()},
		{"impact", "🥏 Impact", "Describe how internal and external users were impacted during the incident", d.impactBlocks()},
		{"detection", "👁️ Detection", "Report when the team detected the incident, and how we could improve detection time", d.detectionBlocks()},
		{"response", "🙋🏿‍♂️ Response", "Who responded to the incident, and what obstacles did they encounter?", d.responseBlocks()},
		{"recovery", "🙆🏽‍♀️ Recovery", "How was the incident resolved? How can we improve future mitigation?", d.recoveryBlocks()},
		{"five-whys", "🔎 Five Why's", "Run a 5-whys analysis to understand the true cause of the incident.", d.whyBlocks()},
		{"root-cause", "🌱 Blameless root cause", "Note the final root cause and describe what needs to change to prevent reoccurrence", d.causeBlocks()},
		{"lessons", "🤔 Lessons learned", "What did we learn from this incident?", []block{blank}},
		{"follow-up", "☑️ Follow-up tasks", "List any tasks we should complete that are relevant to this incident", d.followUpBlocks()},
	}
}

func (d *Document) leadupBlocks() []block {
	if len(d.Leadup) == 0 {
		return []block{blank}
	}
	dated := d.clock.Day(d.Leadup[0].At) != d.clock.Day(d.Leadup[len(d.Leadup)-1].At)
	list := make(bullets, len(d.Leadup))
	for i, ev := range d.Leadup {
		list[i] = d.eventSpans(ev, dated)
	}
	blocks := []block{list}
	if d.LeadupMore > 0 {
		blocks = append(blocks, paragraph{text("%d later key entries stand in the appendix.", d.LeadupMore)})
	}
	return blocks
}

// eventSpans is "**00:27 UTC:** text *(recorded 00:42 UTC)* link".
func (d *Document) eventSpans(ev Event, dated bool) spans {
	at := d.clock.Time(ev.At)
	if dated {
		at = d.clock.Full(ev.At)
	}
	line := append(spans{{text: at + ":", style: strong}, {text: " "}}, d.told(ev)...)
	if recorded := d.clock.Recorded(ev.At, ev.Recorded); recorded != "" {
		line = append(line, span{text: " "}, span{text: "(" + recorded + ")", style: emphasis})
	}
	return line
}

// told is the event's text with its link. What a person wrote between backticks
// is code.
func (d *Document) told(ev Event) spans {
	line := text("%s", ev.Text)
	if ev.Noted {
		line = codeSpans(ev.Text)
	}
	if isHTTP(ev.Link) {
		line = append(line, span{text: " "}, span{text: ev.LinkText, url: ev.Link})
	}
	return line
}

func codeSpans(s string) spans {
	parts := strings.Split(s, "`")
	var line spans
	for i, part := range parts {
		isCode := i%2 == 1 && i < len(parts)-1 && strings.TrimSpace(part) != "" && !strings.Contains(part, "\n")
		switch {
		case isCode:
			line = append(line, span{text: strings.TrimSpace(part), style: code})
		case i%2 == 1 && i < len(parts)-1:
			line = append(line, span{text: "`" + part + "`"})
		case i%2 == 1:
			line = append(line, span{text: "`" + part})
		case part != "":
			line = append(line, span{text: part})
		}
	}
	return line
}

const maxListed = 20

func (d *Document) impactBlocks() []block {
	var list bullets
	for _, c := range d.Components {
		until := "and had not recovered when this record ends"
		if !c.Until.IsZero() {
			until = "until " + d.clock.Beside(c.Until, c.From)
		}
		list = append(list, text("%s: %s from %s %s, as the status page showed it", c.Name, strings.ReplaceAll(string(c.Worst), "_", " "), d.clock.Beside(c.From, d.Date), until))
	}
	for i, a := range d.Alerts {
		if i == maxListed {
			list = append(list, text("and %d more alerts, in the appendix", len(d.Alerts)-maxListed))
			break
		}
		list = append(list, text("%s", d.alertText(a)))
	}
	var blocks []block
	if len(list) > 0 {
		blocks = append(blocks, list)
	}
	if d.Notice != nil {
		var told bullets
		for _, u := range d.Notice.Updates {
			line := append(spans{{text: d.clock.Beside(u.At, d.Date) + ", " + string(u.State) + ":", style: strong}, {text: " "}}, text("%s", u.Text)...)
			if !u.CorrectedAt.IsZero() {
				line = append(line, text(" (text corrected at %s)", d.clock.Beside(u.CorrectedAt, d.Date))...)
			}
			told = append(told, line)
		}
		blocks = append(blocks, paragraph{text("What the public was told:")}, told)
	}
	return append(blocks, blank)
}

// alertText is "Alert x fired from 00:31 UTC to 02:10 UTC: summary (peaked at 61)".
func (d *Document) alertText(a AlertFact) string {
	s := "Alert " + a.Name + " fired from " + d.clock.Beside(a.StartsAt, d.Date)
	switch {
	case !a.EndsAt.IsZero() && !a.Firing:
		s += " to " + d.clock.Beside(a.EndsAt, d.Date)
	case a.Firing:
		s += " and fires still when this record ends"
	}
	if a.Summary != "" {
		s += ": " + a.Summary
	}
	if a.Value != nil && a.Value.Peak != a.Value.First {
		s += " (peaked at " + alert.Number(a.Value.Peak) + ")"
	}
	return s
}

func (d *Document) detectionBlocks() []block {
	if d.Incident == nil {
		return []block{blank}
	}
	i, m := d.Incident, d.Metrics()
	list := bullets{text("Began at %s%s", d.clock.Full(i.StartedAt), because(i.StartedWhy))}
	list = append(list, text("Detected at %s, %s after it began, %s", d.clock.Beside(i.DetectedAt, i.StartedAt), Words(m.Detect.D), d.detectedBy()))
	if i.AcknowledgedAt.IsZero() {
		list = append(list, text("Nobody acknowledged it"))
	} else {
		list = append(list, text("Acknowledged by %s at %s, %s after detection", d.names(i.AcknowledgedBy), d.clock.Beside(i.AcknowledgedAt, i.StartedAt), Words(m.Acknowledge.D)))
	}
	if d.Notice != nil {
		line := fmt.Sprintf("The public was told at %s, %s after it began", d.clock.Beside(d.Notice.CreatedAt, i.StartedAt), Words(m.Public.D))
		if d.Notice.Backdated {
			line += "; the status page says " + d.clock.Beside(d.Notice.StartedAt, i.StartedAt)
		}
		list = append(list, text("%s", line))
	}
	return []block{list, blank}
}

// detectedBy is "by alertmanager: alert postgres/connection-limit" or "by joe; no
// alert had fired".
func (d *Document) detectedBy() string {
	by, err := people.ParseActor(d.Incident.DeclaredBy)
	if err != nil {
		return "by " + d.Incident.DeclaredBy
	}
	who := by.Display()
	if by.IsPerson() {
		who = d.names(by.Name)
	}
	if len(d.Alerts) == 0 {
		return "by " + who + "; no alert fired"
	}
	first := d.Alerts[0]
	source, _, _ := strings.Cut(first.Key, "/")
	if by.IsPerson() {
		return fmt.Sprintf("by %s; the first alert that joined was %s of %s, firing since %s", who, first.Name, source, d.clock.Beside(first.StartsAt, d.Incident.StartedAt))
	}
	return "by " + source + ": alert " + first.Name
}

func (d *Document) responseBlocks() []block {
	if d.Incident == nil {
		return []block{blank}
	}
	var list bullets
	for _, r := range d.Responders {
		s := r.Name
		if len(r.Roles) > 0 {
			s += " (" + strings.Join(r.Roles, ", ") + ")"
		}
		s += ", from " + d.clock.Beside(r.FirstAct, d.Date) + " on"
		if r.Acknowledged {
			s += "; acknowledged it at " + d.clock.Beside(d.Incident.AcknowledgedAt, d.Date)
		}
		list = append(list, text("%s", s))
	}
	if len(list) == 0 {
		list = bullets{text("Nobody responded on record")}
	}
	blocks := []block{list}
	if len(d.Obstacles) > 0 {
		var obstacles bullets
		for i, ev := range d.Obstacles {
			if i == maxListed {
				obstacles = append(obstacles, text("and %d more, in the appendix", len(d.Obstacles)-maxListed))
				break
			}
			obstacles = append(obstacles, d.eventSpans(ev, d.clock.Day(ev.At) != d.clock.Day(d.Date)))
		}
		blocks = append(blocks, paragraph{text("Obstacles on record:")}, obstacles)
	}
	return append(blocks, blank)
}

func (d *Document) recoveryBlocks() []block {
	if d.Incident == nil {
		return []block{blank}
	}
	i, m := d.Incident, d.Metrics()
	var list bullets
	if m.Mitigate.Known {
		list = append(list, text("Mitigated at %s, %s after it began", d.clock.Beside(i.MitigatedAt, i.StartedAt), Words(m.Mitigate.D)))
	}
	switch {
	case m.Resolve.Known && i.SelfRecovered:
		list = append(list, text("Recovered by itself at %s, %s after it began", d.clock.Beside(i.ResolvedAt, i.StartedAt), Words(m.Resolve.D)))
	case m.Resolve.Known:
		list = append(list, text("Resolved at %s, %s after it began", d.clock.Beside(i.ResolvedAt, i.StartedAt), Words(m.Resolve.D)))
	default:
		list = append(list, text("Not resolved when this record ends: it was %s", i.Status))
	}
	for _, ev := range d.Changes {
		list = append(list, d.eventSpans(ev, d.clock.Day(ev.At) != d.clock.Day(d.Date)))
	}
	blocks := append([]block{list}, d.repairBlocks()...)
	return append(blocks, blank)
}

func (d *Document) whyBlocks() []block {
	blocks := []block{subheading{"What?"}, blank}
	for range 4 {
		blocks = append(blocks, subheading{"Why?"}, blank)
	}
	return blocks
}

func (d *Document) causeBlocks() []block {
	if len(d.Causes) == 0 {
		return []block{blank}
	}
	list := make(bullets, len(d.Causes))
	for i, ev := range d.Causes {
		list[i] = d.eventSpans(ev, d.clock.Day(ev.At) != d.clock.Day(d.Date))
	}
	return []block{paragraph{text("Marked as the cause that night:")}, list, blank}
}

func (d *Document) followUpBlocks() []block {
	var list checks
	for _, f := range d.FollowUps {
		line := codeSpans(f.Text)
		if f.Computed {
			line = text("%s", f.Text)
		}
		list = append(list, line)
	}
	if len(list) == 0 {
		return []block{blank}
	}
	return []block{list, blank}
}

// appendixBlocks stand before the full record.
func (d *Document) appendixBlocks() []block {
	var blocks []block
	if len(d.Merged) > 0 {
		var list bullets
		for _, m := range d.Merged {
			s := string(m.ID)
			if m.Title != "" {
				s += ": " + m.Title
			}
			list = append(list, text("%s (merged by %s); its own record: wardroom export %s", s, m.Entry, m.ID))
		}
		blocks = append(blocks, paragraph{text("Merged into this incident:")}, list)
	}
	for _, ev := range d.Documents {
		title, _, _ := strings.Cut(strings.TrimSpace(ev.Text), "\n")
		blocks = append(blocks, verbatim{title: ev.Entry.String() + ", " + d.clock.Beside(ev.At, d.Date) + ": " + title, text: ev.Text})
	}
	return blocks
}

// summary is one paragraph.
func (d *Document) summary() string {
	if d.Incident == nil {
		return fmt.Sprintf("The timeline %s with its %d entries.", d.ID, len(d.Entries))
	}
	i, m := d.Incident, d.Metrics()
	var s []string
	s = append(s, fmt.Sprintf("%s was a %s incident that began at %s and was detected %s later %s.", d.ID, i.Severity, d.clock.Full(i.StartedAt), Words(m.Detect.D), d.detectedBy()))
	if n := len(d.Alerts); n > 1 {
		names := make([]string, n)
		for k, a := range d.Alerts {
			names[k] = a.Name
		}
		s = append(s, fmt.Sprintf("%d alerts belong to it: %s.", n, strings.Join(folded(names, 5), ", ")))
	}
	switch {
	case i.MergedInto != "":
		s = append(s, fmt.Sprintf("It was merged into %s.", i.MergedInto))
	case i.SelfRecovered:
		s = append(s, fmt.Sprintf("It recovered by itself after %s.", Words(m.Resolve.D)))
	case m.Resolve.Known && m.Mitigate.Known && m.Mitigate.D < m.Resolve.D:
		s = append(s, fmt.Sprintf("It was mitigated after %s and resolved after %s.", Words(m.Mitigate.D), Words(m.Resolve.D)))
	case m.Resolve.Known:
		s = append(s, fmt.Sprintf("It was resolved after %s.", Words(m.Resolve.D)))
	default:
		s = append(s, fmt.Sprintf("It was %s when this record ends.", i.Status))
	}
	return strings.Join(s, " ")
}

// duration is the length of the incident for the header.
func (d *Document) duration() string {
	if m := d.Metrics(); m.Resolve.Known {
		return command.FormatDuration(m.Resolve.D)
	}
	return "not over"
}
