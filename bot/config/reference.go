package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is docs/reference/configuration.md, made from the declarations of
// [File] and from the defaults.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made from bot/config/file.go by "make docs". -->

Wardroom works without a configuration. It reads the file that ` + "`--config`" + ` or ` + "`$WARDROOM_CONFIG`" + ` names, else
` + "`wardroom.yaml`" + ` in the data folder when it is there. ` + "`wardroom check`" + ` reads it too, and tries every outside system that it
names. [wardroom.example.yaml](../wardroom.example.yaml) has every key.

- Every mistake is reported at once, with its line. A key that is not listed here is a mistake.
- A duration is a number with a unit: ` + "`90s`, `10m`, `1h30m`, `2d`" + `.
- A secret is written as ` + "`key`" + `, or kept in a file that ` + "`key_file`" + ` names, never both. One line break at the file's end is dropped. No log line or error shows a secret.
- A relative path counts from the folder of the configuration.
- A list that you write replaces the default as a whole. One value alone is a list of one.
- Anchors, aliases and more than one document are refused.

`)
	reference(&b, "", reflect.ValueOf(defaults()))
	return b.String()
}

// reference writes one table for the keys of a struct, then one for each
// section in it.
func reference(b *strings.Builder, path string, v reflect.Value) {
	b.WriteString("| key | value | default | |\n|---|---|---|---|\n")
	for _, f := range fieldsOf(v.Type()) {
		name := "`" + f.Name + "`"
		if f.Type == secretType {
			name += ", `" + f.Name + fileTwin + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, cell(form(f)), cell(written(v.FieldByIndex(f.Index))), cell(f.Tag.Get("help")))
	}
	for _, f := range fieldsOf(v.Type()) {
		inner, at := v.FieldByIndex(f.Index), join(path, f.Name)
		switch {
		case isSection(f.Type):
		case isNamed(f.Type):
			inner, at = reflect.New(f.Type.Elem()).Elem().Field(1), at+".NAME"
		case isItems(f.Type):
			inner, at = reflect.New(f.Type.Elem()).Elem(), at+"[]"
		default:
			continue
		}
		fmt.Fprintf(b, "\n## %s\n%s\n\n", at, f.Tag.Get("help"))
		reference(b, at, inner)
	}
}

// isSection reports whether a type is a mapping with keys of its own.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != textType && t != secretType && t != sectionType
}

// isItems reports whether a type is a list of sections.
func isItems(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !t.Implements(keyedType) && isSection(t.Elem())
}

// isNamed reports whether a type is a mapping of names to sections.
func isNamed(t reflect.Type) bool {
	return t.Implements(keyedType) && isSection(t.Elem().Field(1).Type)
}

// form says how a value is written.
func form(f field) string {
	switch t := f.Type; {
	case f.Tag.Get("form") != "":
		return f.Tag.Get("form")
	case t == secretType:
		return "secret"
	case t == sectionType, isSection(t):
		return "section"
	case isNamed(t):
		return "sections by name"
	case isItems(t):
		return "list of sections"
	case t.Kind() == reflect.Slice:
		return "list"
	}
	return "text"
}

// written is a default as it would stand in the file, on one line.
func written(v reflect.Value) string {
	switch t := v.Type(); {
	case t == textType:
		if s := v.Interface().(Text); !s.IsZero() {
			return "`" + quoted(s.Value) + "`"
		}
	case t.Kind() == reflect.Slice && t.Elem() == textType && v.Len() > 0:
		return "`" + flowList(v.Interface().([]Text)) + "`"
	case t == lists && v.Len() > 0:
		var parts []string
		for _, item := range v.Interface().(Map[[]Text]) {
			parts = append(parts, item.Key.Value+": "+flowList(item.Value))
		}
		return "`{" + strings.Join(parts, ", ") + "}`"
	case isItems(t) && v.Len() > 0:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, "`"+flow(v.Index(i))+"`")
		}
		return strings.Join(parts, "<br>")
	}
	return ""
}

var lists = reflect.TypeFor[Map[[]Text]]()

// flowList is a list of texts on one line.
func flowList(list []Text) string {
	parts := make([]string, len(list))
	for i, t := range list {
		parts[i] = quoted(t.Value)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// flow is a struct of texts on one line: {match: …, open: SEV2}.
func flow(v reflect.Value) string {
	var parts []string
	for _, f := range fieldsOf(v.Type()) {
		if t, ok := v.FieldByIndex(f.Index).Interface().(Text); ok && !t.IsZero() {
			parts = append(parts, f.Name+": "+quoted(t.Value))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoted writes a scalar so that YAML reads it back as text.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, "\"'{}[],#&*!|>%@`") || strings.Contains(s, ": ") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
