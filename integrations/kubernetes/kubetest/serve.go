package kubetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxBody bounds a request, in bytes.
const maxBody = 3 << 20

// Request is one that came in.
type Request struct {
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Path     string    `json:"path"` // with its query
	Verb     string    `json:"verb"` // as roles call it
	Resource string    `json:"resource"`
	Object   string    `json:"object,omitempty"` // "default/redis"
	DryRun   bool      `json:"dry_run,omitempty"`
	Token    string    `json:"token,omitempty"` // the secret: ObserveToken, ActToken
	Body     string    `json:"body,omitempty"`
	Status   int       `json:"status"` // 0: the connection was cut, or it is open
}

// call is a request on its way.
type call struct {
	r               *http.Request
	body            []byte
	kind            kind
	namespace, name string
	sub             string
	verb            string
	dryRun          bool
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.serve)
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "linux/amd64"})
	})
	for _, path := range []string{"/readyz", "/livez", "/healthz"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	}
	return mux
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if found := s.discover(path); found != nil {
		if down {
			panic(http.ErrAbortHandler)
		}
		answer(w, found)
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, ok := s.parse(path)
	reviewing := strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews")
	if !ok && !reviewing {
		answer(w, refusal(http.StatusNotFound, "NotFound", "the server could not find the requested resource"))
		return
	}
	c.r, c.body = r, body
	c.read()
	resource := "selfsubjectaccessreviews"
	if reviewing {
		c.verb = "create"
	} else if resource = c.kind.role(); c.sub != "" {
		resource += "/" + c.sub
	}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, Request{At: s.now(), Method: r.Method, Path: r.URL.RequestURI(), Verb: c.verb, Resource: resource,
		Object: strings.Trim(c.namespace+"/"+c.name, "/"), DryRun: c.dryRun, Token: token, Body: string(body)})
	struck := s.strikes(c.verb, resource, token)
	s.mu.Unlock()
	if s.meet(w, struck) {
		s.answered(n, struck.Status)
		return
	}
	s.mu.Lock()
	a := s.access[token]
	refused := refusalFor(a, c.verb, resource, c)
	s.mu.Unlock()
	switch {
	case refused != nil:
		s.answered(n, int(refused.Code))
		answer(w, refused)
		return
	case reviewing:
		s.answered(n, http.StatusCreated)
		s.answerReview(w, a, body)
		return
	case c.verb == "watch":
		s.answered(n, http.StatusOK)
		s.watch(w, c)
		return
	}
	out := httptest.NewRecorder()
	run := s.do
	if c.verb == "get" || c.verb == "list" {
		run = s.read
	}
	run(func() { answer(out, s.carryOut(c)) })
	if struck.Lost {
		panic(http.ErrAbortHandler)
	}
	s.answered(n, out.Code)
	for k, v := range out.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(out.Code)
	_, _ = w.Write(out.Body.Bytes()) // the client may have gone
}

func (s *Server) answered(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < len(s.requests) { // not forgotten meanwhile
		s.requests[n].Status = status
	}
}

func refusalFor(a *access, verb, resource string, c *call) *metav1.Status {
	switch {
	case a == nil || a.expired:
		return refusal(http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case resource == "selfsubjectaccessreviews", a.may(verb, resource):
		return nil
	}
	return refusal(http.StatusForbidden, "Forbidden", resource+" is forbidden: User \"wardroom\" cannot "+verb+" resource \""+resource+"\" in API group \""+c.kind.Group+"\"")
}

func (s *Server) answerReview(w http.ResponseWriter, a *access, body []byte) {
	var r authorizationv1.SelfSubjectAccessReview
	if err := json.Unmarshal(body, &r); err != nil {
		answer(w, refusal(http.StatusBadRequest, "BadRequest", err.Error()))
		return
	}
	s.mu.Lock()
	s.review(a, &r)
	s.mu.Unlock()
	r.TypeMeta = metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(r) // the client may have gone
}

// parse reads /api/v1/… and /apis/group/version/….
func (s *Server) parse(path []string) (*call, bool) {
	c := &call{}
	var group, version string
	switch {
	case len(path) > 2 && path[0] == "api":
		version, path = path[1], path[2:]
	case len(path) > 3 && path[0] == "apis":
		group, version, path = path[1], path[2], path[3:]
	default:
		return c, false
	}
	if path[0] == "namespaces" && len(path) > 2 {
		c.namespace, path = path[1], path[2:]
	}
	k, ok := s.store.kinds[group+"/"+version+"/"+path[0]]
	c.kind = k
	if len(path) > 1 {
		c.name = path[1]
	}
	if len(path) > 2 {
		c.sub = path[2]
	}
	return c, ok && len(path) <= 3
}

// read finds the verb and whether it is a dry run.
func (c *call) read() {
	q := c.r.URL.Query()
	watching := q.Get("watch") == "true" || q.Get("watch") == "1"
	switch c.r.Method {
	case http.MethodGet:
		c.verb = "get"
		if c.name == "" {
			c.verb = "list"
		}
		if watching {
			c.verb = "watch"
		}
	case http.MethodPost:
		c.verb = "create"
	case http.MethodPut:
		c.verb = "update"
	case http.MethodPatch:
		c.verb = "patch"
	case http.MethodDelete:
		c.verb = "delete"
	}
	c.dryRun = q.Get("dryRun") == metav1.DryRunAll
	var options struct {
		DryRun        []string `json:"dryRun"`
		DeleteOptions struct {
			DryRun []string `json:"dryRun"`
		} `json:"deleteOptions"`
	}
	if len(c.body) > 0 && (c.verb == "delete" || c.sub == "eviction") && json.Unmarshal(c.body, &options) == nil {
		c.dryRun = c.dryRun || len(options.DryRun) > 0 || len(options.DeleteOptions.DryRun) > 0
	}
}

// answer writes an object; a Status with its code.
func answer(w http.ResponseWriter, o any) {
	if text, is := o.(plain); is {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, string(text)) // the client may have gone
		return
	}
	w.Header().Set("Content-Type", "application/json")
	code := http.StatusOK
	if s, is := o.(*metav1.Status); is && s.Code != 0 {
		code = int(s.Code)
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(o) // the client may have gone
}

// refusal is the Status that the API server answers errors with.
func refusal(code int, reason metav1.StatusReason, message string) *metav1.Status {
	if reason == "" {
		reason = map[int]metav1.StatusReason{401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
			429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}[code]
	}
	return &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}
}

func success() *metav1.Status {
	return &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess, Code: http.StatusCreated}
}
