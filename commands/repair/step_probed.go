package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// The probes of deploy/kubernetes/probe are a DaemonSet, in whatever namespace, with
// this label. A pod of it is Ready while, on its node, DNS resolves and pods on other
// nodes answer over the pod network.
const (
	ProbeLabel = "app.kubernetes.io/name"
	ProbeName  = "wardroom-probe"
)

const (
	// probesNotice is how long probes may take to see what has broken: three rounds of
	// five seconds, each up to five seconds long, and what kubelet takes to ask. Before
	// that they may still be Ready from before the repair.
	probesNotice = 30 * time.Second
	// probesPatience is after how long it will not come by waiting: new pods of DNS and
	// network are Ready by the time that this is looked at.
	probesLate, probesPatience = 5 * time.Minute, 15 * time.Minute
)

const notVerified = "Not verified is that DNS resolves and that pods on other nodes answer"

// probesOf is the DaemonSet of probes.
func probesOf(s *fleet.Snapshot) (fleet.Workload, bool) {
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return w.Kind == "DaemonSet" && w.Labels[ProbeLabel] == ProbeName })
	if i < 0 {
		return fleet.Workload{}, false
	}
	return s.Workloads[i], true
}

// verifyByProbes ends a plan with what the probes say, or says that nobody does: a
// restart of DNS or of the network is over when pods can use them, and the pods that
// were restarted are Ready before that.
func verifyByProbes(plan *remediation.Plan, s *fleet.Snapshot) {
	if slices.Contains(s.Missing, theDaemons) {
		plan.Facts = append(plan.Facts, notVerified+": the cluster's daemonsets cannot be read")
		return
	}
	probes, there := probesOf(s)
	if !there {
		plan.Facts = append(plan.Facts, notVerified+": there is no "+ProbeName+", which deploy/kubernetes/probe adds")
		return
	}
	var without []string
	for _, n := range s.Nodes {
		if n.Ready == fleet.True && !hasPodOn(s, probes.Object, n.Name) {
			without = append(without, n.Name)
		}
	}
	if len(without) > 0 && !slices.Contains(s.Missing, thePods) {
		plan.Facts = append(plan.Facts, "Not verified, no "+ProbeName+" runs there: DNS and network of "+strings.Join(without, ", "))
	}
	plan.Steps = append(plan.Steps, planProbed(probes.Object))
}

// probedStep waits until the probe on every node that answers is Ready. It gives them
// time to notice first.
func probedStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: probesLate,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			o := objectOf(s.Args)
			snapshot, err := fresh(ctx, c, thePods, theNodes, theDaemons)
			if err != nil {
				return remediation.Seen{}, err
			}
			if s.Started.IsZero() || s.Now.Sub(s.Started) < probesNotice {
				return notYet("the probes are given %v to notice", probesNotice), nil
			}
			well, sick := probesOn(snapshot, o)
			switch {
			case len(sick) == 0 && well > 0:
				return so(), nil
			case s.Now.Sub(s.Started) >= probesPatience && well+len(sick) == 0:
				return failed("no probe runs: whether DNS resolves and pods on other nodes answer is not known"), nil
			case s.Now.Sub(s.Started) >= probesPatience:
				seen := failed("DNS or the way to pods on other nodes does not work: %s", strings.Join(said(sick), "; "))
				seen.Suggest = whys(sick)
				return seen, nil
			case len(sick) == 0:
				return notYet("no probe runs"), nil
			}
			return notYet("%d of %s Ready; %s", well, counted(well+len(sick), "probe"), strings.Join(said(sick), "; ")), nil
		},
	}
}

// sickProbe is the probe of a node that answers, which is not Ready.
type sickProbe struct {
	node string
	pod  fleet.Pod // zero while it is being replaced
}

// probesOn counts the nodes on which the probe is Ready, and returns the others. Nodes
// that do not answer are left out: nothing on them could be well.
func probesOn(s *fleet.Snapshot, probes fleet.Object) (well int, sick []sickProbe) {
	for _, n := range s.Nodes {
		if n.Ready != fleet.True || !hasPodOn(s, probes, n.Name) {
			continue
		}
		ready, one := false, sickProbe{node: n.Name}
		for _, p := range s.Pods {
			if p.Node == n.Name && same(p.Owner, probes) && p.Terminating.IsZero() {
				ready, one.pod = ready || p.Ready, p
			}
		}
		if ready {
			well++
		} else {
			sick = append(sick, one)
		}
	}
	return well, sick
}

// mostNamed bounds how many nodes one sentence names.
const mostNamed = 5

func said(sick []sickProbe) (lines []string) {
	for i, p := range sick {
		switch {
		case i == mostNamed:
			return append(lines, fmt.Sprintf("and %d more", len(sick)-mostNamed))
		case p.pod.Name == "":
			lines = append(lines, "the probe on "+p.node+" is being replaced")
		case p.pod.Since.IsZero():
			lines = append(lines, "the probe on "+p.node+" is not Ready")
		default:
			lines = append(lines, "the probe on "+p.node+" is not Ready since "+p.pod.Since.UTC().Format("15:04 UTC"))
		}
	}
	return lines
}

// whys are where the reasons stand: each probe writes its own into its log.
func whys(sick []sickProbe) (all []remediation.Suggestion) {
	for _, p := range sick[:min(len(sick), 3)] {
		if p.pod.Name != "" {
			all = append(all, remediation.Suggestion{Label: "Why on " + p.node, Path: "pod logs", Options: map[string]string{"pod": p.pod.String()}})
		}
	}
	return all
}
