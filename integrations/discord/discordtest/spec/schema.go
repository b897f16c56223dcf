package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// schemas compiles the document's schemas when they are first used and keeps them:
// an OpenAPI 3.1 schema is a JSON Schema of 2020-12 as it stands. (kin-openapi
// compiles a schema anew for every value, 5 to 15 ms each; a test here holds its
// verdicts against ours.)
type schemas struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

const documentURL = "https://discord.com/openapi.json"

func newSchemas(raw []byte, strict bool) (*schemas, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if strict {
		closeObjects(value)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "snowflake", Validate: validSnowflake})
	if err := c.AddResource(documentURL, value); err != nil {
		return nil, err
	}
	return &schemas{compiler: c, compiled: map[string]*jsonschema.Schema{}}, nil
}

// closeObjects makes every object that lists its properties refuse others, so that
// a misspelt field, which Discord would silently ignore, is found.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, listed := v["properties"].(map[string]any)
		_, open := v["additionalProperties"]
		_, all := v["allOf"]
		if listed && !open && !all && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// validSnowflake holds an id to 64 bits: the document's pattern knows digits only.
func validSnowflake(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if len(s) > len("18446744073709551615") {
		return fmt.Errorf("%s is longer than 64 bits", cut(s, 40))
	}
	return nil
}

func (s *schemas) get(at string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.compiled[at]; c != nil {
		return c, nil
	}
	c, err := s.compiler.Compile(documentURL + at)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", at, err)
	}
	s.compiled[at] = c
	return c, nil
}

// fault is one value that a schema refuses.
type fault struct {
	At   []string // steps to the value
	Why  string
	kind jsonschema.ErrorKind
}

// check holds a value, decoded with json.Number, to the schema at a pointer.
func (s *schemas) check(at string, value any) ([]fault, error) {
	c, err := s.get(at)
	if err != nil {
		return nil, err
	}
	err = c.Validate(value)
	if err == nil {
		return nil, nil
	}
	tree, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return nil, err
	}
	return likeliest(tree), nil
}

// likeliest flattens the validator's tree. Of a union it keeps the branch that was
// meant: branches for another "type", and null, are left out, and of the others
// the one with the fewest faults counts.
func likeliest(e *jsonschema.ValidationError) []fault {
	_, one := e.ErrorKind.(*kind.OneOf)
	_, some := e.ErrorKind.(*kind.AnyOf)
	switch {
	case len(e.Causes) == 0:
		return []fault{{e.InstanceLocation, e.ErrorKind.LocalizedString(english()), e.ErrorKind}}
	case !one && !some:
		var all []fault
		for _, c := range e.Causes {
			all = append(all, likeliest(c)...)
		}
		return all
	}
	var best []fault
	least := -1
	for _, c := range e.Causes {
		faults := likeliest(c)
		weight := len(faults)
		for _, f := range faults {
			weight += otherBranch(f, len(e.InstanceLocation))
		}
		if least < 0 || weight < least {
			best, least = faults, weight
		}
	}
	return best
}

// otherBranch weighs a fault that says the value was never meant for this branch of
// a union, whose value stands at a depth.
func otherBranch(f fault, depth int) int {
	const never = 1000
	_, isType := f.kind.(*kind.Type)
	switch {
	case len(f.At) == depth && isType:
		return never
	case len(f.At) == depth+1 && f.At[depth] == "type":
		return never
	}
	if _, required := f.kind.(*kind.Required); required {
		return 1
	}
	return 0
}

var english = sync.OnceValue(func() *message.Printer { return message.NewPrinter(language.English) })

// unknownFields are the fields that the strict schemas do not name and that say
// something: libraries write their zero values everywhere.
func unknownFields(faults []fault, value any) []fault {
	var unknown []fault
	for _, f := range faults {
		extra, ok := f.kind.(*kind.AdditionalProperties)
		if !ok {
			continue
		}
		object, _ := lookup(value, f.At).(map[string]any)
		for _, name := range extra.Properties {
			if !says(object[name]) {
				continue
			}
			unknown = append(unknown, fault{At: append(slices.Clone(f.At), name), Why: "Discord knows no such field here"})
		}
	}
	return unknown
}

// says tells whether a value is more than nothing.
func says(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		return v != "0"
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// lookup follows steps into a decoded value; nil when they lead nowhere.
func lookup(v any, steps []string) any {
	for _, step := range steps {
		switch t := v.(type) {
		case map[string]any:
			v = t[step]
		case []any:
			var i int
			if _, err := fmt.Sscanf(step, "%d", &i); err != nil || i < 0 || i >= len(t) {
				return nil
			}
			v = t[i]
		default:
			return nil
		}
	}
	return v
}

// path writes steps as a reader of JSON would: embeds[0].title.
func path(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s != "" && strings.Trim(s, "0123456789") == "":
			fmt.Fprintf(&b, "[%s]", s)
		case b.Len() > 0:
			b.WriteString("." + s)
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

// cut shortens what is shown of a value.
func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d characters)", string(r[:most]), len(r))
}
