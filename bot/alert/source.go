package alert

import (
	"context"
	"net/http"
)

// Source turns what one kind of sender sends into alerts.
type Source interface {
	// Name is the configured name; it becomes Alert.Source.
	Name() string
	// Verify checks the credential over the raw body, in constant time. It returns
	// an Unauthentic problem, and nothing of the body is looked at before it.
	Verify(header http.Header, body []byte) error
	// Decode reads the alerts of one request: Invalid or Unsupported problems say
	// what is wrong with it. It must not fail on fields that it does not know, and
	// what it returns must not share memory with body, which is used again.
	Decode(header http.Header, body []byte) ([]Alert, error)
}

// HeaderVerifier is a source whose credential stands in the header alone, so
// that a stranger is sent away before a byte of the body is read. Verify must
// give the same answer.
type HeaderVerifier interface {
	VerifyHeader(header http.Header) error
}

// Puller is a source that can also be asked what is firing now, so that missed
// webhooks and lost resolutions are found.
type Puller interface {
	Name() string
	// Active returns every alert that fires now, silenced and inhibited ones
	// included. It may be repeated. What comes back beside an error does fire, but
	// then absence from it proves nothing.
	Active(ctx context.Context) ([]Pulled, error)
}

// Pulled is an alert that its source says fires now.
type Pulled struct {
	Alert
	// Muted says that the source tells nobody of it, since it is silenced or
	// inhibited: it is not missed, but it has not resolved either.
	Muted bool
}
