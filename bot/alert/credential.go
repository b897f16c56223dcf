package alert

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"wardroom/bot/problem"
)

// Credential is what a sender has to show in the header of a request. It holds
// digests only, so it may be logged and printed.
type Credential struct {
	bearer [][sha256.Size]byte
	basic  [][2][sha256.Size]byte // user, password
	header []headerSecret
}

type headerSecret struct {
	name   string
	digest [sha256.Size]byte
}

// Bearer accepts "Authorization: Bearer token". Several may be accepted, so that
// a token can be changed without a gap. An empty token is passed over.
func (c Credential) Bearer(token string) Credential {
	if token != "" {
		c.bearer = append(c.bearer[:len(c.bearer):len(c.bearer)], sha256.Sum256([]byte(token)))
	}
	return c
}

// Basic accepts HTTP Basic authentication. An empty password is passed over.
func (c Credential) Basic(user, password string) Credential {
	if password != "" {
		c.basic = append(c.basic[:len(c.basic):len(c.basic)],
			[2][sha256.Size]byte{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))})
	}
	return c
}

// Header accepts a secret in a header of its own, as Cloudflare's cf-webhook-auth.
// An empty secret is passed over.
func (c Credential) Header(name, secret string) Credential {
	if secret != "" {
		c.header = append(c.header[:len(c.header):len(c.header)], headerSecret{http.CanonicalHeaderKey(name), sha256.Sum256([]byte(secret))})
	}
	return c
}

// IsZero reports whether nothing would be accepted.
func (c Credential) IsZero() bool { return len(c.bearer)+len(c.basic)+len(c.header) == 0 }

// Check returns nil when the header shows any of the credentials, else an
// Unauthentic problem. It compares digests and tries all of them, so the time it
// takes tells nothing of a secret, not even its length. A zero Credential
// refuses everybody.
func (c Credential) Check(h http.Header) error {
	found := 0
	shown := false
	if auth := h.Get("Authorization"); auth != "" {
		shown = true
		scheme, value, _ := strings.Cut(auth, " ")
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			d := sha256.Sum256([]byte(strings.TrimSpace(value)))
			for i := range c.bearer {
				found |= subtle.ConstantTimeCompare(d[:], c.bearer[i][:])
			}
		case strings.EqualFold(scheme, "Basic"):
			user, password := splitBasic(value)
			u, p := sha256.Sum256(user), sha256.Sum256(password)
			for i := range c.basic {
				found |= subtle.ConstantTimeCompare(u[:], c.basic[i][0][:]) & subtle.ConstantTimeCompare(p[:], c.basic[i][1][:])
			}
		}
	}
	for i := range c.header {
		if v := h.Get(c.header[i].name); v != "" {
			shown = true
			d := sha256.Sum256([]byte(v))
			found |= subtle.ConstantTimeCompare(d[:], c.header[i].digest[:])
		}
	}
	if found == 1 {
		return nil
	}
	if !shown {
		return problem.New(problem.Unauthentic, "no credential was sent").WithHint("send %s", c.wants())
	}
	return problem.New(problem.Unauthentic, "the credential is wrong").WithHint("send %s", c.wants())
}

// Challenge is the value of WWW-Authenticate that fits.
func (c Credential) Challenge() string {
	if len(c.bearer) == 0 && len(c.basic) > 0 {
		return `Basic realm="wardroom", charset="UTF-8"`
	}
	return `Bearer realm="wardroom"`
}

func (c Credential) wants() string {
	var ways []string
	if len(c.bearer) > 0 {
		ways = append(ways, "Authorization: Bearer <token>")
	}
	if len(c.basic) > 0 {
		ways = append(ways, "HTTP Basic authentication")
	}
	for _, h := range c.header {
		ways = append(ways, "the header "+h.name)
	}
	if len(ways) == 0 {
		return "nothing: no credential is configured for this sender, so nobody is let in"
	}
	return strings.Join(ways, " or ")
}

// String keeps even the digests out of messages.
func (c Credential) String() string {
	return fmt.Sprintf("%d bearer, %d basic, %d header", len(c.bearer), len(c.basic), len(c.header))
}

// Format keeps them out of %#v too.
func (c Credential) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue does the same for logs.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

func splitBasic(value string) (user, password []byte) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil {
		return nil, nil
	}
	u, p, _ := strings.Cut(string(raw), ":")
	return []byte(u), []byte(p)
}
