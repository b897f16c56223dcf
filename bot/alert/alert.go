// Package alert knows what alert sources say: alerts with their labels, the
// table of current alerts, the routes that decide what an alert leads to, and
// the intake that records alerts once, however often they are sent.
package alert

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Status of an alert, as its source says.
type Status string

const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// Severity of an incident; SEV1 is the worst. The zero Severity is unset.
type Severity int

const (
	SEV1 Severity = 1 + iota
	SEV2
	SEV3
	SEV4
)

func (s Severity) String() string {
	if s < SEV1 || s > SEV4 {
		return "unset"
	}
	return fmt.Sprintf("SEV%d", int(s))
}

// ParseSeverity reads "SEV2", "sev2" and "2".
func ParseSeverity(s string) (Severity, error) {
	switch strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "SEV") {
	case "1":
		return SEV1, nil
	case "2":
		return SEV2, nil
	case "3":
		return SEV3, nil
	case "4":
		return SEV4, nil
	}
	return 0, fmt.Errorf("severity %q: want SEV1, SEV2, SEV3 or SEV4", s)
}

func (s Severity) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, nil
	}
	return []byte(s.String()), nil
}

func (s *Severity) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*s = 0
		return nil
	}
	v, err := ParseSeverity(string(b))
	if err == nil {
		*s = v
	}
	return err
}

// Alert is what a source says. Everything in it is outside text: names hold
// slashes, labels hold anything, so whoever shows it escapes it.
type Alert struct {
	Source       string            `json:"source"`      // the configured name of the sender: "alertmanager", "statping"
	Fingerprint  string            `json:"fingerprint"` // identifies the alert at its source, across firing and resolved
	Status       Status            `json:"status"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"starts_at"`
	EndsAt       time.Time         `json:"ends_at,omitzero"` // zero while firing
	GeneratorURL string            `json:"generator_url,omitempty"`

	// Approximate says, on the way in, that StartsAt is merely when the sender
	// spoke: while the alert fires, a later one is no other episode.
	Approximate bool `json:"-"`
}

// Key identifies the alert across sources.
func (a Alert) Key() string { return a.Source + "/" + a.Fingerprint }

// Name is the label alertname, or the source where there is none.
func (a Alert) Name() string {
	if n := a.Labels["alertname"]; n != "" {
		return n
	}
	return a.Source
}

// Summary is the annotation that says best what is wrong; it may be empty.
func (a Alert) Summary() string {
	for _, k := range []string{"summary", "title", "message", "description"} {
		if s := strings.TrimSpace(a.Annotations[k]); s != "" {
			return s
		}
	}
	return ""
}

// LogValue keeps annotations, which may hold anything, out of the log.
func (a Alert) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", a.Key()), slog.String("name", a.Name()), slog.String("status", string(a.Status)))
}

// Value is a number that an alert carries: what its annotation value says, or the
// number in its text that has moved while it fires.
type Value struct {
	First float64 `json:"first"`
	Peak  float64 `json:"peak"`
	Last  float64 `json:"last"`
	// PeakAt is when the peak was received.
	PeakAt time.Time `json:"peak_at"`
}

// Brief is what an incident's timeline says of one alert: enough to read it
// without the log.
type Brief struct {
	Key      string    `json:"key"`
	Name     string    `json:"name"`
	Summary  string    `json:"summary,omitempty"`
	Status   Status    `json:"status"`
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
	Severity string    `json:"severity,omitempty"` // the label, as sent
	Value    *Value    `json:"value,omitempty"`
	URL      string    `json:"url,omitempty"`
}

// Brief of the alert.
func (a Alert) Brief() Brief {
	return Brief{Key: a.Key(), Name: a.Name(), Summary: a.Summary(), Status: a.Status, StartsAt: a.StartsAt,
		EndsAt: a.EndsAt, Severity: a.Labels["severity"], URL: a.GeneratorURL}
}
