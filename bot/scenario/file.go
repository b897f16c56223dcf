// Package scenario plays a written incident through the real bot: a file of
// events and expectations, a virtual clock, and the player. Teams rehearse with
// it; the project's own post-mortems are its largest tests. docs/scenario-format.md
// describes the files.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/people"
	"wardroom/bot/problem"
)

// File is a scenario as written.
type File struct {
	Scenario    string                   `yaml:"scenario"` // a name that can be part of a file name
	Title       string                   `yaml:"title"`
	Description string                   `yaml:"description,omitempty"`
	Timezone    string                   `yaml:"timezone,omitempty"` // of every time in the file; UTC by default
	Routes      []Route                  `yaml:"routes,omitempty"`   // in place of the default routes
	Components  []string                 `yaml:"components,omitempty"`
	World       *World                   `yaml:"world,omitempty"`
	People      map[string][]people.Role `yaml:"people"`
	Events      []Event                  `yaml:"events"`
	Until       string                   `yaml:"until,omitempty"` // play on after the last event, so that timers come due
	Expect      []Expectation            `yaml:"expect"`

	zone  *time.Location
	until time.Time
}

// Route is a route as the configuration writes it.
type Route struct {
	Match  string `yaml:"match"`
	Open   string `yaml:"open,omitempty"`
	Notify bool   `yaml:"notify,omitempty"`
	Ignore bool   `yaml:"ignore,omitempty"`
}

// Event is one thing that happens. Exactly one of the acts is set.
type Event struct {
	At string `yaml:"at"`
	// Assumed marks a time that the source of the scenario does not give.
	Assumed bool `yaml:"assumed,omitempty"`

	By      string `yaml:"by,omitempty"` // with Command, Tap or Approve: a name from People
	Command string `yaml:"command,omitempty"`
	// Tap is how the label of a button begins that stood under what By has read last.
	Tap string `yaml:"tap,omitempty"`
	// Answers each stand in what By reads then: they are checked at once.
	Answers []string `yaml:"answers,omitempty"`
	// Approve is the repair that By approves, as they see it: "latest", which stands
	// for the newest that waits, or a run's id.
	Approve string `yaml:"approve,omitempty"`

	Alertmanager *Webhook         `yaml:"alertmanager,omitempty"`
	Generic      *Generic         `yaml:"generic,omitempty"`
	Linode       *LinodeEvent     `yaml:"linode,omitempty"`
	Kubernetes   *KubernetesEvent `yaml:"kubernetes,omitempty"`
	World        *WorldEvent      `yaml:"world,omitempty"`
	Chat         ChatFault        `yaml:"chat,omitempty"`

	time time.Time
}

// Time is when the event happens.
func (e Event) Time() time.Time { return e.time }

// ChatFault is what befalls the chat. While it is down, people ask in the shell.
type ChatFault string

const (
	ChatDown       ChatFault = "down"        // it answers nobody, until it is up
	ChatUp         ChatFault = "up"          // it is back
	ChatLoseAnswer ChatFault = "lose-answer" // it takes the next post, and its answer is lost
)

// Webhook is an alert that Alertmanager sends.
type Webhook struct {
	Status      string            `yaml:"status"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
	StartsAt    string            `yaml:"startsAt,omitempty"` // the event's own time by default
	EndsAt      string            `yaml:"endsAt,omitempty"`   // the event's own time when resolved

	startsAt, endsAt time.Time
}

// Generic is an alert in Wardroom's own webhook format.
type Generic struct {
	Status      string            `yaml:"status"`
	Title       string            `yaml:"title"`
	Source      string            `yaml:"source,omitempty"`
	Fingerprint string            `yaml:"fingerprint,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	StartsAt    string            `yaml:"starts_at,omitempty"`

	startsAt time.Time
}

// LinodeEvent is what the cloud reports.
type LinodeEvent struct {
	Action  string `yaml:"action"`
	Status  string `yaml:"status"`
	Volume  string `yaml:"volume,omitempty"`
	Node    string `yaml:"node,omitempty"`
	Message string `yaml:"message,omitempty"`
}

// KubernetesEvent is what the cluster reports.
type KubernetesEvent struct {
	Reason  string `yaml:"reason"`
	Object  string `yaml:"object"`
	Message string `yaml:"message,omitempty"`
}

