package repair

import (
	"cmp"
	"context"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// redisCollapse scales a Redis set down to one instance, and proves by asking it that
// this one is the master and has what the set had: what was done by hand on 2024-04-10
// (seed 004), when its Sentinels could not agree and kept it down.
//
// The one that remains is the first of the StatefulSet, which takes the others away
// from the end. Where another one is the master, that is changed in the way that loses
// least: while that master answers, its Sentinel is asked to fail over to the first,
// before anything is taken away; when nobody is the master, the first is made it, and
// only once it is the last one left, so that no second one can take writes meanwhile.
//
// SENTINEL RESET is no step: it makes a Sentinel forget the replicas, which are to come
// back, and the other Sentinels, without whom it would be a majority by itself.
type redisCollapse struct {
	planner
	stepTable
}

func (redisCollapse) Spec() remediation.Spec {
	return remediation.Spec{
		Name: RedisCollapse, Version: 1, Summary: "Scale a Redis set down to one instance, proven to be the master", Tier: remediation.Disruptive,
		When:   "Redis and its Sentinels do not agree who is the master, or keep each other down, and one instance has to carry on alone.",
		Breaks: "The replicas go; their volumes stay. Until it is expanded again nothing can take over: when the last instance or its node fails, Redis is down. Where another instance is the master, connections break once when the first takes over, and writes of that moment may be lost.",
		Access: append(setScalingAccessOf(stepScaleTo, stepPause), redisAccess()...),
		Check:  []string{"redis-cli -h HOST -p 6379 INFO replication", "redis-cli -h HOST -p 6379 DBSIZE"},
	}
}

// redisAccess is what changes of Redis need of its users.
func redisAccess() []remediation.Access {
	return []remediation.Access{
		{System: "redis", Verb: "config set", What: "replica-priority", Why: stepRedisPrefer + ", " + stepRedisUnprefer},
		{System: "redis", Verb: "sentinel failover", What: "the set", Why: stepRedisFailover + ", " + stepRedisAgreed},
		{System: "redis", Verb: "replicaof", What: "the first instance", Why: stepRedisPromote},
	}
}

// The ways in which the first instance comes to be the master.
const (
	redisIsMaster = "is the master"
	redisTakeOver = "takes over"
	redisPromoted = "is promoted"
)

func (r redisCollapse) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	plan, s, err := r.beginRedis(ctx, r.Spec(), params)
	if err != nil {
		return plan, err
	}
	unknown := plan.Blast.Unknown
	plan.Blast = takenAway(s.snapshot, s.workload, 1, r.blast)
	plan.Blast.Unknown = append(plan.Blast.Unknown, unknown...)
	plan.Facts = append(plan.Facts, usedBy(s.snapshot, s.workload, r.blast)...)
	if s.workload.Replicas == 1 {
		found(&plan, AlreadySo, remediation.Warning, "", "%s is at 1 already", s.workload.Object)
	}
	keepScaled(&plan, s.workload, 1, "/redis expand")
	tier, way := remediation.Disruptive, redisIsMaster
	masters := s.view.Masters()
	switch {
	case !s.first.Answers() || s.first.Loading:
		found(&plan, RedisFirstUnfit, remediation.Hard, "/pod logs and /workload show may say why", "%s, the one that would remain, cannot be told: %s", s.first.Pod, cmp.Or(s.first.Why, "it loads its data from disk"))
	case len(masters) == 0:
		tier, way = remediation.Destructive, redisPromoted
		judgePromotion(&plan, s)
	case len(masters) == 1 && masters[0].Pod != s.first.Pod:
		way = redisTakeOver
		judgeTakeOver(&plan, s, masters[0])
	}
	if len(masters) == 1 {
		judgeSentinels(&plan, s, masters[0])
	}
	if s.first.NeedsReplicas {
		found(&plan, RedisNeedsReplicas, remediation.Soft, redisCommand(s.first.Address, "CONFIG SET min-replicas-to-write 0")+" lets it take writes alone", "%s takes writes only while it has replicas (min-replicas-to-write): alone it takes none", s.first.Pod)
	}
	if s.set.Master != "" {
		found(&plan, RedisNoFailover, remediation.Warning, "/redis expand as soon as the trouble is over", "Sentinel has nobody to fail over to meanwhile: when %s or its node fails, Redis is down", s.first.Pod)
	}
	plan.Steps = collapsing(s, way)
	plan.Undo = "/redis expand redis:" + s.set.Name + " brings the others back, one by one"
	plan.Material["redis "+s.first.Pod] = way
	settle(&plan, tier)
	hold(&plan, s.workload.Object)
	return plan, nil
}

