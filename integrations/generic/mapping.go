package generic

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wardroom/bot/alert"
)

// Mapping says where a sender's JSON holds what an alert needs. Each value is a
// text with places to fill in, "{monitor.name} is down": a place is a path into
// the JSON, of names and list positions separated by dots; "$.name" starts at
// the whole body where alerts stand in a list; {title|name|"no title"} tries one
// after another. A brace in the text is written twice.
type Mapping struct {
	Alerts string `yaml:"alerts" help:"The path of the list that holds the alerts. Left out: the body is one alert, or a list of them."`
	Status string `yaml:"status" help:"Whether the alert fires or is resolved."`
	// Statuses translates what Status yields, in any case; "*" is everything else,
	// "" a status that is missing.
	Statuses map[string]string `yaml:"statuses" help:"What the sender's words for status mean: firing, resolved or ignore. The key * stands for every other word."`

	Title       string `yaml:"title" help:"The alert's name."`
	Summary     string `yaml:"summary" help:"One sentence that says what is wrong."`
	Fingerprint string `yaml:"fingerprint" help:"What is the same when the alert fires and when it is resolved, and different for every other alert. Left out: it is computed from the title and the labels, without the severity."`

	Severity   string            `yaml:"severity" help:"Becomes the label severity, by which routes decide."`
	Severities map[string]string `yaml:"severities" help:"What the sender's words for severity become. The key * stands for every other word."`

	StartsAt string `yaml:"starts_at" help:"When the alert began, when the sender says it the same each time. Left out: when it was first heard of. Times are RFC 3339, \"2006-01-02 15:04:05\" in UTC, or Unix seconds or milliseconds."`
	EndsAt   string `yaml:"ends_at" help:"When it was resolved. Left out: when that was heard of."`
	At       string `yaml:"at" help:"The time of the message, for senders that know no other: the beginning of an alert that fires, the end of one that is resolved."`

	URL         string            `yaml:"url" help:"Where to look for more."`
	Labels      map[string]string `yaml:"labels" help:"Labels by name."`
	Annotations map[string]string `yaml:"annotations" help:"Annotations by name."`

	LabelsFrom      string `yaml:"labels_from" help:"The path of an object, all of whose plain values become labels."`
	AnnotationsFrom string `yaml:"annotations_from" help:"The path of an object, all of whose plain values become annotations."`
}

// Native is the mapping of the documented form, which is expected of a sender
// that has no mapping of its own.
func Native() Mapping {
	return Mapping{
		Alerts: "alerts", Status: "{status}", Title: "{title}", Summary: "{summary}", Fingerprint: "{fingerprint}", Severity: "{severity}",
		StartsAt: "{starts_at}", EndsAt: "{ends_at}", URL: "{url}", LabelsFrom: "labels", AnnotationsFrom: "annotations",
		Labels: map[string]string{"source": "{source}"}, Annotations: map[string]string{"description": "{description}", "value": "{value}"},
	}
}

// KeyError is a mistake in a mapping.
type KeyError struct {
	Key string // as in the mapping: "status", "labels.team"
	Err error
}

func (e *KeyError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// ignore is the status of a message that is of no interest.
const ignore = "ignore"

type named struct {
	name string
	expr expr
}

// compiled is a mapping ready for use.
type compiled struct {
	alerts, labelsFrom, annotationsFrom *path
	native                              bool // the list of alerts may be missing

	status, title, summary, fingerprint, severity expr
	startsAt, endsAt, at, url                     expr
	labels, annotations                           []named
	statuses, severities                          map[string]string
}

// Check returns every mistake in the mapping, as joined [*KeyError]s.
func (m Mapping) Check() error {
	_, err := m.compile()
	return err
}

func (m Mapping) compile() (*compiled, error) {
	c := &compiled{}
	var errs []error
	fail := func(key string, err error) {
		if err != nil {
			errs = append(errs, &KeyError{key, err})
		}
	}
	for _, f := range []struct {
		key, text string
		into      *expr
	}{
		{"status", m.Status, &c.status}, {"title", m.Title, &c.title}, {"summary", m.Summary, &c.summary},
		{"fingerprint", m.Fingerprint, &c.fingerprint}, {"severity", m.Severity, &c.severity}, {"starts_at", m.StartsAt, &c.startsAt},
		{"ends_at", m.EndsAt, &c.endsAt}, {"at", m.At, &c.at}, {"url", m.URL, &c.url},
	} {
		var err error
		*f.into, err = parseExpr(f.text)
		fail(f.key, err)
	}
	for _, f := range []struct {
		key, text string
		into      **path
	}{{"alerts", m.Alerts, &c.alerts}, {"labels_from", m.LabelsFrom, &c.labelsFrom}, {"annotations_from", m.AnnotationsFrom, &c.annotationsFrom}} {
		if f.text == "" {
			continue
		}
		p, err := parsePath(strings.TrimSuffix(f.text, "[]"))
		if err == nil && strings.ContainsAny(f.text, "{}") {
			err = errors.New("is a path, not a text: write it without braces")
		}
		fail(f.key, err)
		*f.into = &p
	}
	c.labels = parseNamed(m.Labels, "labels.", fail)
	c.annotations = parseNamed(m.Annotations, "annotations.", fail)
	c.statuses, c.severities = lower(m.Statuses), lower(m.Severities)
	for _, key := range slices.Sorted(maps.Keys(m.Statuses)) {
		if v := m.Statuses[key]; v != string(alert.Firing) && v != string(alert.Resolved) && v != ignore {
			fail("statuses."+key, fmt.Errorf("%q: want firing, resolved or ignore", v))
		}
	}
	if m.Status == "" {
		fail("status", errors.New("is missing: nothing says whether an alert fires"))
	}
	if m.Title == "" && m.LabelsFrom == "" && m.Labels["alertname"] == "" {
		fail("title", errors.New("is missing: an alert needs a name"))
	}
	return c, errors.Join(errs...)
}

func parseNamed(texts map[string]string, prefix string, fail func(string, error)) []named {
	var list []named
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		e, err := parseExpr(texts[name])
		fail(prefix+name, err)
		list = append(list, named{name, e})
	}
	return list
}

func lower(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[strings.ToLower(k)] = v
	}
	return out
}
