package generic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path leads to a value inside JSON: names and list positions separated by dots,
// "data.items.0.name". It starts at the alert; "$.name" starts at the whole body.
type path struct {
	root  bool
	parts []string
}

func parsePath(s string) (path, error) {
	s = strings.TrimSpace(s)
	var p path
	if s == "$" {
		return path{root: true}, nil
	}
	if rest, ok := strings.CutPrefix(s, "$."); ok {
		p.root, s = true, rest
	}
	if s == "" {
		return p, errors.New("a path is empty: name a field, as {monitor.name}")
	}
	p.parts = strings.Split(s, ".")
	for i, part := range p.parts {
		if p.parts[i] = strings.TrimSpace(part); p.parts[i] == "" {
			return p, fmt.Errorf("the path %q has an empty part", s)
		}
	}
	return p, nil
}

// find returns the value, and false where a part is missing or null.
func (p path) find(root, item any) (any, bool) {
	at := item
	if p.root {
		at = root
	}
	for _, part := range p.parts {
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n < 0 || n >= len(v) {
				return nil, false
			}
			at = v[n]
		default:
			return nil, false
		}
	}
	return at, at != nil
}

// expr is text with places to fill in: "{monitor.name} is down". A place may
// name alternatives, tried in order, the last of which may be a text in quotes:
// {title|name|"without a title"}. Text without places stands for itself; a brace
// is written twice.
type expr []piece

type piece struct {
	text  string
	paths []path // when it is a place
}

func parseExpr(s string) (expr, error) {
	var e expr
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case (s[i] == '{' || s[i] == '}') && i+1 < len(s) && s[i+1] == s[i]:
			plain.WriteByte(s[i])
			i++
		case s[i] == '}':
			return nil, errors.New(`there is a "}" without a "{": write "}}" for a brace in the text`)
		case s[i] == '{':
			end := closing(s[i:])
			if end < 0 {
				return nil, errors.New(`a "{" is not closed: write "{{" for a brace in the text`)
			}
			if plain.Len() > 0 {
				e = append(e, piece{text: plain.String()})
				plain.Reset()
			}
			p, err := parsePlace(s[i+1 : i+end])
			if err != nil {
				return nil, err
			}
			e = append(e, p)
			i += end
		default:
			plain.WriteByte(s[i])
		}
	}
	if plain.Len() > 0 {
		e = append(e, piece{text: plain.String()})
	}
	return e, nil
}

// closing finds the brace that closes the one at the start, past a quoted text.
func closing(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return i
		}
	}
	return -1
}

func parsePlace(s string) (piece, error) {
	before, rest, hasText := strings.Cut(s, `"`)
	p := piece{}
	if hasText {
		text, after, closed := strings.Cut(rest, `"`)
		before = strings.TrimSpace(before)
		if !closed || strings.TrimSpace(after) != "" || (before != "" && !strings.HasSuffix(before, "|")) {
			return p, fmt.Errorf(`in {%s}, a text in quotes may only stand last, after "|"`, s)
		}
		p.text, before = text, strings.TrimSuffix(before, "|")
		if before == "" {
			return p, nil
		}
	}
	for one := range strings.SplitSeq(before, "|") {
		found, err := parsePath(one)
		if err != nil {
			return p, fmt.Errorf("in {%s}: %w", s, err)
		}
		p.paths = append(p.paths, found)
	}
	return p, nil
}

// fill returns the text, and false when one of its places has no value.
func (e expr) fill(root, item any) (string, bool) {
	var b strings.Builder
	complete := true
	for _, p := range e {
		text := p.text
		found := len(p.paths) == 0
		for _, at := range p.paths {
			if v, ok := at.find(root, item); ok {
				text, found = plainText(v), true
				break
			}
		}
		complete = complete && (found || text != "")
		b.WriteString(text)
	}
	return b.String(), complete && len(e) > 0
}

// value returns what the only place of e holds, so that a number stays one.
func (e expr) value(root, item any) (any, bool) {
	if len(e) == 1 && len(e[0].paths) > 0 && e[0].text == "" {
		for _, at := range e[0].paths {
			if v, ok := at.find(root, item); ok {
				return v, true
			}
		}
		return nil, false
	}
	s, ok := e.fill(root, item)
	return s, ok
}

// plainText is a JSON value as text: objects and lists as compact JSON.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
