package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/redis/redistest"
)

// redisNight is what was done with Redis on 2024-04-10, with another instance as the
// master, and what a second master does to it.
const redisNight = `
scenario: redis-collapse-and-expand
title: Redis on one instance, and back on three
timezone: UTC
people: {kody: [responder, lead], ash: [responder]}
world:
  nodes: [{name: worker-1}, {name: worker-2}]
  workloads:
    - {name: mastodon/redis, kind: StatefulSet, replicas: 3, redis: {master: 1, keys: 41000}, used_by: [mastodon/web]}
    - {name: mastodon/web, kind: Deployment, replicas: 2}
events:
  - {at: "2024-04-10 16:39", by: kody, command: "/incident declare title:Mastodon is down severity:SEV1"}
  - {at: "16:40", by: kody, command: "/redis collapse dry-run:True"}
  - {at: "16:45", by: kody, command: "/redis collapse"}
  - {at: "16:46", by: ash, approve: latest}
  - {at: "16:50", by: kody, command: "/redis show"}
  - {at: "16:51", by: kody, command: "/redis expand"}
  - {at: "16:52", world: {mute: mastodon/redis-0}}
  - {at: "16:53", world: {hear: mastodon/redis-0}}
  - {at: "16:54", by: kody, approve: latest}
  - {at: "17:00", world: {split: mastodon/redis-2}}
  - {at: "17:01", by: kody, command: "/redis show"}
  - {at: "17:02", world: {join: mastodon/redis-2}}
  - {at: "17:05", by: kody, command: "/incident resolve reason:Fully recovered"}
expect:
  - incident: 1
    timeline_contains: ["Ask Sentinel to fail over from redis-1 to redis-0: done", "INC-1/run-1 done in", "INC-1/run-2 done in"]
`

