package remediation

import (
	"context"
	"slices"
	"strings"
)

// AccessDenied is the code of the finding that Wardroom may not do what a plan needs.
const AccessDenied = "access-denied"

// String is "patch deployments/scale".
func (a Access) String() string { return a.Verb + " " + a.What }

// Changes reports whether it is more than looking.
func (a Access) Changes() bool {
	switch a.Verb {
	case "get", "list", "watch", "read_only":
		return false
	}
	return true
}

// Needed reports whether one of the steps needs it, and which: one that Why names and
// whose argument kind, where it has one, is what the access is about. A repair is not
// held up by what only another plan of it would need.
func (a Access) Needed(steps []PlannedStep) (step string, needed bool) {
	for _, s := range steps {
		if !slices.Contains(strings.Split(a.Why, ", "), s.Name) {
			continue
		}
		if kind := strings.ToLower(s.Args["kind"]); kind == "" || strings.HasPrefix(a.What, kind) {
			return s.Name, true
		}
	}
	return "", false
}

// May tells whether something is allowed. It only asks and may be repeated.
type May func(ctx context.Context, a Access) (bool, error)

// Denied are the hard findings about what a plan's steps need in a system and may not
// do there; none for what could not be asked, which the step itself will find.
func Denied(ctx context.Context, system string, s Spec, steps []PlannedStep, may May) (found []Finding) {
	var asked []string
	for _, a := range s.Access {
		step, needed := a.Needed(steps)
		if a.System != system || !a.Changes() || !needed || slices.Contains(asked, a.String()) {
			continue
		}
		asked = append(asked, a.String())
		allowed, err := may(ctx, a)
		if err != nil {
			return found // whoever does not answer one question answers no other
		}
		if !allowed {
			found = append(found, Finding{Code: AccessDenied, Strength: Hard,
				Sentence: "Wardroom's role in " + system + " may not " + a.String() + ", which the step " + step + " needs",
				Hint:     "deploy/kubernetes/act has the role; `wardroom check` says what else is missing. Until then the commands of the steps can be carried out by hand"})
		}
	}
	return found
}
