package timeline

import (
	"bytes"
	"encoding/json"
)

// RedactJSON removes secrets of known shape from the string values of a JSON
// document, as "[redacted:password]". Keys, numbers and the document's structure
// stay as they are. A value under a key that names a secret ("db_password") is
// removed whole. It returns body itself when there is nothing to remove, may be
// repeated without further change, and never fails: what is no valid JSON is
// treated as plain text.
//
// It stands on the path of every payload: a document without anything that looks
// like a secret costs one scan without allocation.
func RedactJSON(body []byte) []byte {
	if !suspicious(body) {
		return body
	}
	if !json.Valid(body) {
		if text, changed := redactText(string(body)); changed {
			return []byte(text)
		}
		return body
	}
	if out, changed := redactDocument(body); changed {
		return out
	}
	return body
}

// Redact removes secrets of known shape from plain text, and reports whether
// there were any. It may be repeated without further change.
func Redact(text string) (string, bool) {
	if !suspicious([]byte(text)) {
		return text, false
	}
	return redactText(text)
}

// frame is one open object or array of a document.
type frame struct {
	object  bool
	wantKey bool
	key     string // of the value that comes next
	name    string // the last value under "name": {"name": "DB_PASSWORD", "value": "…"}
}

// redactDocument expects valid JSON.
func redactDocument(body []byte) ([]byte, bool) {
	var (
		stack   []frame
		out     []byte
		copied  int // body[:copied] is in out
		changed bool
	)
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{':
			stack = append(stack, frame{object: true, wantKey: true})
		case '[':
			key := ""
			if len(stack) > 0 {
				key = stack[len(stack)-1].key // {"password": ["…"]}
			}
			stack = append(stack, frame{key: key})
		case '}', ']':
			stack = stack[:len(stack)-1]
		case ',':
			top := &stack[len(stack)-1]
			top.wantKey = top.object
		case '"':
			end := stringEnd(body, i)
			raw := body[i:end]
			i = end - 1
			if len(stack) > 0 && stack[len(stack)-1].wantKey {
				top := &stack[len(stack)-1]
				top.wantKey, top.key = false, unquote(raw)
				continue
			}
			text := unquote(raw)
			clean, hit := redactValue(stack, text)
			if !hit {
				continue
			}
			out = append(out, body[copied:end-len(raw)]...)
			out = append(out, quote(clean)...)
			copied, changed = end, true
		}
	}
	if !changed {
		return body, false
	}
	return append(out, body[copied:]...), true
}

// redactValue redacts the string in the innermost frame.
func redactValue(stack []frame, text string) (string, bool) {
	if len(stack) > 0 {
		top := &stack[len(stack)-1]
		key := top.key
		if key == "name" {
			top.name = text
		}
		if key == "value" && top.name != "" {
			key = top.name
		}
		if kind := secretName(key); kind != "" && worthHiding(kind, text, true) {
			return marker(kind), true
		}
	}
	if !suspicious([]byte(text)) {
		return text, false
	}
	return redactText(text)
}

// stringEnd returns the index after the closing quote of the string at i.
func stringEnd(body []byte, i int) int {
	for i++; body[i] != '"'; i++ {
		if body[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw[1 : len(raw)-1])
	}
	return s
}

func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return []byte(`"[redacted]"`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
