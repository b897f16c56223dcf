package repair

import (
	"context"
	"strconv"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// redisExpand brings the instances of a collapsed set back, one by one: the next only
// when the last is a replica of the master with its link up and nothing missing.
type redisExpand struct {
	planner
	stepTable
}

func (redisExpand) Spec() remediation.Spec {
	return remediation.Spec{
		Name: RedisExpand, Version: 1, Summary: "Bring the replicas of a Redis set back, one by one, each in sync before the next", Tier: remediation.Routine,
		When:   "A Redis set was scaled down to one instance, and what kept the others from agreeing is over.",
		Breaks: "Nothing; each new replica copies everything from the master, which costs it memory and network meanwhile.",
		Access: setScalingAccessOf(stepRedisGrow, stepResume),
	}
}

func (r redisExpand) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.beginRedis(ctx, r.Spec(), params)
	if err != nil {
		return plan, err
	}
	was, known, err := r.remembered(ctx, s.workload.Object)
	if err != nil {
		return plan, err
	}
	want := was.replicas
	switch asked, isNumber := strconv.Atoi(params["replicas"]); {
	case params["replicas"] != "" && (isNumber != nil || asked < 1 || asked > mostRedis):
		return plan, problem.New(problem.Invalid, "%q is no number of instances", params["replicas"]).WithHint("1 to %d", mostRedis)
	case params["replicas"] != "":
		want = asked
	case !known:
		return plan, problem.New(problem.NotFound, "nothing is recorded of %s that it could be brought back to: no repair has scaled it, or it was put back", s.workload.Object).WithHint("name how many instances it is to have, as replicas:3")
	}
	if known {
		plan.Facts = append(plan.Facts, was.fact())
	}
	if s.workload.Replicas >= want {
		found(&plan, AlreadySo, remediation.Warning, "", "%s is at %d already", s.workload.Object, s.workload.Replicas)
	}
	switch masters := s.view.Masters(); len(masters) {
	case 0:
		found(&plan, RedisNoMaster, remediation.Hard, "/redis collapse makes one", "Nobody is the master: a new instance would have nobody to follow")
	case 1:
		judgeSentinels(&plan, s, masters[0])
		plan.Material["redis "+masters[0].Pod] = redisIsMaster
	}
	plan.Blast = fleet.Blast{At: s.snapshot.At} // what does not answer is waited for, and nothing is taken away
	plan.Learned = was.learned
	plan.Steps = expanding(s, want, was.keepers)
	plan.Undo = "/redis collapse redis:" + s.set.Name
	plan.Material["replicas"] = strconv.Itoa(want)
	settle(&plan, remediation.Routine)
	hold(&plan, s.workload.Object)
	return plan, nil
}

// mostRedis bounds what a slip of the thumb may ask for.
const mostRedis = 20

// expanding are the steps: those that are there first, then one after the other.
func expanding(s redisSubject, want int, paused []fleet.Keeper) (steps []remediation.PlannedStep) {
	for _, i := range s.view.Instances {
		if i.Pod != s.first.Pod && i.Role != fleet.RedisMaster {
			steps = append(steps, planRedisJoined(s, i.Pod))
		}
	}
	for n := s.workload.Replicas + 1; n <= want; n++ {
		steps = append(steps, planRedisGrow(s, n, n == want), planRedisJoined(s, s.set.Pod(n-1)))
	}
	for _, k := range paused {
		steps = append(steps, planResume(k))
	}
	return append(steps, planPodsReady([]fleet.Object{bare(s.workload.Object)}, false))
}
