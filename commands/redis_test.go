package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/integrations/redis"
	"wardroom/integrations/redis/redistest"
)

// pond is a simulated Redis set of three under the StatefulSet default/cache; the
// adapter speaks to it.
func (y *yard) pond() *redistest.Server {
	y.t.Helper()
	sim, err := redistest.New(redistest.Options{Now: y.clock.Now, Name: "cache"})
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(sim.Close)
	o := object("StatefulSet", "cache")
	s := &y.ground.s
	s.Workloads = append(s.Workloads, fleet.Workload{Object: o, Replicas: 3, Ready: 3, Scalable: true, UsedBy: []string{"default/bot"}})
	for n := range 3 {
		s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", fmt.Sprintf("cache-%d", n)), Node: wellNode, Owner: o, Phase: "Running", Ready: true})
	}
	y.redis = redis.New(redis.Options{Clock: y.clock, Dial: sim.Dial, Declared: []redis.Set{{
		RedisSet: fleet.RedisSet{Name: "cache", Workload: o, Master: sim.Watch()}, Address: "{pod}.cache:6379", Sentinels: []string{"{pod}.cache:26379"}, Timeout: 20 * time.Second}}})
	y.serve(y.crew)
	return sim
}

func TestRedisReadsLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:30", "vic", "/redis show")
	sim := y.pond()
	y.open("Mastodon is down", alert.SEV2)
	y.says("00:32", "vic", "/redis show")
	y.says("00:32", "vic", "/redis show redis:nosuch")
	y.forms("00:32", "joe", "INC-1", "redis collapse")
	y.says("00:32", "vic", "/workload show workload:default/cache")
	y.says("00:33", "joe", "/redis expand")
	sim.Split("cache-2")
	y.says("00:34", "vic", "/redis show")
	y.says("00:34", "joe", "/redis collapse")
	sim.Join("cache-2")
	sim.Cut("cache-1", true)
	y.says("00:35", "vic", "/redis show redis:default/cache")
	y.says("00:35", "joe", "/redis collapse dry-run:yes")
	sim.Cut("cache-1", false)
	y.says("00:36", "joe", "/redis collapse redis:cache")
	y.place(func(r *remediation.Run) {
		r.Status, r.StartedAt, r.EndedAt, r.Step = remediation.Done, night("00:36"), night("00:37"), len(r.Plan.Steps)
		r.Steps = make([]remediation.StepState, len(r.Plan.Steps))
		for i := range r.Steps {
			r.Steps[i] = remediation.StepState{Mark: remediation.So, Started: night("00:36"), Learned: map[string]string{"reached StatefulSet default/cache": "yes"}}
		}
	})
	y.ground.s.Workloads[3].Replicas, y.ground.s.Workloads[3].Ready = 1, 1
	y.ground.s.Pods = y.ground.s.Pods[:len(y.ground.s.Pods)-2]
	y.says("00:38", "vic", "/redis show")
	y.says("00:38", "joe", "/redis expand")
	y.ground.down = true
	y.says("00:39", "vic", "/redis show")
	y.golden("redis")
}

// Where people come by with their thumb: from the workloads.
func TestWorkloadsLeadToTheirRedis(t *testing.T) {
	y := newYard(t)
	y.pond()
	for _, line := range []string{"/workload list", "/workload show workload:default/cache"} {
		reply, err := y.ask("vic", line)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, a := range reply.Actions {
			found = found || a.Ask.Path == "redis show" && a.Ask.Options["redis"] == "cache"
		}
		if !found {
			t.Errorf("%s leads to no Redis: %+v", line, reply.Actions)
		}
	}
	names, err := y.runner.Complete(t.Context(), y.caller("joe", ""), "redis collapse", "redis", "CA")
	if err != nil || len(names) != 1 || names[0].Value != "cache" {
		t.Errorf("%v %v", names, err)
	}
}

// What Redis says is outside text.
func TestHostileRedis(t *testing.T) {
	y := newYard(t)
	sim := y.pond()
	sim.Blur("cache-1", "-**b** @everyone [x](http://evil)\r\n")
	reply, err := y.press("vic", command.Ask{Path: "redis show"})
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{"**b**", "[x]("} {
		if strings.Contains(reply.Text, mark) {
			t.Errorf("%s is let through: %s", mark, reply.Text)
		}
	}
}

func TestNoRedisIsSaid(t *testing.T) {
	y := newYard(t)
	y.open("x", alert.SEV2)
	for _, line := range []string{"/redis show", "/redis collapse", "/redis expand dry-run:yes"} {
		if _, err := y.ask("joe", line); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "knows no Redis") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
