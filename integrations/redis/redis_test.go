package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/integrations/redis"
	"wardroom/integrations/redis/redistest"
)

var night = time.Date(2024, 4, 10, 16, 36, 0, 0, time.UTC)

const password = "a-secret-of-redis"

// rig is an adapter on a simulated set.
type rig struct {
	*testing.T
	sim   *redistest.Server
	redis *redis.Redis
	clock *scenario.Clock
	dials atomic.Int32
}

func newRig(t *testing.T, change ...func(*redis.Options)) *rig {
	t.Helper()
	r := &rig{T: t, clock: scenario.NewClock(night)}
	var err error
	if r.sim, err = redistest.New(redistest.Options{Now: r.clock.Now, Password: password}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.sim.Close)
	login := redis.Login{Password: config.NewSecret(password)}
	o := redis.Options{Clock: r.clock, Declared: []redis.Set{{
		RedisSet:  fleet.RedisSet{Name: "default/redis", Workload: fleet.Object{Kind: "StatefulSet", Namespace: "default", Name: "redis"}, Master: r.sim.Watch()},
		Addresses: r.sim.Addresses(), Login: login, Sentinels: r.sim.Sentinels(), Sentry: login, Timeout: 20 * time.Second}}}
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		r.dials.Add(1)
		return r.sim.Dial(ctx, network, address)
	}
	for _, f := range change {
		f(&o)
	}
	r.redis = redis.New(o)
	return r
}

func (r *rig) look(pods ...string) fleet.RedisView {
	r.Helper()
	v, err := r.redis.Look(r.Context(), "default/redis", pods)
	if err != nil {
		r.Fatal(err)
	}
	return v
}

func (r *rig) pass(d time.Duration) {
	r.clock.MoveTo(r.clock.Now().Add(d))
	r.sim.Advance()
}

func masters(v fleet.RedisView) string {
	var all []string
	for _, m := range v.Masters() {
		all = append(all, m.Pod)
	}
	return strings.Join(all, " ")
}

func TestNothingIsConnectedBeforeItIsNeeded(t *testing.T) {
	r := newRig(t)
	if n := r.dials.Load(); n > 0 || len(r.redis.Working()) > 0 || len(r.redis.Sets()) != 1 {
		t.Errorf("%d connections, %+v, %+v", n, r.redis.Working(), r.redis.Sets())
	}
	r.look()
	if n := r.dials.Load(); n != 6 {
		t.Errorf("%d connections for three instances and their Sentinels", n)
	}
	if w := r.redis.Working(); len(w) != 1 || !w[0].OK || w[0].Name != "Redis default/redis" {
		t.Errorf("%+v", w)
	}
}

func TestLookSaysWhoIsWhat(t *testing.T) {
	r := newRig(t)
	v := r.look()
	m, first := v.Masters(), v.Instances[1]
	if len(m) != 1 || m[0].Pod != "redis-0" || m[0].Replicas != 2 || m[0].Keys != 1000 || m[0].Offset != 100000 || m[0].Version != "7.2.4" {
		t.Errorf("%+v", v.Instances)
	}
	if is, why := first.CaughtUp(m[0]); !is || first.Priority != 100 || first.Master != m[0].Address {
		t.Errorf("%s: %+v", why, first)
	}
	for _, s := range v.Sentinels {
		if !s.Answers() || v.NamedBy(s) != "redis-0" || s.Quorum != 2 || s.Others != 2 || s.Priorities[first.Run] != 100 {
			t.Errorf("%+v", s)
		}
	}
	r.sim.Split("redis-2")
	r.pass(10 * time.Second)
	v = r.look()
	if len(v.Masters()) != 2 || !strings.Contains(fleet.Apart(v.Instances[0], v.Instances[2]), "they parted at offset 100000: since then redis-0 has taken in 1000 bytes and redis-2 1000 bytes") {
		t.Errorf("%s: %s", masters(v), fleet.Apart(v.Instances[0], v.Instances[2]))
	}
	if w := r.redis.Working(); w[0].OK || w[0].Why != "two masters" {
		t.Errorf("%+v", w)
	}
	if v := r.look("redis-1"); len(v.Instances) != 1 || v.Instances[0].Role != fleet.RedisReplica {
		t.Errorf("%+v", v)
	}
	if _, err := r.redis.Look(t.Context(), "queue", nil); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}

// Who does not answer says why, and keeps nobody from answering.
func TestSilenceHasAReason(t *testing.T) {
	tests := map[string]struct {
		does func(*rig)
		o    func(*redis.Options)
		why  string
	}{
		"cut":            {func(r *rig) { r.sim.Cut("redis-1", true) }, nil, "the connection broke off"},
		"hung":           {func(r *rig) { r.sim.Hang("redis-1", true) }, func(o *redis.Options) { o.Declared[0].Timeout = 300 * time.Millisecond }, "no answer in time"},
		"refused":        {nil, func(o *redis.Options) { o.Declared[0].Addresses["redis-1"] = "127.0.0.1:1" }, "connection refused"},
		"no address":     {nil, func(o *redis.Options) { delete(o.Declared[0].Addresses, "redis-1") }, "the configuration names no address of it"},
		"another's":      {func(r *rig) { r.sim.Blur("redis-1", "HTTP/1.1 400 Bad Request\r\n\r\n") }, nil, "its answer is not Redis's"},
		"too much":       {func(r *rig) { r.sim.Blur("redis-1", "$2000000000\r\n") }, nil, "its answer is not Redis's"},
		"without end":    {func(r *rig) { r.sim.Blur("redis-1", "*1000000000\r\n") }, nil, "its answer is not Redis's"},
		"another kind":   {func(r *rig) { r.sim.Blur("redis-1", ":5\r\n") }, nil, "its answer is not Redis's"},
		"an error":       {func(r *rig) { r.sim.Blur("redis-1", "-MISCONF "+strings.Repeat("x", 5000)+"\r\n") }, nil, "it answers MISCONF " + strings.Repeat("x", 152) + "…"},
		"nothing of use": {func(r *rig) { r.sim.Blur("redis-1", "$7\r\nrole:me\r\n") }, nil, "its answer is not Redis's"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*redis.Options)
			if tt.o != nil {
				change = append(change, tt.o)
			}
			r := newRig(t, change...)
			if tt.does != nil {
				tt.does(r)
			}
			v := r.look("redis-0", "redis-1", "redis-2")
			if got := v.Instances[1]; got.Why != tt.why || got.Role != "" || got.Keys != -1 {
				t.Errorf("%+v", got)
			}
			if !v.Instances[0].Answers() || !v.Instances[2].Answers() {
				t.Errorf("%+v", v.Instances)
			}
		})
	}
}

