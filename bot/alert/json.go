package alert

import (
	"bytes"
	"encoding/json"
	"strconv"

	"wardroom/bot/alert/jsonshape"
	"wardroom/bot/timeline"
)

// Received and Current are written and read for every alert that comes in, and
// Joined holds hundreds at once, so they do it without reflection. What is written is what encoding/json would
// write, and what is unusual to read is left to it: tests hold both to that.

var (
	_ timeline.Appender = (*Received)(nil)
	_ timeline.Decoder  = (*Received)(nil)
	_ timeline.Appender = (*Current)(nil)
	_ timeline.Decoder  = (*Current)(nil)
	_ timeline.Appender = (*Joined)(nil)
)

// AppendJSON appends the payload as it is recorded.
func (r *Received) AppendJSON(b []byte) []byte {
	b = append(b, `{"alert":{`...)
	b = r.Alert.appendFields(b)
	b = append(b, '}')
	b = appendValue(b, r.Value)
	if r.Found != "" {
		b = append(b, `,"found":`...)
		b = jsonshape.AppendString(b, r.Found)
	}
	return append(b, '}')
}

// AppendJSON appends the row as it is stored.
func (c *Current) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = c.Alert.appendFields(b)
	b = appendValue(b, c.Value)
	if c.Incident != "" {
		b = append(b, `,"incident":`...)
		b = jsonshape.AppendString(b, string(c.Incident))
	}
	b = append(b, `,"received":`...)
	b = jsonshape.AppendString(b, c.Received.String())
	b = append(b, `,"first_seen":`...)
	b = jsonshape.AppendTime(b, c.FirstSeen)
	b = append(b, `,"last_seen":`...)
	b = jsonshape.AppendTime(b, c.LastSeen)
	if !c.ChangedAt.IsZero() {
		b = append(b, `,"changed_at":`...)
		b = jsonshape.AppendTime(b, c.ChangedAt)
	}
	if c.Last != (Membership{}) {
		b = append(b, `,"seat":`...)
		b = c.Last.appendJSON(b)
	}
	return append(b, '}')
}

func (m Membership) appendJSON(b []byte) []byte {
	b = append(b, `{"incident":`...)
	b = jsonshape.AppendString(b, string(m.Incident))
	if m.Firing {
		b = append(b, `,"firing":true`...)
	}
	return append(b, '}')
}

// AppendJSON appends the payload as it is recorded.
func (j *Joined) AppendJSON(b []byte) []byte {
	b = append(b, `{"alerts":[`...)
	for i := range j.Alerts {
		if i > 0 {
			b = append(b, ',')
		}
		b = j.Alerts[i].appendJSON(b)
	}
	b = append(b, ']')
	if j.Why != "" {
		b = append(b, `,"why":`...)
		b = jsonshape.AppendString(b, j.Why)
	}
	if j.Now != nil {
		b = append(b, `,"now":{"total":`...)
		b = strconv.AppendInt(b, int64(j.Now.Total), 10)
		b = append(b, `,"firing":`...)
		b = append(strconv.AppendInt(b, int64(j.Now.Firing), 10), '}')
	}
	if len(j.Shared) > 0 {
		// Strings in lists in a map always encode.
		raw, _ := marshalPlain(j.Shared)
		b = append(b, `,"shared":`...)
		b = append(b, raw...)
	}
	return append(b, '}')
}

func (br *Brief) appendJSON(b []byte) []byte {
	b = append(b, `{"key":`...)
	b = jsonshape.AppendString(b, br.Key)
	b = append(b, `,"name":`...)
	b = jsonshape.AppendString(b, br.Name)
	if br.Summary != "" {
		b = append(b, `,"summary":`...)
		b = jsonshape.AppendString(b, br.Summary)
	}
	b = append(b, `,"status":`...)
	b = jsonshape.AppendString(b, string(br.Status))
	b = append(b, `,"starts_at":`...)
	b = jsonshape.AppendTime(b, br.StartsAt)
	if !br.EndsAt.IsZero() {
		b = append(b, `,"ends_at":`...)
		b = jsonshape.AppendTime(b, br.EndsAt)
	}
	if br.Severity != "" {
		b = append(b, `,"severity":`...)
		b = jsonshape.AppendString(b, br.Severity)
	}
	b = appendValue(b, br.Value)
	if br.URL != "" {
		b = append(b, `,"url":`...)
		b = jsonshape.AppendString(b, br.URL)
	}
	return append(b, '}')
}

