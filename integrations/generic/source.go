// Package generic receives alerts from any sender of JSON, without code for it.
//
// The documented form is one alert, a list of alerts, or {"alerts": [...]}:
//
//	{
//	  "status":      "firing",                  required: firing or resolved
//	  "title":       "Website is down",         required, unless labels name it
//	  "summary":     "HTTP 524 for 5 minutes",
//	  "fingerprint": "website",                 the same for firing and resolved; else made of title and labels, less severity
//	  "severity":    "page",                    the label by which routes decide
//	  "labels":      {"service": "website"},
//	  "annotations": {"runbook": "https://…"},
//	  "starts_at":   "2021-07-11T00:25:00Z",    or Unix seconds; left out: now
//	  "ends_at":     "2021-07-11T01:25:00Z",    when resolved; left out: now
//	  "url":         "https://…"
//	}
//
// Any other form is translated by a [Mapping] in the configuration; [Examples]
// has some that are tried.
package generic

import (
	"log/slog"
	"net/http"

	"wardroom/bot/alert"
)

// DefaultName is the sender that is there without any configuration.
const DefaultName = "generic"

// Source receives one sender's JSON.
type Source struct {
	name       string
	credential alert.Credential
	mapping    *compiled
	log        *slog.Logger
}

var (
	_ alert.Source         = (*Source)(nil)
	_ alert.HeaderVerifier = (*Source)(nil)
)

// New makes a source; name is [DefaultName] when empty. mapping is nil for a
// sender of the documented form; its mistakes come back as joined [*KeyError]s.
// A zero credential lets nobody in.
func New(name string, credential alert.Credential, mapping *Mapping, log *slog.Logger) (*Source, error) {
	if name == "" {
		name = DefaultName
	}
	m := Native()
	if mapping != nil {
		m = *mapping
	}
	c, err := m.compile()
	if err != nil {
		return nil, err
	}
	c.native = mapping == nil
	return &Source{name: name, credential: credential, mapping: c, log: log.With(slog.String("source", name))}, nil
}

// Name is the configured name.
func (s *Source) Name() string { return s.name }

// Verify checks the credential, which stands in the header alone.
func (s *Source) Verify(h http.Header, _ []byte) error { return s.VerifyHeader(h) }

// VerifyHeader checks the credential.
func (s *Source) VerifyHeader(h http.Header) error { return s.credential.Check(h) }

// Challenge is what a 401 asks for.
func (s *Source) Challenge() string { return s.credential.Challenge() }
