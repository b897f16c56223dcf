package timeline

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// The scan decides in one pass that a payload holds nothing that any of the
// detectors in redact_find.go could catch. Every shape has a window of four bytes
// that must occur in it. Of four consecutive bytes, a look at every third position
// sees at least one pair, so the scan reads a third of the positions, and looks at
// whole windows only where a pair is one of the known ones (the idea of Wu and
// Manber's multi-pattern search). It may raise a false alarm, never miss a window.

// Of a shape's possible windows the lists name the one whose pairs are rare in
// what is usually recorded.

// windowsAnyCase occur in lower, upper and mixed case.
var windowsAnyCase = []string{
	"sswo", "sswd", "sspa", "ssph", // password, passwd, sshpass, passphrase
	"pwd=", "pwd:", `pwd"`, `pwd\`, "pwd'",
	"secr", "toke", "icke", // secret, token, ticket
	"_key", "-key", "pi k", "ikey", "skey", "tkey", "ekey", "gkey", "nkey", "hkey", // api_key, accessKey, AccountKey
	"riza", "bear", "okie", // authorization, bearer, cookie
}

// windowsExact are the beginnings of tokens and the like.
var windowsExact = []string{
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "ub_p", // GitHub
	"glpa", "glsa", "gldt", // GitLab, Grafana
	"xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe", "xoxo", "xoxc", "xoxd", "xapp", "s.sl", // Slack
	"AKIA", "ASIA", "AIza", "ya29", // AWS, Google
	"sk_l", "sk_t", "rk_l", "rk_t", "sk-p", "sk-a", "whse", // Stripe, OpenAI, Anthropic
	"npm_", "pypi", "hvs.", "dop_", "shpa", "rys_", "ryu_", "TATT", "NRAK", "dckr",
	"PRIV",         // PEM
	"ebho",         // webhook
	"sig=", "Sign", // signed URLs
	"IFIE",         // IDENTIFIED BY
	"rl -", "-cli", // curl -u, redis-cli -a
}

var scanPairs, scanWindows = scanTables()

// windowSet is an open hash table of four bytes each; 0 is a free place.
type windowSet [1 << 13]uint32

func (s *windowSet) slot(w uint32) uint32 { return w * 0x9E3779B1 >> (32 - 13) }

func (s *windowSet) add(w uint32) {
	i := s.slot(w)
	for s[i] != 0 && s[i] != w {
		i = (i + 1) % uint32(len(s))
	}
	s[i] = w
}

func (s *windowSet) has(w uint32) bool {
	for i := s.slot(w); s[i] != 0; i = (i + 1) % uint32(len(s)) {
		if s[i] == w {
			return true
		}
	}
	return false
}

func scanTables() (pairs *[1 << 10]uint64, windows *windowSet) {
	pairs, windows = new([1 << 10]uint64), new(windowSet)
	add := func(w [4]byte, offsets int) {
		for i := range offsets {
			p := binary.LittleEndian.Uint16(w[i : i+2])
			pairs[p>>6] |= 1 << (p & 63)
		}
		windows.add(binary.LittleEndian.Uint32(w[:]))
	}
	for _, w := range windowsExact {
		add([4]byte([]byte(w)), 3)
	}
	for _, w := range windowsAnyCase {
		lower, upper := []byte(w), []byte(strings.ToUpper(w))
		for mask := range 16 {
			v := [4]byte(lower)
			for i := range v {
				if mask>>i&1 == 1 {
					v[i] = upper[i]
				}
			}
			add(v, 3)
		}
	}
	for c := byte('a'); c <= 'z'; c++ { // JSON Web Tokens: base64 of `{"` and a letter
		add([4]byte{'e', 'y', 'J', base64Alphabet[c&63]}, 3)
	}
	for d := byte('0'); d <= '9'; d++ { // Telegram
		add([4]byte{d, ':', 'A', 'A'}, 3)
	}
	// A Discord token begins with the base64 of a number of 17 to 20 digits: six
	// groups of this form, of which every third position hits a first pair.
	for a := byte('0'); a <= '9'; a++ {
		for b := byte('0'); b <= '9'; b++ {
			for c := byte('0'); c <= '9'; c++ {
				n := uint32(a)<<16 | uint32(b)<<8 | uint32(c)
				add([4]byte{base64Alphabet[n>>18], base64Alphabet[n>>12&63], base64Alphabet[n>>6&63], base64Alphabet[n&63]}, 1)
			}
		}
	}
	return pairs, windows
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// suspicious reports whether b, plain text or JSON, may hold a secret.
func suspicious(b []byte) bool {
	i := 0
	for ; i+8 <= len(b); i += 9 { // three pairs from one load
		v := binary.LittleEndian.Uint64(b[i:])
		p, q, r := uint16(v), uint16(v>>24), uint16(v>>48)
		if scanPairs[p>>6]>>(p&63)&1 != 0 && windowAt(b, i) ||
			scanPairs[q>>6]>>(q&63)&1 != 0 && windowAt(b, i+3) ||
			scanPairs[r>>6]>>(r&63)&1 != 0 && windowAt(b, i+6) {
			return true
		}
	}
	for ; i < len(b); i += 3 {
		if windowAt(b, i) {
			return true
		}
	}
	return credentialsBeforeAt(b) || hidesASCII(b) || bytes.Contains(b, []byte("SG."))
}

// windowAt reports whether a known window begins at i or up to two bytes before.
func windowAt(b []byte, i int) bool {
	for p := max(i-2, 0); p <= i && p+4 <= len(b); p++ {
		if scanWindows.has(binary.LittleEndian.Uint32(b[p:])) {
			return true
		}
	}
	return false
}

// credentialsBeforeAt looks for an @ with a colon before it in the same word, as
// in scheme://user:password@host and user:password@tcp(host).
func credentialsBeforeAt(b []byte) bool {
	for from := 0; ; {
		at := bytes.IndexByte(b[from:], '@')
		if at < 0 {
			return false
		}
		at += from
		for i := at - 1; i >= from && b[i] > ' ' && b[i] != '"'; i-- {
			if b[i] == ':' {
				return true
			}
		}
		from = at + 1
	}
}

// hidesASCII reports whether printable ASCII is written as \u00xx, behind which
// the scan would not recognise a window.
func hidesASCII(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return false
		}
		if b[i+1] == 'u' && i+5 < len(b) && b[i+2] == '0' && b[i+3] == '0' && b[i+4] >= '2' && b[i+4] < '8' {
			return true
		}
		b = b[i+2:]
	}
}
