package discordtest

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is one of Discord's errors;
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
type apiError struct {
	status  int
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Errors  map[string]any `json:"errors,omitempty"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Message) }

var (
	errUnauthorized       = &apiError{status: http.StatusUnauthorized, Code: 0, Message: "401: Unauthorized"}
	errNotFound           = &apiError{status: http.StatusNotFound, Code: 0, Message: "404: Not Found"}
	errMethod             = &apiError{status: http.StatusMethodNotAllowed, Code: 0, Message: "405: Method Not Allowed"}
	errTooLarge           = &apiError{status: http.StatusRequestEntityTooLarge, Code: 40005, Message: "Request entity too large"}
	errUnknownChannel     = missing(10003, "Unknown Channel")
	errUnknownGuild       = missing(10004, "Unknown Guild")
	errUnknownMember      = missing(10007, "Unknown Member")
	errUnknownMessage     = missing(10008, "Unknown Message")
	errUnknownOverwrite   = missing(10009, "Unknown permission overwrite")
	errUnknownRole        = missing(10011, "Unknown Role")
	errUnknownUser        = missing(10013, "Unknown User")
	errUnknownEmoji       = &apiError{status: http.StatusBadRequest, Code: 10014, Message: "Unknown Emoji"}
	errUnknownWebhook     = missing(10015, "Unknown Webhook")
	errUnknownInteraction = missing(10062, "Unknown interaction")
	errUnknownCommand     = missing(10063, "Unknown application command")
	errMaxPins            = bad(30003, "Maximum number of pins reached for the channel (250)")
	errMaxChannels        = bad(30013, "Maximum number of guild channels reached (500)")
	errMaxCommands        = bad(30034, "Maximum number of daily application command creates has been reached (200)")
	errAnswered           = bad(40060, "Interaction has already been acknowledged.")
	errMissingAccess      = forbidden(50001, "Missing Access")
	errOtherAuthor        = forbidden(50005, "Cannot edit a message authored by another user")
	errEmptyMessage       = bad(50006, "Cannot send an empty message")
	errNotText            = bad(50008, "Cannot send messages in a non-text channel")
	errMissingPermissions = forbidden(50013, "Missing Permissions")
	errInvalidToken       = &apiError{status: http.StatusUnauthorized, Code: 50027, Message: "Invalid Webhook Token"}
	errArchived           = bad(50083, "Thread is archived")
	errMalformed          = bad(50109, "The request body contains invalid JSON.")
)

func missing(code int, text string) *apiError {
	return &apiError{status: http.StatusNotFound, Code: code, Message: text}
}

func bad(code int, text string) *apiError {
	return &apiError{status: http.StatusBadRequest, Code: code, Message: text}
}

func forbidden(code int, text string) *apiError {
	return &apiError{status: http.StatusForbidden, Code: code, Message: text}
}

// form collects what is wrong with the fields of a body, as the tree of errors that
// stands in a 50035; https://discord.com/developers/docs/reference#error-messages
type form struct{ tree map[string]any }

// add notes an error of the field at a path as "embeds.0.title".
func (f *form) add(path, code, text string) {
	if f.tree == nil {
		f.tree = map[string]any{}
	}
	at := f.tree
	for p := range strings.SplitSeq(path, ".") {
		next, ok := at[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[p] = next
		}
		at = next
	}
	list, _ := at["_errors"].([]map[string]string)
	at["_errors"] = append(list, map[string]string{"code": code, "message": text})
}

// length refuses a text of more characters than most or, when it is required, of none.
func (f *form) length(path, text string, least, most int) {
	n := len([]rune(text))
	switch {
	case n < least && n == 0:
		f.add(path, "BASE_TYPE_REQUIRED", "This field is required")
	case n < least || n > most:
		if least > 0 {
			f.add(path, "BASE_TYPE_BAD_LENGTH", fmt.Sprintf("Must be between %d and %d in length.", least, most))
		} else {
			f.add(path, "BASE_TYPE_MAX_LENGTH", fmt.Sprintf("Must be %d or fewer in length.", most))
		}
	}
}

// count refuses a list of more than most.
func (f *form) count(path string, n, most int) {
	if n > most {
		f.add(path, "BASE_TYPE_BAD_LENGTH", fmt.Sprintf("Must be between 0 and %d in length.", most))
	}
}

func (f *form) err() error {
	if f.tree == nil {
		return nil
	}
	return &apiError{status: http.StatusBadRequest, Code: 50035, Message: "Invalid Form Body", Errors: f.tree}
}
