package redis

import (
	"bytes"
	"errors"
	"net"
	"strconv"
)

// What an answer may be at the most. What Wardroom asks for is a few KiB; the client
// library makes room for whatever length it is told, before anything of it has come.
const (
	mostBytes = 1 << 20 // on one connection
	mostText  = 256 << 10
	mostItems = 4096
	mostParts = 20000 // values on one connection, also those inside of others
	mostLine  = 16 << 10
)

var errHostile = errors.New("the answer is larger or otherwise than any of Redis's")

// guard lets only answers through whose lengths are bearable.
func guard(c net.Conn) net.Conn { return &guarded{Conn: c} }

// guarded follows the protocol as far as its lengths go.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type guarded struct {
	net.Conn
	line  []byte // of a header that is not whole yet
	skip  int    // bytes of a text still to come
	read  int
	parts int
	bad   bool
}

func (g *guarded) Read(p []byte) (int, error) {
	if g.bad {
		return 0, errHostile
	}
	n, err := g.Conn.Read(p)
	if !g.takes(p[:n]) {
		g.bad = true
		return 0, errHostile
	}
	return n, err
}

// takes looks at what came and reports whether it may go on.
func (g *guarded) takes(p []byte) bool {
	if g.read += len(p); g.read > mostBytes {
		return false
	}
	for len(p) > 0 {
		if g.skip > 0 {
			n := min(g.skip, len(p))
			g.skip, p = g.skip-n, p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			g.line = append(g.line, p...)
			return len(g.line) <= mostLine
		}
		g.line = append(g.line, p[:end]...)
		if p = p[end+1:]; len(g.line) > mostLine || !g.header() {
			return false
		}
		g.line = g.line[:0]
	}
	return true
}

// header judges a whole line; what it announces is skipped or counted.
func (g *guarded) header() bool {
	line := bytes.TrimSuffix(g.line, []byte{'\r'})
	if g.parts++; len(line) == 0 || g.parts > mostParts {
		return false
	}
	switch line[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return true
	case '$', '=', '!':
		n, err := strconv.Atoi(string(line[1:]))
		if err != nil || n < -1 || n > mostText {
			return false
		}
		if n >= 0 {
			g.skip = n + len("\r\n")
		}
		return true
	case '*', '%', '~', '>', '|':
		n, err := strconv.Atoi(string(line[1:]))
		return err == nil && n >= -1 && n <= mostItems
	}
	return false
}
