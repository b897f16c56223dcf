// Package alertmanager receives what Prometheus Alertmanager sends, and asks it
// what fires.
package alertmanager

import (
	"log/slog"
	"net/http"

	"wardroom/bot/alert"
)

// DefaultName is the source's name where the configuration gives none.
const DefaultName = "alertmanager"

// Source receives Alertmanager's webhook, version 4, of every release since 2018.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type Source struct {
	name       string
	credential alert.Credential
	log        *slog.Logger
}

var (
	_ alert.Source         = (*Source)(nil)
	_ alert.HeaderVerifier = (*Source)(nil)
)

// New makes a source; name is [DefaultName] when empty. A zero credential lets
// nobody in.
func New(name string, credential alert.Credential, log *slog.Logger) *Source {
	if name == "" {
		name = DefaultName
	}
	return &Source{name: name, credential: credential, log: log.With(slog.String("source", name))}
}

// Name is the configured name.
func (s *Source) Name() string { return s.name }

// Verify checks the credential, which stands in the header alone: Alertmanager
// signs nothing.
func (s *Source) Verify(h http.Header, _ []byte) error { return s.VerifyHeader(h) }

// VerifyHeader checks the credential.
func (s *Source) VerifyHeader(h http.Header) error { return s.credential.Check(h) }

// Challenge is what a 401 asks for.
func (s *Source) Challenge() string { return s.credential.Challenge() }
