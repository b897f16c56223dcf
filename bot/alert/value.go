package alert

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The number that an alert is about stands in the annotation value, or in the
// text of one of these, tried in this order.
const valueAnnotation = "value"

var valueTexts = [...]string{"summary", "description"}

// firstValue is the number that an alert carries when it is first heard of: what
// its annotation value says. A number in a text may be the threshold, a status
// code or a duration, so it is no value before it has moved; nil until then.
func firstValue(annotations map[string]string, at time.Time) *Value {
	n, ok := plainNumber(annotations[valueAnnotation])
	if !ok {
		return nil
	}
	return &Value{First: n, Peak: n, Last: n, PeakAt: at}
}

// follow returns what v becomes when the annotations change from before to after.
// It returns v itself when no number moved.
//
// The annotation value wins where it is a number. Else the number is looked for
// in the first text in which one moved. A text may hold several: the one that is
// followed already stays followed; while none has moved yet, it is the first
// that moves, so that in "load over 5 min is 34" the 34 is followed.
func (v *Value) follow(before, after map[string]string, began, at time.Time) *Value {
	if n, ok := plainNumber(after[valueAnnotation]); ok {
		old, had := plainNumber(before[valueAnnotation])
		if !had {
			old = n
		} else if old == n {
			return v
		}
		return v.move(old, n, began, at)
	}
	for _, name := range valueTexts {
		if before[name] == after[name] {
			continue
		}
		was, is := numbers(before[name]), numbers(after[name])
		if len(was) == 0 || len(is) == 0 {
			continue
		}
		if i := v.which(was, is); was[i] != is[i] {
			return v.move(was[i], is[i], began, at)
		}
	}
	return v
}

// which number of the text is followed. Both texts hold one at least.
func (v *Value) which(was, is []float64) int {
	if len(was) != len(is) {
		return 0
	}
	if v != nil {
		for i := range was {
			if was[i] == v.Last && (was[i] != is[i] || v.moved()) {
				return i
			}
		}
	}
	for i := range was {
		if was[i] != is[i] {
			return i
		}
	}
	return 0
}

func (v *Value) moved() bool { return v.First != v.Last || v.Peak != v.First }

// move goes from old to n. When v is not about this number, as its last value
// is not old, the following starts anew at old.
func (v *Value) move(old, n float64, began, at time.Time) *Value {
	next := Value{First: old, Peak: old, Last: n, PeakAt: began}
	if v != nil && v.Last == old {
		next = Value{First: v.First, Peak: v.Peak, Last: n, PeakAt: v.PeakAt}
	}
	if n > next.Peak {
		next.Peak, next.PeakAt = n, at
	}
	return &next
}

func plainNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 32 {
		return 0, false
	}
	n, rest, ok := leadingNumber(s)
	return n, ok && rest == ""
}

// maxNumbers bounds how many numbers of a text are looked at.
const maxNumbers = 16

// numbers returns those numbers in a text that stand by themselves: not digits
// inside a name ("lke13311-16405"), an address, a time or a version.
func numbers(s string) []float64 {
	var found []float64
	boundary := true
	for i := 0; i < len(s) && len(found) < maxNumbers; {
		if boundary && (isDigit(s[i]) || (s[i] == '-' && i+1 < len(s) && isDigit(s[i+1]))) {
			if n, rest, ok := leadingNumber(s[i:]); ok && endsNumber(rest) {
				found = append(found, n)
				i, boundary = len(s)-len(rest), false
				continue
			}
			for i < len(s) && !opens(s[i]) { // the rest of the word
				i++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		boundary = r < utf8.RuneSelf && opens(s[i])
		i += size
	}
	return found
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// opens reports whether a number may begin after c.
func opens(c byte) bool { return strings.IndexByte(" \t\n\r([{<>=\"'`*_~,;|$", c) >= 0 }

// endsNumber reports whether a number may end before rest.
func endsNumber(rest string) bool {
	if rest == "" || rest[0] == '%' {
		return true
	}
	if strings.IndexByte(".,:;!?", rest[0]) >= 0 {
		return len(rest) == 1 || opens(rest[1])
	}
	return rest[0] >= utf8.RuneSelf || strings.IndexByte(" \t\n\r)]}<>=\"'`*_~|", rest[0]) >= 0
}

// leadingNumber reads a decimal number with an optional unit of at most three
// letters; of the units, k, M, G, T, P and Ki … Pi multiply, as Prometheus'
// humanize and humanize1024 write them.
func leadingNumber(s string) (float64, string, bool) {
	i := 0
	if s[0] == '-' || s[0] == '+' {
		i++
	}
	start := i
	for i < len(s) && (isDigit(s[i]) || (s[i] == '.' && i > start && i+1 < len(s) && isDigit(s[i+1]))) {
		i++
	}
	if i == start || i > 24 {
		return 0, s, false
	}
	end := i
	if i+1 < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if s[j] == '+' || s[j] == '-' {
			j++
		}
		if k := j; k < len(s) && isDigit(s[k]) {
			for k < len(s) && isDigit(s[k]) {
				k++
			}
			i, end = k, k
		}
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, s, false
	}
	for i < len(s) && (s[i]|0x20) >= 'a' && (s[i]|0x20) <= 'z' {
		i++
	}
	if i-end > 3 {
		return 0, s, false
	}
	return n * multiplier(s[end:i]), s[i:], true
}

func multiplier(unit string) float64 {
	if unit == "" || unit == "m" {
		return 1
	}
	base := 1000.0
	if len(unit) > 1 && unit[1] == 'i' {
		base = 1024
	} else if len(unit) > 1 && unit[1] != 'B' {
		return 1 // ms, min, GHz … : compared as they are written
	}
	f := 1.0
	for range strings.IndexByte("kMGTP", unit[0]) + 1 {
		f *= base
	}
	if unit[0] == 'K' {
		f = base
	}
	return f
}
