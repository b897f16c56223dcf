package command

import (
	"context"
	"slices"
	"strings"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Limits of completion. Discord shows 25 proposals and waits three seconds:
// https://discord.com/developers/docs/interactions/application-commands#autocomplete
const (
	maxProposals    = 25
	completeTimeout = time.Second
)

// Proposal is a value that may be meant, and what people know it by.
type Proposal struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"` // what is shown for it where it is chosen; empty: Value
	Help  string `json:"help,omitempty"`  // as an incident's title; may be empty
}

// Complete proposes values for an option, best first, at most 25. A caller who
// may not ask for the command gets none. It records nothing.
func (r *Runner) Complete(ctx context.Context, caller Caller, path, option, typed string) ([]Proposal, error) {
	c, err := r.Table.Lookup(path)
	if err != nil {
		return nil, err
	}
	o, known := c.Option(option)
	if !known {
		return nil, problem.New(problem.NotFound, "/%s has no option %q", c.Path, clip(clean(option), 40))
	}
	if consistent(caller) != nil || authorise(c, caller) != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	typed = clip(clean(typed), 100)
	var found []Proposal
	err = r.Store.View(ctx, func(v timeline.View) error {
		found, err = r.propose(ctx, o, v, typed)
		return err
	})
	return found[:min(len(found), maxProposals)], err
}

func (r *Runner) propose(ctx context.Context, o Option, v timeline.View, typed string) ([]Proposal, error) {
	if o.Complete != nil {
		var found []Proposal
		for _, value := range o.Complete(ctx, v, typed) {
			found = append(found, Proposal{Value: value})
		}
		return found, nil
	}
	var all []Proposal
	switch o.Type {
	case Choice:
		for _, c := range o.Choices {
			all = append(all, Proposal{Value: c})
		}
	case Bool:
		all = []Proposal{{Value: "yes"}, {Value: "no"}}
	case Person:
		for _, p := range r.People.All() {
			all = append(all, Proposal{Value: p.Name, Help: p.FullName})
		}
	case Incident:
		open, err := r.Incidents.OpenIDs(v)
		if err != nil {
			return nil, err
		}
		for _, n := range open {
			all = append(all, Proposal{Value: string(n.ID), Help: n.Title})
		}
	}
	return slices.DeleteFunc(all, func(p Proposal) bool { return !p.fits(typed) }), nil
}

// fits reports whether p may be meant: its value begins with what was typed, or
// its help holds it.
func (p Proposal) fits(typed string) bool {
	typed = strings.ToLower(typed)
	return strings.HasPrefix(strings.ToLower(p.Value), typed) ||
		strings.TrimPrefix(p.Value, "INC-") == typed || strings.Contains(strings.ToLower(p.Help), typed)
}
