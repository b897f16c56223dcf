package spec

import (
	"encoding/json"
	"regexp"
	"strings"
)

// bitfields travel as strings, and the document calls them integers: its README says
// that a string is taken where it can be read as an integer.
var bitfields = map[string]bool{"allow": true, "deny": true, "default_member_permissions": true, "permissions": true}

var digits = regexp.MustCompile(`^[0-9]{1,19}$`)

// forSchema rewrites what the document types otherwise than Discord takes it: bit
// fields as strings, and the id of an attachment, which Discord's own examples give
// as a number.
func forSchema(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			switch s, isString := inner.(string); {
			case isString && bitfields[name] && digits.MatchString(s):
				v[name] = json.Number(s)
			case name == "attachments":
				v[name] = attachmentIDs(inner)
			default:
				v[name] = forSchema(inner)
			}
		}
		forward(v)
	case []any:
		for i := range v {
			v[i] = forSchema(v[i])
		}
	}
	return v
}

func attachmentIDs(v any) any {
	items, ok := v.([]any)
	if !ok {
		return forSchema(v)
	}
	for _, item := range items {
		if a, ok := item.(map[string]any); ok {
			if id, ok := a["id"].(json.Number); ok && digits.MatchString(id.String()) {
				a["id"] = id.String()
			}
		}
	}
	return forSchema(items)
}

// forward takes the type away from the reference of a forwarded message: the document
// lists only replies (0), Discord takes forwards (1) as well. Rules look at
// isForward instead.
func forward(v map[string]any) {
	ref, ok := v["message_reference"].(map[string]any)
	if ok && ref["type"] == json.Number("1") {
		ref["type"] = json.Number("0")
		v[forwardMark] = nil // null: no rule about unknown fields minds it
	}
}

const forwardMark = "a forward"

func isForward(v map[string]any) bool { _, ok := v[forwardMark]; return ok }

// meant is the schema that a body was meant for. Where the document has a union that
// can only be told apart by looking, its message would speak of the wrong branch.
func (c *Checker) meant(op *operation, value any) string {
	body, _ := value.(map[string]any)
	name := ""
	switch op.ID {
	case "create_interaction_response":
		name = callbackSchemas[show(body["type"])]
	case "update_channel":
		name = "UpdateGuildChannelRequestPartial"
		for field := range body {
			if strings.Contains(" archived locked invitable auto_archive_duration applied_tags ", " "+field+" ") {
				name = "UpdateThreadRequestPartial"
			}
		}
	}
	if name == "" {
		return op.request
	}
	return "#/components/schemas/" + name
}

var callbackSchemas = map[string]string{
	"1": "PongInteractionCallbackRequest",
	"4": "CreateMessageInteractionCallbackRequest",
	"5": "CreateMessageInteractionCallbackRequest",
	"6": "UpdateMessageInteractionCallbackRequest",
	"7": "UpdateMessageInteractionCallbackRequest",
	"8": "ApplicationCommandAutocompleteCallbackRequest",
	"9": "ModalInteractionCallbackRequest",
}
