package postmortem

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// oneAct is how close after the first post a backdating counts as the same act.
const oneAct = 10 * time.Minute

// leadup collects the key entries. An entry that was corrected gives way to its
// correction; an alert is told with the peak that it had in the end.
func (d *Document) leadup() {
	peaks := d.peaks()
	urls := d.statusLinks()
	first, backdated := d.creation()
	for _, e := range d.Entries {
		if d.codec.Prominence(e.Kind) != timeline.Key || !d.current(e) {
			continue
		}
		ev := d.event(e)
		if isRepair(e.Kind) {
			var told bool
			if ev.Text, told = d.runEvent(e); !told {
				continue
			}
		}
		switch p := e.Payload.(type) {
		case *alert.Joined:
			ev.Text = joinedText(p, peaks)
		case *statuspage.Posted:
			if e.Ref == first.Ref && !backdated.Ref.IsZero() {
				to := backdated.Payload.(*statuspage.Backdated).StartedAt
				ev.Text = "Status incident posted and backdated to " + d.clock.Beside(to, e.OccurredAt) + ": " + p.Body
			}
			if !e.Supersedes.IsZero() {
				ev.Text += " (text corrected at " + d.clock.Beside(e.RecordedAt, e.OccurredAt) + ")"
			}
			if ev.Link = urls[e.Ref]; e.Ref == first.Ref {
				ev.Link = cmp.Or(ev.Link, urls[backdated.Ref], urls[timeline.Ref{}])
			}
			ev.LinkText = "Status incident"
		case *statuspage.Backdated:
			if e.Ref == backdated.Ref {
				continue
			}
			ev.Text = "Status incident backdated to " + d.clock.Beside(p.StartedAt, e.OccurredAt) + because(p.Why)
		case *incident.StartClaimed:
			ev.Text = "Began at " + d.clock.Beside(p.StartedAt, e.OccurredAt) + because(p.Why)
		case *incident.StatusChanged:
			d.Changes = append(d.Changes, ev)
		case *incident.Acknowledged:
			ev.Text = "Acknowledged by " + d.names(e.Actor.Display())
		case *incident.Noted:
			if d.note(p, &ev) {
				continue
			}
		}
		d.Leadup = append(d.Leadup, ev)
	}
	for _, list := range [][]Event{d.Leadup, d.Changes, d.Causes, d.Obstacles} {
		slices.SortStableFunc(list, byTime)
	}
	if n := len(d.Leadup) - MaxLeadup; n > 0 {
		d.Leadup, d.LeadupMore = d.Leadup[:MaxLeadup], n
	}
}

// note sorts a note into the sections that it belongs to, and reports whether it
// is a task and so not part of the lead-up, which shows the first of its lines.
func (d *Document) note(p *incident.Noted, ev *Event) (isTask bool) {
	whole := *ev
	if head, rest, several := strings.Cut(strings.TrimSpace(p.Body), "\n"); several && strings.TrimSpace(rest) != "" {
		d.Documents = append(d.Documents, whole)
		ev.Text = strings.TrimSpace(head) + " […]"
	}
	if p.IsCause {
		d.Causes = append(d.Causes, *ev)
	}
	if task, ok := after(p.Body, "follow-up:", "follow up:", "followup:", "todo:"); ok {
		d.FollowUps = append(d.FollowUps, FollowUp{Text: task})
		return true
	}
	if what, ok := after(p.Body, "obstacle:", "blocked:", "blocked by"); ok {
		obstacle := *ev
		obstacle.Text = what
		d.Obstacles = append(d.Obstacles, obstacle)
	}
	return false
}

// after returns what stands after one of the words that a note begins with.
func after(text string, words ...string) (string, bool) {
	text = strings.TrimSpace(text)
	for _, w := range words {
		if len(text) > len(w) && strings.EqualFold(text[:len(w)], w) {
			rest := strings.TrimSpace(text[len(w):])
			return rest, rest != ""
		}
	}
	return "", false
}

// creation finds the post that created the notice, as it was last corrected, and the
// backdating that belongs to the same act; both may be zero.
func (d *Document) creation() (first, backdated timeline.Entry) {
	var posted time.Time
	for _, e := range d.Entries {
		switch p := e.Payload.(type) {
		case *statuspage.Posted:
			switch {
			case p.First && first.Ref.IsZero():
				first, posted = e, e.RecordedAt
			case !e.Supersedes.IsZero() && e.Supersedes == first.Ref:
				first = e
			}
		case *statuspage.Backdated:
			if backdated.Ref.IsZero() && !first.Ref.IsZero() && e.RecordedAt.Sub(posted) <= oneAct {
				backdated = e
			}
		}
	}
	return first, backdated
}

// statusLinks finds where the public reads what an entry posted; under the zero
// reference stands the first address of all.
func (d *Document) statusLinks() map[timeline.Ref]string {
	links := map[timeline.Ref]string{}
	for _, e := range d.Entries {
		if p, ok := e.Payload.(*timeline.Delivered); ok && isHTTP(p.URL) && strings.HasPrefix(p.Follower, "statuspage/") {
			for _, of := range []timeline.Ref{p.Of, {}} {
				links[of] = cmp.Or(links[of], p.URL)
			}
		}
	}
	return links
}

// peaks collects the highest value that any entry tells of an alert.
func (d *Document) peaks() map[string]alert.Value {
	peaks := map[string]alert.Value{}
	for _, e := range d.Entries {
		for _, b := range briefs(e.Payload) {
			if b.Value == nil {
				continue
			}
			if have, known := peaks[b.Key]; !known || b.Value.Peak > have.Peak {
				v := *b.Value
				if known {
					v.First = have.First
				}
				peaks[b.Key] = v
			}
		}
	}
	return peaks
}

// joinedText is an alert's line with its peak.
func joinedText(p *alert.Joined, peaks map[string]alert.Value) string {
	told := *p
	told.Alerts = slices.Clone(p.Alerts)
	for i, b := range told.Alerts {
		if v, ok := peaks[b.Key]; ok {
			told.Alerts[i].Value = &v
		}
	}
	text := told.Text()
	if len(told.Alerts) == 1 {
		return text
	}
	seen := map[string]bool{}
	for _, b := range told.Alerts {
		if b.Value != nil && b.Value.Peak != b.Value.First && !seen[b.Name] && len(seen) < 5 {
			seen[b.Name] = true
			text += "; " + b.Name + " peaked at " + alert.Number(b.Value.Peak)
		}
	}
	return text
}

func briefs(p timeline.Payload) []alert.Brief {
	switch p := p.(type) {
	case *alert.Joined:
		return p.Alerts
	case *alert.Updated:
		return []alert.Brief{p.Alert}
	case *alert.Cleared:
		return p.Alerts
	}
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
