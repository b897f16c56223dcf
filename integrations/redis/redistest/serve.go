package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// serve answers at a door until the server is closed.
func (s *Server) serve(d *door, answers func(command []string) reply) {
	s.all.Go(func() {
		for {
			c, err := d.listen.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.closed {
				s.mu.Unlock()
				c.Close()
				return
			}
			s.conns[c] = true
			s.mu.Unlock()
			s.all.Go(func() {
				defer func() {
					c.Close()
					s.mu.Lock()
					delete(s.conns, c)
					s.mu.Unlock()
				}()
				s.converse(d, c, answers)
			})
		}
	})
}

// converse answers what comes over one connection.
func (s *Server) converse(d *door, c net.Conn, answers func(command []string) reply) {
	r := bufio.NewReader(c)
	known := s.opt.Password == ""
	for {
		command, err := readCommand(r)
		if err != nil {
			return
		}
		var out reply
		answered := true
		s.do(func() {
			switch {
			case !s.open(d):
				answered = false
			case d.hung:
			case d.blur != "":
				out = reply(d.blur)
			default:
				out = s.let(d, &known, command, answers)
			}
		})
		if !answered {
			return
		}
		if _, err := io.WriteString(c, string(out)); err != nil {
			return
		}
	}
}

// open reports whether anybody is behind the door.
func (s *Server) open(d *door) bool {
	if d.cut {
		return false
	}
	for _, i := range s.instances {
		if &i.door == d {
			return i.up && !i.severed
		}
	}
	for _, w := range s.sentinels {
		if &w.door == d {
			return w.beside.up && !w.beside.severed
		}
	}
	return false
}

// let answers a command of somebody who may, or who proves it with it.
func (s *Server) let(d *door, known *bool, c []string, answers func([]string) reply) reply {
	c[0] = strings.ToUpper(c[0])
	if len(c) > 1 && (c[0] == "CONFIG" || c[0] == "REPLICAOF") {
		c[1] = strings.ToUpper(c[1])
	}
	switch c[0] {
	case "AUTH":
		if c[len(c)-1] != s.opt.Password {
			return failure("WRONGPASS invalid username-password pair or user is disabled.")
		}
		*known = true
		return simple("OK")
	case "HELLO":
		if at := slices.IndexFunc(c, func(w string) bool { return strings.EqualFold(w, "AUTH") }); at > 0 && at+2 < len(c) {
			if c[at+2] != s.opt.Password {
				return failure("WRONGPASS invalid username-password pair or user is disabled.")
			}
			*known = true
		}
		if !*known {
			return failure("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		}
		return list(bulk("server"), bulk("redis"), bulk("version"), bulk("7.2.4"), bulk("proto"), integer(2))
	}
	if !*known {
		return failure("NOAUTH Authentication required.")
	}
	if line := strings.Join(c, " "); strings.HasPrefix(line, "REPLICAOF") || strings.HasPrefix(line, "CONFIG SET") || strings.HasPrefix(line, "SENTINEL FAILOVER") {
		s.requests = append(s.requests, Request{d.name, line})
	}
	return answers(c)
}

const mostWords = 64

var errProtocol = errors.New("simulated Redis: no command")

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := header(r, '*')
	if err != nil || n < 1 || n > mostWords {
		return nil, orProtocol(err)
	}
	words := make([]string, n)
	for i := range words {
		size, err := header(r, '$')
		if err != nil || size < 0 || size > 1<<16 {
			return nil, orProtocol(err)
		}
		raw := make([]byte, size+2)
		if _, err := io.ReadFull(r, raw); err != nil {
			return nil, err
		}
		words[i] = string(raw[:size])
	}
	return words, nil
}

func orProtocol(err error) error {
	if err != nil {
		return err
	}
	return errProtocol
}

func header(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("%w: %.20q", errProtocol, line)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
