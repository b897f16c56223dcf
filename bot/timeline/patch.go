package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// PatchDoc returns doc, a JSON object, with members set: one that is there is
// replaced where it stands, one that is not is appended. Every store patches with
// it, so the same patches give the same bytes. doc itself is not changed.
func PatchDoc(doc []byte, members []Set) ([]byte, error) {
	end := bytes.LastIndexByte(doc, '}')
	if end < 1 {
		return nil, fmt.Errorf("timeline: a document that is no object: %.40q", doc)
	}
	room := end + 1
	for _, m := range members {
		value, ok := m.Value.(string)
		if !ok {
			return nil, fmt.Errorf("timeline: member %s: want JSON, not a %T", m.Name, m.Value)
		}
		room += len(m.Name) + len(value) + len(`,"":`)
	}
	patched := append(make([]byte, 0, room), doc[:end+1]...)
	for _, m := range members {
		name, value := `"`+m.Name+`":`, m.Value.(string)
		// Most documents do not hold the name at all: then there is nothing to look for.
		if bytes.Contains(patched, []byte(name)) {
			from, to, found, err := memberOf(patched, m.Name)
			if err != nil {
				return nil, err
			}
			if found {
				patched = slices.Replace(patched, from, to, []byte(value)...)
				continue
			}
		}
		patched = patched[:len(patched)-1]
		if patched[len(patched)-1] != '{' {
			patched = append(patched, ',')
		}
		patched = append(append(append(patched, name...), value...), '}')
	}
	return patched, nil
}

// memberOf finds the value of a top-level member.
func memberOf(doc []byte, name string) (from, to int, found bool, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	if _, err := d.Token(); err != nil {
		return 0, 0, false, fmt.Errorf("timeline: patch: %w", err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, 0, false, fmt.Errorf("timeline: patch: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, false, fmt.Errorf("timeline: patch: %w", err)
		}
		if key == name {
			to = int(d.InputOffset())
			return to - len(value), to, true, nil
		}
	}
	return 0, 0, false, nil
}