// Expectation is something that must be true at the end. Each field that is set
// is checked; Incident says of which incident.
type Expectation struct {
	Incident         int      `yaml:"incident,omitempty"`
	Status           string   `yaml:"status,omitempty"`
	Severity         string   `yaml:"severity,omitempty"`
	PublicStartedAt  string   `yaml:"public_started_at,omitempty"`
	StartedAt        string   `yaml:"started_at,omitempty"`
	Alerts           int      `yaml:"alerts,omitempty"`
	TimelineContains []string `yaml:"timeline_contains,omitempty"`
	Incidents        *int     `yaml:"incidents,omitempty"` // how many there are

	publicStartedAt, startedAt time.Time
}

// maxFile is the largest scenario that is read, in bytes.
const maxFile = 4 << 20

var nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

// Read decodes and checks a scenario. It reports every fault that it finds at
// once, as one Invalid problem.
func Read(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	if len(data) > maxFile {
		return nil, problem.New(problem.TooLarge, "the scenario is larger than %d MiB", maxFile>>20)
	}
	var f File
	if err := yaml.Load(bytes.TrimPrefix(data, []byte("\ufeff")), &f, yaml.WithKnownFields()); err != nil {
		return nil, problem.New(problem.Invalid, "the scenario cannot be read").Because(err).
			WithHint("docs/scenario-format.md describes every field")
	}
	if err := f.check(); err != nil {
		return nil, problem.New(problem.Invalid, "the scenario has faults").Because(err)
	}
	return &f, nil
}

// Zone is the time zone of the file.
func (f *File) Zone() *time.Location { return f.zone }

// Start is when the first event happens.
func (f *File) Start() time.Time { return f.Events[0].time }

// leadIn is how long before the first event a world is there, so that it was seen
// as it was before.
const leadIn = 15 * time.Minute

// Opens is when playing starts.
func (f *File) Opens() time.Time {
	if f.World == nil {
		return f.Start()
	}
	return f.Start().Add(-leadIn)
}

// End is when playing stops.
func (f *File) End() time.Time {
	if !f.until.IsZero() {
		return f.until
	}
	return f.Events[len(f.Events)-1].time
}

// Senders are the sources of generic alerts, by name.
func (f *File) Senders() []string {
	senders := map[string]bool{}
	for _, e := range f.Events {
		if e.Generic != nil {
			senders[e.Generic.sender()] = true
		}
	}
	return slices.Sorted(maps.Keys(senders))
}

// Persons are the people of the scenario, by name.
func (f *File) Persons() []people.Person {
	var persons []people.Person
	for _, name := range slices.Sorted(maps.Keys(f.People)) {
		persons = append(persons, people.Person{Name: name, Roles: f.People[name]})
	}
	return persons
}

func (f *File) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !nameShape.MatchString(f.Scenario) {
		fault("scenario: %q must be lower-case letters, digits, '.', '_' and '-', at most 100", f.Scenario)
	}
	if f.Title == "" {
		fault("title: is missing")
	}
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil {
		fault("timezone: %q is not a time zone; write it as Europe/Berlin", f.Timezone)
		zone = time.UTC
	}
	f.zone = zone
	for _, name := range slices.Sorted(maps.Keys(f.People)) {
		for _, role := range f.People[name] {
			if !slices.Contains(people.Roles, role) {
				fault("people: %s: %q is not a role; roles are %v", name, role, people.Roles)
			}
		}
	}
	if f.World != nil {
		faults = append(faults, f.checkWorld()...)
	}
	if len(f.Events) == 0 {
		fault("events: there are none")
	}
	var last time.Time
	for i := range f.Events {
		if err := f.checkEvent(&f.Events[i], last); err != nil {
			fault("events: number %d: %w", i+1, err)
		}
		if t := f.Events[i].time; t.After(last) {
			last = t
		}
	}
	if f.Until != "" {
		if f.until, err = f.after(f.Until, last); err != nil {
			fault("until: %w", err)
		}
	}
	for i := range f.Expect {
		if err := f.checkExpectation(&f.Expect[i]); err != nil {
			fault("expect: number %d: %w", i+1, err)
		}
	}
	return errors.Join(faults...)
}
