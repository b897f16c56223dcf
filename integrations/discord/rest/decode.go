package rest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// knownComponents are the types of components that the library reads. It refuses a
// whole message for one that it does not know: 18 Label, 19 FileUpload, 21-23 …
// https://discord.com/developers/docs/components/reference#component-object-component-types
const knownComponents = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 17 "

// KnownComponents returns raw, a JSON document of Discord's, without the components
// that the library does not know; sections without their accessory go too. What is
// no JSON comes back as it is. Events of the gateway need it as well as answers.
func KnownComponents(raw []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // ids and bit fields keep all their digits
	var v any
	if d.Decode(&v) != nil || !prune(v) {
		return raw
	}
	if known, err := json.Marshal(v); err == nil {
		return known
	}
	return raw
}

// prune drops unknown components below v and reports whether there was one.
func prune(v any) (changed bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			changed = prune(e) || changed
		}
	case map[string]any:
		for key, e := range v {
			list, ok := e.([]any)
			if key == "components" && ok {
				if kept := slices.DeleteFunc(list, unknown); len(kept) < len(list) {
					v[key], changed = kept, true
				}
			}
			changed = prune(v[key]) || changed
		}
	}
	return changed
}

func unknown(component any) bool {
	c, ok := component.(map[string]any)
	if !ok || !isKnown(c) {
		return true
	}
	accessory, has := c["accessory"].(map[string]any)
	return c["type"] == json.Number("9") && (!has || !isKnown(accessory))
}

func isKnown(component map[string]any) bool {
	n, ok := component["type"].(json.Number)
	return ok && bytes.Contains([]byte(knownComponents), []byte(" "+n.String()+" "))
}

// decode reads an answer. When the library refuses it, it is read again without the
// components that it cannot know.
func decode(raw []byte, out any) error {
	err := json.Unmarshal(raw, out)
	if err == nil {
		return nil
	}
	known := KnownComponents(raw)
	if bytes.Equal(known, raw) {
		return err
	}
	return json.Unmarshal(known, out)
}
