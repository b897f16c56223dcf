package timeline

import "testing"

func TestPatchDoc(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		sets []Set
		want string
	}{
		"appended":                 {`{"a":1}`, []Set{{"b", `"x"`}}, `{"a":1,"b":"x"}`},
		"into an empty object":     {`{}`, []Set{{"b", `2`}}, `{"b":2}`},
		"replaced in place":        {`{"a":1,"b":{"c":[1,2]},"d":3}`, []Set{{"b", `null`}}, `{"a":1,"b":null,"d":3}`},
		"the name nested only":     {`{"labels":{"b":"x"},"a":"\"b\":"}`, []Set{{"b", `1`}}, `{"labels":{"b":"x"},"a":"\"b\":","b":1}`},
		"nested before it":         {`{"labels":{"b":"x"},"b":"y}"}`, []Set{{"b", `1`}}, `{"labels":{"b":"x"},"b":1}`},
		"several, the first again": {`{"a":1}`, []Set{{"b", `1`}, {"c", `2`}, {"b", `3`}}, `{"a":1,"b":3,"c":2}`},
	} {
		before := c.doc
		got, err := PatchDoc([]byte(c.doc), c.sets)
		if err != nil || string(got) != c.want || c.doc != before {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
	for _, doc := range []string{"", "[]", "null", "3"} {
		if got, err := PatchDoc([]byte(doc), []Set{{"a", "1"}}); err == nil {
			t.Errorf("%q was patched to %s", doc, got)
		}
	}
	if _, err := PatchDoc([]byte(`{}`), []Set{{"a", 1}}); err == nil {
		t.Error("a value that is not JSON was accepted")
	}
}
