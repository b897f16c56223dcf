package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"wardroom/bot/problem"
)

// client asks one instance or Sentinel over one connection.
type client struct {
	at     string
	client *goredis.Client
}

// dial makes a client that only does what it is told: one connection at the first
// question, nothing repeated, nothing told about itself, RESP2.
func (r *Redis) dial(s Set, at string, login Login) *client {
	o := &goredis.Options{
		Addr: at, Username: login.Username, Password: login.Password.Reveal(), Protocol: 2, DisableIdentity: true,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1, PipelinePoolSize: -1, ContextTimeoutEnabled: true,
		DialTimeout: s.Timeout, ReadTimeout: s.Timeout, WriteTimeout: s.Timeout,
		ReadBufferSize: 16 << 10, WriteBufferSize: 4 << 10,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := r.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if s.TLS != nil {
			secured := tls.Client(conn, s.tlsConfig(address))
			if err := secured.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, err
			}
			conn = secured
		}
		return guard(conn), nil
	}
	return &client{at, goredis.NewClient(o)}
}

func (s Set) tlsConfig(address string) *tls.Config {
	name := s.TLS.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(address)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, RootCAs: s.TLS.Roots}
}

func (c *client) close() { _ = c.client.Close() } // nothing follows that could be told

// ask sends one command and returns the decoded answer.
func (c *client) ask(ctx context.Context, command ...any) (any, error) {
	return c.client.Do(ctx, command...).Result()
}

// text asks for one that is text.
func (c *client) text(ctx context.Context, command ...any) (string, error) {
	answer, err := c.ask(ctx, command...)
	if err != nil {
		return "", err
	}
	text, is := answer.(string)
	if !is {
		return "", errOtherAnswer
	}
	return text, nil
}

var errOtherAnswer = errors.New("the answer is of another kind than Redis gives")

// refused reports whether the other side answered, with an error.
func refused(err error) bool {
	_, is := errors.AsType[goredis.Error](err)
	return is
}

// why says an error in a few words for people. The other side's own words are cut.
func why(err error) string {
	said := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " ")
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case strings.Contains(said, "WRONGPASS"), strings.Contains(said, "invalid password"), strings.Contains(said, "invalid username-password"):
		return "it does not accept Wardroom's password"
	case strings.Contains(said, "NOAUTH"):
		return "it asks for a password"
	case strings.Contains(said, "NOPERM"):
		return "Wardroom's user may not ask it that"
	case refused(err):
		return "it answers " + cut(said)
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, errHostile), errors.Is(err, errOtherAnswer), strings.Contains(said, "redis: can't parse"):
		return "its answer is not Redis's"
	case strings.Contains(said, "connection refused"):
		return "connection refused"
	case strings.Contains(said, "no such host"):
		return "its name leads nowhere"
	}
	return "the connection broke off"
}

// mostWords is how much of another side's words is shown.
const mostWords = 160

func cut(said string) string {
	if r := []rune(said); len(r) > mostWords {
		return string(r[:mostWords]) + "…"
	}
	return said
}

// said makes a problem of an error of a change.
func (c *client) said(err error) error {
	code := problem.Unavailable
	words := err.Error()
	switch {
	case !refused(err):
	case strings.Contains(words, "NOPERM"), strings.Contains(words, "NOAUTH"), strings.Contains(words, "WRONGPASS"), strings.Contains(words, "unknown command"):
		code = problem.Forbidden
	case strings.HasPrefix(words, "LOADING"), strings.HasPrefix(words, "BUSY"), strings.HasPrefix(words, "INPROG"), strings.HasPrefix(words, "MASTERDOWN"):
	default:
		code = problem.Conflict
	}
	return problem.New(code, "Redis at %s: %s", c.at, why(err)).Because(errors.New(cut(words)))
}
