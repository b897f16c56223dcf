package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Text is a scalar as it was written.
type Text struct {
	Pos
	Value string
	set   bool
}

// IsZero reports whether nothing was written, and there is no default.
func (t Text) IsZero() bool { return !t.set }

func text(s string) Text { return Text{Value: s, set: true} }

func texts(values ...string) []Text {
	list := make([]Text, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	return list
}

// Map keeps the keys of a mapping in the order in which they are written.
type Map[T any] []Item[T]

// Item is one of a Map.
type Item[T any] struct {
	Key   Text
	Value T
}

// keyed tells a Map from any other slice.
func (Map[T]) keyed() {}

// Section is a part of the file that the package which uses it decodes itself.
type Section struct {
	Pos
	node *yaml.Node
	from *source
}

// IsZero reports whether the section was left out.
func (s Section) IsZero() bool { return s.node == nil }

// Decode reads the section into a struct, as strictly as the rest of the file:
// unknown keys and values of the wrong type come back together, in one problem
// that names their lines. What is left out keeps the value that into holds.
//
// Keys are given by `yaml` tags. A field may be a string, bool, int, float64,
// time.Duration, anything that unmarshals text, [Text], [Secret] (which also
// reads the key's _file twin), a struct, a [Section], a [Map], and slices,
// pointers and maps by string of these.
func (s Section) Decode(into any) error {
	if s.node == nil {
		return nil
	}
	d := decoder{source: s.from}
	d.value(s.node, s.Path, reflect.ValueOf(into).Elem())
	return problemOf(s.from.name, d.mistakes)
}

// Fail makes the problem of one mistake in the section, for what only its owner
// can know. key is relative to the section, as "labels.team"; "" means the section itself.
func (s Section) Fail(key, format string, args ...any) error {
	m := Mistake{Pos: s.Pos, Message: fmt.Sprintf(format, args...)}
	if s.from != nil {
		m.File = s.from.name
	}
	if key != "" {
		m.Path = join(s.Path, key)
		m.Line = lineOf(s.node, key, m.Line)
	}
	return problemOf(m.File, []Mistake{m})
}

// lineOf follows a dotted key as far as it is there, and returns its line.
func lineOf(n *yaml.Node, key string, line int) int {
	first, rest, more := strings.Cut(key, ".")
	if n == nil || n.Kind != yaml.MappingNode {
		return line
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch {
		case n.Content[i].Value == key:
			return n.Content[i].Line
		case n.Content[i].Value == first && more:
			return lineOf(n.Content[i+1], rest, n.Content[i].Line)
		}
	}
	return line
}
