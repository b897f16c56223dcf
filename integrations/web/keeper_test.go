package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"
)

// TestACertificateIsForOneName: whoever connects under another name must not make us
// ask for a certificate, of which issuers give a few a week.
func TestACertificateIsForOneName(t *testing.T) {
	k := newKeeper(Public{Host: "wardroom.example.org", Cache: t.TempDir()}, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for host, ours := range map[string]bool{
		"wardroom.example.org":      true,
		"Wardroom.Example.ORG":      true,
		"wardroom.example.org:8443": true,
		"other.example.org":         false,
		"example.org":               false,
		"a.wardroom.example.org":    false,
		"wardroom.example.org.":     false,
		"other.example.org:443":     false,
		"192.0.2.1":                 false,
		"":                          false,
	} {
		if err := k.policy(t.Context(), host); (err == nil) != ours {
			t.Errorf("%q: got %v, ours is %t", host, err, ours)
		}
	}
}

// TestARefusedProofIsNotTriedAgainSoon: issuers allow few of them. What failed on the
// way may be tried soon.
func TestARefusedProofIsNotTriedAgainSoon(t *testing.T) {
	away, refused := errors.New("away"), notProven{errors.New("refused")}
	for _, c := range []struct {
		again time.Duration
		err   error
		want  time.Duration
	}{
		{firstAgain, away, firstAgain},
		{firstAgain, refused, provenAgain},
		{firstAgain, fmt.Errorf("try: %w", refused), provenAgain},
		{lastAgain, refused, lastAgain},
	} {
		if got := pause(c.again, c.err); got != c.want {
			t.Errorf("after %v, having waited for %s: %s, want %s", c.err, c.again, got, c.want)
		}
	}
}
