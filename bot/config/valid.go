package config

import (
	"errors"
	"log/slog"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
)

// valid turns what was written into what can be used. It goes on after each
// mistake, so that all are found; its result counts only when there is none.
func valid(d *decoder, f *File) *Config {
	c := &Config{
		Timezone:    parsed(d, f.Timezone, ParseZone),
		Mode:        Mode(d.oneOf(f.Mode, string(Observe), string(Act))),
		Listen:      parsed(d, f.Listen, ParseAddr),
		Data:        d.resolve(f.Data.Value),
		Log:         d.log(f.Log),
		Routes:      d.routes(f.Routes),
		Correlation: d.correlation(f.Correlation),
	}
	c.Targets = d.targets(f.Targets, c.Correlation.Exporters)
	c.Public = d.public(f.Public)
	c.People = d.people(f.People)
	c.Intake = d.intake(f.Intake)
	c.StatusPage = d.statusPage(f.StatusPage)
	c.Discord = f.Discord
	c.Kubernetes, c.Linode, c.Talos, c.Redis = f.Kubernetes, f.Linode, f.Talos, f.Redis
	c.Repairs = d.repairs(f.Repairs, c.People)
	c.OnCall = d.onCall(f, c)
	c.Metrics = Metrics(f.Metrics)
	c.Database = Database{Postgres: f.Database.Postgres}
	d.sources(f.Routes, c.Intake)
	d.apart(f, c)
	if !c.Listen.IsZero() && !c.Listen.Loopback() && c.Public.Host == "" && f.Listen.Line > 0 {
		d.warn(f.Listen.Pos, "%s can be reached from other machines, and without public: tokens go over the wire unencrypted", c.Listen)
	}
	return c
}

// parsed applies parse to a text that was written; it returns the zero value
// when there is none.
func parsed[T any](d *decoder, t Text, parse func(string) (T, error)) T {
	var zero T
	if t.IsZero() {
		return zero
	}
	v, err := parse(t.Value)
	if err != nil {
		d.fail(t.Pos, "%v", err)
		return zero
	}
	return v
}

func (d *decoder) oneOf(t Text, choices ...string) string {
	if t.IsZero() || slices.Contains(choices, t.Value) {
		return t.Value
	}
	d.fail(t.Pos, "%q is not one of %s", t.Value, strings.Join(choices, ", "))
	return ""
}

// line is a text for people: one line of bounded length.
func (d *decoder) line(t Text) string {
	const most = 200
	s := strings.TrimSpace(t.Value)
	if len(s) > most || strings.ContainsAny(s, "\n\r\x00") {
		d.fail(t.Pos, "must be one line of at most %d bytes", most)
	}
	return s
}

func (d *decoder) log(f FileLog) Log {
	var level slog.Level
	if name := d.oneOf(f.Level, "debug", "info", "warn", "error"); name != "" {
		if err := level.UnmarshalText([]byte(name)); err != nil {
			d.fail(f.Level.Pos, "%v", err)
		}
	}
	return Log{level, LogFormat(d.oneOf(f.Format, string(LogText), string(LogJSON)))}
}

