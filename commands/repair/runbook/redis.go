package runbook

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// exampleRedis is how many instances the example's Redis has: each has its own steps.
const exampleRedis = 3

// stillRedis is a Redis at one moment.
type stillRedis struct {
	fleet.NoRedis
	view *fleet.RedisView // nil: there is none
}

var _ fleet.Redis = stillRedis{}

func (r stillRedis) Sets() []fleet.RedisSet {
	if r.view == nil {
		return nil
	}
	return []fleet.RedisSet{r.view.Set}
}

func (r stillRedis) Look(ctx context.Context, set string, pods []string) (fleet.RedisView, error) {
	if r.view == nil {
		return r.NoRedis.Look(ctx, set, pods)
	}
	v := *r.view
	v.Instances = nil
	for _, pod := range pods {
		i, _ := r.view.Instance(pod)
		v.Instances = append(v.Instances, i)
	}
	return v, nil
}

// redisUnder makes the workload a Redis of which this instance is the master; a
// negative one: its last instance was, and does not answer.
func redisUnder(master int) func(*world, string) {
	return func(w *world, target string) {
		ofKind("StatefulSet")(w, target)
		w.s.Pods = slices.Clone(w.s.Pods)
		for i := range w.s.Workloads {
			if l := &w.s.Workloads[i]; l.String() == target {
				l.Replicas, l.Ready = exampleRedis, exampleRedis
				w.redis = redisOf(l.Object, master)
				for n := range exampleRedis {
					w.s.Pods = append(w.s.Pods, fleet.Pod{Object: fleet.Object{Kind: "Pod", Namespace: l.Namespace, Name: w.redis.Set.Pod(n)}, Owner: l.Object, Node: "NODE", Phase: "Running", Ready: true})
				}
			}
		}
	}
}

func redisOf(o fleet.Object, master int) *fleet.RedisView {
	v := &fleet.RedisView{Set: fleet.RedisSet{Name: o.String(), Workload: o, Master: "MASTER-NAME"}}
	v.Set.Workload.UID = ""
	host := func(n int) string { return "HOST-OF-" + v.Set.Pod(n) + ":6379" }
	named := (master + exampleRedis) % exampleRedis
	for n := range exampleRedis {
		i := fleet.RedisInstance{Pod: v.Set.Pod(n), Address: host(n), Role: fleet.RedisReplica, Run: fmt.Sprint(n), History: "h", Link: master >= 0, Priority: 100, Master: host(named)}
		switch {
		case n == master:
			i.Role, i.Link, i.Master = fleet.RedisMaster, false, ""
		case n == named:
			i = fleet.RedisInstance{Pod: i.Pod, Address: i.Address, Why: "connection refused"}
		}
		v.Instances = append(v.Instances, i)
	}
	v.Sentinels = []fleet.RedisSentinel{{Address: "HOST-OF-SENTINEL:26379", Master: host(named), Run: fmt.Sprint(named), Down: master < 0, Quorum: 2}}
	return v
}

// redisAlone has a repair of before have collapsed the Redis.
func redisAlone(w *world, target string) {
	redisUnder(0)(w, target)
	for i := range w.s.Workloads {
		if l := &w.s.Workloads[i]; l.String() == target {
			run := remediation.Run{Plan: remediation.Plan{Steps: repair.Scaling(*l, 1)}}
			for range run.Plan.Steps {
				run.Steps = append(run.Steps, remediation.StepState{Mark: remediation.Begun, Started: w.s.At})
			}
			w.past = append(w.past, run)
			l.Replicas, l.Ready = 1, 1
		}
	}
	w.s.Pods = slices.DeleteFunc(w.s.Pods, func(p fleet.Pod) bool { return p.Name == w.redis.Set.Pod(1) || p.Name == w.redis.Set.Pod(2) })
}
