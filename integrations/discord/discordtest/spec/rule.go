package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// rule holds the decoded body of an operation to what the document cannot say. Files
// are the names of the files beside a multipart body.
type rule func(value any, files []string) []violation

// rules by operation id.
var rules = map[string]rule{
	"create_message":                      messages(channelMessage),
	"update_message":                      messages(channelEdit),
	"execute_webhook":                     messages(followup),
	"update_webhook_message":              messages(webhookEdit),
	"update_original_webhook_message":     messages(webhookEdit),
	"create_interaction_response":         callback,
	"create_guild_channel":                createChannel,
	"update_channel":                      updateChannel,
	"create_thread":                       named,
	"create_thread_from_message":          named,
	"bulk_set_application_commands":       commandList,
	"bulk_set_guild_application_commands": commandList,
	"create_application_command":          oneCommand,
	"create_guild_application_command":    oneCommand,
	"update_application_command":          oneCommand,
	"update_guild_application_command":    oneCommand,
}

// object is a decoded JSON object, read leniently: what has the wrong type is the
// document's business and reads as absent here.
type object map[string]any

func asObject(v any) object { o, _ := v.(map[string]any); return o }

func (o object) text(name string) string { s, _ := o[name].(string); return s }

func (o object) list(name string) []any { l, _ := o[name].([]any); return l }

func (o object) object(name string) object { return asObject(o[name]) }

func (o object) truth(name string) bool { b, _ := o[name].(bool); return b }

// number returns an integer, and whether there is one.
func (o object) number(name string) (int64, bool) {
	n, ok := o[name].(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return i, err == nil
}

func (o object) int(name string) int64 { n, _ := o.number(name); return n }

// present tells whether a field stands there and is not null.
func (o object) present(name string) bool { return o[name] != nil }

// length counts as Discord does: code points.
func length(s string) int { return utf8.RuneCountInString(s) }

// limit holds a text to a length between least and most.
func (f *found) limit(rule, at, s string, least, most int) {
	if n := length(s); n < least || n > most {
		f.add(rule, at, s, "it has %d to %d characters, not %d", least, most, n)
	}
}

// unique adds a violation for each value that stands twice.
func (f *found) unique(rule, at string, values []string) {
	values = slices.Sorted(slices.Values(values))
	for i := 1; i < len(values); i++ {
		if values[i] == values[i-1] && (i < 2 || values[i-2] != values[i]) {
			f.add(rule, at, values[i], "it stands there more than once")
		}
	}
}

func in(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i) }

func join(at, field string) string {
	if at == "" {
		return field
	}
	return at + "." + field
}
