package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// etcdQuorumStep lets a control-plane node be touched only while etcd keeps its quorum
// without it: more than half of all members that vote. Members that are not back yet
// are waited for; after a while a person is asked, who may look again and no more.
// https://etcd.io/docs/latest/faq/#what-is-failure-tolerance
func etcdQuorumStep(c snapshots, talos talosReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Every: 10 * time.Second,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, thePods, theNodes)
			if err != nil {
				return remediation.Seen{}, err
			}
			members, err := etcdMembers(ctx, snapshot, talos)
			if err != nil {
				return remediation.Seen{}, err
			}
			q := quorumOf(members, nodeNamed(snapshot, s.Args["node"]))
			if q.kept() || s.Args["few"] != "" && q.few() && q.whole() {
				return so(), nil
			}
			if s.Started.IsZero() || s.Now.Sub(s.Started) < recovery {
				return notYet("%s", q), nil
			}
			return remediation.Seen{Ask: q.String()}, nil
		},
	}
}

// etcdMembers are the members of etcd: as Talos tells where a control-plane node runs
// it, else by etcd's own pods, else one for each control-plane node; none where the
// cluster shows no control plane.
func etcdMembers(ctx context.Context, s *fleet.Snapshot, talos talosReader) (members []fleet.EtcdMember, err error) {
	control := slices.DeleteFunc(slices.Clone(s.Nodes), func(n fleet.Node) bool { return !n.ControlPlane })
	if len(control) == 0 {
		return nil, nil
	}
	var addresses []string
	for _, n := range control {
		if n.Provider() == fleet.OnTalos && n.Address != "" {
			addresses = append(addresses, n.Address)
		}
	}
	if len(addresses) > 0 {
		return talos.Etcd(ctx, addresses)
	}
	isReady := func(node string) bool {
		return slices.ContainsFunc(control, func(n fleet.Node) bool { return n.Name == node && n.Ready == fleet.True })
	}
	for _, p := range s.Pods {
		if p.Labels["component"] == "etcd" && p.Labels["tier"] == "control-plane" && p.Namespace == "kube-system" {
			members = append(members, fleet.EtcdMember{Name: p.Node, Healthy: p.Ready && isReady(p.Node), Why: p.Reason})
		}
	}
	if len(members) > 0 {
		return members, nil
	}
	for _, n := range control {
		members = append(members, fleet.EtcdMember{Name: n.Name, Healthy: n.Ready == fleet.True})
	}
	return members, nil
}

// quorum is etcd while one node is away.
type quorum struct {
	without string
	voters  int
	left    int      // healthy voters besides the node's own
	sick    []string // members that are not healthy, that one too
}

// quorumOf counts the members without a node's. Where none bears its name, any of them
// may be its own.
func quorumOf(members []fleet.EtcdMember, without fleet.Node) quorum {
	q := quorum{without: without.Name}
	itsOwn := false
	for _, m := range members {
		isIts := m.Name == without.Name || m.Name == without.Hostname && m.Name != ""
		itsOwn = itsOwn || isIts
		if !m.Healthy {
			q.sick = append(q.sick, strings.TrimSuffix(m.Name+" ("+m.Why+")", " ()"))
		}
		if m.Learner {
			continue
		}
		q.voters++
		if m.Healthy && !isIts {
			q.left++
		}
	}
	if !itsOwn {
		q.left = max(q.left-1, 0)
	}
	return q
}

// nodeNamed is the node of a name; only its name when there is none.
func nodeNamed(s *fleet.Snapshot, name string) fleet.Node {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	return fleet.Node{Name: name}
}

func (q quorum) kept() bool { return q.left >= q.voters/2+1 }

// few: with so few members none can be away.
func (q quorum) few() bool { return q.voters > 0 && q.voters < 3 }

// whole: every member is healthy.
func (q quorum) whole() bool { return q.voters > 0 && len(q.sick) == 0 }

func (q quorum) String() string {
	text := fmt.Sprintf("without %s etcd would have %d of %s, and needs %d", q.without, q.left, counted(q.voters, "member"), q.voters/2+1)
	if len(q.sick) > 0 {
		text += "; not healthy: " + strings.Join(q.sick, ", ")
	}
	return text
}

// judgeEtcd finds what stands against restarting the control-plane nodes of a plan,
// and says whether etcd has too few members for any of them to be away.
func (p planner) judgeEtcd(ctx context.Context, plan *remediation.Plan, s *fleet.Snapshot, control []string) (few bool) {
	members, err := etcdMembers(ctx, s, p.talos)
	if err == nil && len(members) == 0 {
		err = problem.New(problem.Unavailable, "it shows no member")
	}
	if err != nil {
		found(plan, EtcdUnknown, remediation.Hard, "look with `talosctl etcd status`, or at etcd's pods", "Whether etcd would keep its quorum cannot be told: %s", sentence(err))
		return false
	}
	q := quorumOf(members, nodeNamed(s, control[0]))
	switch {
	case q.kept():
		plan.Facts = append(plan.Facts, fmt.Sprintf("etcd: %s, all of them healthy", counted(q.voters, "member")))
		if len(q.sick) > 0 {
			plan.Facts[len(plan.Facts)-1] = fmt.Sprintf("etcd: %s; not healthy: %s", counted(q.voters, "member"), strings.Join(q.sick, ", "))
		}
	case q.few() && q.whole():
		found(plan, EtcdQuorum, remediation.Soft, "", "etcd has %s: while %s restarts, the control plane is down", counted(q.voters, "member"), control[0])
		return true
	default:
		found(plan, EtcdQuorum, remediation.Hard, "mend its members first", "etcd would lose its quorum: %s", q)
	}
	return false
}
