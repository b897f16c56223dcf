package repair

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// Past are the newest runs that are over, the newest first.
type Past func(ctx context.Context) ([]remediation.Run, error)

// PastOf reads them from what is recorded.
func PastOf(view func(context.Context, func(timeline.View) error) error) Past {
	return func(ctx context.Context) (runs []remediation.Run, err error) {
		err = view(ctx, func(v timeline.View) (err error) {
			runs, err = ended(v)
			return err
		})
		return runs, err
	}
}

// mostRemembered is among how many of the newest runs what a workload was is looked for.
const mostRemembered = 500

// remembered is what a workload was before repairs scaled it, and did not put it back.
type remembered struct {
	replicas int
	left     int               // where the newest of those runs left it
	run      remediation.RunID // the newest
	at       time.Time         // of its end
	keepers  []fleet.Keeper    // that were paused for it
	learned  map[string]string
}

func (r remembered) fact() string {
	return fmt.Sprintf("%s left it at %d at %s; it was %d before", r.run, r.left, r.at.UTC().Format("2006-01-02 15:04 UTC"), r.replicas)
}

func (p planner) remembered(ctx context.Context, o fleet.Object) (was remembered, known bool, err error) {
	if p.past == nil {
		return was, false, nil
	}
	runs, err := p.past(ctx)
	if err != nil {
		return was, false, err
	}
	was, known = rememberedOf(runs, o)
	return was, known, nil
}

func ended(v timeline.Reader) ([]remediation.Run, error) {
	return remediation.Runs.Select(v, timeline.Query{Where: []timeline.Where{{Column: "is_active", Value: false}}, OrderBy: "ended_at", Desc: true, Limit: mostRemembered})
}

// Scaled are the workloads that repairs have scaled and that were not put back, with
// what they were: what `/scale restore` can be asked for.
func Scaled(v timeline.View) (map[fleet.Object]int, error) {
	runs, err := ended(v)
	all := map[fleet.Object]int{}
	for _, r := range runs {
		for _, s := range r.Plan.Steps {
			if s.Name != stepScaleTo {
				continue
			}
			if was, known := rememberedOf(runs, objectOf(s.Args)); known {
				all[objectOf(s.Args)] = was.replicas
			}
		}
	}
	return all, err
}

// rememberedOf follows the runs back from the newest as long as each began where the
// one before it had left the workload: so scaling twice is restored to what was first.
func rememberedOf(runs []remediation.Run, o fleet.Object) (was remembered, known bool) {
	was.learned = map[string]string{}
	for _, r := range runs {
		from, to, scaled, restored := effectOn(r, o)
		if restored || scaled && known && to != was.replicas {
			break
		}
		if !scaled {
			continue
		}
		if !known {
			known, was.left, was.run, was.at = true, to, r.ID, r.EndedAt
		}
		was.replicas = from
		maps.Copy(was.learned, r.Learned())
		for _, s := range r.Plan.Steps {
			if s.Name == stepPause && !slices.Contains(was.keepers, keeperOf(s.Args)) {
				was.keepers = append(was.keepers, keeperOf(s.Args))
			}
		}
	}
	// Of several records the oldest is what it was.
	was.learned[replicasKey(fleet.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})] = fmt.Sprint(was.replicas)
	return was, known
}

// effectOn is what a run has made of the replicas of a workload.
func effectOn(r remediation.Run, o fleet.Object) (from, to int, scaled, restored bool) {
	for i, planned := range r.Plan.Steps {
		if i >= len(r.Steps) || !same(objectOf(planned.Args), o) {
			continue
		}
		step := r.Steps[i]
		switch planned.Name {
		case stepScaleTo:
			if step.Started.IsZero() {
				continue // it never came to that, or it was so already
			}
			// Where the record was lost between the act and its entry the plan stands in.
			from, to, scaled, restored = number(planned.Args["from"]), number(planned.Args["to"]), true, false
			if was, ok := step.Learned[replicasKey(objectOf(planned.Args))]; ok {
				from = number(was)
			}
		case stepRedisGrow: // back to it, one by one
			if step.Started.IsZero() {
				continue
			}
			if !scaled {
				from = number(planned.Args["from"])
			}
			to, scaled = number(planned.Args["to"]), true
			restored = restored || planned.Args["last"] != "" && step.Mark == remediation.So
		case stepScaleBack:
			restored = restored || step.Mark == remediation.So
		case stepUnscale:
			restored = restored || step.Mark == remediation.So && r.Learned()[reachedKey(o)] == ""
		}
	}
	return from, to, scaled, restored
}
