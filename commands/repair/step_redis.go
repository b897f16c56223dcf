package repair

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// What was proven of a Redis set, as keys of State.Learned.
const (
	learnedRedisRun    = "redis run"    // of the process that is to remain
	learnedRedisOffset = "redis offset" // up to where the set's newest data went
	learnedRedisKeys   = "redis keys"
)

// redisSteps are the steps that ask or change Redis.
func redisSteps(c fleet.Cluster, r fleet.Redis) stepTable {
	return stepTable{
		stepRedisProven:   redisProvenStep(c, r),
		stepRedisJoined:   redisJoinedStep(c, r),
		stepRedisPrefer:   redisPreferStep(r),
		stepRedisUnprefer: redisUnpreferStep(r),
		stepRedisFailover: redisFailoverStep(c, r),
		stepRedisAlone:    redisAloneStep(c),
		stepRedisPromote:  redisPromoteStep(c, r),
		stepRedisRemains:  redisRemainsStep(r),
		stepRedisAgreed:   redisAgreedStep(r),
		stepRedisGrow:     redisGrowStep(c),
	}
}

// lookNow asks all instances that the cluster has pods of.
func lookNow(ctx context.Context, c snapshots, r redisReader, s remediation.State) (fleet.RedisView, error) {
	snapshot, err := fresh(ctx, c, thePods)
	if err != nil {
		return fleet.RedisView{}, err
	}
	return r.Look(ctx, s.Args["redis"], RedisPods(snapshot, fleet.RedisSet{Workload: objectOf(s.Args)}))
}

// lookAt asks one instance and the Sentinels.
func lookAt(ctx context.Context, r redisReader, s remediation.State) (fleet.RedisView, fleet.RedisInstance, error) {
	v, err := r.Look(ctx, s.Args["redis"], []string{s.Args["pod"]})
	if err != nil {
		return v, fleet.RedisInstance{}, err
	}
	i, _ := v.Instance(s.Args["pod"])
	return v, i, nil
}

// redisProvenStep proves that the master is whom the plan found, or that there is none,
// and records up to where the data goes.
func redisProvenStep(c snapshots, r redisReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			v, err := lookNow(ctx, c, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			masters := v.Masters()
			first, _ := v.Instance(s.Args["pod"])
			switch {
			case len(masters) > 1:
				return failed("%s", split(masters)), nil
			case !first.Answers():
				return notYet("%s", first.Words()), nil
			case len(masters) == 0 && s.Args["master"] == "":
				if who := heardBy(v); who != "" {
					return failed("there is a master by now: %s", who), nil
				}
				return proven(first, first), nil
			case len(masters) == 0:
				return notYet("nobody says to be the master now"), nil
			case masters[0].Pod != s.Args["master"]:
				return failed("%s is the master by now: make a new plan", masters[0].Pod), nil
			}
			if before, _ := strconv.ParseInt(s.Learned[learnedRedisOffset], 10, 64); masters[0].Offset < before {
				return failed("%s has come to offset %d, and the master before it to %d: make a new plan", masters[0].Pod, masters[0].Offset, before), nil
			}
			return proven(first, masters[0]), nil
		},
	}
}

func proven(first, master fleet.RedisInstance) remediation.Seen {
	return remediation.Seen{So: true, Learned: map[string]string{learnedRedisRun: first.Run,
		learnedRedisOffset: strconv.FormatInt(master.Offset, 10), learnedRedisKeys: strconv.FormatInt(master.Keys, 10)}}
}

// bearsSplit is how long a new instance may take itself for a master: until a Sentinel
// has told it better.
const bearsSplit = 2 * time.Minute

