package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/redis"
	"wardroom/integrations/redis/redistest"
)

// redisNights are those in which a Redis set is collapsed or expanded.
var redisNights = []deadly{{
	name:    "Redis is collapsed, another instance is its master, and Argo CD is paused",
	prepare: func(w *mortalWorld) { w.cache(1, redistest.Options{Master: 1}) },
	asks:    []string{"/redis collapse"}, repairs: []string{repair.RedisCollapse}, ends: done,
	changes: []string{"patch applications.argoproj.io argocd/cache", "patch statefulsets/scale default/cache"},
	whole: func(w *mortalWorld) {
		w.redisStands(0, 1)
		failovers := 0
		for _, r := range w.redis.Requests() {
			if strings.HasPrefix(r.Command, "SENTINEL FAILOVER") {
				failovers++
			}
		}
		if failovers != 1 {
			w.t.Errorf("%d failovers: %v", failovers, w.redis.Requests())
		}
	},
}, {
	name: "Redis is collapsed, nobody is its master",
	prepare: func(w *mortalWorld) {
		w.cache(1, redistest.Options{Master: 2, Unwatched: true})
		w.redis.Cut("cache-2", true)
	},
	asks: []string{"/redis collapse"}, repairs: []string{repair.RedisCollapse}, ends: done,
	changes: []string{"patch applications.argoproj.io argocd/cache", "patch statefulsets/scale default/cache"},
	whole:   func(w *mortalWorld) { w.redisStands(0, 1) },
}, {
	name:    "Redis is expanded one by one, and Argo CD resumed",
	prepare: func(w *mortalWorld) { w.cache(3, redistest.Options{}) },
	asks:    []string{"/redis collapse", "/redis expand"}, repairs: []string{repair.RedisCollapse, repair.RedisExpand}, ends: []remediation.Status{remediation.Done, remediation.Done},
	changes: []string{"patch applications.argoproj.io argocd/cache", "patch statefulsets/scale default/cache"},
	whole:   func(w *mortalWorld) { w.redisStands(0, 3) },
	from:    "redis expand: ",
}}

// cache is a Redis set of three under default/cache, which Argo CD keeps; n instances
// are to be left.
func (w *mortalWorld) cache(n int, o redistest.Options) {
	w.add(kubetest.Workload{Name: "default/cache", Kind: "StatefulSet", Argo: "cache"}, 3)
	w.pods["default/cache"] = n
	o.Now, o.Name, o.Pods = w.clock.Now, "cache", func() []redistest.Pod { return podsOfRedis(w.kube, "default", "cache") }
	var err error
	w.redis, err = redistest.New(o)
	w.must(err)
	w.t.Cleanup(w.redis.Close)
}

// redisStands: that instance is the one master, n in all run, and the others follow it
// with all of its keys.
func (w *mortalWorld) redisStands(master, n int) {
	w.t.Helper()
	up := 0
	for i, s := range w.redis.States() {
		if !s.Up {
			continue
		}
		up++
		if (s.Master == "") != (i == master) || s.Master != "" && !s.Link || s.Keys != 1000 || s.Priority != 100 {
			w.t.Errorf("%+v", s)
		}
	}
	if up != n {
		w.t.Errorf("%d instances run, want %d", up, n)
	}
}

// mortalRedis is how a process of the bot reaches the set, by the doors it was told;
// nil when it was told none.
func (d *death) mortalRedis(doors map[string]string) *redis.Options {
	if len(doors) == 0 {
		return nil
	}
	set := redis.Set{RedisSet: fleet.RedisSet{Name: "cache", Workload: fleet.Object{Kind: "StatefulSet", Namespace: "default", Name: "cache"}}, Address: "{pod}.cache:6379", Timeout: 20 * time.Second}
	for at := range doors {
		if strings.HasSuffix(at, ":26379") {
			set.Master, set.Sentinels = "mymaster", append(set.Sentinels, at)
		}
	}
	slices.Sort(set.Sentinels)
	dial := redistest.Dialer(doors)
	return &redis.Options{Declared: []redis.Set{set}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return &dyingConn{Conn: c, death: d}, err
	}}
}

// dyingConn is a connection to Redis whose changing commands are points.
type dyingConn struct {
	net.Conn
	death *death
	what  string // the command that was sent last, if it changes something
}

func (c *dyingConn) Write(p []byte) (int, error) {
	c.what = ""
	var words []string
	for _, line := range strings.Split(string(p), "\r\n") {
		if line != "" && line[0] != '*' && line[0] != '$' {
			words = append(words, line)
		}
	}
	line := strings.Join(words, " ")
	for _, changes := range []string{"REPLICAOF", "CONFIG SET", "SENTINEL FAILOVER"} {
		if strings.HasPrefix(line, changes) {
			c.what = line
			c.death.point("about to send " + line)
		}
	}
	return c.Conn.Write(p)
}

func (c *dyingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.what != "" {
		c.death.point("was answered " + c.what)
		c.what = ""
	}
	return n, err
}
