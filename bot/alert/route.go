package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Action is what an alert leads to.
type Action string

const (
	Open   Action = "open"   // it opens an incident, or joins one
	Notify Action = "notify" // it is told of, and joins an incident that is open for the same thing
	Ignore Action = "ignore" // it is recorded, and nobody is told
)

// Route says what the alerts that it matches lead to.
type Route struct {
	Match    Matchers
	Source   string   // only alerts of this source; empty: of any
	Action   Action   //
	Severity Severity // of the incident; set exactly when Action is Open
}

// Matches reports whether the route is for a.
func (r Route) Matches(a Alert) bool {
	return (r.Source == "" || r.Source == a.Source) && r.Match.Match(a.Labels)
}

// Outcome is "open SEV2", "notify" or "ignore".
func (r Route) Outcome() string {
	if r.Action == Open {
		return string(Open) + " " + r.Severity.String()
	}
	return string(r.Action)
}

// String is "{severity="page"} → open SEV2".
func (r Route) String() string {
	text := r.Match.String()
	if r.Source != "" {
		text += " from " + r.Source
	}
	return text + " → " + r.Outcome()
}

// Routes are tried in order; the first that matches decides.
type Routes []Route

// fallback is what happens to an alert that no route matches: it is never lost
// silently, and never wakes anybody either.
var fallback = Route{Action: Notify}

// For returns the route that decides about a. Where none matches it is told of.
func (r Routes) For(a Alert) Route {
	for _, route := range r {
		if route.Matches(a) {
			return route
		}
	}
	return fallback
}

// RouteText is a route as it is written in the configuration.
type RouteText struct {
	Match    string `yaml:"match" json:"match"`                           // Alertmanager's matcher syntax; empty matches all
	Source   string `yaml:"source,omitempty" json:"source,omitempty"`     // only alerts of this source
	Action   string `yaml:"action" json:"action"`                         // open, notify or ignore
	Severity string `yaml:"severity,omitempty" json:"severity,omitempty"` // SEV1 to SEV4, with open
}

// defaultRoutes are what holds when nothing else is configured. They are the
// house's own words for severity; "critical" is the rest of the world's.
var defaultRoutes = []RouteText{
	{Match: `severity="critical"`, Action: "open", Severity: "SEV1"},
	{Match: `severity="page"`, Action: "open", Severity: "SEV2"},
	{Match: `severity="warning"`, Action: "open", Severity: "SEV3"},
	{Match: `severity="low"`, Action: "notify"},
	{Action: "notify"},
}

// DefaultRouteText returns the default routes as they would be written.
func DefaultRouteText() []RouteText { return slices.Clone(defaultRoutes) }

// DefaultRoutes are severity critical → SEV1, page → SEV2, warning → SEV3, low
// and all else → notify.
func DefaultRoutes() Routes {
	routes, err := ParseRoutes(defaultRoutes)
	if err != nil {
		return Routes{fallback} // a test holds that they parse
	}
	return routes
}

// ParseRoutes reads routes; it returns all errors at once, as [*RouteError].
func ParseRoutes(texts []RouteText) (Routes, error) {
	routes := make(Routes, 0, len(texts))
	var written []int // where each of routes stands in texts
	var errs []error
	for i, text := range texts {
		route, err := ParseRoute(text)
		if err != nil {
			errs = append(errs, &RouteError{Index: i, Err: err})
			continue
		}
		for j, before := range routes {
			if len(before.Match) == 0 && (before.Source == "" || before.Source == route.Source) {
				errs = append(errs, &RouteError{Index: i, Err: fmt.Errorf("is never reached: route %d matches every alert before it", written[j]+1)})
				break
			}
		}
		routes, written = append(routes, route), append(written, i)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return routes, nil
}

// RouteError is what is wrong with one route.
type RouteError struct {
	Index int // from 0
	Err   error
}

func (e *RouteError) Error() string { return fmt.Sprintf("route %d: %v", e.Index+1, e.Err) }
func (e *RouteError) Unwrap() error { return e.Err }

// ParseRoute reads one route; it returns all errors at once.
func ParseRoute(text RouteText) (Route, error) {
	var errs []error
	match, err := ParseMatchers(text.Match)
	if err != nil {
		errs = append(errs, err)
	}
	route := Route{Match: match, Source: text.Source, Action: Action(strings.ToLower(strings.TrimSpace(text.Action)))}
	switch route.Action {
	case Open:
		if text.Severity == "" {
			errs = append(errs, errors.New("action open needs a severity, SEV1 to SEV4"))
			break
		}
		if route.Severity, err = ParseSeverity(text.Severity); err != nil {
			errs = append(errs, err)
		}
	case Notify, Ignore:
		if text.Severity != "" {
			errs = append(errs, fmt.Errorf("action %s has no severity: only open does", route.Action))
		}
	default:
		errs = append(errs, fmt.Errorf("action %q: want open, notify or ignore", text.Action))
	}
	return route, errors.Join(errs...)
}
