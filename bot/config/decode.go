package config

import (
	"encoding"
	"fmt"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// source is the file that is decoded, and how files beside it are read.
type source struct {
	name string // as the user named it
	dir  string // what relative paths count from
	// read returns a file and who may read it.
	read func(path string) ([]byte, fs.FileMode, error)
}

type decoder struct {
	*source
	mistakes []Mistake
	warnings []Mistake
}

func (d *decoder) fail(p Pos, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{d.name, p, fmt.Sprintf(format, args...)})
}

func (d *decoder) warn(p Pos, format string, args ...any) {
	d.warnings = append(d.warnings, Mistake{d.name, p, fmt.Sprintf(format, args...)})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

var (
	posType      = reflect.TypeFor[Pos]()
	textType     = reflect.TypeFor[Text]()
	secretType   = reflect.TypeFor[Secret]()
	sectionType  = reflect.TypeFor[Section]()
	durationType = reflect.TypeFor[time.Duration]()
	keyedType    = reflect.TypeFor[interface{ keyed() }]()
)

// value decodes n into v. A null leaves v as it is: a key whose content is
// commented out is as good as left out.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	at := Pos{n.Line, path}
	if n.Kind == yaml.ScalarNode && n.Anchor == "" && n.ShortTag() == "!!null" {
		return
	}
	setPos(v, at)
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(at, "anchors and aliases are not used in this file: write the value out")
	case v.Type() == sectionType:
		v.Set(reflect.ValueOf(Section{at, n, d.source}))
	case v.Type() == textType:
		if s, ok := d.scalar(n, at); ok {
			v.Set(reflect.ValueOf(Text{at, s, true}))
		}
	case v.Type().Implements(keyedType):
		d.keyed(n, path, v)
	case v.CanAddr() && v.Kind() != reflect.Pointer && d.unmarshal(n, at, v):
	case v.Type() == durationType:
		if s, ok := d.scalar(n, at); ok {
			length, err := ParseDuration(s)
			if err != nil {
				d.fail(at, "%v", err)
			}
			v.SetInt(int64(length))
		}
	default:
		d.kind(n, path, v)
	}
}

// unmarshal serves types that read themselves from text.
func (d *decoder) unmarshal(n *yaml.Node, at Pos, v reflect.Value) bool {
	u, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	if !ok {
		return false
	}
	if s, ok := d.scalar(n, at); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			d.fail(at, "%v", err)
		}
	}
	return true
}

func (d *decoder) kind(n *yaml.Node, path string, v reflect.Value) {
	at := Pos{n.Line, path}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, path, v)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, path, v.Elem())
	case reflect.Slice:
		d.list(n, path, v)
	case reflect.Map:
		made := reflect.MakeMap(v.Type())
		d.pairs(n, path, func(key, value *yaml.Node) {
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(value, join(path, key.Value), item)
			made.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
		})
		v.Set(made)
	case reflect.String:
		if s, ok := d.scalar(n, at); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		if s, ok := d.scalar(n, at); ok {
			b, err := parseBool(s)
			if err != nil {
				d.fail(at, "%v", err)
			}
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int64:
		if s, ok := d.scalar(n, at); ok {
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				d.fail(at, "%q is not a whole number", s)
			}
			v.SetInt(i)
		}
	case reflect.Float64:
		if s, ok := d.scalar(n, at); ok {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				d.fail(at, "%q is not a number", s)
			}
			v.SetFloat(f)
		}
	default:
		d.fail(at, "cannot be set from a file")
	}
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, nil
	case "false", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

func (d *decoder) scalar(n *yaml.Node, at Pos) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.fail(at, "want one value, found %s", shape(n))
		return "", false
	}
	return n.Value, true
}

func shape(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return "a mapping"
	}
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "one value"
}

