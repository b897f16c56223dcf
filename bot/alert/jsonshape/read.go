// Package jsonshape reads and writes JSON of a known shape without reflection,
// for what comes by thousands of times a second.
//
// Reading is all or nothing: a [Reader] takes only what encoding/json takes too,
// with the same result, and gives up on whatever is unusual. Its caller then asks
// encoding/json, which also has the better error messages.
package jsonshape

import (
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth bounds how deep values that are passed over may be nested.
const maxDepth = 64

// Reader walks over one JSON document. When it gives up, all its methods return
// zero and false from then on, and [Reader.Done] tells.
type Reader struct {
	s    string
	i    int
	fail bool
}

// New reads a document. The strings that are read share memory with it.
func New(document string) *Reader { return &Reader{s: document} }

// Done reports whether the whole document was read.
func (r *Reader) Done() bool {
	r.space()
	return !r.fail && r.i == len(r.s)
}

// GiveUp makes the caller ask encoding/json.
func (r *Reader) GiveUp() { r.fail = true }

func (r *Reader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\n', '\r', '\t':
			r.i++
		default:
			return
		}
	}
}

// take passes over c, if it is next.
func (r *Reader) take(c byte) bool {
	r.space()
	if r.fail || r.i >= len(r.s) || r.s[r.i] != c {
		return false
	}
	r.i++
	return true
}

func (r *Reader) want(c byte) bool {
	if !r.take(c) {
		r.fail = true
	}
	return !r.fail
}

// Null passes over a null, if it is next: it leaves a value as it is.
func (r *Reader) Null() bool {
	r.space()
	if !r.fail && strings.HasPrefix(r.s[r.i:], "null") {
		r.i += len("null")
		return true
	}
	return false
}

// Object begins an object: for more := r.Object(); more; more = r.More('}').
func (r *Reader) Object() bool { return r.begin('{', '}') }

// List begins a list: for more := r.List(); more; more = r.More(']').
func (r *Reader) List() bool { return r.begin('[', ']') }

func (r *Reader) begin(open, end byte) bool { return r.want(open) && !r.take(end) && !r.fail }

// More reports whether another member follows, and passes over what is between,
// or over the end.
func (r *Reader) More(end byte) bool {
	if r.take(',') {
		return true
	}
	r.want(end)
	return false
}

// Key reads a member's name and the colon.
func (r *Reader) Key() string {
	key := r.Text()
	if !r.want(':') {
		return ""
	}
	return key
}

// Text reads a string.
func (r *Reader) Text() string {
	if !r.want('"') {
		return ""
	}
	start, ascii := r.i, true
	for i := start; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			text := r.s[start:i]
			if !ascii && !utf8.ValidString(text) {
				r.fail = true
				return ""
			}
			return text
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.fail = true
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail = true
	return ""
}

// escaped reads a string that has its first escape at i.
func (r *Reader) escaped(start, i int) string {
	b := make([]byte, 0, 2*(i-start)+32)
	b = append(b, r.s[start:i]...)
	for i < len(r.s) {
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			if !utf8.Valid(b) {
				r.fail = true
				return ""
			}
			return string(b)
		case c < ' ':
			r.fail = true
			return ""
		case c != '\\':
			b = append(b, c)
			i++
		default:
			var n int
			if b, n = unescape(b, r.s[i:]); n == 0 {
				r.fail = true
				return ""
			}
			i += n
		}
	}
	r.fail = true
	return ""
}

// unescape appends what the escape at the start of s stands for, and returns its
// length; 0 for what is left to encoding/json, as halves of surrogate pairs.
func unescape(b []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return b, 0
	}
	if at := strings.IndexByte(`"\/bfnrt`, s[1]); at >= 0 {
		return append(b, "\"\\/\b\f\n\r\t"[at]), 2
	}
	if s[1] != 'u' || len(s) < 6 {
		return b, 0
	}
	var u rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return b, 0
		}
		u = u<<4 | rune(c)
	}
	if u >= 0xD800 && u < 0xE000 {
		return b, 0
	}
	return utf8.AppendRune(b, u), 6
}

// Strings reads an object of strings into m, which is made when it is nil.
func (r *Reader) Strings(m map[string]string) map[string]string {
	if m == nil {
		m = make(map[string]string, 8)
	}
	for more := r.Object(); more; more = r.More('}') {
		key := r.Key()
		if r.Null() {
			m[key] = ""
			continue
		}
		m[key] = r.Text()
	}
	return m
}

// Time reads a time in RFC 3339.
func (r *Reader) Time() time.Time {
	var t time.Time
	if text := r.Text(); r.fail || t.UnmarshalText([]byte(text)) != nil {
		r.fail = true
		return time.Time{}
	}
	return t
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	r.space()
	switch {
	case r.fail:
	case strings.HasPrefix(r.s[r.i:], "true"):
		r.i += len("true")
		return true
	case strings.HasPrefix(r.s[r.i:], "false"):
		r.i += len("false")
	default:
		r.fail = true
	}
	return false
}

// Unknown passes over the value of a member that is not known. It gives up when
// the name is one of known in another case, which encoding/json would take.
func (r *Reader) Unknown(name string, known []string) {
	for _, k := range known {
		if len(k) == len(name) && strings.EqualFold(k, name) || !isASCII(name) {
			r.fail = true
			return
		}
	}
	r.Raw()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Raw passes over any value and returns its text.
func (r *Reader) Raw() string {
	r.space()
	start := r.i
	r.skip(0)
	if r.fail {
		return ""
	}
	return r.s[start:r.i]
}

func (r *Reader) skip(depth int) {
	r.space()
	if r.fail || r.i >= len(r.s) || depth > maxDepth {
		r.fail = true
		return
	}
	switch c := r.s[r.i]; {
	case c == '{':
		for more := r.Object(); more; more = r.More('}') {
			r.Key()
			r.skip(depth + 1)
		}
	case c == '[':
		for more := r.List(); more; more = r.More(']') {
			r.skip(depth + 1)
		}
	case c == '"':
		r.Text()
	case c == 't' || c == 'f':
		r.Bool()
	case c == 'n':
		if !r.Null() {
			r.fail = true
		}
	default:
		r.number()
	}
}

func (r *Reader) number() {
	if r.i < len(r.s) && r.s[r.i] == '-' {
		r.i++
	}
	if r.i < len(r.s) && r.s[r.i] == '0' {
		r.i++
	} else {
		r.digits()
	}
	if r.i < len(r.s) && r.s[r.i] == '.' {
		r.i++
		r.digits()
	}
	if r.i < len(r.s) && r.s[r.i]|0x20 == 'e' {
		r.i++
		if r.i < len(r.s) && (r.s[r.i] == '+' || r.s[r.i] == '-') {
			r.i++
		}
		r.digits()
	}
}

func (r *Reader) digits() {
	start := r.i
	for r.i < len(r.s) && r.s[r.i] >= '0' && r.s[r.i] <= '9' {
		r.i++
	}
	if r.i == start {
		r.fail = true
	}
}
