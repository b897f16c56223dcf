package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"wardroom/bot/oncall"
)

// OnCall is who is woken, and how.
type OnCall struct {
	Rota   *oncall.Rota // nil: nobody is woken
	Policy oncall.Policy
	URL    *url.URL          // where people reach this Wardroom from a phone; nil: pages carry no link
	Topics map[string]Secret // the ntfy topics of people, by name
	Ntfy   Ntfy
}

// Ntfy is the server that carries pages to phones.
type Ntfy struct {
	URL  *url.URL
	Auth Credentials // what Wardroom presents there
}

// FileOnCall is the section oncall.
type FileOnCall struct {
	Pos
	People    []Text         `yaml:"people" form:"list of people" example:"[joe]" help:"The persons of the rota, in the order of their turns, a week each."`
	Handover  Text           `yaml:"handover" form:"weekday and time" help:"When a turn ends and the next one begins."`
	Zone      Text           `yaml:"zone" form:"zone" example:"Europe/Berlin" help:"The time zone of handovers and overrides. Left out: timezone."`
	Since     Text           `yaml:"since" form:"date" example:"2026-01-05" help:"The day on which the first of people begins, a day of handover; before it nobody is on call. Left out: the turns have no beginning, and /oncall show says whose it is."`
	Overrides []FileOverride `yaml:"overrides" help:"Who stands in for whoever's turn it is. Where two overlap the later one in the list holds."`
	Repeat    Text           `yaml:"repeat" form:"duration" help:"After this long without an answer the same person is paged again."`
	Escalate  Text           `yaml:"escalate" form:"duration" help:"After this long without an answer the next person is paged."`
	Rounds    Text           `yaml:"rounds" form:"number" help:"How often it goes round the rota before Wardroom says that nobody answers."`
	URL       Text           `yaml:"url" form:"URL" example:"https://wardroom.example.org" help:"Where people reach this Wardroom from their phones: the Acknowledge links of pages lead there. Left out: https:// and public.host; without either, pages carry no link."`
	Ntfy      FileNtfy       `yaml:"ntfy" help:"The ntfy server that carries pages to phones."`
}

// FileOverride is one of oncall.overrides.
type FileOverride struct {
	Pos
	From   Text `yaml:"from" form:"date and time" example:"2026-12-24 09:00" help:"When it begins; a date alone is its midnight."`
	To     Text `yaml:"to" form:"date and time" example:"2026-12-27 09:00" help:"When it ends."`
	Person Text `yaml:"person" example:"joe" help:"Who stands in."`
}

// FileNtfy is the section oncall.ntfy.
type FileNtfy struct {
	Pos
	URL      Text   `yaml:"url" form:"URL" help:"The server, without a topic."`
	Token    Secret `yaml:"token" example:"/run/secrets/ntfy-token" help:"The access token that may publish to the topics of people, and read them. Left out: topics that everybody may use, as is usual on ntfy.sh."`
	Username Text   `yaml:"username" alt:"token" example:"wardroom" help:"A user name, for basic authentication."`
	Password Secret `yaml:"password" alt:"token" example:"/run/secrets/ntfy-password" help:"The password that goes with it."`
}

func defaultOnCall() FileOnCall {
	p := oncall.DefaultPolicy()
	return FileOnCall{
		Handover: text(oncall.Handover{Weekday: time.Monday, Hour: 9}.String()),
		Repeat:   span(p.Repeat), Escalate: span(p.Escalate), Rounds: text(strconv.Itoa(p.Rounds)),
		Ntfy: FileNtfy{URL: text("https://ntfy.sh")},
	}
}

func (d *decoder) onCall(f *File, c *Config) OnCall {
	o := OnCall{
		Topics: d.topics(f.People), URL: parsed(d, f.OnCall.URL, ParseURL),
		Ntfy: Ntfy{parsed(d, f.OnCall.Ntfy.URL, ParseURL), d.credentials(FileCredentials{f.OnCall.Ntfy.Pos, f.OnCall.Ntfy.Token, f.OnCall.Ntfy.Username, f.OnCall.Ntfy.Password})},
	}
	if o.URL == nil && c.Public.Host != "" {
		o.URL = &url.URL{Scheme: "https", Host: c.Public.Host}
	}
	if u := o.Ntfy.URL; u != nil && u.Scheme == "http" && !(Addr{Host: u.Hostname()}).Loopback() {
		d.warn(f.OnCall.Ntfy.URL.Pos, "is not encrypted: whoever listens reads the topics, the pages and their links")
	}
	o.Policy = d.pages(f.OnCall)
	if len(f.OnCall.People) == 0 && len(f.OnCall.Overrides) == 0 {
		if f.OnCall.Line > 0 {
			d.fail(f.OnCall.Pos, "needs people: who is on call, in the order of their turns")
		}
		return o
	}
	o.Rota = d.rota(f.OnCall, c)
	return o
}

