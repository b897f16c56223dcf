package statuspagetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// What Statuspage does with each request. The caller holds mu.

func (s *Server) getPage(*http.Request, []byte) (int, any) {
	return http.StatusOK, map[string]any{"id": PageID, "name": "Python Discord", "time_zone": "UTC"}
}

func (s *Server) listComponents(r *http.Request, _ []byte) (int, any) {
	return http.StatusOK, page(r, "per_page", s.components)
}

func (s *Server) getComponent(r *http.Request, _ []byte) (int, any) {
	if c := s.component(r.PathValue("component_id")); c != nil {
		return http.StatusOK, c
	}
	return http.StatusNotFound, errorEntity{"Component not found"}
}

func (s *Server) patchComponent(r *http.Request, body []byte) (int, any) {
	var in struct {
		Component struct {
			Status string `json:"status"`
		} `json:"component"`
	}
	if err := strict(body, &in); err != nil {
		return http.StatusUnprocessableEntity, errorEntity{err.Error()}
	}
	c := s.component(r.PathValue("component_id"))
	if c == nil {
		return http.StatusNotFound, errorEntity{"Component not found"}
	}
	c.Status = in.Component.Status
	return http.StatusOK, c
}

func (s *Server) component(id string) *Component {
	i := slices.IndexFunc(s.components, func(c *Component) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return s.components[i]
}

func (s *Server) listIncidents(r *http.Request, _ []byte) (int, any) {
	return http.StatusOK, page(r, "limit", s.newest(func(*Incident) bool { return true }))
}

func (s *Server) listUnresolved(r *http.Request, _ []byte) (int, any) {
	return http.StatusOK, page(r, "per_page", s.newest(func(i *Incident) bool { return i.Status != "resolved" }))
}

func (s *Server) newest(keep func(*Incident) bool) []*Incident {
	list := []*Incident{}
	for _, i := range slices.Backward(s.incidents) {
		if keep(i) {
			list = append(list, i)
		}
	}
	return list
}

// page is one page of a list; Statuspage gives at most 100 at a time.
func page[T any](r *http.Request, sizeName string, all []T) []T {
	size, err := strconv.Atoi(r.URL.Query().Get(sizeName))
	if err != nil || size > 100 {
		size = 100
	}
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 {
		n = 1
	}
	from := min((n-1)*size, len(all))
	return append([]T{}, all[from:min(from+size, len(all))]...)
}

func (s *Server) incident(r *http.Request) *Incident {
	i := slices.IndexFunc(s.incidents, func(i *Incident) bool { return i.ID == r.PathValue("incident_id") })
	if i < 0 {
		return nil
	}
	return s.incidents[i]
}

func (s *Server) getIncident(r *http.Request, _ []byte) (int, any) {
	if i := s.incident(r); i != nil {
		return http.StatusOK, i
	}
	return http.StatusNotFound, errorEntity{"Incident not found"}
}

type incidentBody struct {
	Incident struct {
		Name         string            `json:"name"`
		Status       string            `json:"status"`
		Body         string            `json:"body"`
		Metadata     map[string]any    `json:"metadata"`
		Deliver      *bool             `json:"deliver_notifications"` // Statuspage's default is true
		Components   map[string]string `json:"components"`
		ComponentIDs []string          `json:"component_ids"`
	} `json:"incident"`
}

func (s *Server) postIncident(_ *http.Request, body []byte) (int, any) {
	var in incidentBody
	if err := strict(body, &in); err != nil {
		return http.StatusUnprocessableEntity, errorEntity{err.Error()}
	}
	id := s.id("inc")
	i := &Incident{ID: id, PageID: PageID, Impact: "none", CreatedAt: s.now(), Shortlink: "https://stspg.io/" + id,
		Metadata: map[string]any{}, Updates: []*Update{}, Components: []*Component{}}
	if status, problem := s.apply(i, in); problem != nil {
		return status, problem
	}
	s.incidents = append(s.incidents, i)
	return http.StatusCreated, i
}

func (s *Server) patchIncident(r *http.Request, body []byte) (int, any) {
	var in incidentBody
	if err := strict(body, &in); err != nil {
		return http.StatusUnprocessableEntity, errorEntity{err.Error()}
	}
	i := s.incident(r)
	if i == nil {
		return http.StatusNotFound, errorEntity{"Incident not found"}
	}
	if status, problem := s.apply(i, in); problem != nil {
		return status, problem
	}
	return http.StatusOK, i
}

func (s *Server) apply(i *Incident, in incidentBody) (int, any) {
	c := in.Incident
	for _, v := range c.Metadata {
		if _, object := v.(map[string]any); !object {
			return http.StatusUnprocessableEntity, errorEntity{"Metadata: top level values must be objects"}
		}
	}
	for id := range c.Components {
		if s.component(id) == nil {
			return http.StatusUnprocessableEntity, errorEntity{"Component " + id + " does not exist"}
		}
		if !slices.Contains(c.ComponentIDs, id) {
			return http.StatusUnprocessableEntity, errorEntity{"Component " + id + " is not among component_ids"}
		}
	}
	if i.Name == "" && c.Name == "" || len([]rune(c.Name)) > 255 {
		return http.StatusUnprocessableEntity, errorEntity{"Name can't be blank or longer than 255 characters"}
	}
	if c.Name != "" {
		i.Name = c.Name
	}
	if c.Metadata != nil {
		i.Metadata = c.Metadata
	}
	i.UpdatedAt = s.now()
	if c.Status != "" {
		i.Status = c.Status
		i.ResolvedAt = nil
		if c.Status == "resolved" {
			now := s.now()
			i.ResolvedAt = &now
		}
	}
	if c.Body != "" {
		deliver := c.Deliver == nil || *c.Deliver
		u := &Update{ID: s.id("upd"), IncidentID: i.ID, Status: i.Status, Body: c.Body, Deliver: deliver, CreatedAt: s.now(), UpdatedAt: s.now(), DisplayAt: s.now()}
		i.Updates = append([]*Update{u}, i.Updates...)
		if deliver {
			s.announced = append(s.announced, c.Body)
		}
	}
	for _, id := range c.ComponentIDs {
		part := s.component(id)
		if part == nil {
			return http.StatusUnprocessableEntity, errorEntity{"Component " + id + " does not exist"}
		}
		if level := c.Components[id]; level != "" {
			part.Status = level
		}
		if !slices.Contains(i.Components, part) {
			i.Components = append(i.Components, part)
		}
	}
	return 0, nil
}

func (s *Server) patchUpdate(r *http.Request, body []byte) (int, any) {
	var in struct {
		Update struct {
			Body      string     `json:"body"`
			DisplayAt *time.Time `json:"display_at"`
			Deliver   *bool      `json:"deliver_notifications"`
		} `json:"incident_update"`
	}
	if err := strict(body, &in); err != nil {
		return http.StatusUnprocessableEntity, errorEntity{err.Error()}
	}
	i := s.incident(r)
	if i == nil {
		return http.StatusNotFound, errorEntity{"Incident not found"}
	}
	at := slices.IndexFunc(i.Updates, func(u *Update) bool { return u.ID == r.PathValue("incident_update_id") })
	if at < 0 {
		return http.StatusNotFound, errorEntity{"Incident update not found"}
	}
	u := i.Updates[at]
	if in.Update.DisplayAt != nil {
		u.DisplayAt = *in.Update.DisplayAt
	}
	if in.Update.Body != "" {
		u.Body = in.Update.Body
	}
	if in.Update.Deliver == nil || *in.Update.Deliver {
		s.announced = append(s.announced, u.Body)
	}
	u.UpdatedAt = s.now()
	return http.StatusOK, u
}

// strict decodes what Statuspage would take, and nothing beside it.
func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
