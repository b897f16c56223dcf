// Package config reads the configuration file. It has two shapes: [File] is
// exactly what was written, [Config] holds only values that can be used.
//
// A mistake never hides another: every error comes back at once, each with its
// line and the path of the key. Unknown keys are mistakes. What is left out has
// the value that [Default] gives it. docs/reference/configuration.md and
// docs/wardroom.example.yaml are made from the declarations of [File].
package config

import (
	"crypto/x509"
	"log/slog"
	"net/url"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/suggest"
)

// Config is a configuration that holds together. It is fixed once loaded.
type Config struct {
	Path        string         // the file it was read from; "" for the defaults
	Timezone    *time.Location // the team's: how typed times are read and shown
	Mode        Mode
	Listen      Addr   // webhooks, console, API, metrics
	Public      Public // zero: no certificate is asked for
	Data        string // the folder of the database; "" is the current one
	Log         Log
	People      *people.Directory // never nil
	Intake      Intake
	Routes      alert.Routes // the first that matches decides
	Correlation incident.Rules
	Targets     suggest.Rules // what an alert is about; the first that matches decides
	StatusPage  StatusPage
	Discord     Section // zero: there is none
	Kubernetes  Section // zero: there is no cluster
	Linode      Section // zero: there is no cloud
	Talos       Section // zero: there is no way to machines that run Talos
	Redis       Section // zero: no Redis is known
	Repairs     remediation.Policy
	OnCall      OnCall
	Metrics     Metrics
	Database    Database

	// Warnings are what can be used but should be mended.
	Warnings []Mistake
}

// Mode says whether Wardroom may act on the outside.
type Mode string

const (
	Observe Mode = "observe" // holds no write credential: records, tells, proposes
	Act     Mode = "act"     // carries out what people approve
)

// Public is how Wardroom is reached from the outside with a certificate of its own.
type Public struct {
	Host  string // the name in the certificate, by ACME
	Email string // where the issuer warns of an expiry; may be empty

	HTTPS, HTTP Addr           // never zero
	Issuer      *url.URL       // its ACME directory; never nil
	Roots       *x509.CertPool // by which the issuer is trusted; nil: those of the system
	Account     string         // the key id by which the issuer knows its customer; empty: it asks for none
	AccountKey  Secret         // and what signs for it: bytes, not text
}

// LetsEncrypt is the issuer where none is configured.
// https://letsencrypt.org/docs/acme-protocol-updates/
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Log is the process log.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// LogFormat is how log lines are written.
type LogFormat string

const (
	LogText LogFormat = "text" // key=value
	LogJSON LogFormat = "json" // one object a line
)

// Intake is who may send alerts.
type Intake struct {
	Alertmanager Alertmanager
	Generic      []Generic
}

// Alertmanager is what Wardroom needs of one Alertmanager and its replicas.
type Alertmanager struct {
	Inbound Credentials // what its webhook must present; zero: the generated token
	URLs    []*url.URL  // where active alerts are read back; none: they are not
	Auth    Credentials // what Wardroom presents there
	Rules   []string    // files of alerting rules, from which `for:` is known
}

// Generic is a sender that needs no code: its JSON is mapped by the configuration.
type Generic struct {
	Name    string // becomes the source of its alerts; the path is /webhooks/NAME
	Inbound Credentials
	Map     Section // decoded by the integration itself; zero: the documented form
}

// Credentials are a bearer token, or a name and a password. The zero value is none.
type Credentials struct {
	Token    Secret
	Username string
	Password Secret
}

// IsZero reports whether there are none.
func (c Credentials) IsZero() bool { return c == Credentials{} }

// Accept is what a sender has to show, to be checked.
func (c Credentials) Accept() alert.Credential {
	return alert.Credential{}.Bearer(c.Token.Reveal()).Basic(c.Username, c.Password.Reveal())
}

// Database is where the record is kept.
type Database struct {
	Postgres Secret // the URL of a server that replicas share; zero: wardroom.db in the data folder
}

// Metrics is who may read /metrics.
type Metrics struct {
	Token Secret // zero: open on the plain listener, not served on the public one
}

// StatusPage is what the public sees.
type StatusPage struct {
	Title      string
	URL        *url.URL // where the public reads it; nil when not known
	Listen     Addr     // a listener of its own; zero: under /status/ of the main one
	Components []Component
	Statuspage Section // Atlassian Statuspage; zero: not used
}

// Component is a part of the service that the public knows by name.
type Component struct {
	Name        string
	Description string
	Group       string
}
