package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/postmortem"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// closing says in words what came of a play.
type closing struct {
	*stageScreen
	start     time.Time
	incidents []incident.Incident
	notices   map[timeline.ID]statuspage.Notice
	report    storage.Report
	outcomes  []scenario.Outcome
}

func (c *closing) read(v timeline.View) (err error) {
	if c.incidents, err = incident.Table.Select(v, timeline.Query{OrderBy: "number"}); err != nil {
		return err
	}
	c.notices = map[timeline.ID]statuspage.Notice{}
	for _, i := range c.incidents {
		n, posted, err := statuspage.Get(v, i.ID)
		if err != nil {
			return err
		}
		if posted {
			c.notices[i.ID] = n
		}
	}
	return nil
}

func (c *closing) write(o replayOptions) {
	fmt.Fprintf(c.out, "\n%s\n", c.style.bold("What came of it"))
	for _, i := range c.incidents {
		c.paragraph("  ", span{text: fmt.Sprintf("%s, %s: %s", i.ID, i.Severity, sanitize(i.Title))})
		for _, sentence := range c.sentences(i) {
			c.hang("  - ", "    ", 4, span{text: sentence})
		}
	}
	if len(c.incidents) == 0 {
		fmt.Fprintln(c.out, "  No incident was opened.")
	}
	c.expected(o.brief)
	c.chains()
	c.files(o)
}

// sentences tell an incident from its beginning to its end.
func (c *closing) sentences(i incident.Incident) []string {
	at := func(t time.Time) string { return c.clock.Beside(t, c.start) }
	after := func(t, since time.Time) string {
		if d := t.Sub(since); d >= time.Minute {
			return postmortem.Words(d)
		}
		return "less than a minute"
	}
	began := fmt.Sprintf("It began at %s", at(i.StartedAt))
	if i.StartedWhy != "" {
		began += " (" + sanitize(i.StartedWhy) + ")"
	}
	all := []string{fmt.Sprintf("%s and was detected at %s, %s later.", began, at(i.DetectedAt), after(i.DetectedAt, i.StartedAt))}
	switch {
	case !i.AcknowledgedAt.IsZero():
		all = append(all, fmt.Sprintf("%s acknowledged it at %s, %s after that.", sanitize(i.AcknowledgedBy), at(i.AcknowledgedAt), after(i.AcknowledgedAt, i.DetectedAt)))
	case i.MergedInto == "":
		all = append(all, "Nobody acknowledged it.")
	}
	if n, posted := c.notices[i.ID]; posted {
		all = append(all, told(n, at))
	}
	switch {
	case i.MergedInto != "":
		all = append(all, fmt.Sprintf("It went on as %s.", i.MergedInto))
	case i.ResolvedAt.IsZero():
		all = append(all, fmt.Sprintf("At the end it is still %s.", i.Status))
	case i.SelfRecovered:
		all = append(all, fmt.Sprintf("It recovered by itself at %s, %s after it began.", at(i.ResolvedAt), after(i.ResolvedAt, i.StartedAt)))
	default:
		all = append(all, fmt.Sprintf("It was resolved at %s, %s after it began.", at(i.ResolvedAt), after(i.ResolvedAt, i.StartedAt)))
	}
	return all
}

// told is what the public reads of the beginning.
func told(n statuspage.Notice, at func(time.Time) string) string {
	if at(n.StartedAt) == at(n.CreatedAt) {
		return fmt.Sprintf("The status page says so since %s, when it was posted.", at(n.CreatedAt))
	}
	return fmt.Sprintf("The status page says that it began at %s, although it was posted at %s.", at(n.StartedAt), at(n.CreatedAt))
}

// expected lists what the scenario expects; where it is shown to newcomers, who
// did not write it, all that holds is one line.
func (c *closing) expected(brief bool) {
	failed := slices.ContainsFunc(c.outcomes, func(o scenario.Outcome) bool { return !o.OK })
	if len(c.outcomes) == 0 {
		return
	}
	fmt.Fprintf(c.out, "\n%s\n", c.style.bold("Expected at the end"))
	if brief && !failed {
		fmt.Fprintf(c.out, "  All of it: %s.\n", plural(len(c.outcomes), "expectation holds", "expectations hold"))
		return
	}
	for _, o := range c.outcomes {
		word, colour, got := "ok  ", "32", ""
		if !o.OK {
			word, colour, got = "FAIL", "1;31", "; got: "+sanitize(o.Got)
		}
		c.hang("  "+c.style.attribute(colour, word)+"  ", "        ", 8, span{text: sanitize(o.What) + got})
	}
}

func (c *closing) chains() {
	fmt.Fprintf(c.out, "\n%s\n", c.style.bold("The record"))
	for _, h := range c.report.Heads {
		fmt.Fprintf(c.out, "  %-6s  %3d entries, head %s\n", h.Timeline, h.Seq, h.Hash)
	}
	if len(c.report.Faults) == 0 {
		fmt.Fprintln(c.out, "  Every chain is whole, and the current state is what its entries say.")
	}
}

func (c *closing) files(o replayOptions) {
	fmt.Fprintln(c.out)
	if o.out == "" {
		c.paragraph("", span{text: "Nothing was kept. The post-mortem in five formats, the status page, a transcript and the database are left in a folder by:"})
		fmt.Fprintf(c.out, "\n    %s --speed max --out night\n", o.again)
		return
	}
	fmt.Fprintf(c.out, "%s %s\n", c.style.bold("Left in"), o.out)
	rows := [][2]string{}
	for _, i := range c.incidents {
		name := i.ID.Padded()
		rows = append(rows, [2]string{name + ".md", fmt.Sprintf("the post-mortem of %s; also .mkdocs.md, .rst, .html and .json", i.ID)})
	}
	rows = append(rows, [][2]string{{"status/index.html", "the status page, as the public saw it at the end"},
		{"transcript.txt", "what the room read"}, {databaseFile, "the record; wardroom verify --db " + shellQuote(filepath.Join(o.out, databaseFile)) + " proves it"}}...)
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	for _, r := range rows {
		c.hang("  "+pad(r[0], width)+"  ", strings.Repeat(" ", width+4), width+4, span{text: r[1]})
	}
}
