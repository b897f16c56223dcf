package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

func (c *Checker) below(path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(c.prefix, "/")+"/")
}

// maxRequest is Discord's limit of a request with its files.
// https://discord.com/developers/docs/reference#uploading-files
const maxRequest = 25 << 20

// readBody reads the body and puts it back for the handler.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// request returns the operation, nil when there is none, and what is wrong.
func (c *Checker) request(r *http.Request, raw []byte) (*operation, []violation) {
	var all found
	if len(raw) > maxRequest {
		all.add("request-size", "", "", "a request has at most 25 MiB, this one %d bytes", len(raw))
	}
	op, values, wrong := c.doc.find(c.prefix, r)
	if op == nil {
		all.add("path", "", r.URL.EscapedPath(), "%s", wrong)
		return nil, all
	}
	all = append(all, c.parameters(op, values, r.URL)...)
	all = append(all, headers(op, r.Header)...)
	if strings.HasPrefix(op.ID, "deprecated_") {
		all.add("deprecated", "", op.Path, "the document calls this deprecated: pins are below /messages/pins")
	}
	body, files, err := payload(r.Header.Get("Content-Type"), raw)
	switch {
	case err != nil:
		all.add("body", "", "", "%v", err)
	case len(raw) == 0 && op.body:
		all.add("body", "", "", "it is missing")
	case len(raw) > 0 && op.request == "" && len(bytes.TrimSpace(raw)) > 2:
		all.add("body", "", "", "this operation takes none that is JSON")
	case len(raw) > 0 && op.request != "":
		all = append(all, c.body(op, body, files)...)
	}
	return op, all
}

// payload returns the JSON of a body and the names of the files beside it.
func payload(contentType string, raw []byte) ([]byte, []string, error) {
	if len(raw) == 0 {
		return nil, nil, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, nil, fmt.Errorf("the Content-Type %q: %w", contentType, err)
	}
	switch media {
	case "application/json":
		return raw, nil, nil
	case "multipart/form-data":
		return parts(raw, params["boundary"])
	}
	return nil, nil, fmt.Errorf("the Content-Type is %s: application/json or multipart/form-data is expected", media)
}

// parts reads a multipart body: payload_json and files[n].
// https://discord.com/developers/docs/reference#uploading-files
func parts(raw []byte, boundary string) ([]byte, []string, error) {
	form := multipart.NewReader(bytes.NewReader(raw), boundary)
	var body []byte
	var files []string
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the multipart body: %w", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, fmt.Errorf("the part %s: %w", part.FormName(), err)
		}
		switch name := part.FormName(); {
		case name == "payload_json":
			body = content
		case strings.HasPrefix(name, "files[") && strings.HasSuffix(name, "]"):
			if part.FileName() == "" {
				return nil, nil, fmt.Errorf("the part %s has no filename", name)
			}
			if want := fmt.Sprintf("files[%d]", len(files)); name != want {
				return nil, nil, fmt.Errorf("the part %s stands where %s is expected", name, want)
			}
			files = append(files, part.FileName())
		default:
			return nil, nil, fmt.Errorf("the part %q: only payload_json and files[n] are known", name)
		}
	}
	if body == nil {
		body = []byte("{}")
	}
	return body, files, nil
}

func decode(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

// body holds the JSON of a request to the document and to the rules.
func (c *Checker) body(op *operation, raw []byte, files []string) []violation {
	var all found
	value, err := decode(raw)
	if err != nil {
		all.add("body", "", "", "%v", err)
		return all
	}
	value = forSchema(value)
	all = append(all, c.document(c.meant(op, value), value)...)
	if f := rules[op.ID]; f != nil {
		all = append(all, f(value, files)...)
	}
	return append(all, everyText(value)...)
}

// document holds a value to a schema, and when it fits to the schema without
// unknown fields.
func (c *Checker) document(at string, value any) []violation {
	faults, err := c.doc.loose.check(at, value)
	if err == nil && len(faults) == 0 {
		faults, err = c.doc.strict.check(at, value)
		faults = unknownFields(faults, value)
	}
	if err != nil {
		return []violation{{Rule: "document", Why: err.Error()}}
	}
	return violationsOf(faults, value)
}

// parameters holds those of the path and the query to the document. Unknown ones are
// refused: Discord would ignore them.
func (c *Checker) parameters(op *operation, inPath map[string]string, u *url.URL) []violation {
	var all found
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		all.add("query", "", u.RawQuery, "%v", err)
	}
	known := map[string]bool{}
	for _, p := range op.params {
		var given []string
		switch p.In {
		case "path":
			given = []string{inPath[p.Name]}
		case "query":
			known[p.Name] = true
			given = query[p.Name]
		}
		if len(given) == 0 {
			if p.Required {
				all.add("document", p.Name, "", "this parameter is required")
			}
			continue
		}
		faults, err := c.doc.loose.check(p.schema, typed(p, given))
		if err != nil {
			all.add("document", p.Name, "", "%v", err)
		}
		for _, f := range faults {
			all.add("document", p.Name, strings.Join(given, " "), "%s", f.Why)
		}
	}
	for name, given := range query {
		if !known[name] {
			all.add("query", name, strings.Join(given, " "), "the document has no such parameter here")
		}
	}
	return all
}

// typed gives the values of a parameter the JSON type that its schema wants.
func typed(p param, given []string) any {
	switch {
	case p.array:
		items := make([]any, len(given))
		for i := range given {
			items[i] = given[i]
		}
		return items
	case p.boolean && (given[0] == "true" || given[0] == "false"):
		return given[0] == "true"
	case p.integer && json.Valid([]byte(given[0])):
		return json.Number(given[0])
	}
	return given[0]
}
