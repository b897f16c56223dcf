package statuspagetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// specPath is where Statuspage's OpenAPI stands, beside the repository.
const specPath = "shared/specs/statuspage-openapi.yaml"

// loadSpec finds the description of the API in a folder above the test's. Without
// it the simulator still works but holds nothing to it: that is said loudly, and
// where CI is set it fails the test.
func loadSpec(t testing.TB) *openapi3.T {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		raw, err := os.ReadFile(filepath.Join(dir, specPath))
		if err == nil {
			return parseSpec(t, raw)
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: requests to Statuspage cannot be held to its API", specPath)
	}
	fmt.Fprintf(os.Stderr, "\n*** %s: ../%s is missing: requests are NOT held to Statuspage's API ***\n\n", t.Name(), specPath)
	return nil
}

// parsed keeps the description: it is large, and the same for every test.
var parsed struct {
	once sync.Once
	spec *openapi3.T
	err  error
}

func parseSpec(t testing.TB, raw []byte) *openapi3.T {
	t.Helper()
	parsed.once.Do(func() {
		// The copy writes one type with a capital letter, which no validator takes.
		raw = bytes.ReplaceAll(raw, []byte("type: Object\n"), []byte("type: object\n"))
		parsed.spec, parsed.err = openapi3.NewLoader().LoadFromData(raw)
	})
	if parsed.err != nil {
		t.Fatalf("%s: %v", specPath, parsed.err)
	}
	return parsed.spec
}

// options of both checks: the simulator checks the key itself.
var options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}

// check holds one exchange to the description. template is the path as the
// description writes it.
func (s *Server) check(r *http.Request, template string, body []byte, answer *recorded) {
	if s.spec == nil {
		return
	}
	item := s.spec.Paths.Value(template)
	if item == nil || item.GetOperation(r.Method) == nil {
		s.fail("%s %s is not in Statuspage's API", r.Method, template)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params(template, r), QueryParams: r.URL.Query(), Options: options,
		Route: &routers.Route{Spec: s.spec, Path: template, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
	}
	if answer == nil {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			s.fail("request %s %s %s: %v", r.Method, r.URL, body, err)
		}
		for name := range r.URL.Query() {
			if in.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
				s.fail("request %s %s: there is no parameter %q", r.Method, r.URL, name)
			}
		}
		return
	}
	if answer.status >= 400 && in.Route.Operation.Responses.Status(answer.status) == nil {
		return // many operations describe no errors
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: answer.status, Header: answer.header, Options: options}
	out.SetBodyBytes(answer.body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		s.fail("answer to %s %s: %s: %v", r.Method, r.URL, answer.body.Bytes(), err)
	}
}

// params are the values of the parts in braces.
func params(template string, r *http.Request) map[string]string {
	values := map[string]string{}
	for part := range strings.SplitSeq(template, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			values[name] = r.PathValue(name)
		}
	}
	return values
}
