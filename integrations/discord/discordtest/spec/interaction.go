package spec

import (
	"encoding/json"
	"strings"
)

// Types of answers to an interaction.
// https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type
const (
	pong           = 1
	withMessage    = 4
	deferred       = 5
	deferredUpdate = 6
	updateMessage  = 7
	autocomplete   = 8
	modal          = 9
)

// callback holds an answer to an interaction to the rules of its type.
func callback(v any, files []string) []violation {
	var all found
	c := asObject(v)
	data := c.object("data")
	switch kind := c.int("type"); kind {
	case pong, deferredUpdate:
		if says(c["data"]) {
			all.add("callback", "data", show(c["data"]), "this type (%d) carries none", kind)
		}
	case deferred:
		for field := range data {
			if field != "flags" && says(data[field]) {
				all.add("callback", "data."+field, show(data[field]), "an answer that comes later says nothing now but its flags")
			}
		}
		if extra := data.int("flags") &^ (ephemeral | suppressEmbeds | componentsV2); extra != 0 {
			all.add("flags", "data.flags", show(data["flags"]), "the bits %#x mean nothing here", extra)
		}
	case withMessage:
		if data == nil {
			all.add("callback", "data", "", "this type (4) carries a message")
			return all
		}
		all = append(all, checkMessage(data, "data", answered, files)...)
	case updateMessage:
		all = append(all, checkMessage(data, "data", updated, files)...)
	case autocomplete:
		all = append(all, checkChoices(data.list("choices"), "data.choices")...)
	case modal:
		all = append(all, checkModal(data, "data")...)
	default:
		all.add("callback", "type", show(c["type"]), "the types that we answer with are 1 and 4 to 9")
	}
	return all
}

// checkChoices holds the choices of an option, fixed or from autocomplete.
func checkChoices(choices []any, at string) []violation {
	var all found
	if len(choices) > 25 {
		all.add("choices", at, "", "there are at most 25 choices, not %d", len(choices))
	}
	var names []string
	for i, v := range choices {
		c, where := asObject(v), in(at, i)
		all.limit("choices", join(where, "name"), c.text("name"), 1, 100)
		if strings.TrimSpace(c.text("name")) == "" && c.text("name") != "" {
			all.add("choices", join(where, "name"), c.text("name"), "it is blank")
		}
		switch value := c["value"].(type) {
		case string:
			all.limit("choices", join(where, "value"), value, 0, 100)
			if value == "" { // our own rule: the document lets it pass
				all.add("choices", join(where, "value"), "", "whoever picks an empty value has picked nothing: leave the choice out")
			}
		case json.Number:
		default:
			all.add("choices", join(where, "value"), show(value), "it is a text or a number")
		}
		names = append(names, c.text("name"))
	}
	all.unique("choices", at, names)
	return all
}

// checkModal holds a modal to the rules.
// https://discord.com/developers/docs/components/reference#text-input
func checkModal(m object, at string) []violation {
	var w walk
	w.limit("modal", join(at, "title"), m.text("title"), 1, 45)
	w.limit("custom-id", join(at, "custom_id"), m.text("custom_id"), 1, 100)
	components := m.list("components")
	if len(components) < 1 || len(components) > 5 {
		w.add("modal", join(at, "components"), "", "a modal has 1 to 5 rows, not %d", len(components))
	}
	for i, v := range components {
		c, where := asObject(v), in(join(at, "components"), i)
		switch c.int("type") {
		case actionRow:
			inner := c.list("components")
			if len(inner) != 1 {
				w.add("modal", where, "", "a row of a modal has one text input, not %d", len(inner))
			}
			for j, input := range inner {
				w.input(asObject(input), in(join(where, "components"), j), true)
			}
		case label:
			w.limit("modal", join(where, "label"), c.text("label"), 1, 45)
			w.limit("modal", join(where, "description"), c.text("description"), 0, 100)
			inner := c.object("component")
			if inner.int("type") == textInput {
				w.input(inner, join(where, "component"), false)
			} else if isSelect(inner.int("type")) {
				w.selects(inner, join(where, "component"))
			}
		case textDisplay:
		default:
			w.add("modal", where, show(c["type"]), "a modal has rows with text inputs, labels or texts")
		}
	}
	w.unique("custom-id", join(at, "components"), w.customIDs)
	return w.found
}

// input: in an action row it has its own label, in a Label component it has none.
func (w *walk) input(c object, at string, inRow bool) {
	if kind := c.int("type"); kind != textInput {
		w.add("modal", at, show(c["type"]), "a row of a modal has a text input only")
		return
	}
	w.custom(c, at)
	if inRow {
		w.limit("modal", join(at, "label"), c.text("label"), 1, 45)
	} else if says(c["label"]) {
		w.add("modal", join(at, "label"), c.text("label"), "the label stands in the component around it")
	}
	w.limit("modal", join(at, "placeholder"), c.text("placeholder"), 0, 100)
	least, most := c.int("min_length"), int64(4000)
	if n, ok := c.number("max_length"); ok {
		most = n
	}
	if least < 0 || most < 1 || most > 4000 || least > most {
		w.add("modal", at, "", "min_length %d and max_length %d do not go together (0 to 4000, 1 to 4000)", least, most)
	}
	if n := int64(length(c.text("value"))); n > most || n > 0 && n < least {
		w.add("modal", join(at, "value"), c.text("value"), "it has %d to %d characters, not %d", least, most, n)
	}
}