// judgeTakeOver says what stands against the first instance taking over from the
// master, which answers: it has to be in sync, and Sentinel has to be there to do it
// and to choose it. Without Sentinel nobody would tell the others and the clients.
func judgeTakeOver(plan *remediation.Plan, s redisSubject, master fleet.RedisInstance) {
	if is, why := s.first.CaughtUp(master); !is {
		found(plan, RedisFirstUnfit, remediation.Hard, "wait until it has caught up, then look again", "%s, the one that would remain, is not the master and cannot take over: %s", s.first.Pod, why)
	}
	if _, is := referee(s.view, master); !is {
		found(plan, RedisNoReferee, remediation.Hard, "make it by hand: "+redisCommand(master.Address, "FAILOVER TO HOST PORT")+", with the address of "+s.first.Pod+" as its master sees it; then look again",
			"%s is the master and not %s, and no Sentinel answers that could change it", master.Pod, s.first.Pod)
	}
	if preference(s) < 1 {
		found(plan, RedisFirstUnfit, remediation.Hard, "change replica-priority first", "Sentinel cannot be made to choose %s: its replica-priority is 0, or another one has 1", s.first.Pod)
	}
	found(plan, RedisWritesAtRisk, remediation.Warning, "", "%s takes over from %s: connections break once, and writes of that moment may be lost", s.first.Pod, master.Pod)
}

// referee is a Sentinel that can be asked for a failover: it answers and names the
// master.
func referee(v fleet.RedisView, master fleet.RedisInstance) (fleet.RedisSentinel, bool) {
	for _, w := range v.Heard() {
		if v.Names(w, master) {
			return w, true
		}
	}
	return fleet.RedisSentinel{}, false
}

// preference is the replica-priority with which Sentinel chooses the first instance
// before any other replica; 0 when there is none.
func preference(s redisSubject) int {
	least := 100
	for _, i := range s.view.Instances {
		if i.Pod != s.first.Pod && i.Role == fleet.RedisReplica && i.Priority > 0 {
			least = min(least, i.Priority)
		}
	}
	if s.first.Priority == 0 {
		return 0
	}
	return least - 1
}

// judgePromotion says what stands against making the first instance the master when
// nobody is: that somebody is, out of Wardroom's sight, or that another one has more.
func judgePromotion(plan *remediation.Plan, s redisSubject) {
	if who := heardBy(s.view); who != "" {
		found(plan, RedisMasterUnseen, remediation.Hard, "look why it does not answer Wardroom", "No instance says to be the master, and yet there is one: %s", who)
	}
	for _, i := range s.view.Instances {
		if !i.Answers() || i.Pod == s.first.Pod {
			continue
		}
		switch more := i.Offset - s.first.Offset; {
		case i.History == s.first.History && more > 0:
			found(plan, RedisFirstUnfit, remediation.Hard, "make the one that has most the master by hand, then look again", "Nobody is the master, and %s has %s more than %s, the one that would remain", i.Pod, fleet.Bytes(more), s.first.Pod)
		case i.History != s.first.History && i.Offset > 0:
			found(plan, RedisFirstUnfit, remediation.Hard, "decide which data counts, and make that one the master by hand", "Nobody is the master, and %s has another history than %s, the one that would remain", i.Pod, s.first.Pod)
		}
	}
	plan.Material["local data"] = "lost" // that all is down already does not make it less grave
	found(plan, RedisWritesAtRisk, remediation.Warning, "", "Nobody is the master: what the last one took in and %s has not (it holds up to offset %d) is lost", s.first.Pod, s.first.Offset)
}

// collapsing are the steps. What keeps the replicas as they are is paused before, and
// stays so.
func collapsing(s redisSubject, way string) (steps []remediation.PlannedStep) {
	master := s.first
	if way == redisTakeOver {
		if masters := s.view.Masters(); len(masters) > 0 {
			steps = append(steps, takingOver(s, masters[0])...)
		}
	}
	if way == redisPromoted {
		master = fleet.RedisInstance{}
	}
	for _, step := range Scaling(s.workload, 1) {
		switch step.Name {
		case stepScaleTo:
			steps = append(steps, planRedisProven(s, master), step, planRedisAlone(s))
			if way == redisPromoted {
				steps = append(steps, planRedisPromote(s))
			}
		case stepPodsReady: // Redis itself is asked
		default:
			steps = append(steps, step)
		}
	}
	steps = append(steps, planRedisRemains(s))
	if s.set.Master != "" {
		steps = append(steps, planRedisAgreed(s))
	}
	return steps
}

// takingOver makes the first instance the master while the present one answers.
func takingOver(s redisSubject, master fleet.RedisInstance) []remediation.PlannedStep {
	return []remediation.PlannedStep{planRedisProven(s, master), planRedisJoined(s, s.first.Pod), planRedisPrefer(s, preference(s)),
		planRedisFailover(s, master), planRedisUnprefer(s)}
}