// marshalPlain is json.Marshal without escapes for HTML, as codecs write.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (a *Alert) appendFields(b []byte) []byte {
	b = append(b, `"source":`...)
	b = jsonshape.AppendString(b, a.Source)
	b = append(b, `,"fingerprint":`...)
	b = jsonshape.AppendString(b, a.Fingerprint)
	b = append(b, `,"status":`...)
	b = jsonshape.AppendString(b, string(a.Status))
	if len(a.Labels) > 0 {
		b = append(b, `,"labels":`...)
		b = jsonshape.AppendStrings(b, a.Labels)
	}
	if len(a.Annotations) > 0 {
		b = append(b, `,"annotations":`...)
		b = jsonshape.AppendStrings(b, a.Annotations)
	}
	b = append(b, `,"starts_at":`...)
	b = jsonshape.AppendTime(b, a.StartsAt)
	if !a.EndsAt.IsZero() {
		b = append(b, `,"ends_at":`...)
		b = jsonshape.AppendTime(b, a.EndsAt)
	}
	if a.GeneratorURL != "" {
		b = append(b, `,"generator_url":`...)
		b = jsonshape.AppendString(b, a.GeneratorURL)
	}
	return b
}

// appendValue is rare enough for encoding/json, whose form of numbers is its own.
func appendValue(b []byte, v *Value) []byte {
	if v == nil {
		return b
	}
	raw, err := json.Marshal(v)
	if err != nil { // not a number, which nothing makes
		return b
	}
	b = append(b, `,"value":`...)
	return append(b, raw...)
}

var (
	alertFields    = []string{"source", "fingerprint", "status", "labels", "annotations", "starts_at", "ends_at", "generator_url"}
	receivedFields = []string{"alert", "value", "found"}
	currentFields  = append([]string{"value", "incident", "received", "first_seen", "last_seen", "changed_at", "seat"}, alertFields...)
)

// DecodeJSON reads what AppendJSON wrote. It reports false, and may leave r
// half-read, for what is left to encoding/json.
func (r *Received) DecodeJSON(body []byte) bool {
	in := jsonshape.New(string(body))
	for more := in.Object(); more; more = in.More('}') {
		key := in.Key()
		switch {
		case in.Null():
		case key == "alert":
			for more := in.Object(); more; more = in.More('}') {
				if key := in.Key(); !in.Null() && !r.Alert.field(in, key) {
					in.Unknown(key, alertFields)
				}
			}
		case key == "value":
			r.Value = readValue(in)
		case key == "found":
			r.Found = in.Text()
		default:
			in.Unknown(key, receivedFields)
		}
	}
	return in.Done()
}

// DecodeJSON reads what AppendJSON wrote. It reports false, and may leave c
// half-read, for what is left to encoding/json.
func (c *Current) DecodeJSON(body []byte) bool {
	in := jsonshape.New(string(body))
	for more := in.Object(); more; more = in.More('}') {
		key := in.Key()
		if in.Null() || c.Alert.field(in, key) {
			continue
		}
		switch key {
		case "value":
			c.Value = readValue(in)
		case "incident":
			c.Incident = timeline.ID(in.Text())
		case "received":
			ref, err := timeline.ParseRef(in.Text())
			if err != nil {
				in.GiveUp()
			}
			c.Received = ref
		case "first_seen":
			c.FirstSeen = in.Time()
		case "last_seen":
			c.LastSeen = in.Time()
		case "changed_at":
			c.ChangedAt = in.Time()
		case "seat":
			if json.Unmarshal([]byte(in.Raw()), &c.Last) != nil {
				in.GiveUp()
			}
		default:
			in.Unknown(key, currentFields)
		}
	}
	return in.Done()
}

// field reads one member of an alert, and reports whether it is one.
func (a *Alert) field(in *jsonshape.Reader, key string) bool {
	switch key {
	case "source":
		a.Source = in.Text()
	case "fingerprint":
		a.Fingerprint = in.Text()
	case "status":
		a.Status = Status(in.Text())
	case "labels":
		a.Labels = in.Strings(a.Labels)
	case "annotations":
		a.Annotations = in.Strings(a.Annotations)
	case "starts_at":
		a.StartsAt = in.Time()
	case "ends_at":
		a.EndsAt = in.Time()
	case "generator_url":
		a.GeneratorURL = in.Text()
	default:
		return false
	}
	return true
}

func readValue(in *jsonshape.Reader) *Value {
	v := new(Value)
	if json.Unmarshal([]byte(in.Raw()), v) != nil {
		in.GiveUp()
	}
	return v
}