// playRedis plays the night and returns the stage, the heads of its record, and what an
// operator sees.
func playRedis(t *testing.T) (s *stage, heads []timeline.Head, up string) {
	t.Helper()
	f, err := scenario.Read(strings.NewReader(redisNight))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	registry := prometheus.NewRegistry()
	if err := s.registerMachines(registry); err != nil {
		t.Fatal(err)
	}
	if err := s.play(t.Context(), pace{}); err != nil {
		t.Fatal(err)
	}
	outcomes, err := f.Check(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if !o.OK {
			t.Errorf("expected that %s; got: %s", o.What, o.Got)
		}
	}
	err = s.db.View(t.Context(), func(v timeline.View) (err error) {
		heads, err = v.Heads()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.Metric {
			if name := m.Label[0].GetValue(); strings.HasPrefix(name, "redis") {
				up += fmt.Sprintln(family.GetName(), name, m.GetGauge().GetValue())
			}
		}
	}
	return s, heads, up
}

func TestRedisIsCollapsedAndExpanded(t *testing.T) {
	t.Parallel()
	s, heads, up := playRedis(t)
	sim := s.world.ponds.sims["mastodon/redis"]
	for n, i := range sim.States() {
		if !i.Up || (i.Master == "") != (n == 0) || n > 0 && !i.Link || i.Keys != 41000 || i.Priority != 100 {
			t.Errorf("%+v", i)
		}
	}
	var asked []string
	for _, r := range sim.Requests() {
		to, _, _ := strings.Cut(r.To, "-")
		asked = append(asked, to+" "+r.Command)
	}
	if want := []string{"redis CONFIG SET replica-priority 99", "sentinel SENTINEL FAILOVER mymaster", "redis CONFIG SET replica-priority 100"}; !slices.Equal(asked, want) {
		t.Errorf("Redis was asked for %q", asked)
	}
	if want := "wardroom_system_up redis mastodon/redis 0\n"; up != want { // there were two masters when it was last asked
		t.Errorf("%q, want %q", up, want)
	}
	_, again, _ := playRedis(t)
	if diff := cmp.Diff(heads, again); diff != "" {
		t.Errorf("the same night leaves another record: %s", diff)
	}
}

// Two masters are refused wherever it is asked for, and nothing is changed.
func TestTwoMastersAreRefused(t *testing.T) {
	t.Parallel()
	f, err := scenario.Read(strings.NewReader(redisNight))
	if err != nil {
		t.Fatal(err)
	}
	f.Events = f.Events[:1]
	s, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := s.play(t.Context(), pace{}); err != nil {
		t.Fatal(err)
	}
	sim := s.world.ponds.sims["mastodon/redis"]
	sim.Split("redis-2")
	_, err = s.Ask(t.Context(), "kody", "/redis collapse")
	if err == nil || !strings.Contains(err.Error(), "claim to be the master: they parted at offset") {
		t.Errorf("%v", err)
	}
	for range 2 { // the room is told of it
		s.clock.MoveTo(s.clock.Now().Add(10 * time.Second))
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var refused []string
	err = s.db.View(t.Context(), func(v timeline.View) error {
		all, err := v.Entries("INC-1", 0, 1000)
		for _, e := range all {
			if r, is := e.Payload.(*remediation.RunRefused); is {
				refused = append(refused, r.Code)
			}
		}
		return err
	})
	if err != nil || len(refused) != 1 || refused[0] != "redis-two-masters" || len(sim.Requests()) > 0 {
		t.Errorf("%v %v %v", refused, sim.Requests(), err)
	}
}

// wardroom check asks each declared set, as Redis answers over TCP.
func TestEachRedisIsTried(t *testing.T) {
	for name, c := range map[string]struct {
		does     func(*redistest.Server)
		password string
		want     string
	}{
		"all is well":          {nil, "hush", "ok redis-0 is the master, 2 replicas, 3 Sentinels"},
		"a wrong password":     {nil, "loud", "failed redis-0 does not answer: it does not accept Wardroom's password"},
		"one does not answer":  {func(s *redistest.Server) { s.Cut("redis-1", true) }, "hush", "warning redis-1 does not answer: the connection broke off"},
		"two masters":          {func(s *redistest.Server) { s.Split("redis-1") }, "hush", "failed two masters, redis-0 and redis-1: they parted at offset"},
		"a Sentinel disagrees": {func(s *redistest.Server) { s.Stray(2, "redis-1") }, "hush", "warning redis-0 is the master, and the Sentinel at"},
	} {
		t.Run(name, func(t *testing.T) {
			sim, err := redistest.New(redistest.Options{Password: "hush"})
			if err != nil {
				t.Fatal(err)
			}
			defer sim.Close()
			if c.does != nil {
				c.does(sim)
			}
			w := newSetupWorld(t)
			if err := os.WriteFile(w.file("redis"), []byte(c.password), 0o600); err != nil {
				t.Fatal(err)
			}
			var addresses, sentinels []string
			doors := sim.Doors()
			for pod, at := range sim.Addresses() {
				addresses = append(addresses, fmt.Sprintf("%s: %q", pod, doors[at]))
			}
			for _, at := range sim.Sentinels() {
				sentinels = append(sentinels, fmt.Sprintf("%q", doors[at]))
			}
			cfg := somebody + fmt.Sprintf("redis:\n  - {workload: default/redis, addresses: {%s}, sentinels: [%s], master: mymaster, password_file: %q, sentinel_password_file: %q, timeout: 20s}\n",
				strings.Join(addresses, ", "), strings.Join(sentinels, ", "), w.file("redis"), w.file("redis"))
			found := checks.Run(t.Context(), newCheckRig(t).checker(cfg).machines())
			if len(found) != 1 || found[0].Name != "redis default/redis" {
				t.Fatalf("%+v", found)
			}
			got := fmt.Sprintf("%v %s", found[0].Level, found[0].Sentence)
			if !strings.HasPrefix(got, c.want) || found[0].Level != checks.OK && found[0].Hint == "" {
				t.Errorf("%q, want %q (%s)", got, c.want, found[0].Hint)
			}
		})
	}
}
