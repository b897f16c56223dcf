package suggest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
)

// Suggestion is a view or a plan that is offered because of an alert. Asking for it
// changes nothing: a plan still waits for whoever has to approve it.
type Suggestion struct {
	Action command.Action `json:"action"`
	Weight Weight         `json:"weight"`
}

// Weight is how much would be disrupted if it were carried out.
type Weight int

const (
	Look        Weight = iota // shows something
	Harmless                  // a plan that takes nothing away: cordon, uncordon
	Interrupts                // a plan that stops what runs there for a while
	Destructive               // a plan whose act cannot be taken back
)

// Suggestions are what may be looked at and planned for a target, the least
// disruptive first. Which they are depends on how the target stands in the snapshot:
// nobody drains a node that does not answer, or remounts a volume that works.
func (t Target) Suggestions(s *fleet.Snapshot) []Suggestion {
	if s == nil {
		return nil
	}
	switch t.Kind {
	case Node:
		return ofNode(s, t.Object.Name)
	case Volume:
		return ofVolume(s, t.Object, t.Volume)
	case Workload:
		return ofWorkload(s, t.Object)
	case Pod:
		return ofPod(s, t.Object)
	}
	return nil
}

func offer(weight Weight, label, path, option, target string) Suggestion {
	a := command.Action{Label: label, Ask: command.Ask{Path: path, Options: map[string]string{option: target}}}
	if weight == Destructive {
		a.Style = command.Danger
	}
	return Suggestion{a, weight}
}