// short is what names of people and senders look like: they stand in timelines,
// in paths and in commands.
var short = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?$`)

func (d *decoder) people(list Map[FilePerson]) *people.Directory {
	persons := make([]people.Person, 0, len(list))
	uids, chats := map[int]string{}, map[string]string{}
	for _, item := range list {
		name, f := item.Key.Value, item.Value
		if !short.MatchString(name) {
			d.fail(item.Key.Pos, "%q is not a short name: want lower-case letters, digits, dots and hyphens, at most 32", name)
		}
		if name == "me" {
			d.fail(item.Key.Pos, "is what people type for themselves: choose another name")
		}
		p := people.Person{Name: name, FullName: d.line(f.FullName)}
		for _, t := range f.Roles {
			if r := d.oneOf(t, string(people.Viewer), string(people.Responder), string(people.Lead)); r != "" {
				p.Roles = append(p.Roles, people.Role(r))
			}
		}
		if len(f.Roles) == 0 {
			p.Roles = []people.Role{people.Viewer}
		}
		for _, t := range f.UID {
			uid, err := strconv.ParseUint(t.Value, 10, 31)
			if err != nil {
				d.fail(t.Pos, "%q is not the number of a Unix user: see `id -u`", t.Value)
				continue
			}
			if owner, taken := uids[int(uid)]; taken {
				d.fail(t.Pos, "Unix user %d is already %s's", uid, owner)
				continue
			}
			uids[int(uid)] = name
			p.UIDs = append(p.UIDs, int(uid))
		}
		for _, t := range f.Discord {
			if !snowflake.MatchString(t.Value) {
				d.fail(t.Pos, "%q is not a Discord user id: want 17 to 20 digits", t.Value)
				continue
			}
			if owner, taken := chats[t.Value]; taken {
				d.fail(t.Pos, "Discord id %s is already %s's", t.Value, owner)
				continue
			}
			chats[t.Value] = name
			p.Discord = append(p.Discord, t.Value)
		}
		persons = append(persons, p)
	}
	directory, err := people.NewDirectory(persons)
	if err != nil {
		d.fail(Pos{Path: "people"}, "%v", err)
		return &people.Directory{}
	}
	return directory
}

// snowflake is Discord's form of an id: https://discord.com/developers/docs/reference#snowflakes
var snowflake = regexp.MustCompile(`^[0-9]{17,20}$`)

func (d *decoder) intake(f FileIntake) Intake {
	am := f.Alertmanager
	in := Intake{Alertmanager: Alertmanager{
		Inbound: d.inbound(am.Token, am.Basic),
		Auth:    d.credentials(am.Auth),
	}}
	for _, t := range am.URLs {
		if u := parsed(d, t, ParseURL); u != nil {
			in.Alertmanager.URLs = append(in.Alertmanager.URLs, u)
		}
	}
	if len(am.URLs) == 0 && !in.Alertmanager.Auth.IsZero() {
		d.fail(am.Auth.Pos, "is of no use without urls")
	}
	for _, t := range am.Rules {
		in.Alertmanager.Rules = append(in.Alertmanager.Rules, d.files(t)...)
	}
	names := map[string]int{}
	for _, g := range f.Generic {
		switch first, twice := names[g.Name.Value]; {
		case g.Name.IsZero():
			d.fail(g.Pos, "needs name: the sender's")
		case !short.MatchString(g.Name.Value):
			d.fail(g.Name.Pos, "%q is not a short name: want lower-case letters, digits, dots and hyphens, at most 32", g.Name.Value)
		case g.Name.Value == "alertmanager":
			d.fail(g.Name.Pos, "alertmanager has a section of its own")
		case twice:
			d.fail(g.Name.Pos, "%q is there twice, first in line %d", g.Name.Value, first)
		default:
			names[g.Name.Value] = g.Name.Line
		}
		in.Generic = append(in.Generic, Generic{g.Name.Value, d.inbound(g.Token, g.Basic), g.Map})
	}
	return in
}

// files expands a pattern. A rules file may be delivered later than Wardroom
// starts, so one that is missing is a warning.
func (d *decoder) files(t Text) []string {
	pattern := d.resolve(t.Value)
	found, err := filepath.Glob(pattern)
	if err != nil {
		d.fail(t.Pos, "%q is not a pattern of file names", t.Value)
		return nil
	}
	if len(found) == 0 {
		d.warn(t.Pos, "no file is there that matches %s", pattern)
	}
	return found
}

func (d *decoder) inbound(token Secret, basic FileBasic) Credentials {
	c := Credentials{token, basic.Username.Value, basic.Password}
	d.whole(basic.Pos, c)
	return c
}

func (d *decoder) credentials(f FileCredentials) Credentials {
	c := Credentials{f.Token, f.Username.Value, f.Password}
	if !c.Token.IsZero() && c.Username != "" {
		d.fail(f.Pos, "give either token or username and password, not both")
	}
	d.whole(f.Pos, c)
	return c
}

// whole refuses half of a pair, which would be a sender without a password.
func (d *decoder) whole(at Pos, c Credentials) {
	switch {
	case c.Username == "" && !c.Password.IsZero():
		d.fail(at, "has a password but no username")
	case c.Username != "" && c.Password.IsZero():
		d.fail(at, "has a username but no password")
	}
	if strings.Contains(c.Username, ":") {
		d.fail(at, "a username for basic authentication holds no colon")
	}
}

func (d *decoder) routes(list []FileRoute) alert.Routes {
	written := make([]alert.RouteText, len(list))
	for i, f := range list {
		said := 0
		text := alert.RouteText{Match: f.Match.Value, Source: f.Source.Value, Action: string(alert.Notify)}
		if d.flag(f.Notify) {
			said++
		}
		if d.flag(f.Ignore) {
			said++
			text.Action = string(alert.Ignore)
		}
		if !f.Open.IsZero() {
			said++
			text.Action, text.Severity = string(alert.Open), f.Open.Value
		}
		if said != 1 {
			d.fail(f.Pos, "must say one of open: SEV2, notify: true, ignore: true")
		}
		written[i] = text
	}
	routes, err := alert.ParseRoutes(written)
	for _, e := range each(err) {
		if wrong, ok := errors.AsType[*alert.RouteError](e); ok {
			d.fail(list[wrong.Index].Pos, "%s", strings.ReplaceAll(wrong.Err.Error(), "\n", "; "))
		} else {
			d.fail(Pos{Path: "routes"}, "%v", e)
		}
	}
	return routes
}

// sources refuses a route for a sender that there is not: it would never match.
func (d *decoder) sources(routes []FileRoute, in Intake) {
	names := []string{"alertmanager", "generic"}
	for _, g := range in.Generic {
		names = append(names, g.Name)
	}
	for _, f := range routes {
		if !f.Source.IsZero() && !slices.Contains(names, f.Source.Value) {
			d.fail(f.Source.Pos, "%q is no sender%s", f.Source.Value, alike(f.Source.Value, names))
		}
	}
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (d *decoder) flag(t Text) bool { return parsed(d, t, parseBool) }

// label is what Prometheus allows: https://prometheus.io/docs/concepts/data_model/
var label = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (d *decoder) correlation(f FileCorrelation) incident.Rules {
	r := incident.Rules{
		Window: d.span(f.Window), ReopenWithin: d.span(f.ReopenWithin), Consequence: d.span(f.Consequence), SelfRecovery: d.span(f.SelfRecovery),
		Strong: d.labels(f.Strong), Weak: d.labels(f.Weak), Apart: d.labels(f.Apart),
	}
	if r.SelfRecovery > 0 && r.SelfRecovery < time.Minute {
		d.fail(f.SelfRecovery.Pos, "%s is too short: at least 1m, or a flapping alert resolves and reopens its incident", f.SelfRecovery.Value)
	}
	for _, t := range f.Weak {
		if slices.Contains(r.Strong, t.Value) {
			d.fail(t.Pos, "%q stands under strong as well", t.Value)
		}
	}
	r.Exporters = map[string][]string{}
	for _, item := range f.Exporters {
		d.labels([]Text{item.Key})
		for _, t := range item.Value {
			if _, err := path.Match(t.Value, ""); err != nil {
				d.fail(t.Pos, "%q is not a pattern", t.Value)
			}
			r.Exporters[item.Key.Value] = append(r.Exporters[item.Key.Value], t.Value)
		}
	}
	if len(d.mistakes) == 0 {
		if err := r.Validate(); err != nil {
			d.fail(Pos{Path: "correlation"}, "%v", err)
		}
	}
	return r
}

// span is a duration of the rules: none of them means more than a week.
func (d *decoder) span(t Text) time.Duration {
	length := parsed(d, t, ParseDuration)
	if length > 7*24*time.Hour {
		d.fail(t.Pos, "%s is longer than 7d", t.Value)
	}
	return length
}

func (d *decoder) labels(list []Text) []string {
	names := make([]string, 0, len(list))
	for _, t := range list {
		if !label.MatchString(t.Value) {
			d.fail(t.Pos, "%q is not the name of a label", t.Value)
		}
		names = append(names, t.Value)
	}
	return names
}

func (d *decoder) statusPage(f FileStatusPage) StatusPage {
	p := StatusPage{Title: d.line(f.Title), URL: parsed(d, f.URL, ParseURL), Listen: parsed(d, f.Listen, ParseAddr), Statuspage: f.Statuspage}
	names := map[string]int{}
	for _, item := range f.Components {
		c := Component{d.line(item.Name), d.line(item.Description), d.line(item.Group)}
		first, twice := names[strings.ToLower(c.Name)]
		switch {
		case c.Name == "":
			d.fail(item.Pos, "needs name")
		case twice:
			d.fail(item.Name.Pos, "%q is there twice, first in line %d", c.Name, first)
		default:
			names[strings.ToLower(c.Name)] = item.Name.Line
		}
		p.Components = append(p.Components, c)
	}
	return p
}
