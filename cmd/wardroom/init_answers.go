package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// answers are what the wizard has been told.
type answers struct {
	zone    string
	persons []answeredPerson // the first is whoever answers

	place         string // see the constants
	listen        string
	host, email   string
	alertmanagers []string
	receiver      string // the one that the team has now

	title, url string
	components []string

	discord answeredDiscord
	fleet   answeredFleet
}

type answeredPerson struct {
	name, fullName string
	role           string
	uid            int      // -1: not known
	discord        []string // ids
}

// Where Alertmanager runs, as seen from Wardroom.
const (
	placeHere     = "here"
	placeNetwork  = "network"
	placeInternet = "internet"
	placeNone     = "none"
)

// machine is what can be found out without asking.
type machine struct {
	uid            int
	user, fullName string
	zone           string
	hostname       string
	lookup         func(ctx context.Context, host string) ([]string, error)
	clock          timeline.Clock
	discord        string // address of Discord's API; "": its own
	kubeconfig     string // a file that leads to a cluster; "": there is none
	linode         string // address of Linode's API; "": its own
}

func thisMachine() machine {
	m := machine{uid: os.Getuid(), zone: systemZone(), lookup: net.DefaultResolver.LookupHost, clock: timeline.RealClock{}, kubeconfig: kubeconfigHere()}
	if u, err := user.LookupId(strconv.Itoa(m.uid)); err == nil {
		m.user = u.Username
		m.fullName, _, _ = strings.Cut(u.Name, ",") // the rest of the field is rooms and telephones
	}
	m.hostname, _ = os.Hostname() // a placeholder stands in its place
	return m
}

// systemZone is the machine's time zone by its IANA name, UTC where that is not known.
func systemZone() string {
	candidates := []string{strings.TrimPrefix(os.Getenv("TZ"), ":")}
	if b, err := os.ReadFile("/etc/timezone"); err == nil && len(b) < 100 {
		candidates = append(candidates, strings.TrimSpace(string(b)))
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		_, name, _ := strings.Cut(target, "zoneinfo/")
		candidates = append(candidates, name)
	}
	for _, name := range candidates {
		if zone, err := config.ParseZone(name); err == nil && zone.String() != "Etc/UTC" {
			return name
		}
	}
	return "UTC"
}

// shortName is what config wants of the name of a person.
var shortName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?$`)

// proposals are the answers of somebody who only presses Enter.
func proposals(m machine) answers {
	a := answers{zone: m.zone, place: placeHere, listen: "127.0.0.1:8080", receiver: "team", title: "Status",
		discord: answeredDiscord{url: m.discord}, fleet: answeredFleet{found: m.kubeconfig, url: m.linode}}
	me := answeredPerson{name: strings.ToLower(m.user), fullName: m.fullName, role: string(people.Lead), uid: m.uid}
	if !shortName.MatchString(me.name) {
		me.name = ""
	}
	a.persons = []answeredPerson{me}
	return a
}

// adopt proposes what a configuration says already.
func (a *answers) adopt(cfg *config.Config, uid int) {
	a.zone, a.listen, a.host, a.email = cfg.Timezone.String(), cfg.Listen.String(), cfg.Public.Host, cfg.Public.Email
	switch {
	case a.host != "":
		a.place = placeInternet
	case !cfg.Listen.Loopback():
		a.place = placeNetwork
	}
	for _, u := range cfg.Intake.Alertmanager.URLs {
		a.alertmanagers = append(a.alertmanagers, u.String())
	}
	a.title = cfg.StatusPage.Title
	if cfg.StatusPage.URL != nil {
		a.url = cfg.StatusPage.URL.String()
	}
	for _, c := range cfg.StatusPage.Components {
		a.components = append(a.components, c.Name)
	}
	a.discord.adopt(cfg)
	a.fleet.adopt(cfg)
	me, known := cfg.People.ByUID(uid)
	if known {
		a.persons[0].name, a.persons[0].fullName, a.persons[0].discord = me.Name, me.FullName, me.Discord
	}
	for _, p := range cfg.People.All() {
		if known && p.Name == me.Name {
			continue
		}
		other := answeredPerson{name: p.Name, fullName: p.FullName, role: string(people.Viewer), uid: -1, discord: p.Discord}
		for _, r := range people.Roles {
			if p.Has(r) {
				other.role = string(r)
			}
		}
		if len(p.UIDs) > 0 {
			other.uid = p.UIDs[0]
		}
		a.persons = append(a.persons, other)
	}
}

// yaml is the configuration that the answers make, with comments. data is its
// key of that name; "" leaves it out.
func (a *answers) yaml(data string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Wardroom's configuration, written by `wardroom init`. What is left out has its")
	line("# default; docs/reference/configuration.md has every key. `wardroom check` tries it.")
	line("\n# The zone in which typed times are read. UTC is always shown as well.")
	line("timezone: %s", quoted(a.zone))
	line("\n# observe: it records, tells and proposes, and changes nothing outside. act: repairs may.")
	line("mode: %s", cmp.Or(a.fleet.mode, config.Observe))
	line("\n# Where webhooks, the status page and metrics are served.")
	line("listen: %s", quoted(a.listen))
	if data != "" {
		line("\n# The folder of the database.\ndata: %s", quoted(data))
	}
	if a.host != "" {
		line("\n# Served to the outside as well, with a certificate of its own: the name must lead")
		line("# to this machine, and ports 80 and 443 must be open.")
		line("public:\n  host: %s", quoted(a.host))
		if a.email != "" {
			line("  email: %s", quoted(a.email))
		}
	}
	line("\n# Who may ask for something. A viewer reads, a responder runs incidents, a lead may do")
	line("# everything. uid is the Unix user whose shell is this person's (id -u), discord who taps there.")
	line("people:")
	for _, p := range a.persons {
		line("  %s:", quoted(p.name))
		if p.fullName != "" {
			line("    full_name: %s", quoted(p.fullName))
		}
		line("    roles: [%s]", p.role)
		if p.uid >= 0 {
			line("    uid: %d", p.uid)
		}
		if len(p.discord) > 0 {
			line("    discord: [%s]", quotedList(p.discord))
		}
	}
	line("\n# Senders present the token in wardroom.token unless they have one of their own here,")
	line("# as intake.alertmanager.token_file.")
	if len(a.alertmanagers) > 0 {
		line("intake:\n  alertmanager:\n    # Asked every five minutes what fires, so that nothing missed stays missed.\n    urls:")
		for _, u := range a.alertmanagers {
			line("      - %s", quoted(u))
		}
	} else {
		line("# intake:\n#   alertmanager:\n#     urls: [http://alertmanager:9093]   # asked every five minutes what fires")
	}
	line("\n# What the public sees.")
	line("status_page:\n  title: %s", quoted(a.title))
	if a.url != "" {
		line("  url: %s", quoted(a.url))
	}
	if len(a.components) > 0 {
		line("  components:")
		for _, c := range a.components {
			line("    - name: %s", quoted(c))
		}
	}
	a.discord.yaml(line)
	a.fleet.yaml(line)
	return b.String()
}

// plainWord needs no quotes in YAML, unless it is one of those that mean something else.
var (
	plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_/-]*( [A-Za-z0-9_-]+)*$`)
	yamlWord  = regexp.MustCompile(`^(?i:y|yes|n|no|on|off|true|false|null)$`)
)

// quoted is a YAML scalar for any text: YAML reads what JSON writes.
func quoted(s string) string {
	if plainWord.MatchString(s) && !yamlWord.MatchString(s) {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
