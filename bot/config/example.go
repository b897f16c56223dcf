package config

import (
	"reflect"
	"strings"
)

// Example is docs/wardroom.example.yaml: every key with its help, as a file that
// loads once the secrets it names exist.
func Example() string {
	b := &strings.Builder{}
	b.WriteString("# Every key of the configuration, with defaults or examples. Made from\n" +
		"# bot/config/file.go by \"make docs\". You need none of it to start: delete what\n" +
		"# you do not want to change.\n\n")
	example(b, "", reflect.ValueOf(defaults()), false)
	return b.String()
}

// example writes the keys of a struct. off writes them as comments.
func example(b *strings.Builder, indent string, v reflect.Value, off bool) {
	for _, f := range fieldsOf(v.Type()) {
		inner, tag := v.FieldByIndex(f.Index), f.Tag
		off := off || tag.Get("alt") != ""
		comment(b, indent, tag.Get("help"))
		line := func(s string) {
			if off {
				s = "# " + s
			}
			b.WriteString(indent + s + "\n")
		}
		switch t := f.Type; {
		case t == secretType:
			line(f.Name + fileTwin + ": " + tag.Get("example"))
		case t == sectionType:
			line(f.Name + ": " + tag.Get("example"))
		case isSection(t):
			line(f.Name + ":")
			example(b, indent+"  ", inner, off)
		case isNamed(t):
			line(f.Name + ":")
			b.WriteString(indent + "  " + tag.Get("example") + ":\n")
			example(b, indent+"    ", reflect.New(t.Elem()).Elem().Field(1), off)
		case isItems(t) && inner.Len() > 0:
			line(f.Name + ":")
			for i := range inner.Len() {
				line("  - " + flow(inner.Index(i)))
			}
			describeItem(b, indent+"  ", t.Elem())
		case isItems(t):
			line(f.Name + ":")
			b.WriteString(indent + "  -\n")
			example(b, indent+"    ", reflect.New(t.Elem()).Elem(), off)
		default:
			value := strings.Trim(written(inner), "`")
			if value == "" {
				value = tag.Get("example")
			}
			line(f.Name + ": " + value)
		}
		if indent == "" {
			b.WriteString("\n")
		}
	}
}

// describeItem explains the keys of a list whose default is shown on one line each.
func describeItem(b *strings.Builder, indent string, t reflect.Type) {
	for _, f := range fieldsOf(t) {
		comment(b, indent, f.Name+": "+f.Tag.Get("help"))
	}
}

// comment wraps help to the width of a terminal.
func comment(b *strings.Builder, indent, help string) {
	const width = 90
	line := indent + "#"
	for word := range strings.FieldsSeq(help) {
		if len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
