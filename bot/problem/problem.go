// Package problem holds the one error type that people are shown: a code for
// machines, a sentence for the person who asked, a hint for whoever can mend it.
//
// Everything else stays an ordinary wrapped error and is shown as "internal
// error" with an id that is also in the log.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Code classifies a problem. Codes are stable: scripts and tests rely on them.
type Code string

const (
	Invalid     Code = "invalid"     // the request cannot be understood; repeating it does not help
	Unauthentic Code = "unauthentic" // nobody is signed in, or the credential is wrong
	Forbidden   Code = "forbidden"   // this person may not do this
	NotFound    Code = "not_found"   // the object does not exist
	Conflict    Code = "conflict"    // the state has moved on; look again
	TooLarge    Code = "too_large"   // over a stated limit
	Unsupported Code = "unsupported" // the content type or capability is not served
	Unavailable Code = "unavailable" // it may work later; repeating is safe
	Internal    Code = "internal"    // a defect or an unforeseen fault
)

// Error is a problem that a person can act on.
type Error struct {
	Code    Code
	Message string // one sentence for the person who asked: what, and where
	Hint    string // how to mend it; may be empty
	Err     error  // the cause; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// New makes a problem. format and args make the sentence for the person.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e with a hint for whoever can mend it.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy of e with its cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// CodeOf returns the code of the first problem in err's chain, Internal when
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if p, ok := errors.AsType[*Error](err); ok {
		return p.Code
	}
	return Internal
}

// Is reports whether err is a problem of this code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// HTTPStatus is the response status that a code stands for. Unavailable is 503
// and never 429: Alertmanager gives a notification up that is answered with 4xx.
func (c Code) HTTPStatus() int {
	switch c {
	case Invalid:
		return http.StatusBadRequest
	case Unauthentic:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Unsupported:
		return http.StatusUnsupportedMediaType
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// OneOf is what a hint says of a choice: "one of markdown, rst, json".
func OneOf[T ~string](choices []T) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	return "one of " + strings.Join(words, ", ")
}
