package postmortem

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Schema names the form of the JSON export. Within a version fields are only added.
//
//	schema      "wardroom.postmortem/1"
//	id, title, date (YYYY-MM-DD in the team's zone), summary
//	as_of       entry, recorded_at, hash: what the document is as of
//	verify      the command that checks it
//	incident    the state ([incident.Incident]); null for the log
//	notice      what the public was told ([statuspage.Notice]); null when nothing
//	metrics     whole seconds, null where not known: time_to_detect,
//	            time_to_acknowledge (from detection), time_to_mitigate,
//	            time_to_resolve, time_to_public
//	leadup      events: entry, at, recorded_at, text, link
//	alerts      each alert in the end, with firing; components; responders
//	repairs     each run: plan, blast radius, approvals, steps with seconds, what it
//	            left ([Repair])
//	causes, obstacles, status_changes   events
//	follow_ups  text, computed
//	merged      id, title, entry
//	sections    the nine: id, heading, prompt
//	entries     every entry in order: entry, pos, kind, key (prominence),
//	            occurred_at, recorded_at (UTC, microseconds), actor ("person:joe"),
//	            cause, supersedes, superseded_by, effects, text, payload (null when
//	            erased), salt, payload_hash, prev_hash, hash
//
// Salt and payload give payload_hash, and the rest gives hash (see
// [timeline.ChainHash]): the export can be checked without the database.
const Schema = "wardroom.postmortem/1"

type jsonAsOf struct {
	Entry      timeline.Ref  `json:"entry"`
	RecordedAt time.Time     `json:"recorded_at"`
	Hash       timeline.Hash `json:"hash"`
}

type jsonEvent struct {
	Entry      timeline.Ref `json:"entry"`
	At         time.Time    `json:"at"`
	RecordedAt time.Time    `json:"recorded_at"`
	Text       string       `json:"text"`
	Link       string       `json:"link,omitempty"`
}

type jsonMetrics struct {
	Detect      *int64 `json:"time_to_detect"`
	Acknowledge *int64 `json:"time_to_acknowledge"`
	Mitigate    *int64 `json:"time_to_mitigate"`
	Resolve     *int64 `json:"time_to_resolve"`
	Public      *int64 `json:"time_to_public"`
}

type jsonAlert struct {
	alert.Brief
	Firing bool `json:"firing"`
}

type jsonComponent struct {
	Name  string           `json:"name"`
	Worst statuspage.Level `json:"worst"`
	From  time.Time        `json:"from"`
	Until time.Time        `json:"until,omitzero"`
}

type jsonResponder struct {
	Name         string    `json:"name"`
	Roles        []string  `json:"roles,omitempty"`
	FirstAct     time.Time `json:"first_act"`
	Acknowledged bool      `json:"acknowledged,omitempty"`
}

type jsonFollowUp struct {
	Text     string `json:"text"`
	Computed bool   `json:"computed,omitempty"`
}

type jsonMerged struct {
	ID    timeline.ID  `json:"id"`
	Title string       `json:"title"`
	Entry timeline.Ref `json:"entry"`
}

type jsonSection struct {
	ID      string `json:"id"`
	Heading string `json:"heading"`
	Prompt  string `json:"prompt"`
}

type jsonDocument struct {
	Schema     string             `json:"schema"`
	ID         timeline.ID        `json:"id"`
	Title      string             `json:"title"`
	Date       string             `json:"date"`
	Summary    string             `json:"summary"`
	AsOf       jsonAsOf           `json:"as_of"`
	Verify     string             `json:"verify"`
	Incident   *incident.Incident `json:"incident"`
	Notice     *statuspage.Notice `json:"notice"`
	Metrics    jsonMetrics        `json:"metrics"`
	Leadup     []jsonEvent        `json:"leadup"`
	Alerts     []jsonAlert        `json:"alerts"`
	Components []jsonComponent    `json:"components"`
	Responders []jsonResponder    `json:"responders"`
	Causes     []jsonEvent        `json:"causes"`
	Obstacles  []jsonEvent        `json:"obstacles"`
	Changes    []jsonEvent        `json:"status_changes"`
	Repairs    []Repair           `json:"repairs"`
	FollowUps  []jsonFollowUp     `json:"follow_ups"`
	Merged     []jsonMerged       `json:"merged"`
	Sections   []jsonSection      `json:"sections"`
}

// json is the document with every entry. Entries are appended by hand, with the
// payloads' recorded bytes as they are: an export of the log has 100,000 of them.
func (d *Document) json() ([]byte, error) {
	head, err := d.jsonHead()
	if err != nil {
		return nil, err
	}
	head = bytes.TrimSuffix(head, []byte("\n}\n"))
	size := len(head) + 64
	for i := range d.Entries {
		size += 900 + 2*len(d.Entries[i].Body)
	}
	out := append(make([]byte, 0, size), head...)
	out = append(out, ",\n  \"entries\": ["...)
	for i := range d.Entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, "\n    "...)
		if out, err = d.appendEntry(out, &d.Entries[i]); err != nil {
			return nil, err
		}
	}
	return append(out, "\n  ]\n}\n"...), nil
}

