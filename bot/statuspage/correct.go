package statuspage

import (
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Find returns the notice of an incident and the update that ref names: by its
// entry or by a correction of it; the newest one where ref is zero.
func Find(v timeline.View, id timeline.ID, ref timeline.Ref) (Notice, Update, error) {
	n, err := must(v, id)
	if err != nil {
		return n, Update{}, err
	}
	if ref.IsZero() {
		return n, n.Latest(), nil
	}
	newest, err := incident.Newest(v, ref)
	if err != nil {
		return n, Update{}, err
	}
	i := slices.IndexFunc(n.Updates, func(u Update) bool { return u.Entry == newest.Ref || u.Correction == newest.Ref })
	if i < 0 {
		return n, Update{}, problem.New(problem.Invalid, "%s is no update on the status page for %s", ref, id).
			WithHint("its updates are %s", refs(n))
	}
	return n, n.Updates[i], nil
}

// refs lists the newest updates of a notice with their times, the newest first.
func refs(n Notice) string {
	const most = 10
	var list []string
	for _, u := range slices.Backward(n.Updates) {
		if len(list) == most {
			list = append(list, fmt.Sprintf("and %d more", len(n.Updates)-most))
			break
		}
		list = append(list, fmt.Sprintf("%s (%s)", u.Entry, u.At.UTC().Format("15:04 UTC")))
	}
	return strings.Join(list, ", ")
}

// decideCorrect turns a correction into an entry that supersedes the newest one of
// its update and stands at the same time.
func decideCorrect(v timeline.View, who Who, c Correction) (timeline.Draft, []string, error) {
	none := timeline.Draft{}
	_, u, err := Find(v, c.Incident, c.Update)
	if err != nil {
		return none, nil, err
	}
	was, err := incident.Newest(v, u.Entry)
	if err != nil {
		return none, nil, err
	}
	p, readable := was.Payload.(*Posted)
	switch {
	case !readable:
		return none, nil, problem.New(problem.Conflict, "%s was erased", was.Ref)
	case p.Body == c.Text:
		return none, []string{u.Entry.String() + " says that already."}, nil
	}
	next := *p
	next.Body = c.Text
	d := draft(c.Incident, who, &next)
	d.OccurredAt, d.Supersedes = was.OccurredAt, was.Ref
	d.Effects.Take = []string{incident.CorrectionClaim(was.Ref)}
	return d, nil, nil
}
