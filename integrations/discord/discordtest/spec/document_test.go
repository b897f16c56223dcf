package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// TestCommittedDocumentIsTheSharedOne speaks up when ../shared/specs holds another
// one: a newer document is a change that somebody reads.
func TestCommittedDocumentIsTheSharedOne(t *testing.T) {
	raw, err := os.ReadFile("../../../../../shared/specs/discord-openapi.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("../shared/specs is not here; the committed copy is what everything is held to, and its hash was checked")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != Sum {
		t.Errorf("../shared/specs/discord-openapi.json has changed (sha256 %x, committed %s): testdata/README.md says how to renew the copy", got, Sum)
	}
}

// TestWholeDocumentCompiles: every schema of every operation, in both readings, so
// that no check fails later for want of one.
func TestWholeDocumentCompiles(t *testing.T) {
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.operations) != 242 {
		t.Errorf("%d operations, the document has 242", len(doc.operations))
	}
	for id, op := range doc.operations {
		for _, at := range []string{op.request, "answers"} {
			if at == "" || at == "answers" {
				continue
			}
			if _, err := doc.strict.get(at); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			if _, err := doc.loose.get(at); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		for status, at := range op.answers {
			if at == "" {
				continue
			}
			if _, err := doc.loose.get(at); err != nil {
				t.Errorf("%s %s: %v", id, status, err)
			}
		}
		for _, p := range op.params {
			if _, err := doc.loose.get(p.schema); err != nil {
				t.Errorf("%s %s: %v", id, p.Name, err)
			}
		}
	}
	for id := range rules {
		if doc.operations[id] == nil {
			t.Errorf("there is a rule for %s, which the document does not know", id)
		}
	}
	for _, name := range callbackSchemas {
		if _, err := doc.loose.get("#/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryUsedOperationIsKnown holds the ids that the tests elsewhere count to the
// document, and lists with -v what to read again when the document is renewed.
func TestEveryUsedOperationIsKnown(t *testing.T) {
	c, err := New(prefix, t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	known := " " + strings.Join(c.Operations(), " ") + " "
	for _, id := range Used {
		if !strings.Contains(known, " "+id+" ") {
			t.Errorf("the document knows no %s", id)
		}
		op := c.doc.operations[id]
		t.Log(id, op.Method, op.Path)
	}
}

// TestAnotherValidatorAgrees gives kin-openapi, which reads the document by itself,
// the same bodies: where only the document speaks, both must say the same.
func TestAnotherValidatorAgrees(t *testing.T) {
	raw, err := decompress()
	if err != nil {
		t.Fatal(err)
	}
	other, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []sent{
		post(content("x")), post(`{"content":7}`), post(`{"nonce":"` + strings.Repeat("a", 26) + `"}`), post(`{"nonce":7}`),
		post(embeds(`{"title":"` + strings.Repeat("€", 256) + `"}`)), post(embeds(`{"title":"` + strings.Repeat("€", 257) + `"}`)),
		post(embeds(`{"timestamp":"yesterday"}`)), post(embeds(`{"fields":[{"name":"a"}]}`)), post(embeds(times(11, `{"title":"x"}`))),
		post(components(row(okButton))), post(components(row(times(6, okButton)))), post(components(`{"type":99}`)), post(components(row(`{"type":2}`))),
		post(`{"flags":32768,"components":[{"type":10}]}`), post(`{"allowed_mentions":{"parse":["all"]}}`), post(`{"allowed_mentions":{"users":["a"]}}`),
		call(`{"type":4,"data":{"content":"x"}}`), call(`{"type":3}`), call(`{"type":9,"data":{"custom_id":"a"}}`), modalOf(input("a", "")), modalOf(input("a", `,"max_length":4001`)),
		call(`{"type":8,"data":{"choices":[` + times(26, `{"name":"%d","value":"%d"}`) + `]}}`),
		register(command(`{"type":3,"name":"a","description":"d"}`)), register(command(`{"type":12,"name":"a","description":"d"}`)), register(command(`{"type":3,"description":"d"}`)),
		{Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"a","type":4}`}, {Method: "POST", Path: "/guilds/1/channels", Body: `{"name":"a","type":12}`},
		{Method: "GET", Path: "/channels/1/messages?limit=100"}, {Method: "GET", Path: "/channels/1/messages?limit=0"}, {Method: "GET", Path: "/channels/x"},
	} {
		r := s.request()
		op, values, wrong := ours.find(prefix, r)
		if op == nil {
			t.Fatal(wrong)
		}
		item := other.Paths.Value(op.Path)
		theirs := openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: values,
			Route:   &routers.Route{Spec: other, Path: op.Path, PathItem: item, Method: s.Method, Operation: item.GetOperation(s.Method)},
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		c := &Checker{doc: ours}
		found := c.parameters(op, values, r.URL)
		if s.Body != "" {
			value, err := decode([]byte(s.Body))
			if err != nil {
				t.Fatal(err)
			}
			faults, err := ours.loose.check(c.meant(op, value), value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, violationsOf(faults, value)...)
		}
		if (theirs == nil) != (len(found) == 0) {
			t.Errorf("%s %s %s\n  kin-openapi: %v\n  here:%s", s.Method, s.Path, s.Body, theirs, list(found))
		}
	}
}
