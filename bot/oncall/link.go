package oncall

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// LinkPath is where acknowledge links lead on a server.
const LinkPath = "/ack/"

// Links makes and reads the links of pages. A link needs no login: who has it may
// acknowledge that one page, and do nothing else.
type Links struct {
	key  []byte
	base string
}

// LeastKey is the least length of a key, in bytes.
const LeastKey = 32

// NewLinks signs with key. base is where people reach this Wardroom from their
// phones, "https://wardroom.example.org"; empty: links are read, none are made.
func NewLinks(key []byte, base string) (*Links, error) {
	if len(key) < LeastKey {
		return nil, fmt.Errorf("oncall: a key of %d bytes is too short for links: want %d", len(key), LeastKey)
	}
	return &Links{key, strings.TrimSuffix(base, "/")}, nil
}

// URL is the link of a page; "" when it is not known where people reach us.
func (l *Links) URL(page timeline.Ref) string {
	if l == nil || l.base == "" {
		return ""
	}
	return l.base + LinkPath + l.Token(page)
}

// Token names a page so that nobody else could have: "INC-7.12.…".
func (l *Links) Token(page timeline.Ref) string {
	return strings.Replace(page.String(), "#", ".", 1) + "." + base64.RawURLEncoding.EncodeToString(l.sign(page))
}

func (l *Links) sign(page timeline.Ref) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte("wardroom acknowledge link 1\n" + page.String()))
	return mac.Sum(nil)
}

// longestToken is far above what Token makes.
const longestToken = 200

// Read returns the page that a token names, or a NotFound problem that does not
// say what is wrong with it. Signatures are compared in constant time.
func (l *Links) Read(token string) (timeline.Ref, error) {
	wrong := problem.New(problem.NotFound, "this link leads nowhere").WithHint("open the newest page on your phone")
	if len(token) > longestToken {
		return timeline.Ref{}, wrong
	}
	name, rest, _ := strings.Cut(token, ".")
	seq, _, _ := strings.Cut(rest, ".")
	page, err := timeline.ParseRef(name + "#" + seq)
	// Compared as written: one page has one link.
	if err != nil || page.IsZero() || !hmac.Equal([]byte(token), []byte(l.Token(page))) {
		return timeline.Ref{}, wrong
	}
	return page, nil
}