// list reads a sequence; one value alone is a list of one where values are
// scalars. A list that is written replaces the default as a whole.
func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	content := n.Content
	if n.Kind != yaml.SequenceNode {
		if n.Kind != yaml.ScalarNode || v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem() != textType {
			d.fail(Pos{n.Line, path}, "want a list, found %s", shape(n))
			return
		}
		content = []*yaml.Node{n}
	}
	made := reflect.MakeSlice(v.Type(), len(content), len(content))
	for i, c := range content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n.Kind != yaml.SequenceNode {
			at = path
		}
		d.value(c, at, made.Index(i))
	}
	v.Set(made)
}

// keyed reads a mapping into a [Map].
func (d *decoder) keyed(n *yaml.Node, path string, v reflect.Value) {
	made := reflect.MakeSlice(v.Type(), 0, len(n.Content)/2)
	d.pairs(n, path, func(key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		at := join(path, key.Value)
		item.Field(0).Set(reflect.ValueOf(Text{Pos{key.Line, at}, key.Value, true}))
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			setPos(item.Field(1), Pos{key.Line, at})
		}
		d.value(value, at, item.Field(1))
		made = reflect.Append(made, item)
	})
	v.Set(made)
}

// pairs walks a mapping, refusing keys that are no text or are there twice.
func (d *decoder) pairs(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(Pos{n.Line, path}, "want a mapping of keys to values, found %s", shape(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := Pos{key.Line, join(path, key.Value)}
		first, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.ShortTag() == "!!merge":
			d.fail(Pos{key.Line, path}, "a key must be plain text")
		case twice:
			d.fail(at, "is there twice, first in line %d", first)
		default:
			seen[key.Value] = key.Line
			each(key, value)
		}
	}
}

// mapping reads a struct: every key must be a field's.
func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	d.pairs(n, path, func(key, value *yaml.Node) {
		at := Pos{key.Line, join(path, key.Value)}
		for _, f := range fields {
			switch {
			case f.Name == key.Value && f.Type == secretType:
				d.secret(value, at, v.FieldByIndex(f.Index), false)
				return
			case f.Name+fileTwin == key.Value && f.Type == secretType:
				d.secret(value, at, v.FieldByIndex(f.Index), true)
				return
			case f.Name == key.Value:
				d.value(value, at.Path, v.FieldByIndex(f.Index))
				return
			}
		}
		d.fail(at, "is not known%s", alike(key.Value, keysOf(fields)))
	})
}

const (
	fileTwin  = "_file"
	secretMax = 64 << 10
)

func (d *decoder) secret(n *yaml.Node, at Pos, v reflect.Value, fromFile bool) {
	s, ok := d.scalar(n, at)
	if !ok || n.ShortTag() == "!!null" {
		return
	}
	if !v.IsZero() {
		d.fail(at, "give either the value or the file, not both")
		return
	}
	if !fromFile {
		if s == "" {
			d.fail(at, "is empty")
		}
		v.Set(reflect.ValueOf(Secret{value: s}))
		return
	}
	path := d.resolve(s)
	data, mode, err := d.read(path)
	switch {
	case err != nil:
		d.fail(at, "cannot read the secret: %v", err)
		return
	case len(data) > secretMax:
		d.fail(at, "%s is larger than a secret may be (%d KiB)", path, secretMax>>10)
		return
	case mode.Perm()&0o004 != 0:
		d.warn(at, "%s can be read by every user of this machine (mode %04o): chmod 0600 it", path, mode.Perm())
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		d.fail(at, "%s is empty", path)
		return
	}
	v.Set(reflect.ValueOf(Secret{value: value, file: path}))
}

func setPos(v reflect.Value, p Pos) {
	if v.Kind() != reflect.Struct {
		return
	}
	if f, ok := v.Type().FieldByName("Pos"); ok && f.Type == posType {
		v.FieldByIndex(f.Index).Set(reflect.ValueOf(p))
	}
}

// field is one key that a struct declares.
type field struct {
	Name string
	reflect.StructField
}

func fieldsOf(t reflect.Type) []field {
	var list []field
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			list = append(list, field{name, f})
		}
	}
	return list
}

func keysOf(fields []field) []string {
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.Name)
		if f.Type == secretType {
			keys = append(keys, f.Name+fileTwin)
		}
	}
	return keys
}
