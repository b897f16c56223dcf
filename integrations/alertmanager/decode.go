package alertmanager

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/alert/jsonshape"
	"wardroom/bot/problem"
)

// message is the part of the webhook's body that is used. Fields that come and
// go between releases (notification_reason, routeLabels, …) are passed over.
type message struct {
	Status          string         `json:"status"`
	Alerts          []messageAlert `json:"alerts"`
	TruncatedAlerts uint64         `json:"truncatedAlerts"`
	GroupKey        string         `json:"groupKey"`
}

type messageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// Decode reads the alerts of one notification. All of it is refused, as Invalid,
// when it is not JSON, has no list "alerts", or one of them has no startsAt.
func (s *Source) Decode(_ http.Header, body []byte) ([]alert.Alert, error) {
	var m message
	if !m.decode(string(body)) {
		m = message{}
		if err := json.Unmarshal(body, &m); err != nil {
			return nil, notJSON(err)
		}
	}
	if m.Alerts == nil {
		return nil, problem.New(problem.Invalid, `there is no list "alerts" in it`).WithHint("leave the receiver's payload at its default; POST other senders' messages to their own /webhooks/<name>")
	}
	if m.TruncatedAlerts > 0 {
		s.log.Warn("Alertmanager left alerts out of a notification: raise max_alerts of the receiver, or give Wardroom Alertmanager's address to read them back",
			slog.Uint64("left_out", m.TruncatedAlerts), slog.String("group", clip(m.GroupKey, 200)))
	}
	alerts := make([]alert.Alert, len(m.Alerts))
	for i := range m.Alerts {
		in := &m.Alerts[i]
		if in.StartsAt.IsZero() {
			return nil, problem.New(problem.Invalid, "alerts[%d] has no startsAt", i)
		}
		status := in.Status
		if status == "" {
			status = m.Status
		}
		a := alert.Alert{Source: s.name, Fingerprint: in.Fingerprint, Status: alert.Status(status), Labels: in.Labels,
			Annotations: in.Annotations, StartsAt: millis(in.StartsAt), EndsAt: millis(in.EndsAt), GeneratorURL: in.GeneratorURL}
		if a.Status != alert.Firing && a.Status != alert.Resolved {
			return nil, problem.New(problem.Invalid, "alerts[%d] has the status %q", i, clip(status, 40)).WithHint("want firing or resolved")
		}
		if a.Fingerprint == "" {
			a.Fingerprint = alert.Fingerprint(a.Labels)
		}
		alerts[i] = a
	}
	return alerts, nil
}

var (
	messageFields = []string{"status", "alerts", "truncatedAlerts", "groupKey"}
	alertFields   = []string{"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
)

// decode reads a body of the usual shape, and reports false for any other, which
// is left to encoding/json.
func (m *message) decode(body string) bool {
	in := jsonshape.New(body)
	for more := in.Object(); more; more = in.More('}') {
		switch key := in.Key(); key {
		case "status":
			m.Status = in.Text()
		case "groupKey":
			m.GroupKey = in.Text()
		case "truncatedAlerts":
			n, err := strconv.ParseUint(in.Raw(), 10, 64)
			if err != nil {
				in.GiveUp()
			}
			m.TruncatedAlerts = n
		case "alerts":
			if m.Alerts != nil {
				in.GiveUp()
			}
			m.Alerts = []messageAlert{}
			for more := in.List(); more; more = in.More(']') {
				m.Alerts = append(m.Alerts, messageAlert{})
				m.Alerts[len(m.Alerts)-1].decode(in)
			}
		default:
			in.Unknown(key, messageFields)
		}
	}
	return in.Done()
}

func (a *messageAlert) decode(in *jsonshape.Reader) {
	for more := in.Object(); more; more = in.More('}') {
		key := in.Key()
		if in.Null() {
			continue
		}
		switch key {
		case "status":
			a.Status = in.Text()
		case "labels":
			a.Labels = in.Strings(a.Labels)
		case "annotations":
			a.Annotations = in.Strings(a.Annotations)
		case "startsAt":
			a.StartsAt = in.Time()
		case "endsAt":
			a.EndsAt = in.Time()
		case "generatorURL":
			a.GeneratorURL = in.Text()
		case "fingerprint":
			a.Fingerprint = in.Text()
		default:
			in.Unknown(key, alertFields)
		}
	}
}

// millis brings a time to the precision that Alertmanager's API answers in. Its
// webhook tells nanoseconds, and both must name the same episode.
func millis(t time.Time) time.Time {
	if t.IsZero() { // 0001-01-01T00:00:00Z: it has not ended
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func notJSON(err error) error {
	if typeErr, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return problem.New(problem.Invalid, "%q is a JSON %s, which does not fit", typeErr.Field, typeErr.Value)
	}
	if strings.Contains(err.Error(), "parsing time") {
		return problem.New(problem.Invalid, "a time is not written as RFC 3339").Because(err)
	}
	return problem.New(problem.Invalid, "the body is not JSON").Because(err)
}

// clip keeps what a stranger wrote short.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
