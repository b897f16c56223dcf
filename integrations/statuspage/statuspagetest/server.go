// Package statuspagetest is a simulated Atlassian Statuspage with state, for tests
// and rehearsals. Every request and every answer is held to Statuspage's OpenAPI;
// what is not in it fails the test. Faults can be scripted.
package statuspagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// The page that there is, and the key that opens it.
const (
	PageID = "kctbh9vrtdwd"
	Key    = "89a229ce1a8dbcf9ff30430fbe35eb4c"
)

// Server is the simulated Statuspage.
type Server struct {
	URL string // to give to statuspage.Options

	t    testing.TB
	spec *openapi3.T
	now  func() time.Time

	running sync.WaitGroup // requests that are being carried out

	mu         sync.Mutex
	next       int
	components []*Component
	incidents  []*Incident // the newest last
	announced  []string
	requests   []string
	faults     []*Fault
}

// Component as Statuspage holds it.
type Component struct {
	ID       string `json:"id"`
	PageID   string `json:"page_id"`
	Name     string `json:"name"`
	Group    bool   `json:"group"`
	Status   string `json:"status"`
	Position int    `json:"position"`
}

// Incident as Statuspage holds it.
type Incident struct {
	ID         string         `json:"id"`
	PageID     string         `json:"page_id"`
	Name       string         `json:"name"`
	Status     string         `json:"status"`
	Impact     string         `json:"impact"`
	Shortlink  string         `json:"shortlink"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	ResolvedAt *time.Time     `json:"resolved_at,omitempty"`
	Metadata   map[string]any `json:"metadata"`
	Updates    []*Update      `json:"incident_updates"` // the newest first, as Statuspage gives them
	Components []*Component   `json:"components"`
}

// Update as Statuspage holds it.
type Update struct {
	ID         string    `json:"id"`
	IncidentID string    `json:"incident_id"`
	Status     string    `json:"status"`
	Body       string    `json:"body"`
	Deliver    bool      `json:"deliver_notifications"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	DisplayAt  time.Time `json:"display_at"`
}

// New starts a Statuspage with these components. now tells its time; nil is the
// machine's. It is stopped with the test.
func New(t testing.TB, now func() time.Time, components ...string) *Server {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	s := &Server{t: t, spec: loadSpec(t), now: now}
	for _, name := range components {
		s.AddComponent(name)
	}
	mux := http.NewServeMux()
	for template, handler := range map[string]func(*http.Request, []byte) (int, any){
		"GET /pages/{page_id}":                                                                 s.getPage,
		"GET /pages/{page_id}/components":                                                      s.listComponents,
		"GET /pages/{page_id}/components/{component_id}":                                       s.getComponent,
		"PATCH /pages/{page_id}/components/{component_id}":                                     s.patchComponent,
		"GET /pages/{page_id}/incidents":                                                       s.listIncidents,
		"GET /pages/{page_id}/incidents/unresolved":                                            s.listUnresolved,
		"GET /pages/{page_id}/incidents/{incident_id}":                                         s.getIncident,
		"POST /pages/{page_id}/incidents":                                                      s.postIncident,
		"PATCH /pages/{page_id}/incidents/{incident_id}":                                       s.patchIncident,
		"PATCH /pages/{page_id}/incidents/{incident_id}/incident_updates/{incident_update_id}": s.patchUpdate,
	} {
		s.route(mux, template, handler)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail("%s %s is not simulated", r.Method, r.URL)
		http.NotFound(w, r)
	})
	server := httptest.NewServer(http.StripPrefix("/v1", mux))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/v1"
	return s
}

func (s *Server) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("statuspagetest: "+format, args...)
}

// recorded is an answer before it is sent.
type recorded struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (s *Server) route(mux *http.ServeMux, pattern string, handler func(*http.Request, []byte) (int, any)) {
	template := pattern[bytes.IndexByte([]byte(pattern), ' ')+1:]
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return // the client has gone
		}
		s.check(r, template, body, nil)
		fault := s.begin(r)
		if fault.meet(w) {
			return
		}
		status, answer := http.StatusUnauthorized, any(errorEntity{"Could not authenticate"})
		if r.Header.Get("Authorization") == "OAuth "+Key {
			status, answer = s.answer(handler, r, body)
		}
		out := &recorded{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
		if err := json.NewEncoder(&out.body).Encode(answer); err != nil {
			s.fail("encode: %v", err)
		}
		s.check(r, template, body, out)
		if fault != nil && fault.Lost {
			cut(w)
			return
		}
		w.Header().Set("Content-Type", out.header.Get("Content-Type"))
		w.WriteHeader(status)
		_, _ = w.Write(out.body.Bytes()) // the client has gone
	})
}

func (s *Server) answer(handler func(*http.Request, []byte) (int, any), r *http.Request, body []byte) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PathValue("page_id") != PageID {
		return http.StatusNotFound, errorEntity{"Page not found"}
	}
	status, answer := handler(r, body)
	// Encoded under the lock: what is answered must not change while it is sent.
	raw, err := json.Marshal(answer)
	if err != nil {
		s.fail("encode: %v", err)
	}
	return status, json.RawMessage(raw)
}

type errorEntity struct {
	Message string `json:"message"`
}

// AddComponent adds a component that works, and returns its id.
func (s *Server) AddComponent(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Component{ID: s.id("comp"), PageID: PageID, Name: name, Status: "operational", Position: len(s.components) + 1}
	s.components = append(s.components, c)
	return c.ID
}

// id makes a new id. The caller holds mu.
func (s *Server) id(prefix string) string {
	s.next++
	return fmt.Sprintf("%s%08d", prefix, s.next)
}

// Incidents returns a copy of what is there, the oldest first; updates in the
// order in which they were posted.
func (s *Server) Incidents() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Incident
	for _, i := range s.incidents {
		c := *i
		c.Updates = nil
		for _, u := range slices.Backward(i.Updates) {
			update := *u
			c.Updates = append(c.Updates, &update)
		}
		all = append(all, c)
	}
	return all
}

// Level is the status of a component, by name.
func (s *Server) Level(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.components {
		if c.Name == name {
			return c.Status
		}
	}
	return ""
}

// Announced returns the texts that subscribers were sent.
func (s *Server) Announced() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.announced)
}

// Requests returns what was asked so far: "POST /pages/…/incidents".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Wait returns when nothing is being carried out any more, also for clients that
// have given up.
func (s *Server) Wait() { s.running.Wait() }

// EditUpdate changes an update as a person does by hand on Statuspage.
func (s *Server) EditUpdate(incident, update int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	updates := s.incidents[incident].Updates
	u := updates[len(updates)-1-update]
	u.Body, u.UpdatedAt = body, s.now()
}

// DeleteIncident removes an incident as a person does by hand on Statuspage.
func (s *Server) DeleteIncident(incident int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incidents = slices.Delete(s.incidents, incident, incident+1)
}