func ofNode(s *fleet.Snapshot, name string) []Suggestion {
	i := slices.IndexFunc(s.Nodes, func(n fleet.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	n := s.Nodes[i]
	all := []Suggestion{offer(Look, "Show node "+name, "node show", "node", name)}
	if n.Unschedulable {
		if n.Ready == fleet.True {
			all = append(all, offer(Harmless, "Uncordon "+name, "node uncordon", "node", name))
		}
	} else {
		all = append(all, offer(Harmless, "Cordon "+name, "node cordon", "node", name))
	}
	if n.Ready == fleet.True || n.Ready == fleet.False { // what does not answer evicts nothing
		all = append(all, offer(Interrupts, "Drain "+name, "node drain", "node", name))
	}
	if n.Ready != fleet.True {
		all = append(all, offer(Interrupts, "Reboot "+name, "node reboot", "node", name), offer(Destructive, "Recycle "+name, "node recycle", "node", name))
	}
	return all
}

// ofVolume offers a remount only while a pod waits for the volume: it helps nothing
// against one that is full.
func ofVolume(s *fleet.Snapshot, claim fleet.Object, volume string) []Suggestion {
	if volume == "" {
		return nil
	}
	whose := claim.String()
	all := []Suggestion{offer(Look, "Show volume "+whose, "volume show", "volume", volume)}
	for _, p := range s.Pods {
		if !p.Ready && p.Namespace == claim.Namespace && slices.Contains(p.Claims, claim.Name) && p.Phase != "Succeeded" && p.Phase != "Failed" {
			return append(all, offer(Interrupts, "Remount "+whose, "volume remount", "volume", volume))
		}
	}
	return all
}

// ofWorkload never leads to a node: what ails a workload alone is not mended by
// taking a machine away from all the others. What ails one whose pods are all Ready, as
// a database without a connection left, comes from who uses it: those are restarted
// before it is.
func ofWorkload(s *fleet.Snapshot, o fleet.Object) []Suggestion {
	all, whole := []Suggestion{offer(Look, "Show workload "+o.String(), "workload show", "workload", o.String())}, true
	for _, p := range s.Pods {
		if !p.Ready && p.Owner.Kind == o.Kind && p.Owner.Namespace == o.Namespace && p.Owner.Name == o.Name {
			all, whole = append(all, volumesOf(s, p)...), false
		}
	}
	for _, w := range s.Workloads {
		if !whole || w.Object != o {
			continue
		}
		for _, user := range w.UsedBy {
			if slices.ContainsFunc(s.Workloads, func(u fleet.Workload) bool { return u.String() == user }) {
				all = append(all, offer(Interrupts, "Restart "+user, "restart workload", "workload", user))
			}
		}
	}
	return append(all, offer(Interrupts, "Restart "+o.String(), "restart workload", "workload", o.String()))
}

// ofPod shows what a pod stands on when it is not Ready, and plans nothing: that
// is done with what is found there.
func ofPod(s *fleet.Snapshot, o fleet.Object) (all []Suggestion) {
	i := slices.IndexFunc(s.Pods, func(p fleet.Pod) bool { return p.Namespace == o.Namespace && p.Name == o.Name })
	if i < 0 {
		return nil
	}
	p := s.Pods[i]
	if p.Owner.Name != "" {
		all = append(all, offer(Look, "Show workload "+p.Owner.String(), "workload show", "workload", p.Owner.String()))
	}
	if p.Ready {
		return all
	}
	all = append(all, volumesOf(s, p)...)
	for _, n := range s.Nodes {
		if n.Name == p.Node && n.Ready != fleet.True {
			all = append(all, offer(Look, "Show node "+n.Name, "node show", "node", n.Name))
		}
	}
	return all
}

// volumesOf shows the volumes that a pod waits for or has.
func volumesOf(s *fleet.Snapshot, p fleet.Pod) (all []Suggestion) {
	for _, c := range s.Claims {
		if c.Namespace == p.Namespace && slices.Contains(p.Claims, c.Name) && c.Volume != "" {
			all = append(all, offer(Look, "Show volume "+c.String(), "volume show", "volume", c.Volume))
		}
	}
	return all
}

// Ordered puts suggestions of several targets together: each once, the least
// disruptive first, otherwise as they came.
func Ordered(all []Suggestion) []Suggestion {
	var once []Suggestion
	seen := map[string]bool{}
	for _, one := range all {
		key := one.Action.Ask.Path
		for name, value := range one.Action.Ask.Options {
			key += "\x00" + name + "\x00" + value
		}
		if !seen[key] {
			seen[key] = true
			once = append(once, one)
		}
	}
	slices.SortStableFunc(once, func(a, b Suggestion) int { return cmp.Compare(a.Weight, b.Weight) })
	return once
}

// Resolver resolves alerts against the cluster as it was last seen. The zero
// Resolver, and a nil one, know of nothing.
type Resolver struct {
	Rules Rules
	// Snapshot is [fleet.Cluster]'s; nil where there is no cluster.
	Snapshot func(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error)
	// Serves reports whether people can ask for a command, by its path; nil: for each.
	Serves func(path string) bool
}

const (
	// lastSeen: any snapshot proves that something is there; the view or the plan
	// that is opened looks again.
	lastSeen = 365 * 24 * time.Hour
	within   = 2 * time.Second // what an answer waits for the cluster at most
)

// Look returns the cluster to resolve against; nil when there is none to be read,
// which is not an error: what people asked for is answered without.
func (r *Resolver) Look(ctx context.Context) *fleet.Snapshot {
	if r == nil || r.Snapshot == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	s, err := r.Snapshot(ctx, lastSeen)
	if err != nil {
		return nil
	}
	return s
}

// Of resolves one alert by its labels. Where there is no cluster nothing is said.
func (r *Resolver) Of(s *fleet.Snapshot, labels map[string]string) Resolution {
	if r == nil || r.Snapshot == nil {
		return Resolution{}
	}
	return Resolve(labels, r.Rules, s)
}

// For are the target's suggestions that people can ask for here.
func (r *Resolver) For(s *fleet.Snapshot, t Target) []Suggestion {
	return slices.DeleteFunc(t.Suggestions(s), func(one Suggestion) bool { return r.Serves != nil && !r.Serves(one.Action.Ask.Path) })
}