// redisJoinedStep waits until an instance is a replica of the one master and lacks
// nothing.
func redisJoinedStep(c snapshots, r redisReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			v, err := lookNow(ctx, c, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			i, asked := v.Instance(s.Args["pod"])
			masters := v.Masters()
			switch {
			case !asked:
				return notYet("there is no pod %s yet", s.Args["pod"]), nil
			case len(masters) > 1 && !s.Started.IsZero() && s.Now.Sub(s.Started) >= bearsSplit:
				return failed("%s", split(masters)), nil
			case len(masters) > 1:
				return notYet("%s", split(masters)), nil
			case len(masters) == 0:
				return notYet("nobody says to be the master now"), nil
			}
			if is, why := i.CaughtUp(masters[0]); !is {
				return notYet("%s", why), nil
			}
			return so(), nil
		},
	}
}

// redisPreferStep has the Sentinels prefer an instance. They see it with their next
// look, which they take every ten seconds.
func redisPreferStep(r fleet.Redis) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			v, i, err := lookAt(ctx, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			want := number(s.Args["to"])
			if !i.Answers() || i.Priority != want {
				return notYet("%s", i.Words()), nil
			}
			for _, w := range v.Heard() {
				if w.Priorities[i.Run] != want {
					return notYet("the Sentinel at %s has not seen it yet", w.Address), nil
				}
			}
			return so(), nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, r.Prefer(ctx, s.Args["redis"], s.Args["pod"], number(s.Args["to"]))
		},
	}
}

// redisUnpreferStep puts the preference back. An instance that has restarted since has
// its own again; one that is gone has none.
func redisUnpreferStep(r fleet.Redis) remediation.Step {
	return remediation.Step{
		Repeatable: true, Restores: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			_, i, err := lookAt(ctx, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			if !i.Answers() {
				return notYet("%s", i.Words()), nil
			}
			// A master does not tell its priority: it is set once more, which does no harm.
			return remediation.Seen{So: i.Role == fleet.RedisReplica && i.Priority == number(s.Args["to"]) || s.Learned[unpreferredKey(s.Args)] != ""}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			if err := r.Prefer(ctx, s.Args["redis"], s.Args["pod"], number(s.Args["to"])); err != nil {
				return nil, err
			}
			return map[string]string{unpreferredKey(s.Args): "yes"}, nil
		},
	}
}

func unpreferredKey(args map[string]string) string { return "unpreferred " + args["pod"] }

// redisFailoverStep asks a Sentinel for a failover and waits until the instance is the
// only master. Asking for a second one while the old master still is it does no more
// harm than the first: who is chosen is preferred until then.
func redisFailoverStep(c snapshots, r fleet.Redis) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			v, err := lookNow(ctx, c, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			switch masters := v.Masters(); {
			case len(masters) == 1 && masters[0].Pod == s.Args["pod"]:
				return so(), nil
			case len(masters) == 1 && masters[0].Pod == s.Args["from"], len(masters) == 0:
				return notYet("%s is not the master yet", s.Args["pod"]), nil
			case len(masters) == 1:
				return failed("Sentinel has chosen %s", masters[0].Pod), nil
			default:
				return notYet("%s", split(masters)), nil
			}
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			v, err := lookNow(ctx, c, r, s)
			if err != nil {
				return nil, err
			}
			masters := v.Masters()
			if len(masters) != 1 || masters[0].Pod != s.Args["from"] {
				return nil, problem.New(problem.Unavailable, "%s is not the only master any more", s.Args["from"]) // what it is shows
			}
			w, is := referee(v, masters[0])
			switch {
			case !is:
				return nil, problem.New(problem.Unavailable, "no Sentinel answers that names %s", s.Args["from"])
			case w.Failing:
				return nil, nil // one that was asked for before, or their own: what comes of it shows
			}
			return nil, r.Failover(ctx, s.Args["redis"], w.Address)
		},
	}
}

// redisAloneStep waits until no other pod of the workload is left, also none that is
// Terminating: such a one may still take writes.
func redisAloneStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			others, err := otherPods(ctx, c, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			if len(others) > 0 {
				return notYet("%s left: %s", counted(len(others), "pod"), some(others)), nil
			}
			return so(), nil
		},
	}
}