func (d *Document) jsonHead() ([]byte, error) {
	m := d.Metrics()
	doc := jsonDocument{
		Schema: Schema, ID: d.ID, Title: d.Title, Date: d.clock.Day(d.Date), Summary: d.Summary,
		AsOf:   jsonAsOf{timeline.Ref{Timeline: d.ID, Seq: d.AsOf.Seq}, d.AsOf.RecordedAt, d.AsOf.Hash},
		Verify: d.verifyCommand(), Incident: d.Incident, Notice: d.Notice,
		Metrics: jsonMetrics{seconds(m.Detect), seconds(m.Acknowledge), seconds(m.Mitigate), seconds(m.Resolve), seconds(m.Public)},
		Leadup:  jsonEvents(d.Leadup), Causes: jsonEvents(d.Causes), Obstacles: jsonEvents(d.Obstacles), Changes: jsonEvents(d.Changes),
		Alerts:     each(d.Alerts, func(a AlertFact) jsonAlert { return jsonAlert{a.Brief, a.Firing} }),
		Components: each(d.Components, func(c ComponentFact) jsonComponent { return jsonComponent(c) }),
		Responders: each(d.Responders, func(r Responder) jsonResponder { return jsonResponder(r) }),
		Repairs:    each(d.Repairs, func(r Repair) Repair { return r }),
		FollowUps:  each(d.FollowUps, func(f FollowUp) jsonFollowUp { return jsonFollowUp(f) }),
		Merged:     each(d.Merged, func(m MergedIncident) jsonMerged { return jsonMerged(m) }),
		Sections:   each(d.outline(), func(s section) jsonSection { return jsonSection{s.id, s.heading, s.prompt} }),
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(doc)
	return b.Bytes(), err
}

// each maps a list; the result is never nil, so that it is [] in JSON.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func jsonEvents(list []Event) []jsonEvent {
	return each(list, func(e Event) jsonEvent {
		return jsonEvent{e.Entry, e.At.UTC(), e.Recorded.UTC(), e.Text, e.Link}
	})
}

func seconds(s Span) *int64 {
	if !s.Known {
		return nil
	}
	n := int64(s.D / time.Second)
	return &n
}

const microseconds = "2006-01-02T15:04:05.000000Z"

func (d *Document) appendEntry(b []byte, e *timeline.Entry) ([]byte, error) {
	b = append(b, `{"entry":"`...)
	b = appendRef(b, e.Ref)
	b = append(b, `","pos":`...)
	b = strconv.AppendInt(b, e.Pos, 10)
	b = append(b, `,"kind":`...)
	b = appendString(b, string(e.Kind))
	if d.codec.Prominence(e.Kind) == timeline.Key {
		b = append(b, `,"key":true`...)
	}
	b = append(b, `,"occurred_at":"`...)
	b = e.OccurredAt.UTC().AppendFormat(b, microseconds)
	b = append(b, `","recorded_at":"`...)
	b = e.RecordedAt.UTC().AppendFormat(b, microseconds)
	b = append(b, `","actor":`...)
	b = appendString(b, e.Actor.String())
	if !e.Cause.IsZero() {
		b = append(appendRef(append(b, `,"cause":"`...), e.Cause), '"')
	}
	if !e.Supersedes.IsZero() {
		b = append(appendRef(append(b, `,"supersedes":"`...), e.Supersedes), '"')
	}
	if by, ok := d.SupersededBy[e.Ref]; ok {
		b = append(appendRef(append(b, `,"superseded_by":"`...), timeline.Ref{Timeline: d.ID, Seq: by}), '"')
	}
	if !e.Effects.IsZero() {
		effects, err := timeline.EncodeEffects(e.Effects)
		if err != nil {
			return b, err
		}
		b = append(append(b, `,"effects":`...), effects...)
	}
	b = append(b, `,"text":`...)
	b = appendString(b, e.Payload.Text())
	b = append(b, `,"payload":`...)
	_, unknown := e.Payload.(*timeline.Unknown)
	switch {
	case e.Body == nil:
		b = append(b, "null"...)
	case unknown && !json.Valid(e.Body): // a broken database: shown, not hidden
		b = appendString(b, string(e.Body))
	default: // what decoded is JSON
		b = append(b, e.Body...)
	}
	if e.Body != nil {
		b = appendHex(append(b, `,"salt":"`...), e.Seal.Salt[:])
	} else {
		b = append(b, `,"erased":true,"salt":"`...)
	}
	b = appendHex(append(b, `","payload_hash":"`...), e.Seal.Payload[:])
	b = appendHex(append(b, `","prev_hash":"`...), e.Seal.Prev[:])
	b = appendHex(append(b, `","hash":"`...), e.Seal.Hash[:])
	return append(b, `"}`...), nil
}

func appendHex(b, v []byte) []byte { return hex.AppendEncode(b, v) }

func appendRef(b []byte, r timeline.Ref) []byte {
	b = append(append(b, r.Timeline...), '#')
	return strconv.AppendInt(b, r.Seq, 10)
}

// appendString appends s as a JSON string; printable ASCII needs no encoder.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always encodes
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
