package statuspage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"wardroom/bot/problem"
	port "wardroom/bot/statuspage"
)

// parts finds Statuspage's ids of components: as configured, else by name. What it
// learned holds for a while, and less long for a name that was not there.
type parts struct {
	client *client
	fixed  map[string]string

	mu     sync.Mutex
	byName map[string]string // lower case
	readAt time.Time
}

const (
	partsKeep  = 10 * time.Minute
	partsRetry = time.Minute
	perPage    = 100
	maxPages   = 20
)

// resolve gives levels by Statuspage's ids, and the names that it does not know.
func (p *parts) resolve(ctx context.Context, levels map[string]port.Level) (byID map[string]port.Level, unknown []string, err error) {
	byID = map[string]port.Level{}
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		id, err := p.id(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		if id == "" {
			unknown = append(unknown, name)
			continue
		}
		byID[id] = levels[name]
	}
	return byID, unknown, nil
}

func (p *parts) id(ctx context.Context, name string) (string, error) {
	if id := p.fixed[name]; id != "" {
		return id, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id, age := p.byName[strings.ToLower(name)], time.Since(p.readAt)
	if id != "" && age < partsKeep || id == "" && p.byName != nil && age < partsRetry {
		return id, nil
	}
	byName, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	p.byName, p.readAt = byName, time.Now()
	return p.byName[strings.ToLower(name)], nil
}

func (p *parts) list(ctx context.Context) (map[string]string, error) {
	byName := map[string]string{}
	for page := 1; page <= maxPages; page++ {
		var list []wireComponent
		if err := p.client.call(ctx, http.MethodGet, fmt.Sprintf("/components?page=%d&per_page=%d", page, perPage), nil, &list); err != nil {
			return nil, err
		}
		for _, c := range list {
			if key := strings.ToLower(c.Name); !c.Group && byName[key] == "" {
				byName[key] = c.ID
			}
		}
		if len(list) < perPage {
			break
		}
	}
	return byName, nil
}

// SetComponents implements [port.Page].
func (p *Page) SetComponents(ctx context.Context, components []port.Component) error {
	var unknown []string
	for _, c := range components {
		id, err := p.parts.id(ctx, c.Name)
		if err != nil {
			return err
		}
		if id == "" {
			unknown = append(unknown, c.Name)
			continue
		}
		var r componentRequest
		r.Component.Status = c.Level
		if err := p.client.call(ctx, http.MethodPatch, "/components/"+url.PathEscape(id), r, nil); err != nil {
			return err
		}
	}
	return unknownProblem(unknown)
}

func unknownProblem(names []string) error {
	if len(names) == 0 {
		return nil
	}
	p := lacks(names)
	p.Message += "; the rest is there"
	return p
}

func lacks(names []string) *problem.Error {
	return problem.New(problem.Invalid, "Statuspage has no component %s", strings.Join(names, ", ")).
		WithHint("name it there as it is named here, or set its id under status_page.statuspage.components")
}

func (w *work) unknownParts() error { return unknownProblem(w.unknown) }

func (w *work) addParts(c *incidentChange) {
	if len(w.components) == 0 {
		return
	}
	c.Components = w.components
	c.ComponentIDs = slices.Sorted(maps.Keys(w.components))
}

// partsAgree reports whether the incident shows the notice's components as they are.
func (w *work) partsAgree() bool {
	for id, level := range w.components {
		i := slices.IndexFunc(w.have.Components, func(c wireComponent) bool { return c.ID == id })
		if i < 0 || w.have.Components[i].Status != string(level) {
			return false
		}
	}
	return true
}

// Check implements [port.Page]: it reads the page, and whether the components are
// there.
func (p *Page) Check(ctx context.Context) error {
	if err := p.client.call(ctx, http.MethodGet, "", nil, nil); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(p.parts.fixed)) {
		err := p.client.call(ctx, http.MethodGet, "/components/"+url.PathEscape(p.parts.fixed[name]), nil, nil)
		if isNotFound(err) {
			return problem.New(problem.Invalid, "Statuspage has no component %q, which is configured for %s", p.parts.fixed[name], name)
		}
		if err != nil {
			return err
		}
	}
	var lacking []string
	for _, name := range p.names {
		id, err := p.parts.id(ctx, name)
		if err != nil {
			return err
		}
		if id == "" {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		return lacks(lacking)
	}
	return nil
}
