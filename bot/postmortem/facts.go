package postmortem

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// alerts collects what the entries say of each alert in the end, in the order in
// which they came.
func (d *Document) alerts() {
	place := map[string]int{}
	for _, e := range d.Entries {
		if !d.current(e) {
			continue
		}
		_, cleared := e.Payload.(*alert.Cleared)
		for _, b := range briefs(e.Payload) {
			k, known := place[b.Key]
			if !known {
				k = len(d.Alerts)
				place[b.Key] = k
				d.Alerts = append(d.Alerts, AlertFact{Brief: b})
			}
			fact := &d.Alerts[k]
			if b.Value != nil && (fact.Value == nil || b.Value.Peak >= fact.Value.Peak) {
				fact.Value = b.Value
			}
			fact.Firing = !cleared && b.Status == alert.Firing
			fact.EndsAt = b.EndsAt
		}
	}
}

// components collects the worst level that the public saw of each component.
func (d *Document) components() {
	place := map[string]int{}
	shown := map[timeline.Ref]time.Time{} // a backdated update took its components along
	if d.Notice != nil {
		for _, u := range d.Notice.Updates {
			shown[u.Entry] = u.At
		}
	}
	set := func(e timeline.Entry, name string, level statuspage.Level) {
		at, ok := shown[e.Ref]
		if !ok {
			at = e.OccurredAt
		}
		k, known := place[name]
		if !known {
			if level == statuspage.Operational {
				return
			}
			k = len(d.Components)
			place[name] = k
			d.Components = append(d.Components, ComponentFact{Name: name, Worst: level, From: at})
		}
		fact := &d.Components[k]
		fact.Worst = fact.Worst.Worse(level)
		fact.Until = time.Time{}
		if level == statuspage.Operational {
			fact.Until = at
		}
	}
	for _, e := range d.Entries {
		switch p := e.Payload.(type) {
		case *statuspage.Posted:
			if !e.Supersedes.IsZero() {
				continue // the text was corrected, nothing else
			}
			for _, name := range slices.Sorted(maps.Keys(p.Components)) {
				set(e, name, p.Components[name])
			}
		case *statuspage.ComponentSet:
			set(e, p.Component, p.Level)
		}
	}
}

// respond collects who acted, and what stood in their way.
func (d *Document) respond() {
	if d.Incident == nil {
		return
	}
	i := d.Incident
	firstAct := map[string]time.Time{}
	for _, e := range d.Entries {
		if _, acted := firstAct[e.Actor.Name]; !acted && e.Actor.IsPerson() && !strings.HasPrefix(string(e.Kind), "command.") {
			firstAct[e.Actor.Name] = e.RecordedAt
		}
	}
	for _, name := range i.Responders {
		r := Responder{Name: d.names(name), FirstAct: firstAct[name], Acknowledged: name == i.AcknowledgedBy}
		if name == i.Lead {
			r.Roles = append(r.Roles, incident.RoleLead)
		}
		for _, role := range slices.Sorted(maps.Keys(i.Roles)) {
			if i.Roles[role] == name {
				r.Roles = append(r.Roles, role)
			}
		}
		d.Responders = append(d.Responders, r)
	}
	for _, e := range d.Entries {
		switch p := e.Payload.(type) {
		case *command.Refused, *timeline.DeliveryFailed:
			d.Obstacles = append(d.Obstacles, d.event(e))
		case *remediation.RunRefused:
			ev := d.event(e)
			ev.Text = fmt.Sprintf("%s was refused %s: %s", d.person(e.Actor), p.What, p.Reason)
			d.Obstacles = append(d.Obstacles, ev)
		}
	}
	slices.SortStableFunc(d.Obstacles, byTime)
}

// followUps adds to the tasks that people noted those that the record asks for.
func (d *Document) followUps() {
	if d.Incident == nil {
		return
	}
	i := d.Incident
	need := func(format string, args ...any) {
		d.FollowUps = append(d.FollowUps, FollowUp{Text: fmt.Sprintf(format, args...), Computed: true})
	}
	if i.MergedInto != "" {
		need("Finish the post-mortem of %s, into which this incident was merged", i.MergedInto)
		return
	}
	if i.ResolvedAt.IsZero() {
		need("Say when the incident ended: the record leaves it %s", i.Status)
	}
	if i.AcknowledgedAt.IsZero() && !i.SelfRecovered {
		need("Say who was on it: nobody acknowledged the incident")
	}
	if i.Severity == 0 {
		need("Set the severity")
	}
	var firing []string
	for _, a := range d.Alerts {
		if a.Firing {
			firing = append(firing, a.Name)
		}
	}
	if len(firing) > 0 && !i.ResolvedAt.IsZero() {
		need("Look at what still fires: %s", strings.Join(folded(firing, 10), ", "))
	}
	if d.Notice != nil && d.Notice.Open() && !i.ResolvedAt.IsZero() {
		need("Close the status incident: it still says %s", d.Notice.State)
	}
	d.repairTasks(need)
	if d.Notice == nil && i.Severity != 0 && i.Severity <= alert.SEV2 && !i.SelfRecovered {
		need("Decide whether the public should have been told: nothing was posted on the status page")
	}
}

// folded counts names that repeat, in the order of their first appearance, and
// keeps at most most of them.
func folded(names []string, most int) []string {
	count := map[string]int{}
	var order []string
	for _, n := range names {
		if count[n]++; count[n] == 1 {
			order = append(order, n)
		}
	}
	more := 0
	if len(order) > most {
		order, more = order[:most], len(order)-most
	}
	for k, n := range order {
		if count[n] > 1 {
			order[k] = fmt.Sprintf("%s ×%d", n, count[n])
		}
	}
	if more > 0 {
		order = append(order, fmt.Sprintf("and %d more", more))
	}
	return order
}
