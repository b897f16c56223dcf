package linode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/linode/linodego"

	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/watch"
)

// What the tokens need. To read whose they are, account:read_only, helps: acts of
// others can be told from Wardroom's own then.
var (
	readScopes = []string{"events:read_only", "linodes:read_only", "lke:read_only", "volumes:read_only"}
	actScopes  = []string{"linodes:read_write", "lke:read_write", "volumes:read_write"}
	// ticketScopes are the ticket token's, which is for nothing else.
	ticketScopes = []string{"account:read_write"}
	// spare are scopes that nobody is warned about.
	spare = []string{"account:read_only"}
)

// Checks try what the adapter depends on at Linode. They only read. What a missing scope
// disables is told by the repairs.
func (l *Linode) Checks(repairs ...remediation.Spec) []watch.Check {
	return []watch.Check{
		{Name: "linode token", Try: l.checkTokens},
		{Name: "linode scopes", Try: func(ctx context.Context) (watch.Finding, error) { return l.checkScopes(ctx, repairs) }},
		{Name: "linode cluster", Try: l.checkCluster},
		{Name: "linode grants", Try: l.checkGrants},
	}
}

// User is whose token Wardroom changes things with, or "" when that cannot be read.
func (l *Linode) User(ctx context.Context) string {
	for _, c := range []*linodego.Client{l.acts, l.reads} {
		if c == nil {
			continue
		}
		if p, _, err := l.profile(ctx, c); err == nil {
			return p.Username
		}
	}
	return ""
}

// profile asks whose a token is. That it may not ask is no outage and is not noted.
func (l *Linode) profile(ctx context.Context, c *linodego.Client) (p *linodego.Profile, x *exchange, err error) {
	if err := l.state.held(l.clock.Now()); err != nil {
		return nil, &exchange{}, err
	}
	x, err = l.once(ctx, c, func(ctx context.Context, c *linodego.Client) (err error) {
		p, err = c.GetProfile(ctx)
		return err
	})
	return p, x, l.judge("the token's user", x, err)
}

func (l *Linode) tokens() map[string]*linodego.Client {
	t := map[string]*linodego.Client{"read_token": l.reads}
	if l.acts != nil {
		t["act_token"] = l.acts
	}
	if l.tickets != nil {
		t["ticket_token"] = l.tickets
	}
	return t
}

func (l *Linode) checkTokens(ctx context.Context) (watch.Finding, error) {
	var users []string
	restricted := ""
	for _, name := range []string{"read_token", "act_token", "ticket_token"} {
		c := l.tokens()[name]
		if c == nil {
			continue
		}
		p, _, err := l.profile(ctx, c)
		switch {
		case problem.Is(err, problem.Forbidden):
			continue // it is one, and may not say whose
		case err != nil:
			if p, ok := errors.AsType[*problem.Error](err); ok {
				p := *p
				p.Message = name + ": " + p.Message
				return watch.Finding{}, &p
			}
			return watch.Finding{}, err
		case p.Restricted:
			restricted = p.Username
		}
		users = append(users, p.Username)
	}
	if restricted != "" {
		return watch.Warn("the token is that of the restricted user %s", clip(restricted)).
			WithHint("a machine or volume that the user has no grant for may look as if it were deleted: grant all of the cluster's, under Users & Grants"), nil
	}
	if len(users) == 0 {
		return watch.Fine("accepted; whose it is may not be read (account:read_only)"), nil
	}
	return watch.Fine("accepted, that of %s", clip(strings.Join(slices.Compact(users), " and "))), nil
}

// checkScopes asks something with each token: every answer tells the scopes.
func (l *Linode) checkScopes(ctx context.Context, repairs []remediation.Spec) (watch.Finding, error) {
	var missing, excess []string
	type use struct {
		name       string
		need, also []string // also are not too much
	}
	uses := []use{{"read_token", readScopes, spare}, {"act_token", actScopes, append(slices.Clone(readScopes), spare...)}}
	if l.one {
		uses = []use{{"act_token", slices.Concat(readScopes, actScopes), spare}}
	}
	for _, t := range append(uses, use{"ticket_token", ticketScopes, spare}) {
		c := l.tokens()[t.name]
		if c == nil {
			continue
		}
		x, err := l.once(ctx, c, func(ctx context.Context, c *linodego.Client) error {
			_, err := c.GetLKECluster(ctx, l.cluster)
			return err
		})
		have := scopes(x.header, "X-OAuth-Scopes")
		if len(have) == 0 {
			if failure := l.judge(fmt.Sprintf("cluster %d", l.cluster), x, err); failure != nil {
				return watch.Finding{}, failure
			}
			return watch.Warn("Linode does not say which scopes the %s has", t.name), nil
		}
		for _, s := range lacking(have, t.need) {
			missing = append(missing, t.name+" lacks "+s+disables(s, t.name, repairs))
		}
		for _, s := range have {
			if !needed(s, t.need) && !slices.Contains(t.also, s) {
				excess = append(excess, fmt.Sprintf("%s has %s", t.name, clip(s)))
			}
		}
	}
	switch {
	case len(missing) > 0:
		return watch.Fail("%s", strings.Join(missing, ", ")).
			WithHint("a token's scopes cannot be changed: make a new one under Profile, API Tokens in the Cloud Manager"), nil
	case len(excess) > 0:
		return watch.Warn("more than is needed: %s", strings.Join(excess, ", ")).
			WithHint("needed are %s to read, %s to act, and %s for tickets alone", strings.Join(readScopes, " "), strings.Join(actScopes, " "), strings.Join(ticketScopes, " ")), nil
	case l.one:
		return watch.Warn("enough, and one token both reads and acts").WithHint("give linode.read_token_file and linode.act_token_file a token each: then what only looks holds nothing that could change something"), nil
	case l.acts == nil:
		return watch.Fine("enough to read; there is no act_token, so nothing can be changed"), nil
	}
	return watch.Fine("enough to read and to act, and no more"), nil
}

