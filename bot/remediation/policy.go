package remediation

import (
	"slices"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// Policy is the team's rules for repairs.
type Policy struct {
	Expiry     time.Duration   // how long an approval is waited for
	MinHealthy int             // Ready nodes that have to be left besides the target
	CoolDown   time.Duration   // between two acts on nodes
	Cover      time.Duration   // how long a broken glass covers a person in an incident
	Rules      map[string]Rule // by the name of the remediation; none: the zero Rule
}

// Rule is the team's rule for one remediation.
type Rule struct {
	// Roles and Persons say who may ask for it and approve it: whoever has one of
	// them. Both empty: responders.
	Roles   []people.Role
	Persons []string
	// Tier raises that of its plans; a lower one has no effect.
	Tier Tier
}

// DefaultPolicy is what an empty configuration means.
func DefaultPolicy() Policy {
	return Policy{Expiry: 15 * time.Minute, MinHealthy: 2, CoolDown: 10 * time.Minute, Cover: 2 * time.Hour}
}

// Who asks, as the surface has proven it, and the entry that recorded the request.
type Who struct {
	Person *people.Person // nil: the identity is linked to nobody
	Actor  people.Actor
	// Roles that the chat gives to an identity that is linked to nobody. They do for
	// what is routine: any moderator can hand out a role.
	Roles []people.Role
	Cause timeline.Ref
}

// name of the person; "" when there is none.
func (w Who) name() string {
	if w.Person == nil {
		return ""
	}
	return w.Person.Name
}

// is reports whether actor is the same person, under whatever identity.
func (w Who) is(actor people.Actor) bool {
	if w.Person == nil {
		return actor == w.Actor
	}
	return actor.IsPerson() && actor.Name == w.Person.Name
}

// actor is what entries name: the person, whatever account spoke.
func (w Who) actor() people.Actor {
	if w.Person != nil {
		return w.Person.Actor()
	}
	return w.Actor
}

// may reports whether the rule lets somebody ask for and approve plans of a tier.
func (r Rule) may(who Who, tier Tier) bool {
	roles := r.Roles
	if len(roles) == 0 && len(r.Persons) == 0 {
		roles = []people.Role{people.Responder}
	}
	if who.Person == nil {
		return tier <= Routine && slices.ContainsFunc(roles, func(want people.Role) bool {
			return slices.ContainsFunc(who.Roles, func(has people.Role) bool { return has.Covers(want) })
		})
	}
	return slices.Contains(r.Persons, who.Person.Name) || slices.ContainsFunc(roles, who.Person.Has)
}
