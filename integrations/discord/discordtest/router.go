package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is Discord's limit of one request: 25 MiB.
const maxBody = 25 << 20

// call is a request that was read to its end.
type call struct {
	method, route string
	r             *http.Request
	query         url.Values
	body          []byte // the JSON, also of a multipart one
	files         map[string]upload
	interaction   bool // outside the global limit, authorised by its token
	status        int  // of success; 0 is 200, or 204 when there is nothing to say
}

// upload is a file of a multipart request, by the n of files[n].
type upload struct {
	name, contentType string
	body              []byte
}

func (c *call) path(name string) string { return c.r.PathValue(name) }

// major is what separates the buckets of one route.
func (c *call) major() string {
	if token := c.path("token"); token != "" {
		return token
	}
	for _, name := range []string{"channel", "guild", "application"} {
		if v := c.path(name); v != "" {
			return v
		}
	}
	return ""
}

// renames reports whether an edit names a channel's name or topic.
func (c *call) renames() bool {
	var body struct{ Name, Topic *string }
	return json.Unmarshal(c.body, &body) == nil && (body.Name != nil || body.Topic != nil)
}

// decode reads the body into v. An empty body is an empty object.
func (c *call) decode(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			var f form
			f.add(kind.Field, "BASE_TYPE_BAD_TYPE", "Could not parse the value: "+kind.Value)
			return f.err()
		}
		return errMalformed
	}
	return nil
}

// handler does one call. The Server's lock is held.
type handler func(*call) (any, error)

// routes are those of the REST API, for both versions that are asked for.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, table := range []map[string]handler{s.guildRoutes(), s.channelRoutes(), s.messageRoutes(), s.interactionRoutes()} {
		for pattern, do := range table {
			method, route, _ := strings.Cut(pattern, " ")
			for _, version := range []string{"/api/v10", "/api/v9"} {
				mux.Handle(method+" "+version+route, s.endpoint(route, do))
			}
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
		} else {
			probe := r.Clone(r.Context())
			known := false
			for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
				probe.Method = m
				_, p := mux.Handler(probe)
				known = known || p != ""
			}
			if known {
				answer(w, errMethod.status, errMethod)
			} else {
				answer(w, errNotFound.status, errNotFound)
			}
		}
	})
}

// endpoint wraps a handler: reading, authorisation, rate limits, the answer.
func (s *Server) endpoint(route string, do handler) http.Handler {
	byToken := strings.HasPrefix(route, "/interactions/") || strings.HasPrefix(route, "/webhooks/")
	open := byToken || route == "/gateway"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{method: r.Method, route: route, r: r, query: r.URL.Query(), interaction: byToken}
		if err := c.read(w); err != nil {
			refuse(w, err)
			return
		}
		if !open && r.Header.Get("Authorization") != "Bot "+s.opt.Token {
			refuse(w, errUnauthorized)
			return
		}
		result, err, v := s.carryOut(w.Header(), c, do)
		switch {
		case v.wait > 0:
			limited(w, v)
		case err != nil:
			refuse(w, err)
		case result == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			if c.status == 0 {
				c.status = http.StatusOK
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			w.Write(result)
		}
	})
}

// carryOut runs a handler under the lock and writes its result while it cannot change.
func (s *Server) carryOut(h http.Header, c *call, do handler) (result []byte, err error, v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v = s.limits.admit(h, s.now(), c); v.wait > 0 {
		return nil, nil, v
	}
	value, err := do(c)
	if c.method != http.MethodGet {
		s.touch()
	}
	if err != nil || value == nil {
		return nil, err, v
	}
	result, err = json.Marshal(value)
	return result, err, v
}

// read takes the body, also that of a multipart request.
// https://discord.com/developers/docs/reference#uploading-files
func (c *call) read(w http.ResponseWriter) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxBody))
	if err != nil {
		return errTooLarge
	}
	c.body, c.files, err = parts(c.r.Header.Get("Content-Type"), raw)
	return err
}

// parts are the JSON and the files of a body, which is multipart or all JSON.
func parts(contentType string, raw []byte) (body []byte, files map[string]upload, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return raw, nil, nil
	}
	files = map[string]upload{}
	for all := multipart.NewReader(bytes.NewReader(raw), params["boundary"]); ; {
		p, err := all.NextPart()
		if errors.Is(err, io.EOF) {
			return body, files, nil
		}
		if err != nil {
			return nil, nil, errMalformed
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, nil, errMalformed
		}
		name := p.FormName()
		if name == "payload_json" {
			body = content
			continue
		}
		if n, ok := strings.CutPrefix(name, "files["); ok {
			files[strings.TrimSuffix(n, "]")] = upload{p.FileName(), p.Header.Get("Content-Type"), content}
		}
	}
}

func refuse(w http.ResponseWriter, err error) {
	var known *apiError
	if !errors.As(err, &known) {
		known = &apiError{status: http.StatusInternalServerError, Code: 0, Message: "500: Internal Server Error: " + err.Error()}
	}
	answer(w, known.status, known)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
