package remediation

import (
	"slices"
	"time"

	"wardroom/bot/alert"
)

// Approvers are the persons other than the one who asked for a run that may approve
// it, those on the rota first and in its order: the first one is the one to ask.
func (d *Desk) Approvers(now time.Time, r Run) []string {
	var names []string
	add := func(name string) {
		p, known := d.people.ByName(name)
		if known && !slices.Contains(names, name) && !(Who{Person: &p}).is(r.Requester) && d.policy.Rules[r.Plan.Remediation].may(Who{Person: &p}, r.Plan.Tier) {
			names = append(names, name)
		}
	}
	if d.rota != nil {
		for _, name := range d.rota.Order(now) {
			add(name)
		}
	}
	for _, p := range d.people.All() {
		add(p.Name)
	}
	return names
}

// GlassFrom is from when on whoever asked for the run may go on alone although others
// could still answer; false: not at all in an incident of that severity. When nobody
// else is on the rota they need not wait, nor need a second person who breaks the
// glass against a soft refusal.
func (r Run) GlassFrom(s alert.Severity) (time.Time, bool) {
	switch s {
	case alert.SEV1:
		return r.RequestedAt.Add(glassWaitSEV1), true
	case alert.SEV2:
		return r.RequestedAt.Add(glassWait), true
	}
	return time.Time{}, false
}
