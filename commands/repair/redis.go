package repair

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// redisReader is what plans need of Redis.
type redisReader interface {
	Sets() []fleet.RedisSet
	Look(ctx context.Context, set string, pods []string) (fleet.RedisView, error)
}

// RedisPods are the pods of a set, as the cluster has them, by ordinal; the first one
// also where it is not there.
func RedisPods(s *fleet.Snapshot, set fleet.RedisSet) (pods []string) {
	ordinals := []int{0}
	for _, p := range s.Pods {
		if n, is := ordinalOf(p, set.Workload); is && !slices.Contains(ordinals, n) {
			ordinals = append(ordinals, n)
		}
	}
	slices.Sort(ordinals)
	for _, n := range ordinals {
		pods = append(pods, set.Pod(n))
	}
	return pods
}

// ordinalOf is the number at the end of the name of a StatefulSet's pod.
func ordinalOf(p fleet.Pod, o fleet.Object) (n int, is bool) {
	rest, named := strings.CutPrefix(p.Name, o.Name+"-")
	n, err := strconv.Atoi(rest)
	return n, same(p.Owner, o) && named && err == nil && n >= 0
}

// redisSubject is a set that a plan is about, with all that was read of it.
type redisSubject struct {
	set      fleet.RedisSet
	workload fleet.Workload
	snapshot *fleet.Snapshot
	view     fleet.RedisView
	first    fleet.RedisInstance // the one that is left when the set is scaled to 1
}

// beginRedis starts a plan for a set: the cluster is read, and every instance and
// Sentinel is asked.
func (p planner) beginRedis(ctx context.Context, spec remediation.Spec, params map[string]string) (remediation.Plan, redisSubject, error) {
	var s redisSubject
	var err error
	if s.set, err = fleet.FindRedis(p.redis.Sets(), params["redis"]); err != nil {
		return remediation.Plan{}, s, err
	}
	plan, snapshot, w, err := p.onWorkload(ctx, spec, map[string]string{"workload": kindly(s.set.Workload)})
	plan.Params = params
	if err != nil {
		return plan, s, err
	}
	if slices.Contains(snapshot.Missing, thePods) { // one that is not seen may be a master, too
		return plan, s, problem.New(problem.Unavailable, "the cluster's pods cannot be read: which instances %s has is not known", s.set.Name)
	}
	s.snapshot, s.workload = snapshot, w
	if s.view, err = p.redis.Look(ctx, s.set.Name, RedisPods(snapshot, s.set)); err != nil {
		return plan, s, err
	}
	s.first, _ = s.view.Instance(s.set.Pod(0))
	for _, i := range s.view.Instances {
		plan.Facts = append(plan.Facts, i.Words())
		if !i.Answers() && i.Pod != s.first.Pod {
			plan.Blast.Unknown = append(plan.Blast.Unknown, "what "+i.Pod+" holds")
		}
	}
	plan.Facts = append(plan.Facts, sentinelFacts(s.view)...)
	judgeMasters(&plan, s)
	return plan, s, nil
}

// sentinelFacts say whom the Sentinels name, and which of them do not answer.
func sentinelFacts(v fleet.RedisView) (facts []string) {
	named := map[string]int{}
	for _, w := range v.Heard() {
		named[v.NamedBy(w)]++
	}
	for _, master := range slices.Sorted(maps.Keys(named)) {
		facts = append(facts, fmt.Sprintf("%s of %d: %s is the master", counted(named[master], "Sentinel"), len(v.Sentinels), master))
	}
	for _, w := range v.Sentinels {
		if !w.Answers() {
			facts = append(facts, fmt.Sprintf("The Sentinel at %s: %s", w.Address, w.Why))
		}
	}
	return facts
}

// judgeMasters refuses while more than one claims to be the master, or while Sentinel
// is about to choose another: whatever is done then may lose what one of them took in.
func judgeMasters(plan *remediation.Plan, s redisSubject) {
	if masters := s.view.Masters(); len(masters) > 1 {
		found(plan, RedisTwoMasters, remediation.Hard, splitHint(masters), "%s", split(masters))
	}
	for _, w := range s.view.Heard() {
		if w.Failing {
			found(plan, RedisFailingOver, remediation.Hard, "wait until it is over, then look again", "The Sentinel at %s is in the middle of a failover", w.Address)
			return
		}
	}
}

// split says who claims to be the master, and how far the first two are apart.
func split(masters []fleet.RedisInstance) string {
	var claims []string
	for _, m := range masters {
		claims = append(claims, fmt.Sprintf("%s (offset %d)", m.Pod, m.Offset))
	}
	return strings.Join(claims, " and ") + " claim to be the master: " + fleet.Apart(masters[0], masters[1])
}

func splitHint(masters []fleet.RedisInstance) string {
	return fmt.Sprintf("decide whose writes may be lost, and make that one a replica of the other: `%s` on %s, or the reverse; then look again", redisCommand(masters[1].Address, replicaOf(masters[0].Address)), masters[1].Pod)
}

// heardBy says who hears a master although no instance that answers says to be one: it
// is out of Wardroom's sight alone. "" when nobody does.
func heardBy(v fleet.RedisView) string {
	for _, i := range v.Instances {
		if i.Answers() && i.Role == fleet.RedisReplica && i.Link {
			return fmt.Sprintf("%s has its link to %s up", i.Pod, i.Master)
		}
	}
	for _, w := range v.Heard() {
		if !w.Down {
			return fmt.Sprintf("the Sentinel at %s hears %s", w.Address, v.NamedBy(w))
		}
	}
	return ""
}

// judgeSentinels warns of Sentinels that name another one than the master.
func judgeSentinels(plan *remediation.Plan, s redisSubject, master fleet.RedisInstance) {
	for _, w := range s.view.Disagree(master) {
		found(plan, RedisSentinelDisagrees, remediation.Soft, "it may make a replica of whom it does not name: look why it does not hear the others", "The Sentinel at %s names %s, and %s is the master", w.Address, s.view.NamedBy(w), master.Pod)
	}
	if len(s.view.Sentinels) > 0 && len(s.view.Heard()) == 0 {
		found(plan, RedisSentinelSilent, remediation.Warning, "", "No Sentinel answers: what they hold for the master is not known")
	}
}

// usedBy are the facts about who depends on a workload.
func usedBy(s *fleet.Snapshot, w fleet.Workload, o fleet.BlastOptions) []string {
	for _, h := range fleet.BlastOfWorkloads(s, []fleet.Object{w.Object}, o).Workloads {
		if len(h.Breaks) > 0 {
			return []string{w.String() + " is used by " + strings.Join(h.Breaks, ", ")}
		}
	}
	return []string{"Who uses " + w.String() + " is not declared"}
}
