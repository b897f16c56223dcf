package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/remediation"
)

// FileRepairs is the section repairs.
type FileRepairs struct {
	Expiry     Text          `yaml:"expiry" form:"duration" help:"How long an approval is waited for."`
	MinHealthy Text          `yaml:"min_healthy" form:"number" help:"How many Ready nodes have to be left besides the one that a repair takes away."`
	CoolDown   Text          `yaml:"cool_down" form:"duration" help:"How long after an act on a node the next one waits."`
	Cover      Text          `yaml:"cover" form:"duration" help:"How long a broken glass covers a person in one incident."`
	Rules      Map[FileRule] `yaml:"rules" example:"node-recycle" help:"The team's rules for one repair, by its name, as /help lists them."`
}

// FileRule is one of repairs.rules.
type FileRule struct {
	Pos
	Roles  []Text `yaml:"roles" form:"list of responder, lead" example:"[lead]" help:"Who may ask for it and approve it, by role. Left out, and no people either: responders."`
	People []Text `yaml:"people" form:"list of people" example:"[joe]" help:"Who may besides them."`
	Tier   Text   `yaml:"tier" form:"routine, disruptive or destructive" example:"destructive" help:"Raises who has to agree: a person, a second person, a second person who types whom it hits. A lower one has no effect."`
}

func defaultRepairs() FileRepairs {
	p := remediation.DefaultPolicy()
	return FileRepairs{Expiry: span(p.Expiry), MinHealthy: text(strconv.Itoa(p.MinHealthy)), CoolDown: span(p.CoolDown), Cover: span(p.Cover)}
}

// tiers are those that a rule may name.
var tiers = []remediation.Tier{remediation.Routine, remediation.Disruptive, remediation.Destructive}

func (d *decoder) repairs(f FileRepairs, directory *people.Directory) remediation.Policy {
	p := remediation.Policy{Expiry: parsed(d, f.Expiry, ParseDuration), MinHealthy: parsed(d, f.MinHealthy, parseCount),
		CoolDown: parsed(d, f.CoolDown, ParseDuration), Cover: parsed(d, f.Cover, ParseDuration), Rules: map[string]remediation.Rule{}}
	if p.Expiry < time.Minute || p.Expiry > 24*time.Hour {
		d.fail(f.Expiry.Pos, "is how long an approval is waited for: from 1m to 24h")
	}
	if p.MinHealthy < 0 {
		d.fail(f.MinHealthy.Pos, "is a number of nodes: 0 or more")
	}
	for _, item := range f.Rules {
		var r remediation.Rule
		for _, role := range item.Value.Roles {
			r.Roles = append(r.Roles, people.Role(d.oneOf(role, string(people.Responder), string(people.Lead))))
		}
		for _, name := range item.Value.People {
			if _, known := directory.ByName(name.Value); !known {
				d.fail(name.Pos, "%q is not among the people", name.Value)
			}
			r.Persons = append(r.Persons, name.Value)
		}
		if !item.Value.Tier.IsZero() {
			i := slices.IndexFunc(tiers, func(t remediation.Tier) bool { return t.String() == strings.TrimSpace(item.Value.Tier.Value) })
			if i < 0 {
				d.fail(item.Value.Tier.Pos, "is none of routine, disruptive, destructive")
			} else {
				r.Tier = tiers[i]
			}
		}
		p.Rules[item.Key.Value] = r
	}
	return p
}
