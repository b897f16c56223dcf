package main

import (
	"fmt"
	"slices"
	"strings"
)

// mostLines are for how many kinds of lines of the log the page has room.
const mostLines = 3

// cell is what one fault comes to.
type cell struct {
	seen, waits, lost, after []string
}

// cell is the night beside a calm one.
func (n *faultNight) cell(calm *faultNight) (c cell) {
	n.t.Helper()
	for _, l := range n.shown {
		c.seen = append(c.seen, "Room: "+printed(l))
	}
	c.seen = append(c.seen, n.answers(calm)...)
	said := n.logs.between(n.broken, n.backTime())
	for _, l := range said[:min(len(said), mostLines)] {
		c.seen = append(c.seen, "Log: "+printed(l))
	}
	if more := len(said) - mostLines; more > 0 {
		c.seen = append(c.seen, fmt.Sprintf("Log: and %d more of what follows from it", more))
	}
	if c.waits = n.waited; !slices.ContainsFunc(c.waits, func(w string) bool { return strings.HasPrefix(w, "the run") }) {
		c.waits = append(c.waits, "the repair does not wait")
	}
	c.lost = []string{fmt.Sprintf("nothing; %s asked for, %s deleted", plural(len(n.recycles()), "recycle", "recycles"), plural(len(n.deleted()), "machine", "machines"))}
	c.after = n.back
	return c
}

// answers are what people and senders were told while it was broken, where it is not
// what they are told in a calm night.
func (n *faultNight) answers(calm *faultNight) (all []string) {
	for _, a := range n.acts {
		if n.broken.IsZero() || a.at.Before(n.broken) || a.at.After(n.backTime()) {
			continue
		}
		said := slices.DeleteFunc(slices.Clone(a.told), func(l string) bool { return calm.heardBefore(l) })
		if troubles := slices.DeleteFunc(slices.Clone(said), func(l string) bool { return !trouble(l) }); len(troubles) > 0 {
			said = troubles
		} else if a.where == "shell" {
			said = a.told[:1]
		} else if strings.HasPrefix(a.what, "/node") || strings.HasPrefix(a.what, "/run") {
			continue // it differs as the run does
		}
		if len(said) == 0 {
			continue
		}
		all = append(all, fmt.Sprintf("%s %s, `%s`%s: %s", a.at.Format("15:04"), a.who, a.what, map[string]string{"Discord": " in Discord"}[a.where], printed(strings.Join(said[:min(2, len(said))], " / "))))
	}
	return all
}

func (n *faultNight) heardBefore(line string) bool {
	return slices.ContainsFunc(n.acts, func(a act) bool { return slices.Contains(a.told, line) })
}

func trouble(line string) bool {
	for _, word := range []string{"✗", "cannot", "wardroom: ", "did not", "full", "behind"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

// printed is a line that was really printed, as it may stand in a table.
func printed(l string) string {
	l = strings.ReplaceAll(l, redisNode, "lke13311-…6dcf")
	return "“" + strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*").Replace(l) + "”"
}

// reliability is the page.
func reliability(systems []outside, cells map[string]cell) string {
	var b strings.Builder
	b.WriteString(reliabilityIntro)
	for _, o := range systems {
		fmt.Fprintf(&b, "\n## %s\n\nBroken from %s until %s.\n\n", strings.ToUpper(o.name[:1])+o.name[1:], o.when, backAt)
		b.WriteString("| | what people see | what waits | lost | after it is back |\n|---|---|---|---|---|\n")
		for _, f := range o.faults {
			c := cells[title(o.name, f.name)]
			fmt.Fprintf(&b, "| **%s** | %s | %s | %s | %s |\n", f.name, inCell(c.seen), inCell(c.waits), inCell(c.lost), inCell(c.after))
		}
	}
	return b.String()
}

func inCell(lines []string) string {
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "<br>")
}

const reliabilityIntro = `# When something around Wardroom breaks

<!-- Written by TestFaultMatrixIsFresh (cmd/wardroom) from what was really printed; make docs writes it anew. -->

In short, at 03:00:

- The room's pinned message has one line of what works. What has a ✗ there is broken; the line says what cannot be done meanwhile.
- Discord away, or silent: the same commands work in the shell (` + "`wardroom incident show`" + `). What Discord left without an answer may have been done: look (` + "`wardroom timeline show`" + `) before you ask again.
- A repair whose system is broken stands where it is, says so, and goes on by itself. Nothing is asked for twice.
- What was refused is not done: ask again when it works. Alertmanager does that by itself.
- Disk full: free space, nothing else; no restart. Clock wrong: set it right.

The tables are from a night that is played with each fault: an alert at 00:31, a recycle of the node
with Redis asked for at 00:33 and approved at 00:35, the public told at 00:37, a second alert at 00:38, a
note at 00:39. One thing breaks in it and is back at 00:50. Undisturbed, the recycle is done at 00:38. **slow**
is carried out and answered after the client's limit (cluster 10 s, Linode 20 s, Discord 15 s, Statuspage 20 s; the test spends none),
**5xx** an error 503, **closed** a connection that is refused or cut, **garbage** a page of HTML with status 200.
In quotes stands what was printed, in the room's message, to whom asked, or in the log (each kind of line once,
how it ended). After each night the test has held: the record verifies; both alerts, the approval, the update
and the note stand in it exactly once; one machine was deleted; the room and the public were told of everything
once; the run is done.
`