func TestAWrongPasswordIsSaidAndNotShown(t *testing.T) {
	for name, tt := range map[string]struct{ presented, why string }{
		"wrong": {"another-secret", "it does not accept Wardroom's password"},
		"none":  {"", "it asks for a password"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *redis.Options) {
				login := redis.Login{Password: config.NewSecret(tt.presented)}
				o.Declared[0].Login, o.Declared[0].Sentry = login, login
			})
			v := r.look()
			if v.Instances[0].Why != tt.why || v.Sentinels[0].Why != tt.why {
				t.Errorf("%+v %+v", v.Instances[0], v.Sentinels[0])
			}
			err := r.redis.Promote(t.Context(), "default/redis", "redis-1")
			if !problem.Is(err, problem.Forbidden) || len(r.sim.Requests()) > 0 {
				t.Errorf("%v %v", err, r.sim.Requests())
			}
			if all := fmt.Sprintf("%+v %+v %v %+v", v, r.redis.Declared, err, r.redis.Working()); tt.presented != "" && strings.Contains(all, tt.presented) {
				t.Error("the password is shown: " + all)
			}
		})
	}
}

// What is asked for comes about, and what is refused says so.
func TestChanges(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if err := r.redis.Prefer(ctx, "default/redis", "redis-2", 50); err != nil || r.look().Sentinels[0].Priorities[r.look().Instances[2].Run] != 50 {
		t.Fatal(err)
	}
	at := r.look().Sentinels[1].Address
	if err := r.redis.Failover(ctx, "default/redis", at); err != nil {
		t.Fatal(err)
	}
	if err := r.redis.Failover(ctx, "default/redis", at); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "INPROG") {
		t.Errorf("asked for twice: %v", err)
	}
	if v := r.look(); !v.Sentinels[1].Failing || masters(v) != "redis-0" {
		t.Errorf("%+v", v.Sentinels[1])
	}
	r.pass(5 * time.Second)
	v := r.look()
	if masters(v) != "redis-2" || v.NamedBy(v.Sentinels[0]) != "redis-2" {
		t.Fatalf("%s, named %s", masters(v), v.NamedBy(v.Sentinels[0]))
	}
	r.pass(5 * time.Second)
	if is, why := r.look().Instances[0].CaughtUp(r.look().Instances[2]); !is {
		t.Error(why)
	}
	if err := r.redis.Promote(ctx, "default/redis", "redis-1"); err != nil || masters(r.look()) != "redis-1 redis-2" {
		t.Errorf("%v %s", err, masters(r.look()))
	}
	for name, err := range map[string]error{
		"no set":      r.redis.Promote(ctx, "queue", "redis-1"),
		"no instance": r.redis.Promote(ctx, "default/redis", "redis-7"),
	} {
		if !problem.Is(err, problem.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.sim.Cut("redis-1", true)
	if err := r.redis.Promote(ctx, "default/redis", "redis-1"); !problem.Is(err, problem.Unavailable) {
		t.Errorf("%v", err)
	} else if _, maybe := errors.AsType[*fleet.Maybe](err); maybe {
		t.Errorf("it was never let in: %v", err)
	}
}

// A change whose answer is lost may have arrived.
func TestALostAnswerIsAMaybe(t *testing.T) {
	r := newRig(t, func(o *redis.Options) {
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			return &losing{Conn: c}, err
		}
	})
	err := r.redis.Promote(t.Context(), "default/redis", "redis-1")
	if _, maybe := errors.AsType[*fleet.Maybe](err); !maybe {
		t.Errorf("%v", err)
	}
	if got := r.sim.Requests(); len(got) != 1 || got[0].Command != "REPLICAOF NO ONE" {
		t.Errorf("%v", got)
	}
}

// losing is a connection that breaks off once a change was answered.
type losing struct {
	net.Conn
	sent bool
}

func (l *losing) Write(p []byte) (int, error) {
	l.sent = l.sent || strings.Contains(strings.ToUpper(string(p)), "REPLICAOF")
	return l.Conn.Write(p)
}

func (l *losing) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.sent {
		l.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func TestWhoOnlyLooksChangesNothing(t *testing.T) {
	r := newRig(t, func(o *redis.Options) { o.LooksOnly = true })
	err := r.redis.Promote(t.Context(), "default/redis", "redis-1")
	if !problem.Is(err, problem.Forbidden) || r.redis.CanChange() || r.dials.Load() > 0 {
		t.Errorf("%v", err)
	}
}
