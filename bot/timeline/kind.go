package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Kind names what an entry tells: "alert.received", "note".
type Kind string

// Prominence says where an entry is shown.
type Prominence int

const (
	Detail Prominence = iota // the appendix of a post-mortem, the full timeline
	Key                      // additionally the lead-up of a post-mortem and the room
)

// Payload is what an entry of one kind holds. It is stored as JSON; a type must
// decode what every earlier version of itself encoded.
type Payload interface {
	Kind() Kind
	// Text is one plain sentence for people, without mark-up and without a time.
	// Whoever shows it escapes it for the place where it is shown.
	Text() string
}

// KindSpec declares a kind. New returns a pointer to an empty payload.
type KindSpec struct {
	Kind       Kind
	Prominence Prominence
	New        func() Payload
}

// KindOf declares the kind of the payload type P, as in KindOf[Noted](Key).
func KindOf[P any, PP interface {
	*P
	Payload
}](prominence Prominence) KindSpec {
	return KindSpec{Kind: PP(new(P)).Kind(), Prominence: prominence, New: func() Payload { return PP(new(P)) }}
}

// Codec turns payloads into the bytes that are recorded, and back.
type Codec struct{ kinds map[Kind]KindSpec }

// NewCodec composes the kinds of all packages with this package's own. It
// fails on a kind that is declared twice.
func NewCodec(groups ...[]KindSpec) (*Codec, error) {
	c := &Codec{kinds: map[Kind]KindSpec{}}
	for _, group := range append([][]KindSpec{Kinds}, groups...) {
		for _, spec := range group {
			if _, twice := c.kinds[spec.Kind]; twice {
				return nil, fmt.Errorf("timeline: kind %q is declared twice", spec.Kind)
			}
			c.kinds[spec.Kind] = spec
		}
	}
	return c, nil
}

// Kinds lists what the codec knows, sorted.
func (c *Codec) Kinds() []Kind { return slices.Sorted(maps.Keys(c.kinds)) }

// Prominence of an unknown kind is Detail.
func (c *Codec) Prominence(k Kind) Prominence { return c.kinds[k].Prominence }

// Encode returns the bytes to record, with secrets of known shape removed. It
// fails on a kind that was not declared: what cannot be read back is not written.
func (c *Codec) Encode(p Payload) ([]byte, error) {
	if e, done := p.(*Encoded); done {
		return e.body, nil
	}
	_, body, err := c.encode(p)
	return body, err
}

// encode returns the bytes before and after secrets were removed: the same slice
// when there were none.
func (c *Codec) encode(p Payload) (raw, body []byte, err error) {
	if _, known := c.kinds[p.Kind()]; !known {
		return nil, nil, fmt.Errorf("timeline: kind %q is not declared", p.Kind())
	}
	if raw, err = marshal(p); err != nil {
		return nil, nil, err
	}
	return raw, RedactJSON(raw), nil
}

func marshal(p Payload) ([]byte, error) {
	if a, ok := p.(Appender); ok {
		return a.AppendJSON(make([]byte, 0, 1024)), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("timeline: encode %s: %w", p.Kind(), err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads a recorded payload. An unknown kind, or a known one that does not
// decode, comes back as [Unknown]: it is kept, chained and shown raw.
func (c *Codec) Decode(k Kind, body []byte) Payload {
	if spec, known := c.kinds[k]; known {
		if p := spec.New(); unmarshal(body, p) == nil {
			return p
		}
	}
	return &Unknown{kind: k, Raw: json.RawMessage(slices.Clone(body))}
}

// Appender is a payload or a row that writes its own JSON, since it comes by
// thousands of times a second. Decoding what it appends must give it back as it
// is: a payload's strings are valid UTF-8, its times as [Stamp] leaves them.
type Appender interface{ AppendJSON(b []byte) []byte }

// Decoder is one that reads its own JSON. It returns false, and may be left
// half-read, for whatever encoding/json shall read instead.
type Decoder interface{ DecodeJSON(body []byte) bool }

// unmarshal decodes into a pointer to an empty value.
func unmarshal[T any](body []byte, empty T) error {
	if d, ok := any(empty).(Decoder); ok {
		if d.DecodeJSON(body) {
			return nil
		}
		reflect.ValueOf(empty).Elem().SetZero()
	}
	return json.Unmarshal(body, empty)
}

// Encoded is a payload that was encoded ahead of the writer, so that many
// callers encode in parallel. Inner is what it was made from, redacted.
type Encoded struct {
	Inner Payload
	body  []byte
}

// Seal encodes p now. Inner is decoded from the redacted bytes, so what a fold
// sees is what was recorded.
func (c *Codec) Seal(p Payload) (*Encoded, error) {
	raw, body, err := c.encode(p)
	if err != nil {
		return nil, err
	}
	if _, exact := p.(Appender); exact && &raw[0] == &body[0] {
		return &Encoded{Inner: p, body: body}, nil // nothing was removed
	}
	return &Encoded{Inner: c.Decode(p.Kind(), body), body: body}, nil
}

func (e *Encoded) Kind() Kind   { return e.Inner.Kind() }
func (e *Encoded) Text() string { return e.Inner.Text() }

// Unknown is a payload of a kind that this version does not know.
type Unknown struct {
	kind Kind
	Raw  json.RawMessage
}

func (u *Unknown) Kind() Kind   { return u.kind }
func (u *Unknown) Text() string { return fmt.Sprintf("%s: %s", u.kind, u.Raw) }

// Erased stands where a payload was deleted by an [Erasure].
type Erased struct{ kind Kind }

func (e *Erased) Kind() Kind   { return e.kind }
func (e *Erased) Text() string { return "[erased]" }

// ErasedPayload is the payload of an entry of kind k whose row is gone.
func ErasedPayload(k Kind) Payload { return &Erased{kind: k} }
