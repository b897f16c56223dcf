package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"wardroom/bot/problem"
)

// Limits of what is shown of Discord's own words.
const (
	maxReason = 300 // characters of a message
	maxFields = 5   // fields of an invalid request that are named
)

// ErrAmbiguous says that a request may have arrived and its answer did not: the
// caller looks before it sends again. Only requests that are not repeatable end so.
var ErrAmbiguous = errors.New("discord may have carried this out: no answer came")

// Error is what Discord answered instead of doing it. [Client.Do] returns it inside
// a [problem.Error]; look for it with [CodeOf] or errors.As.
type Error struct {
	Method, Route string // the route without ids of things: "/channels/{id}/messages"
	Status        int    // of HTTP
	Code          int    // of Discord; 0 when it gave none
	Message       string // Discord's own words, cleaned and cut
	Errors        json.RawMessage
	// Needs are the permissions that the route takes: what may be missing when the
	// request is forbidden. 0 when that is not known.
	Needs Permissions

	json bool // Discord itself answered, not something before it
}

// Error is a line for the log.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %d", e.Method, e.Route, e.Status)
	if e.Code != 0 {
		s += fmt.Sprintf(", code %d", e.Code)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if f := e.Fields(); f != "" {
		s += ": " + f
	}
	return s
}

// CodeOf is Discord's code in err's chain, 0 when there is none.
func CodeOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// IsCategoryFull reports whether a channel could not be put into a category because
// 50 are there.
func IsCategoryFull(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == InvalidFormBody && strings.Contains(string(e.Errors), "CHANNEL_PARENT_MAX_CHANNELS")
}

// Problem is e for a person. Its code says whether repeating may help: Invalid,
// Forbidden and NotFound are final for whoever follows a timeline, so they stand
// only for what Discord itself said of this one request. Everything else, a proxy's
// page or a full server included, is Unavailable.
func (e *Error) Problem() *problem.Error {
	act := "do this"
	if a, ok := acts[e.Method+" "+e.Route]; ok {
		act = a.says
	}
	code, why := e.verdict()
	p := problem.New(code, "Discord cannot %s: %s", act, why).Because(e)
	switch {
	case code == problem.Forbidden && e.Needs != 0:
		return p.WithHint("the bot needs %s there, in its role or in the channel's permissions", e.Needs)
	case code == problem.Unauthentic:
		return p.WithHint("reset the token under Bot in the Developer Portal, and give the new one to the bot")
	}
	return p
}

func (e *Error) verdict() (problem.Code, string) {
	why := sentences[e.Code]
	if why == "" {
		why = e.Message
	}
	switch {
	case !e.json:
		return problem.Unavailable, fmt.Sprintf("something in front of it answered %d", e.Status)
	case e.Status >= 500:
		return problem.Unavailable, fmt.Sprintf("it is out of order (%d)", e.Status)
	case e.Status == http.StatusTooManyRequests:
		return problem.Unavailable, "it asks to slow down"
	case e.Code == InvalidWebhookToken || e.Code == UnknownInteraction:
		return problem.NotFound, why
	case e.Code == AlreadyAcknowledged:
		return problem.Conflict, why
	case e.Status == http.StatusUnauthorized:
		return problem.Unauthentic, "it refuses the bot's token"
	case e.Code == InvalidFormBody:
		return e.form()
	case e.Status == http.StatusForbidden, e.Code == MissingAccess, e.Code == MissingPermissions:
		return problem.Forbidden, e.forbidden(why)
	case e.Status == http.StatusNotFound, e.Code >= 10001 && e.Code < 11000:
		return problem.NotFound, why
	case e.Code >= 20000 && e.Code < 40000, e.Code == ThreadArchived, e.Code == MaxActiveThreads:
		return problem.Unavailable, why // a limit of the server or channel: room can be made
	case e.Code == RequestTooLarge || e.Status == http.StatusRequestEntityTooLarge:
		return problem.Invalid, "it is larger than Discord takes"
	case e.Status == http.StatusBadRequest, e.Status == http.StatusMethodNotAllowed:
		return problem.Invalid, why
	}
	return problem.Unavailable, fmt.Sprintf("%s (%d)", why, e.Status)
}

// form is the verdict on a request with wrong fields. A full category comes as such
// too, and is nothing wrong with the request.
func (e *Error) form() (problem.Code, string) {
	if strings.Contains(string(e.Errors), "CHANNEL_PARENT_MAX_CHANNELS") {
		return problem.Unavailable, "the category holds as many channels as Discord allows (50)"
	}
	if f := e.Fields(); f != "" {
		return problem.Invalid, f
	}
	return problem.Invalid, e.Message
}

func (e *Error) forbidden(why string) string {
	switch {
	case e.Code == MissingAccess:
		return "the bot cannot see the channel"
	case e.Code == MissingPermissions && e.Needs != 0:
		return "the bot lacks a permission: " + e.Needs.String()
	case e.Code == MissingPermissions:
		return "the bot lacks a permission"
	}
	return why
}

// Fields are the wrong fields of an invalid request, in one line:
// "embeds[0].title: Must be 256 or fewer in length." "" when none is named.
func (e *Error) Fields() string {
	var tree any
	if len(e.Errors) == 0 || json.Unmarshal(e.Errors, &tree) != nil {
		return ""
	}
	var found []string
	flatten("", tree, &found)
	if more := len(found) - maxFields; more > 0 {
		found = append(found[:maxFields], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(found, "; ")
}

// flatten reads Discord's tree: field names and list positions lead to "_errors".
// https://discord.com/developers/docs/reference#error-messages
func flatten(at string, node any, found *[]string) {
	tree, ok := node.(map[string]any)
	if !ok {
		return
	}
	if list, ok := tree["_errors"].([]any); ok {
		for _, item := range list {
			said, _ := item.(map[string]any)
			words, _ := said["message"].(string)
			line := clean(words)
			if at != "" {
				line = clean(at) + ": " + line
			}
			*found = append(*found, line)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		switch {
		case key == "_errors":
		case strings.Trim(key, "0123456789") == "":
			flatten(at+"["+key+"]", tree[key], found)
		case at == "":
			flatten(key, tree[key], found)
		default:
			flatten(at+"."+key, tree[key], found)
		}
	}
}

// clean makes one short line of what came from outside.
func clean(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason]) + "…"
	}
	return s
}

// ambiguous is a request that may have arrived.
type ambiguous struct{ cause error }

func (a ambiguous) Error() string   { return ErrAmbiguous.Error() + ": " + a.cause.Error() }
func (a ambiguous) Unwrap() []error { return []error{ErrAmbiguous, a.cause} }