// disables names the repairs that cannot be carried out without a scope.
func disables(scope, token string, repairs []remediation.Spec) string {
	area, of, _ := strings.Cut(scope, ":")
	var names []string
	for _, r := range repairs {
		if slices.ContainsFunc(r.Access, func(a remediation.Access) bool {
			own := a.System == "linode support"
			return a.Verb == of && a.What == area && own == (token == "ticket_token") && (own || a.System == "linode")
		}) {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (which disables: " + strings.Join(names, ", ") + ")"
}

// checkGrants compares what a token reaches with what is the cluster's: every machine,
// and as little else as can be. What its user has no grant for is not listed.
func (l *Linode) checkGrants(ctx context.Context) (watch.Finding, error) {
	slots, err := l.Slots(ctx)
	if problem.Is(err, problem.NotFound) { // the cluster's own check says so
		return watch.Fine("not known without the cluster"), nil
	}
	if err != nil {
		return watch.Finding{}, err
	}
	name, c := "read_token", l.reads
	if l.acts != nil {
		name, c = "act_token", l.acts
	}
	machines, err := listWith(ctx, l, c, "the machines", "", maxPages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]linodego.Instance, error) {
		return c.ListInstances(ctx, o)
	})
	if err != nil {
		return watch.Finding{}, err
	}
	volumes, err := listWith(ctx, l, c, "volumes", "", maxPages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]linodego.Volume, error) {
		return c.ListVolumes(ctx, o)
	})
	if err != nil {
		return watch.Finding{}, err
	}
	ours := map[int]bool{} // and whether it is listed
	for _, s := range slots {
		if s.Instance != 0 {
			ours[s.Instance] = false
		}
	}
	others, foreign := 0, 0
	for _, m := range machines {
		if _, is := ours[m.ID]; is {
			ours[m.ID] = true
		} else if m.LKEClusterID != l.cluster {
			others++
		}
	}
	for _, v := range volumes {
		if v.LinodeID != nil {
			if _, is := ours[*v.LinodeID]; !is {
				foreign++
			}
		}
	}
	var unseen []string
	for _, id := range slices.Sorted(maps.Keys(ours)) {
		if !ours[id] {
			unseen = append(unseen, strconv.Itoa(id))
		}
	}
	switch {
	case len(unseen) > 0:
		return watch.Fail("the %s does not see machine %s of the cluster", name, strings.Join(unseen, ", ")).
			WithHint("its user needs a grant for each of them, Users & Grants in the Cloud Manager: a machine without one looks as if it were deleted"), nil
	case others+foreign > 0:
		return watch.Warn("the %s reaches more than this cluster: %d other machines, %d volumes attached elsewhere", name, others, foreign).
			WithHint("a restricted user with grants for this cluster's machines and volumes alone; docs/linode.md"), nil
	}
	return watch.Fine("every machine of the cluster, and none besides"), nil
}

// needed reports whether a scope is among those that are, and not a wider one. A
// token that acts may read what it acts on.
func needed(have string, need []string) bool {
	area, _, _ := strings.Cut(have, ":")
	return slices.Contains(need, have) || slices.Contains(need, area+":read_write") && have == area+":read_only"
}

func (l *Linode) checkCluster(ctx context.Context) (watch.Finding, error) {
	var label, status string
	err := l.read(ctx, fmt.Sprintf("cluster %d", l.cluster), func(ctx context.Context, c *linodego.Client) error {
		got, err := c.GetLKECluster(ctx, l.cluster)
		if err == nil {
			label, status = got.Label, string(got.Status)
		}
		return err
	})
	if problem.Is(err, problem.NotFound) {
		return watch.Fail("Linode has no cluster %d that this token sees", l.cluster).WithHint("is linode.cluster right? The names of the nodes hold it: lke13311-…"), nil
	}
	if err != nil {
		return watch.Finding{}, err
	}
	slots, err := l.Slots(ctx)
	if err != nil {
		return watch.Finding{}, err
	}
	empty := 0
	for _, s := range slots {
		if s.Instance == 0 {
			empty++
		}
	}
	switch text := fmt.Sprintf("cluster %d (%s) with %d nodes", l.cluster, clip(label), len(slots)); {
	case status != "ready":
		return watch.Warn("%s is %s", text, clip(status)), nil
	case empty > 0:
		return watch.Warn("%s, %d of them without a machine", text, empty), nil
	default:
		return watch.Fine("%s", text), nil
	}
}
