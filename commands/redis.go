package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Redis is `/redis`: who is the master of what, one instance alone, and the others
// back one by one.
func Redis(o RepairOptions) []command.Command {
	c := redises{repairs{o}}
	return []command.Command{{
		Path: "redis show", Summary: "Ask every Redis instance and Sentinel who is the master, and how far the others are behind",
		Description: "Redis itself is asked, now. Nothing is changed.",
		Examples:    []string{"/redis show", "/redis show redis:default/redis"}, Access: people.Viewer,
		Options: []command.Option{c.target()}, Handle: c.show,
	}, c.command(asking{
		path: "redis collapse", repair: repair.RedisCollapse, summary: "Scale a Redis set down to one instance, proven to be the master", title: "Collapse which Redis?",
		description: "For the night on which Redis and its Sentinels do not agree. What is left is the first instance: where another one is the master, Sentinel fails over to it first. Redis itself is asked before and after: the master, its offset, its keys. Refused while two claim to be the master. **Breaks**: nothing can take over until `/redis expand`; connections break once where the first takes over. **Undo**: `/redis expand`.",
		target:      c.target(), propose: c.propose, example: "/redis collapse redis:default/redis",
	}), c.command(asking{
		path: "redis expand", repair: repair.RedisExpand, summary: "Bring the replicas of a Redis set back, one by one, each in sync before the next", title: "Expand which Redis?",
		description: "Back to what it was before it was collapsed, also after a restart of Wardroom. The next instance comes when the last one is a replica of the master with its link up and nothing missing. Resumes who was paused. **Breaks**: nothing. **Undo**: `/redis collapse`.",
		target:      c.target(), propose: c.propose, example: "/redis expand redis:default/redis",
		more: []command.Option{{Name: "replicas", Help: "How many instances it is to have; left out: as many as before", Type: command.Int}},
	})}
}

type redises struct{ repairs }

// sets are those declared.
func (a repairs) redisSets() []fleet.RedisSet {
	if a.Redis == nil {
		return nil
	}
	return a.Redis.Sets()
}

func (c redises) target() command.Option {
	return command.Option{Name: "redis", Help: "Which Redis, as the configuration names it; left out: the only one", Type: command.String, Positional: true, Complete: c.complete}
}

func (c redises) complete(_ context.Context, _ timeline.View, typed string) (names []string) {
	for _, s := range c.redisSets() {
		if strings.Contains(s.Name, strings.ToLower(typed)) {
			names = append(names, s.Name)
		}
	}
	return names
}

func (c redises) propose(timeline.View, command.Request) (map[string][]command.Proposal, error) {
	var all []command.Proposal
	for _, s := range c.redisSets() {
		all = append(all, command.Proposal{Value: s.Name, Help: s.Workload.String()})
	}
	return map[string][]command.Proposal{"redis": all}, nil
}

// redisData is what --json prints.
type redisData struct {
	fleet.RedisView
	Workload *fleet.Workload `json:"workload,omitempty"` // nil: the cluster cannot be read
	Was      *int            `json:"was,omitempty"`      // replicas, before repairs scaled it
}

func (c redises) show(ctx context.Context, r command.Request) (command.Reply, error) {
	set, err := fleet.FindRedis(c.redisSets(), r.String("redis"))
	if err != nil {
		return command.Reply{}, err
	}
	var d redisData
	var pods []string
	s, unread := c.Cluster.Snapshot(ctx, seenAge)
	if unread == nil {
		pods = repair.RedisPods(s, set)
		if w, err := repair.FindWorkload(s, set.Workload.Kind+"/"+set.Workload.String()); err == nil {
			d.Workload = &w
		}
	}
	if d.RedisView, err = c.Redis.Look(ctx, set.Name, pods); err != nil {
		return command.Reply{}, err
	}
	err = c.View(ctx, func(v timeline.View) error {
		scaled, err := repair.Scaled(v)
		if was, is := scaled[set.Workload]; is {
			d.Was = &was
		}
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	text := "**" + command.Escape(set.Name) + "**"
	if d.Workload != nil {
		text += " (" + readiness(*d.Workload) + ")"
	}
	text += ": " + command.Escape(verdict(d.RedisView))
	if d.Was != nil {
		text += fmt.Sprintf("\nA repair has scaled it, it was %d before.", *d.Was)
	}
	if unread != nil {
		text += "\nUNKNOWN: the cluster cannot be read; those are asked that the configuration names."
	}
	return command.Reply{Text: text + redisLines(d.RedisView), Actions: c.acts(d), Data: d}, nil
}

// verdict says how a set stands, in a sentence.
func verdict(v fleet.RedisView) string {
	masters := v.Masters()
	switch len(masters) {
	case 0:
		return "NOBODY says to be the master."
	case 1:
		text := masters[0].Pod + " is the master."
		if wrong := v.Disagree(masters[0]); len(wrong) > 0 {
			text += fmt.Sprintf(" The Sentinel at %s names %s.", wrong[0].Address, v.NamedBy(wrong[0]))
		}
		return text
	}
	return fmt.Sprintf("TWO MASTERS, %s and %s: %s.", masters[0].Pod, masters[1].Pod, fleet.Apart(masters[0], masters[1]))
}

// redisLines are what each instance and Sentinel says.
func redisLines(v fleet.RedisView) string {
	var b strings.Builder
	masters := v.Masters()
	for _, i := range v.Instances {
		b.WriteString("\n- " + command.Escape(i.Words()))
		if i.Answers() && i.Role == fleet.RedisReplica && len(masters) == 1 {
			if is, why := i.CaughtUp(masters[0]); is {
				b.WriteString(", in sync")
			} else {
				b.WriteString(": " + command.Escape(why))
			}
		}
	}
	for _, s := range v.Sentinels {
		b.WriteString("\n- Sentinel " + command.Escape(s.Address))
		switch {
		case !s.Answers():
			b.WriteString(" does not answer: " + command.Escape(s.Why))
		default:
			fmt.Fprintf(&b, " names %s; %d of %d have to agree on a failover", command.Escape(v.NamedBy(s)), s.Quorum, s.Others+1)
			if s.Failing {
				b.WriteString("; one is under way")
			}
		}
	}
	return b.String()
}

func (c redises) acts(d redisData) (acts []command.Action) {
	name := d.Set.Name
	if d.Was != nil {
		acts = append(acts, targetAct("Expand", "redis expand", "redis", name, command.Primary))
	}
	if d.Workload == nil || d.Workload.Replicas > 1 {
		acts = append(acts, targetAct("Collapse", "redis collapse", "redis", name, command.Secondary))
	}
	return append(acts, targetAct("Look again", "redis show", "redis", name, command.Secondary),
		targetAct("Workload", "workload show", "workload", d.Set.Workload.Kind+"/"+d.Set.Workload.String(), command.Secondary))
}

// redisAct leads from a workload to its Redis; none where it is none.
func (a repairs) redisAct(w fleet.Workload) []command.Action {
	sets := a.redisSets()
	i := slices.IndexFunc(sets, func(s fleet.RedisSet) bool {
		return s.Workload.Kind == w.Kind && s.Workload.String() == w.String()
	})
	if i < 0 {
		return nil
	}
	return []command.Action{targetAct("Redis "+sets[i].Name, "redis show", "redis", sets[i].Name, command.Secondary)}
}
