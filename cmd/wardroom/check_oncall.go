package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/ntfy"
)

// onCall are the checks of the rota and of what carries pages; none where nobody
// is to be woken.
func (k *checker) onCall() []checks.Check {
	c := k.config.OnCall
	if c.Rota == nil && len(c.Topics) == 0 {
		return nil
	}
	list := []checks.Check{{Name: "on call", Try: k.rota}}
	if len(c.Topics) > 0 {
		pager := ntfy.New(ntfy.Options{URL: c.Ntfy.URL, Auth: c.Ntfy.Auth, Topics: c.Topics, Clock: timeline.RealClock{}})
		list = append(list, checks.Check{Name: "ntfy " + c.Ntfy.URL.Host, Try: func(ctx context.Context) (checks.Finding, error) {
			return checks.Fine("reachable, and the topics of %s can be used", plural(len(c.Topics), "person", "people")).
				WithHint("`wardroom oncall test person:NAME` shows whether a phone rings"), pager.Check(ctx)
		}})
	}
	return list
}

// rota says who is on call, and whom a page would not reach.
func (k *checker) rota(context.Context) (checks.Finding, error) {
	c := k.config.OnCall
	if c.Rota == nil {
		return checks.Warn("there are ntfy topics, but no rota: nobody is woken").WithHint("name the people under oncall.people"), nil
	}
	var phoneless, unmentioned []string
	for _, name := range c.Rota.People() {
		if c.Topics[name].IsZero() {
			phoneless = append(phoneless, name)
		}
		if p, known := k.config.People.ByName(name); !known || len(p.Discord) == 0 {
			unmentioned = append(unmentioned, name)
		}
	}
	now := k.clock.Now()
	person, until := c.Rota.OnCall(now)
	text := person + " is on call"
	if person == "" {
		text = "nobody is on call"
	}
	if !until.IsZero() {
		text += " until " + until.In(c.Rota.Zone()).Format("Mon 2006-01-02 15:04 MST")
	}
	unreachable := slices.DeleteFunc(slices.Clone(phoneless), func(name string) bool { return !slices.Contains(unmentioned, name) })
	switch {
	case len(unreachable) > 0:
		return checks.Fail("%s; pages reach %s nowhere", text, strings.Join(unreachable, ", ")).
			WithHint("give each a topic (people.NAME.ntfy_file) and a Discord id (people.NAME.discord)"), nil
	case person == "":
		return checks.Warn("%s: a gap in the rota", text).WithHint("%s", gapHint(c.Rota.Order(now))), nil
	case len(phoneless) > 0:
		return checks.Warn("%s; pages do not reach the phone of %s", text, strings.Join(phoneless, ", ")).WithHint("set people.NAME.ntfy_file"), nil
	case c.URL == nil:
		return checks.Warn("%s; pages carry no Acknowledge link", text).
			WithHint("say under oncall.url where phones reach this Wardroom, or give it public.host"), nil
	case len(unmentioned) > 0:
		return checks.Warn("%s; a room cannot mention %s", text, strings.Join(unmentioned, ", ")).WithHint("set people.NAME.discord"), nil
	}
	return checks.Fine("%s", text), nil
}

func gapHint(order []string) string {
	if len(order) == 0 {
		return "nobody would be paged now: put people on the rota, not only into overrides"
	}
	return fmt.Sprintf("%s would be paged first all the same", order[0])
}
