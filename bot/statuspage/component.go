package statuspage

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Components holds the components under their names. One that is no longer
// declared stays, at position 0, so that it has its history when it comes back.
var Components = timeline.Table[Component]{
	Schema: timeline.Schema{Name: "components", Columns: []string{"position"}},
	Row:    func(c Component) (string, []any) { return c.Name, []any{c.Position} },
}

// AllComponents returns the components that are declared, in their order.
func AllComponents(r timeline.Reader) ([]Component, error) {
	return Components.Select(r, timeline.Query{OrderBy: "position", Where: []timeline.Where{{Column: "position", Op: ">", Value: 0}}})
}

// Declare records the components that the configuration holds when they differ
// from those known. It is called at the start and may be repeated.
func Declare(ctx context.Context, door timeline.Door, want []Declaration) error {
	_, err := door.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		have, err := AllComponents(v)
		if err != nil {
			return timeline.Decision{}, err
		}
		same := slices.EqualFunc(have, want, func(c Component, d Declaration) bool {
			return Declaration{Name: c.Name, Description: c.Description, Group: c.Group} == d
		})
		if same {
			return timeline.Decision{}, nil
		}
		draft := timeline.Draft{Timeline: timeline.Log, Actor: people.Bot, Payload: &ComponentsDeclared{Components: want}}
		return timeline.Decision{Entries: []timeline.Draft{draft}}, nil
	})
	return err
}

// declare replaces the set of components; each keeps level and history by its name.
func declare(w timeline.Writer, want []Declaration) error {
	have, err := AllComponents(w)
	if err != nil {
		return err
	}
	for _, c := range have {
		if !slices.ContainsFunc(want, func(d Declaration) bool { return d.Name == c.Name }) {
			c.Position = 0
			if err := Components.Put(w, c); err != nil {
				return err
			}
		}
	}
	for i, d := range want {
		c, known, err := Components.Get(w, d.Name)
		if err != nil {
			return err
		}
		if !known {
			c.Level = Operational
		}
		c.Name, c.Description, c.Group, c.Position = d.Name, d.Description, d.Group, i+1
		if err := Components.Put(w, c); err != nil {
			return err
		}
	}
	return nil
}

// setLevel brings a component to a level. One that was never declared is passed over.
func setLevel(w timeline.Writer, name string, change Change) error {
	c, known, err := Components.Get(w, name)
	if err != nil || !known {
		return err
	}
	c.Changes = append(c.Changes, change)
	return putComponent(w, c)
}

// putComponent stores c with the level and the time that its changes tell.
func putComponent(w timeline.Writer, c Component) error {
	c.Level, c.Since = Operational, time.Time{}
	for _, change := range c.Changes {
		if change.Level != c.Level {
			c.Level, c.Since = change.Level, change.At
		}
	}
	return Components.Put(w, c)
}

// alignChanges gives the changes that came with an update the time that it is shown at.
func alignChanges(w timeline.Writer, n Notice) error {
	at := map[timeline.Ref]time.Time{}
	for _, u := range n.Updates {
		at[u.Entry] = u.At
	}
	return eachComponent(w, func(c *Component) (changed bool) {
		for i, change := range c.Changes {
			if t, ok := at[change.Entry]; ok && !t.Equal(change.At) {
				c.Changes[i].At, changed = t, true
			}
		}
		return changed
	})
}

func forgetChanges(w timeline.Writer, ref timeline.Ref) error {
	return eachComponent(w, func(c *Component) bool {
		before := len(c.Changes)
		c.Changes = slices.DeleteFunc(c.Changes, func(change Change) bool { return change.Entry == ref })
		return len(c.Changes) != before
	})
}

func eachComponent(w timeline.Writer, change func(*Component) bool) error {
	all, err := Components.Select(w, timeline.Query{})
	if err != nil {
		return err
	}
	for _, c := range all {
		if !change(&c) {
			continue
		}
		if err := putComponent(w, c); err != nil {
			return err
		}
	}
	return nil
}

// holderOf returns the incident whose open notice names a component; the log when
// there is none or more than one.
func holderOf(r timeline.Reader, name string) (timeline.ID, error) {
	open, err := Notices.Select(r, timeline.Query{Where: []timeline.Where{{Column: "is_open", Value: true}}})
	if err != nil {
		return "", err
	}
	open = slices.DeleteFunc(open, func(n Notice) bool { _, names := n.Components[name]; return !names })
	if len(open) != 1 {
		return timeline.Log, nil
	}
	return open[0].Incident, nil
}

// knownComponents brings names to the spelling that was declared. Names are found
// whatever their case; an unknown one is an Invalid problem that lists those there are.
func knownComponents(r timeline.Reader, levels map[string]Level) (map[string]Level, error) {
	if len(levels) == 0 {
		return nil, nil
	}
	all, err := AllComponents(r)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Level, len(levels))
	for _, asked := range sortedNames(levels) {
		i := slices.IndexFunc(all, func(c Component) bool { return strings.EqualFold(c.Name, strings.TrimSpace(asked)) })
		if i < 0 {
			return nil, unknownComponent(asked, all)
		}
		found[all[i].Name] = levels[asked]
	}
	return found, nil
}

func unknownComponent(asked string, all []Component) error {
	p := problem.New(problem.Invalid, "there is no component %q", asked)
	if len(all) == 0 {
		return p.WithHint("the configuration declares no components: add them under status_page.components")
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return p.WithHint("there are: %s", strings.Join(names, ", "))
}

func sortedNames(levels map[string]Level) []string { return slices.Sorted(maps.Keys(levels)) }