// otherPods are those of the workload beside the one that remains.
func otherPods(ctx context.Context, c snapshots, s remediation.State) (others []fleet.Pod, err error) {
	snapshot, err := fresh(ctx, c, thePods)
	if err != nil {
		return nil, err
	}
	for _, p := range snapshot.Pods {
		if same(p.Owner, objectOf(s.Args)) && p.Name != s.Args["pod"] && p.Phase != "Succeeded" && p.Phase != "Failed" {
			others = append(others, p)
		}
	}
	return others, nil
}

// redisPromoteStep makes the last instance the master.
func redisPromoteStep(c snapshots, r fleet.Redis) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			_, i, err := lookAt(ctx, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			if i.Answers() && i.Role == fleet.RedisMaster {
				return so(), nil
			}
			return notYet("%s", i.Words()), nil
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			others, err := otherPods(ctx, c, s)
			if err == nil && len(others) > 0 {
				err = problem.New(problem.Conflict, "%s is not alone any more: %s", s.Args["pod"], some(others)).WithHint("make a new plan")
			}
			return err
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, r.Promote(ctx, s.Args["redis"], s.Args["pod"])
		},
	}
}

// redisRemainsStep asks the instance that is left whether it has what the set had. The
// process that was proven has it when its offset is not behind; one that was started
// since counts anew, and its keys tell.
func redisRemainsStep(r redisReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			_, i, err := lookAt(ctx, r, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			offset, _ := strconv.ParseInt(s.Learned[learnedRedisOffset], 10, 64) // 0 where nothing was recorded
			keys, _ := strconv.ParseInt(s.Learned[learnedRedisKeys], 10, 64)
			switch {
			case !i.Answers() || i.Loading || i.Keys < 0 || i.Role != fleet.RedisMaster:
				return notYet("%s", i.Words()), nil
			case i.Run == s.Learned[learnedRedisRun] && i.Offset < offset:
				return failed("%s is behind: its offset is %d, and the set had come to %d", i.Pod, i.Offset, offset), nil
			case i.Keys < keys-keys/10: // some may have expired
				return failed("%s holds %d keys, and the set held %d", i.Pod, i.Keys, keys), nil
			}
			return so(), nil
		},
	}
}

// redisAgreedStep has the Sentinels that answer name the instance that is left. It is
// the only one that a failover can come to. One that does not answer is told when it
// hears the others.
func redisAgreedStep(r fleet.Redis) remediation.Step {
	look := func(ctx context.Context, s remediation.State) (wrong []fleet.RedisSentinel, names string, err error) {
		v, i, err := lookAt(ctx, r, s)
		if err != nil {
			return nil, "", err
		}
		if !i.Answers() {
			return nil, "", problem.New(problem.Unavailable, "%s", i.Words())
		}
		var all []string
		for _, w := range v.Disagree(i) {
			wrong, all = append(wrong, w), append(all, fmt.Sprintf("the Sentinel at %s names %s", w.Address, v.NamedBy(w)))
		}
		return wrong, strings.Join(all, "; "), nil
	}
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			wrong, names, err := look(ctx, s)
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: len(wrong) == 0, Progress: names}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			wrong, _, err := look(ctx, s)
			if err != nil || len(wrong) == 0 || wrong[0].Failing {
				return nil, err
			}
			return nil, r.Failover(ctx, s.Args["redis"], wrong[0].Address)
		},
	}
}

// redisGrowStep scales the workload up by one. What it was stays with the collapse.
func redisGrowStep(c scaler) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			w, err := workload(ctx, c, objectOf(s.Args))
			if err != nil {
				return remediation.Seen{}, err
			}
			return remediation.Seen{So: w.Replicas >= number(s.Args["to"])}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Scale(ctx, objectOf(s.Args), number(s.Args["to"]))
		},
	}
}