// topicName is what ntfy takes for a topic:
// https://docs.ntfy.sh/publish/#public-topics and its server's topicRegex.
var topicName = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// shortTopic is the length below which a topic is guessed.
const shortTopic = 16

func (d *decoder) topics(list Map[FilePerson]) map[string]Secret {
	topics := map[string]Secret{}
	owner := map[string]string{}
	for _, item := range list {
		topic := item.Value.Ntfy
		if topic.IsZero() {
			continue
		}
		at := Pos{item.Key.Line, join(item.Key.Path, "ntfy")}
		switch other, taken := owner[topic.Reveal()]; {
		case !topicName.MatchString(topic.Reveal()):
			d.fail(at, "is not an ntfy topic: want letters, digits, - and _, at most 64, without the server's address")
		case taken:
			d.fail(at, "is %s's topic too: a page must reach one person", other)
		case len(topic.Reveal()) < shortTopic:
			d.warn(at, "is short: whoever guesses a topic reads its pages; `openssl rand -hex 16` makes a good one")
		}
		owner[topic.Reveal()] = item.Key.Value
		topics[item.Key.Value] = topic
	}
	return topics
}

func (d *decoder) pages(f FileOnCall) oncall.Policy {
	p := oncall.Policy{Repeat: parsed(d, f.Repeat, ParseDuration), Escalate: parsed(d, f.Escalate, ParseDuration),
		Rounds: parsed(d, f.Rounds, parseCount)}
	at := map[string]Pos{"repeat": f.Repeat.Pos, "escalate": f.Escalate.Pos, "rounds": f.Rounds.Pos}
	for _, e := range each(p.Validate()) {
		if wrong, ok := errors.AsType[*oncall.SpecError](e); ok {
			d.fail(at[wrong.Field], "%v", wrong)
		}
	}
	return p
}

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	return n, nil
}

func (d *decoder) rota(f FileOnCall, c *Config) *oncall.Rota {
	zone := c.Timezone
	if !f.Zone.IsZero() {
		zone = parsed(d, f.Zone, ParseZone)
	}
	if zone == nil {
		zone = time.UTC // said already
	}
	before := len(d.mistakes)
	spec := oncall.RotaSpec{Zone: zone, Handover: parsed(d, f.Handover, oncall.ParseHandover)}
	weekly := len(d.mistakes) == before
	spec.Since = parsed(d, f.Since, func(s string) (time.Time, error) {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return t, fmt.Errorf("%q is not a date: want 2026-01-05", s)
		}
		return t, nil
	})
	if !weekly {
		spec.Since = time.Time{} // which day it has to be is not known
	}
	for _, t := range f.People {
		d.onRota(t, c)
		spec.People = append(spec.People, t.Value)
	}
	for _, item := range f.Overrides {
		spec.Overrides = append(spec.Overrides, d.override(item, zone, c))
	}
	r, err := oncall.NewRota(spec)
	for _, e := range each(err) {
		wrong, ok := errors.AsType[*oncall.SpecError](e)
		if !ok {
			d.fail(f.Pos, "%v", e)
			continue
		}
		at := f.Pos
		switch {
		case wrong.Field == "people" && wrong.Index >= 0:
			at = f.People[wrong.Index].Pos
		case wrong.Field == "overrides":
			if o := spec.Overrides[wrong.Index]; o.From.IsZero() || o.To.IsZero() {
				continue // said already
			}
			at = f.Overrides[wrong.Index].Pos
		case wrong.Field == "since":
			at = f.Since.Pos
		}
		d.fail(at, "%v", wrong)
	}
	return r
}

// onRota refuses somebody whom the configuration does not know.
func (d *decoder) onRota(t Text, c *Config) {
	if _, known := c.People.ByName(t.Value); !known {
		var names []string
		for _, p := range c.People.All() {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		if len(names) == 0 {
			d.fail(t.Pos, "%q is none of people: there are none", t.Value)
			return
		}
		d.fail(t.Pos, "%q is none of people%s", t.Value, alike(t.Value, names))
	}
}

func (d *decoder) override(f FileOverride, zone *time.Location, c *Config) oncall.Override {
	at := func(t Text, key string) time.Time {
		if t.IsZero() {
			d.fail(Pos{f.Line, join(f.Path, key)}, "is missing")
		}
		return parsed(d, t, func(s string) (time.Time, error) {
			for _, layout := range []string{"2006-01-02 15:04", time.DateOnly} {
				if v, err := time.ParseInLocation(layout, s, zone); err == nil {
					return v, nil
				}
			}
			return time.Time{}, fmt.Errorf("%q is not a date and time: want 2026-12-24 09:00", s)
		})
	}
	o := oncall.Override{From: at(f.From, "from"), To: at(f.To, "to"), Person: f.Person.Value}
	if f.Person.IsZero() {
		d.fail(Pos{f.Line, join(f.Path, "person")}, "is missing: who stands in")
	} else {
		d.onRota(f.Person, c)
	}
	return o
}
