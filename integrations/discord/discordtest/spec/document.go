package spec

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// compressed is Discord's own description of its API; testdata/README.md says
// which one, and testdata/LICENSE that it may stand here.
//
//go:embed testdata/discord-openapi.json.gz
var compressed []byte

// Sum is the SHA-256 of the uncompressed document.
const Sum = "8c1d0707ccdf8e380a86dfba04058820a66435c1b69d5ed82e04dd8c0520dd73"

// operation is one method of one path.
type operation struct {
	ID     string
	Method string // upper case
	Path   string // as the document writes it, with {names}
	bot    bool   // only the bot's token opens it
	user   bool   // no bot may call it: it wants what a person granted
	body   bool   // a body must be there
	// Pointers into the document: "" where there is none.
	request string            // the schema of a JSON body
	answers map[string]string // status, as "200" or "4XX", to the schema of its JSON body
	params  []param
}

type param struct {
	Name, In string
	Required bool
	schema   string // a pointer
	integer  bool
	boolean  bool
	array    bool
}

// document is what the checks need of the OpenAPI document. It never changes.
type document struct {
	raw        []byte
	operations map[string]*operation
	routes     *node
	loose      *schemas // as the document says
	strict     *schemas // the same, and no object may hold what it does not name
}

// load reads the document once for all checkers of a test binary: it takes about a
// tenth of a second, its schemas are compiled when they are first needed.
var load = sync.OnceValues(func() (*document, error) {
	raw, err := decompress()
	if err != nil {
		return nil, fmt.Errorf("discord's openapi document: %w", err)
	}
	return parse(raw)
})

func decompress() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != Sum {
		return nil, fmt.Errorf("its sha256 is %x, expected %s", got, Sum)
	}
	return raw, nil
}

// The parts of OpenAPI that are read here; everything else is left to the schemas.
type (
	openAPI struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	openParam struct {
		Name     string     `json:"name"`
		In       string     `json:"in"`
		Required bool       `json:"required"`
		Schema   openSchema `json:"schema"`
	}
	openSchema struct {
		Type  any             `json:"type"`
		OneOf json.RawMessage `json:"oneOf"`
	}
	openOperation struct {
		OperationID string                `json:"operationId"`
		Parameters  []openParam           `json:"parameters"`
		Security    []map[string][]string `json:"security"`
		RequestBody *struct {
			Required bool                       `json:"required"`
			Content  map[string]json.RawMessage `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Ref     string                     `json:"$ref"`
			Content map[string]json.RawMessage `json:"content"`
		} `json:"responses"`
	}
)

func parse(raw []byte) (*document, error) {
	var api openAPI
	if err := json.Unmarshal(raw, &api); err != nil {
		return nil, err
	}
	doc := &document{raw: raw, operations: map[string]*operation{}, routes: &node{}}
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		item := api.Paths[path]
		var shared []openParam
		if err := unmarshal(item["parameters"], &shared); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, method := range []string{"get", "put", "post", "patch", "delete"} {
			if item[method] == nil {
				continue
			}
			var o openOperation
			if err := json.Unmarshal(item[method], &o); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			op := describe(o, method, path, shared)
			doc.operations[op.ID] = op
			doc.routes.add(op)
		}
	}
	var err error
	if doc.loose, err = newSchemas(raw, false); err != nil {
		return nil, err
	}
	doc.strict, err = newSchemas(raw, true)
	return doc, err
}

func unmarshal(raw json.RawMessage, into any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

func describe(o openOperation, method, path string, shared []openParam) *operation {
	base := "#/paths/" + pointer(path) + "/" + method
	op := &operation{ID: o.OperationID, Method: strings.ToUpper(method), Path: path, answers: map[string]string{}}
	for i, p := range shared {
		op.params = append(op.params, describeParam(p, fmt.Sprintf("#/paths/%s/parameters/%d/schema", pointer(path), i)))
	}
	for i, p := range o.Parameters {
		op.params = append(op.params, describeParam(p, fmt.Sprintf("%s/parameters/%d/schema", base, i)))
	}
	op.bot = len(o.Security) > 0 && !slices.ContainsFunc(o.Security, func(s map[string][]string) bool { return len(s) == 0 })
	op.user = op.bot && !slices.ContainsFunc(o.Security, func(s map[string][]string) bool { return s["BotToken"] != nil })
	if o.RequestBody != nil {
		op.body = o.RequestBody.Required
		if o.RequestBody.Content["application/json"] != nil {
			op.request = base + "/requestBody/content/" + pointer("application/json") + "/schema"
		}
	}
	for status, r := range o.Responses {
		at := base + "/responses/" + status
		if r.Ref != "" {
			at = r.Ref // the shared answers: errors and rate limits, all JSON
		}
		op.answers[status] = ""
		if r.Ref != "" || r.Content["application/json"] != nil {
			op.answers[status] = at + "/content/" + pointer("application/json") + "/schema"
		}
	}
	return op
}

func describeParam(p openParam, at string) param {
	return param{
		Name: p.Name, In: p.In, Required: p.Required, schema: at,
		integer: p.Schema.Type == "integer", boolean: p.Schema.Type == "boolean",
		array: p.Schema.Type == "array",
	}
}

// pointer escapes one step of a JSON pointer that stands in a fragment.
func pointer(step string) string {
	step = strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
	return strings.NewReplacer("{", "%7B", "}", "%7D").Replace(step)
}
