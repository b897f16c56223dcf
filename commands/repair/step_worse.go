package repair

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// readyKey is where it is recorded how much of something was Ready when the run began,
// or how much a person has accepted since; lackedKey that it lacked some even then.
func readyKey(o fleet.Object) string  { return "ready " + o.Kind + "/" + o.String() }
func lackedKey(o fleet.Object) string { return "lacked " + o.Kind + "/" + o.String() }

// noteReadyStep records what is Ready, for [notWorseStep] to compare with. It is the
// first step of a run: nothing has been touched yet.
func noteReadyStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 2 * time.Minute,
		Observe: func(ctx context.Context, _ remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, wholeCluster...)
			if err != nil {
				return remediation.Seen{}, err
			}
			noted := map[string]string{}
			for o, is := range standing(snapshot) {
				if is.ready > 0 {
					noted[readyKey(o)] = strconv.Itoa(is.ready)
				}
				if is.ready < is.wanted {
					noted[lackedKey(o)] = strconv.Itoa(is.wanted - is.ready)
				}
			}
			return remediation.Seen{So: true, Learned: noted}, nil
		},
	}
}

// wholeCluster is what has to be readable to say that nothing is worse.
var wholeCluster = []string{thePods, theNodes, theDeployments, theSets, theReplicaSets, theDaemons}

// recovery is for how long what is worse is given time to come back by itself before a
// person is asked: attaching a volume alone may take most of it.
const recovery = 10 * time.Minute

// notWorseStep waits until all that was Ready when the run began is Ready again. What
// does not come back stops the run; a person may go on with it as it is, and then it
// is not asked about again unless it becomes worse still.
func notWorseStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Every: 10 * time.Second,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, wholeCluster...)
			if err != nil {
				return remediation.Seen{}, err
			}
			worse, accepted := worseThanNoted(standing(snapshot), s.Learned)
			if len(worse) == 0 {
				return so(), nil
			}
			says := "worse than before the run: " + strings.Join(worse, "; ")
			if s.Started.IsZero() || s.Now.Sub(s.Started) < recovery {
				return notYet("%s", says), nil
			}
			return remediation.Seen{Ask: says, Anyway: accepted}, nil
		},
	}
}

// stand is how much of something is there.
type stand struct{ ready, wanted int }

// standing are the workloads, the static pods and the nodes of a cluster. Pods that
// nobody makes again are not among them: a plan says beforehand that they are lost.
// Jobs run to their end.
func standing(s *fleet.Snapshot) map[fleet.Object]stand {
	all := map[fleet.Object]stand{}
	for _, w := range s.Workloads {
		if w.Kind != "Job" && w.Kind != "CronJob" && w.Replicas > 0 {
			all[bare(w.Object)] = stand{wanted: w.Replicas}
		}
	}
	for _, n := range s.Nodes {
		all[fleet.Object{Kind: "Node", Name: n.Name}] = stand{ready: oneIf(n.Ready == fleet.True), wanted: 1}
	}
	for _, p := range s.Pods {
		isReady := p.Ready && p.Terminating.IsZero()
		if p.Mirror {
			all[bare(p.Object)] = stand{ready: oneIf(isReady), wanted: 1}
			continue
		}
		if is, kept := all[bare(p.Owner)]; kept && isReady {
			is.ready++
			all[bare(p.Owner)] = is
		}
	}
	return all
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// worseThanNoted says what is less Ready than noted, and what would have to be noted
// for nothing to be. What somebody has scaled down meanwhile is not worse for that, and
// what is gone nobody wants any more; but a static pod and a node are their machine's.
func worseThanNoted(now map[fleet.Object]stand, noted map[string]string) (worse []string, accepted map[string]string) {
	accepted = map[string]string{}
	for key, was := range noted {
		name, is := strings.CutPrefix(key, "ready ")
		objects := splitWorkloads(name)
		if !is || len(objects) != 1 {
			continue
		}
		o := objects[0]
		there, known := now[o]
		want := min(number(was), there.wanted)
		if !known && (o.Kind == "Pod" || o.Kind == "Node") {
			want = 1
		}
		if there.ready < want && number(was) > 0 {
			worse = append(worse, fmt.Sprintf("%s %s: %d Ready, %s before", strings.ToLower(o.Kind), o, there.ready, was))
			accepted[key] = strconv.Itoa(there.ready)
		}
	}
	slices.Sort(worse)
	return worse, accepted
}
