package statuspage

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// decidePost turns a post into an entry, with what the person should know.
func decidePost(v timeline.View, who Who, p Post) (timeline.Draft, []string, error) {
	none := timeline.Draft{}
	in, err := incident.Get(v, p.Incident)
	if err != nil {
		return none, nil, err
	}
	n, posted, err := Get(v, p.Incident)
	if err != nil {
		return none, nil, err
	}
	if in.MergedInto != "" && !posted {
		return none, nil, problem.New(problem.Conflict, "%s was merged into %s", p.Incident, in.MergedInto).
			WithHint("post for %s", in.MergedInto)
	}
	if err := checkTime(v.Now(), n, p.At); err != nil {
		return none, nil, err
	}
	levels, err := knownComponents(v, p.Components)
	if err != nil {
		return none, nil, err
	}
	out := &Posted{State: p.State, Body: p.Text, At: p.At, Quiet: p.Quiet, Title: p.Title, First: !posted}
	switch {
	case !posted:
		if p.State == Resolved {
			return none, nil, problem.New(problem.Conflict, "nothing is posted on the status page for %s yet, so there is nothing to resolve", p.Incident).
				WithHint("post first what happened, then resolve it")
		}
		out.Title, out.State = clip(orElse(p.Title, in.Title), MaxTitle), orElse(p.State, publicState(in.Status))
	default:
		out.State = orElse(p.State, n.State)
		if out.Title == n.Title {
			out.Title = ""
		}
	}
	if out.State == Resolved {
		if levels, err = released(v, n, levels); err != nil {
			return none, nil, err
		}
	}
	out.Components = levels
	return draft(p.Incident, who, out), postNotes(in, n, posted, out), nil
}

func postNotes(in incident.Incident, n Notice, posted bool, p *Posted) []string {
	var notes []string
	if posted && !n.Open() && p.State != Resolved {
		notes = append(notes, "The status page said resolved; it is open again.")
	}
	if in.MergedInto != "" {
		notes = append(notes, fmt.Sprintf("%s was merged into %s, which has its own status incident.", in.ID, in.MergedInto))
	}
	return notes
}

// checkTime refuses a shown time that lies in the future or before the update before it.
func checkTime(now time.Time, n Notice, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	if at.After(now) {
		return problem.New(problem.Invalid, "%s lies in the future", clockUTC(at))
	}
	if len(n.Updates) > 0 && at.Before(n.Latest().At) {
		return problem.New(problem.Invalid, "the update before it is shown at %s: this one cannot stand at %s", clockUTC(n.Latest().At), clockUTC(at))
	}
	return nil
}

// released adds the components that a resolved notice gives back: to the worst
// level that other open notices hold them at, else to operational.
func released(v timeline.View, n Notice, said map[string]Level) (map[string]Level, error) {
	open, err := Notices.Select(v, timeline.Query{Where: []timeline.Where{{Column: "is_open", Value: true}}})
	if err != nil {
		return nil, err
	}
	levels := map[string]Level{}
	for _, name := range sortedNames(n.Components) {
		c, declared, err := Components.Get(v, name)
		if err != nil {
			return nil, err
		}
		level := Operational
		for _, other := range open {
			if other.Incident != n.Incident {
				level = level.Worse(other.Components[name])
			}
		}
		if declared && (c.Level != level || n.Components[name] != level) {
			levels[name] = level
		}
	}
	maps.Copy(levels, said)
	if len(levels) == 0 {
		return nil, nil
	}
	return levels, nil
}

// decideBackdate turns a confirmed start into an entry.
func decideBackdate(v timeline.View, who Who, id timeline.ID, at time.Time, why string, found []Evidence, pages []Provider) (timeline.Draft, []string, error) {
	none := timeline.Draft{}
	n, err := must(v, id)
	if err != nil {
		return none, nil, err
	}
	switch {
	case at.IsZero():
		return none, nil, problem.New(problem.Invalid, "say when it began")
	case at.After(v.Now()):
		return none, nil, problem.New(problem.Invalid, "%s lies in the future", clockUTC(at))
	case at.After(n.CreatedAt):
		return none, nil, problem.New(problem.Invalid, "%s is later than the first update, which was posted at %s", clockUTC(at), clockUTC(n.CreatedAt)).
			WithHint("backdating moves the start into the past")
	case len(n.Updates) > 1 && at.After(n.Updates[1].At):
		return none, nil, problem.New(problem.Invalid, "%s is later than the second update, which is shown at %s", clockUTC(at), clockUTC(n.Updates[1].At))
	case at.Equal(n.StartedAt):
		return none, []string{"The status page already says " + clockUTC(at) + "."}, nil
	}
	sentence, before := Compare(at, found)
	out := &Backdated{StartedAt: at, From: n.StartedAt, Why: orElse(why, sentence), BeforeEvidence: before}
	for _, e := range found {
		if !e.Entry.IsZero() {
			out.Evidence = append(out.Evidence, e.Entry)
		}
	}
	notes := []string{"That is " + sentence + "."}
	for _, p := range pages {
		if !p.Capabilities.BackdateIncident {
			out.InText = append(out.InText, p.Name)
		}
	}
	if len(out.InText) > 0 {
		notes = append(notes, fmt.Sprintf("%s cannot backdate: the text there says “%s”.", strings.Join(out.InText, ", "), startedText(at, at)))
	}
	return draft(id, who, out), notes, nil
}

// publicState is what the public reads for an incident's status.
func publicState(s incident.Status) State {
	switch s {
	case incident.Identified:
		return Identified
	case incident.Monitoring, incident.Resolved, incident.Closed:
		return Monitoring // a first update never says resolved
	}
	return Investigating
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func orElse[T ~string](v, otherwise T) T {
	if v == "" {
		return otherwise
	}
	return v
}
