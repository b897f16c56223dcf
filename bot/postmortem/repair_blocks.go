package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/remediation"
)

// repairBlocks tell each repair.
func (d *Document) repairBlocks() (blocks []block) {
	list := func(head string, lines []string) {
		if len(lines) == 0 {
			return
		}
		items := make(bullets, len(lines))
		for i, l := range lines {
			items[i] = text("%s", l)
		}
		blocks = append(blocks, paragraph{text("%s:", head)}, items)
	}
	for _, r := range d.Repairs {
		blocks = append(blocks, subheading{fmt.Sprintf("%s: %s, %s", r.Run, r.Title, r.outcome())}, d.agreed(r))
		list("What was found", r.Found)
		list("What it would break", r.Breaks)
		list("What spoke against it", r.Against)
		list("What changed of the plan before it began", r.Changed)
		var steps []string
		for _, s := range r.Steps {
			at := ""
			if !s.Began.IsZero() {
				at = d.clock.Beside(s.Began, d.Date) + " "
			}
			steps = append(steps, at+s.String())
		}
		list("Steps", steps)
		left := "Not as it was at its end"
		if d.undone(r) {
			left += ", and put back later"
		}
		list(left, r.Left)
	}
	return blocks
}

// outcome is "done in 18m 5s".
func (r Repair) outcome() string {
	text := string(r.Status)
	if !r.over() {
		return text + " when this record ends"
	}
	if !r.Began.IsZero() {
		text += " after " + remediation.Took(r.Ended.Sub(r.Began))
	}
	return text
}

// agreed says who asked, who approved, and how it ended.
func (d *Document) agreed(r Repair) block {
	var list bullets
	if !r.AskedAt.IsZero() {
		line := fmt.Sprintf("Asked for by %s at %s, %s", r.AskedBy, d.clock.Beside(r.AskedAt, d.Date), r.Tier)
		if r.Repairs != "" {
			line += "; it repairs what " + string(r.Repairs) + " left"
		}
		list = append(list, text("%s", line))
	}
	type told struct {
		at   time.Time
		line string
	}
	var agreed []told
	for _, g := range r.Glass {
		agreed = append(agreed, told{g.At, fmt.Sprintf("Glass broken by %s at %s%s", g.By, d.clock.Beside(g.At, d.Date), because(g.Reason))})
	}
	for _, a := range r.Agreed {
		line := fmt.Sprintf("Approved by %s at %s, plan %s", a.By, d.clock.Beside(a.At, d.Date), a.Plan)
		if a.Alone {
			line += ", alone"
		}
		if a.Void {
			line += "; void, because a new approval was needed later"
		}
		agreed = append(agreed, told{a.At, line})
	}
	slices.SortStableFunc(agreed, func(a, b told) int { return a.at.Compare(b.at) })
	for _, a := range agreed {
		list = append(list, text("%s", a.line))
	}
	if r.over() && (r.Why != "" || r.By != "") {
		line := capitalized(string(r.Status))
		if r.By != "" {
			line += " by " + r.By
		}
		list = append(list, text("%s at %s%s", line, d.clock.Beside(r.Ended, d.Date), because(r.Why)))
	}
	return list
}

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
