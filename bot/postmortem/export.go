package postmortem

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Format of an export.
type Format string

const (
	Markdown Format = "markdown"
	MkDocs   Format = "mkdocs"
	RST      Format = "rst"
	JSON     Format = "json"
	HTML     Format = "html"
)

// Formats lists every format.
var Formats = []Format{Markdown, MkDocs, RST, JSON, HTML}

// ParseFormat reads a format as a person types it; "" is Markdown.
func ParseFormat(s string) (Format, error) {
	switch f := Format(strings.ToLower(strings.TrimSpace(s))); {
	case f == "" || f == "md":
		return Markdown, nil
	case slices.Contains(Formats, f):
		return f, nil
	}
	return "", problem.New(problem.Unsupported, "%q is not an export format", s).WithHint("%s", problem.OneOf(Formats))
}

// Extension is how the files of a format end: ".mkdocs.md".
func (f Format) Extension() string {
	switch f {
	case MkDocs:
		return ".mkdocs.md"
	case RST, JSON, HTML:
		return "." + string(f)
	}
	return ".md"
}

// ContentType is the media type of a format.
func (f Format) ContentType() string {
	switch f {
	case JSON:
		return "application/json"
	case HTML:
		return "text/html; charset=utf-8"
	case RST:
		return "text/x-rst; charset=utf-8"
	}
	return "text/markdown; charset=utf-8"
}

// Export renders the post-mortem of a timeline and names the file it belongs in,
// "INC-0001.md". The same entries give the same bytes. It fails with NotFound
// when there is no such timeline, and Unsupported for an unknown format.
func Export(v timeline.View, codec *timeline.Codec, id timeline.ID, o Options) (name string, body []byte, err error) {
	format, err := ParseFormat(string(o.Format))
	if err != nil {
		return "", nil, err
	}
	d, err := Build(v, codec, id, o)
	if err != nil {
		return "", nil, err
	}
	body, err = d.Render(format, o)
	return id.Padded() + format.Extension(), body, err
}

// Render gives the document a format.
func (d *Document) Render(f Format, o Options) ([]byte, error) {
	switch f {
	case JSON:
		return d.json()
	case RST:
		return d.rst(), nil
	case HTML:
		return d.html(), nil
	case MkDocs:
		return d.mkdocs(o), nil
	case Markdown:
		return d.markdown(), nil
	}
	return nil, problem.New(problem.Unsupported, "%q is not an export format", f).WithHint("%s", problem.OneOf(Formats))
}

// heading is "2021-07-11: Cascading node failures".
func (d *Document) heading() string { return d.clock.Day(d.Date) + ": " + d.Title }

// header are the facts under the title.
func (d *Document) header() [][2]string {
	if d.Incident == nil {
		return nil
	}
	facts := [][2]string{{"Incident", string(d.ID)}, {"Severity", d.Incident.Severity.String()}, {"Status", string(d.Incident.Status)}, {"Duration", d.duration()}}
	if d.Incident.Lead != "" {
		facts = append(facts, [2]string{"Lead", d.names(d.Incident.Lead)})
	}
	return facts
}

// asOf is what the document is as of, and verifyCommand checks it.
func (d *Document) asOf() string {
	return fmt.Sprintf("As of entry %s#%d, recorded %s.", d.ID, d.AsOf.Seq, d.clock.Full(d.AsOf.RecordedAt))
}

func (d *Document) verifyCommand() string {
	return fmt.Sprintf("wardroom verify --head %s=%s", d.ID, d.AsOf.Hash)
}

const (
	appendixHeading = "Appendix: the full timeline"
	appendixPrompt  = "Every entry in the order in which it was recorded"
)

var recordHeadings = []string{"Entry", "Happened", "Recorded", "Who", "What"}

// records calls row for every entry with its cells, which are outside text. The
// slice is used again for the next row.
func (d *Document) records(row func(cells []string)) {
	cells := make([]string, len(recordHeadings))
	multi := d.spansDays()
	at := d.clock.Time
	if multi {
		at = d.clock.Full
	}
	for i := range d.Entries {
		e := &d.Entries[i]
		cells[0] = fmt.Sprintf("#%d", e.Seq)
		cells[1], cells[2] = at(e.OccurredAt), at(e.RecordedAt)
		cells[3] = e.Actor.Display()
		cells[4] = e.Payload.Text()
		if by, withheld := d.withheld[e.Ref]; withheld {
			cells[4] = fmt.Sprintf("A text for the public that #%d corrects; what it said is not repeated here", by)
			row(cells)
			continue
		}
		if !e.Supersedes.IsZero() {
			cells[4] += " (corrects " + e.Supersedes.String() + ")"
		}
		if by, ok := d.SupersededBy[e.Ref]; ok {
			cells[4] += fmt.Sprintf(" (corrected by #%d)", by)
		}
		row(cells)
	}
}

// spansDays reports whether the entries lie on more than one day.
func (d *Document) spansDays() bool {
	day := d.clock.Day(d.Date)
	first, last := d.Entries[0].OccurredAt, d.Entries[0].RecordedAt
	for i := range d.Entries {
		e := &d.Entries[i]
		if e.OccurredAt.Before(first) {
			first = e.OccurredAt
		}
		if e.RecordedAt.After(last) {
			last = e.RecordedAt
		}
	}
	return d.clock.Day(first) != day || d.clock.Day(last) != day
}

// Words says a length of time in a sentence: "7 minutes", "6 hours 4 minutes".
func Words(t time.Duration) string {
	unit := func(n time.Duration, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	two := func(big time.Duration, bigName string, small time.Duration, smallName string) string {
		s := unit(t/big, bigName)
		if rest := t % big / small; rest > 0 {
			s += " " + unit(rest, smallName)
		}
		return s
	}
	switch {
	case t < time.Minute:
		return "less than a minute"
	case t < time.Hour:
		return unit(t/time.Minute, "minute")
	case t < 24*time.Hour:
		return two(time.Hour, "hour", time.Minute, "minute")
	}
	return two(24*time.Hour, "day", time.Hour, "hour")
}

// page writes the parts of a document that every text format has, in order.
type page interface {
	heading(level int, id, text string)
	prompt(text string)
	block(b block)
	facts(facts [][2]string)
	table(headings []string, rows func(row func(cells []string)))
	footer(d *Document)
}

// sections writes everything below the title.
func (d *Document) sections(p page, level int) {
	for _, s := range d.outline() {
		p.heading(level, s.id, s.heading)
		p.prompt(s.prompt)
		for _, b := range s.blocks {
			p.block(b)
		}
	}
	p.heading(level, "appendix", appendixHeading)
	p.prompt(appendixPrompt)
	for _, b := range d.appendixBlocks() {
		p.block(b)
	}
	p.table(recordHeadings, d.records)
	p.footer(d)
}

// buffer is a bytes.Buffer sized for the document.
func (d *Document) buffer() *bytes.Buffer {
	b := &bytes.Buffer{}
	b.Grow(8<<10 + 200*len(d.Entries))
	return b
}
