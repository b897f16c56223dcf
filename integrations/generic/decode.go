package generic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

// maxFingerprint bounds a fingerprint, in bytes; a longer one is hashed.
const maxFingerprint = 128

// Decode reads the alerts of one message. It returns none for one whose status
// is to be ignored, as a sender's test; all of it is refused, as Invalid, when
// it is not JSON or one alert in it cannot be understood.
func (s *Source) Decode(_ http.Header, body []byte) ([]alert.Alert, error) {
	root, err := parse(body)
	if err != nil {
		return nil, err
	}
	items, at, err := s.mapping.items(root)
	if err != nil {
		return nil, err
	}
	alerts := make([]alert.Alert, 0, len(items))
	for i, item := range items {
		a, err := s.mapping.alert(root, item)
		if err != nil {
			if at != "" {
				err = fmt.Errorf("%s[%d]: %w", at, i, err)
			}
			return nil, problem.New(problem.Invalid, "%s", clip(err.Error(), 300)).WithHint("%s", s.hint())
		}
		if a != nil {
			a.Source = s.name
			alerts = append(alerts, *a)
		}
	}
	return alerts, nil
}

func (s *Source) hint() string {
	if s.mapping.native {
		return `want {"status": "firing", "title": "…"}; other forms need a mapping in the configuration, intake.generic`
	}
	return "the mapping of this sender is in the configuration, intake.generic"
}

func parse(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return nil, problem.New(problem.Invalid, "the body is not JSON").Because(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.Invalid, "there is something after the JSON")
	}
	return root, nil
}

// items returns the alerts in the body, and the name of their list.
func (c *compiled) items(root any) (items []any, at string, err error) {
	if list, ok := root.([]any); ok && (c.alerts == nil || c.native) {
		return list, "body", nil
	}
	if c.alerts == nil {
		return []any{root}, "", nil
	}
	found, ok := c.alerts.find(root, root)
	if !ok && c.native {
		return []any{root}, "", nil
	}
	at = strings.Join(c.alerts.parts, ".")
	list, ok := found.([]any)
	if !ok {
		return nil, "", problem.New(problem.Invalid, "there is no list %q in it", at)
	}
	return list, at, nil
}

// alert returns nil for a message that is to be ignored.
func (c *compiled) alert(root, item any) (*alert.Alert, error) {
	if _, ok := item.(map[string]any); !ok {
		return nil, errors.New("is not an object")
	}
	status, err := c.statusOf(root, item)
	if err != nil || status == ignore {
		return nil, err
	}
	a := &alert.Alert{Status: alert.Status(status), Labels: map[string]string{}, Annotations: map[string]string{}}
	collect(a.Labels, c.labelsFrom, c.labels, root, item)
	graded := a.Labels["severity"]
	collect(a.Annotations, c.annotationsFrom, c.annotations, root, item)
	delete(a.Labels, "severity")
	title, _ := c.title.fill(root, item)
	title = strings.TrimSpace(title)
	switch {
	case a.Labels["alertname"] == "" && title != "":
		a.Labels["alertname"] = title
	case title != "" && a.Annotations["title"] == "" && title != a.Labels["alertname"]:
		a.Annotations["title"] = title
	}
	if summary, _ := c.summary.fill(root, item); strings.TrimSpace(summary) != "" {
		a.Annotations["summary"] = summary
	}
	a.GeneratorURL, _ = c.url.fill(root, item)

	fingerprint, complete := c.fingerprint.fill(root, item)
	if !complete || fingerprint == "" {
		if a.Labels["alertname"] == "" {
			return nil, errors.New("has no title")
		}
		fingerprint = alert.Fingerprint(a.Labels) // without the severity, which may change or be left out at the end
	}
	if severity, _ := c.severity.fill(root, item); severity != "" {
		graded = translate(c.severities, severity)
	}
	if graded != "" {
		a.Labels["severity"] = graded
	}
	a.Fingerprint = short(fingerprint)
	return a, c.times(a, root, item)
}

func (c *compiled) statusOf(root, item any) (string, error) {
	raw, _ := c.status.fill(root, item)
	word := strings.ToLower(strings.TrimSpace(raw))
	if mapped, ok := c.statuses[word]; ok {
		return mapped, nil
	}
	if mapped, ok := c.statuses["*"]; ok {
		return mapped, nil
	}
	if len(c.statuses) == 0 && (word == string(alert.Firing) || word == string(alert.Resolved)) {
		return word, nil
	}
	if word == "" {
		return "", errors.New("has no status")
	}
	return "", fmt.Errorf("has the status %q, which is neither firing nor resolved", clip(raw, 40))
}

func (c *compiled) times(a *alert.Alert, root, item any) error {
	for _, f := range []struct {
		what string
		from expr
		into *time.Time
		when alert.Status // only then; "" always
	}{
		{"at", c.at, &a.StartsAt, alert.Firing}, {"at", c.at, &a.EndsAt, alert.Resolved},
		{"starts_at", c.startsAt, &a.StartsAt, ""}, {"ends_at", c.endsAt, &a.EndsAt, alert.Resolved},
	} {
		if f.when != "" && f.when != a.Status {
			continue
		}
		v, ok := f.from.value(root, item)
		if !ok || v == "" {
			continue
		}
		t, err := parseTime(v)
		if err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
		*f.into = t
		a.Approximate = f.what == "at" && a.Status == alert.Firing
	}
	return nil
}

func collect(into map[string]string, from *path, each []named, root, item any) {
	if from != nil {
		if v, ok := from.find(root, item); ok {
			if object, ok := v.(map[string]any); ok {
				for name, value := range object {
					switch value.(type) {
					case string, json.Number, bool:
						into[name] = plainText(value)
					}
				}
			}
		}
	}
	for _, n := range each {
		if text, complete := n.expr.fill(root, item); complete && text != "" {
			into[n.name] = text
		}
	}
}

func translate(words map[string]string, word string) string {
	if mapped, ok := words[strings.ToLower(strings.TrimSpace(word))]; ok {
		return mapped
	}
	if mapped, ok := words["*"]; ok {
		return mapped
	}
	return word
}

func short(fingerprint string) string {
	if len(fingerprint) <= maxFingerprint {
		return fingerprint
	}
	d := sha256.Sum256([]byte(fingerprint))
	return hex.EncodeToString(d[:16])
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00"}

// parseTime reads a time as senders write it. A time before 2000 or after 2100
// is a mistake, of the sender or of the mapping; Go's zero time is none.
func parseTime(v any) (time.Time, error) {
	text := strings.TrimSpace(plainText(v))
	t := time.Time{}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) {
		t = unix(n)
	} else {
		for _, layout := range layouts {
			if parsed, err := time.Parse(layout, text); err == nil {
				t = parsed.UTC()
				break
			}
		}
	}
	if strings.HasPrefix(text, "0001-01-01") {
		return time.Time{}, nil
	}
	if t.Year() < 2000 || t.Year() > 2100 {
		return time.Time{}, fmt.Errorf("%q is not a time that an alert can have: the year must be from 2000 to 2100", clip(text, 40))
	}
	return t, nil
}

// unix tells seconds from milliseconds, microseconds and nanoseconds by size.
func unix(n float64) time.Time {
	for _, unit := range []float64{1e9, 1e6, 1e3} {
		if n >= 1e8*unit { // 1973 in that unit, or the year 5138 in the next larger
			return time.UnixMicro(int64(n / unit * 1e6)).UTC()
		}
	}
	if n < 0 || n > 1e11 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n * 1e6)).UTC()
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
