// Package redis is the [fleet.Redis] of a team: it asks instances and Sentinels who is
// the master of what, and makes the few changes that repairs need. It speaks through
// go-redis, with a connection for each look that is closed after it.
//
// Facts about what is asked: https://redis.io/docs/latest/commands/info/,
// https://redis.io/docs/latest/commands/role/ and
// https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// System is how repairs name what they need here.
const System = "redis"

// Options are what the adapter is made from.
type Options struct {
	Declared []Set
	Clock    timeline.Clock // of outages; nil: the machine's
	Log      *slog.Logger   // nil: says nothing
	// LooksOnly makes every change a Forbidden problem.
	LooksOnly bool
	// Dial connects; nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Redis implements [fleet.Redis]. Making it connects to nothing.
type Redis struct {
	Options
	state state
}

var _ fleet.Redis = (*Redis)(nil)

var errNoCertificate = errors.New("holds no certificate in PEM")

// New makes the adapter.
func New(o Options) *Redis {
	if o.Clock == nil {
		o.Clock = timeline.RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	goredis.SetLogger(silent{}) // what matters is returned
	return &Redis{Options: o}
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// CanChange reports whether changes are asked for at all.
func (r *Redis) CanChange() bool { return !r.LooksOnly }

// Sets implements [fleet.Redis].
func (r *Redis) Sets() []fleet.RedisSet {
	all := make([]fleet.RedisSet, len(r.Declared))
	for i, s := range r.Declared {
		all[i] = s.RedisSet
	}
	return all
}

func (r *Redis) set(name string) (Set, error) {
	i := slices.IndexFunc(r.Declared, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return Set{}, problem.New(problem.NotFound, "no Redis %.60q is declared", name).WithHint("the configuration's section redis names those there are")
	}
	return r.Declared[i], nil
}

// Promote implements [fleet.Redis].
// https://redis.io/docs/latest/commands/replicaof/
func (r *Redis) Promote(ctx context.Context, set, pod string) error {
	return r.changeInstance(ctx, set, pod, "REPLICAOF", "NO", "ONE")
}

// Prefer implements [fleet.Redis].
// https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#replicas-priority
func (r *Redis) Prefer(ctx context.Context, set, pod string, priority int) error {
	return r.changeInstance(ctx, set, pod, "CONFIG", "SET", "replica-priority", priority)
}

// Failover implements [fleet.Redis].
// https://redis.io/docs/latest/commands/sentinel/ (SENTINEL FAILOVER)
func (r *Redis) Failover(ctx context.Context, set, sentinel string) error {
	s, err := r.set(set)
	if err != nil {
		return err
	}
	if s.Master == "" {
		return problem.New(problem.NotFound, "no Sentinel watches %s", s.Name)
	}
	return r.change(ctx, s, sentinel, s.Sentry, "SENTINEL", "FAILOVER", s.Master)
}

func (r *Redis) changeInstance(ctx context.Context, set, pod string, command ...any) error {
	s, err := r.set(set)
	if err != nil {
		return err
	}
	at := s.address(pod)
	if at == "" {
		return problem.New(problem.NotFound, "no address of %.60q is declared", pod)
	}
	return r.change(ctx, s, at, s.Login, command...)
}

// change sends one command that changes something, exactly once.
func (r *Redis) change(ctx context.Context, s Set, at string, login Login, command ...any) error {
	if r.LooksOnly {
		return problem.New(problem.Forbidden, "Wardroom only observes: it changes nothing in Redis").
			WithHint("`mode: act` in the configuration; until then do it by hand with the commands of the plan")
	}
	c := r.dial(s, at, login)
	defer c.close()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	// A connection that cannot be had, or is not let in, is certain not to have changed
	// anything: only what breaks off after that is doubtful.
	if _, err := c.ask(ctx, "PING"); err != nil && !refused(err) {
		return c.said(err)
	}
	_, err := c.ask(ctx, command...)
	switch {
	case err == nil:
		return nil
	case refused(err):
		return c.said(err)
	}
	return &fleet.Maybe{Err: c.said(err)}
}
