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
	// what is wrong with it. It must not fail on fields that it does not know.
	Decode(header http.Header, body []byte) ([]Alert, error)
}

// Puller is a source that can also be asked what is firing now, so that missed
// webhooks and lost resolutions are found.
type Puller interface {
	Name() string
	// Active returns every alert that fires now, silenced and inhibited ones
	// included. It may be repeated.
	Active(ctx context.Context) ([]Alert, error)
}
