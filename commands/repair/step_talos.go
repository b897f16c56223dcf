package repair

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// byTalos is who tells which machine a node is, where Talos runs on it.
const byTalos = "talos"

// talosReader is what plans need of machines that run Talos.
type talosReader interface {
	Machines(ctx context.Context, addresses []string) ([]fleet.TalosMachine, error)
	Etcd(ctx context.Context, addresses []string) ([]fleet.EtcdMember, error)
}

// talosRebooter is what restarting them needs.
type talosRebooter interface {
	talosReader
	Reboot(ctx context.Context, address string) error
}

// proveTalos asks the machine at the node's address which node it is.
func (p planner) proveTalos(ctx context.Context, plan *remediation.Plan, n fleet.Node, strength remediation.Strength) {
	m, err := talosMachine(ctx, p.talos, n.Name, n.Address)
	if err != nil {
		found(plan, IdentityUnproven, strength, hint(err), "Talos does not say which machine %s is: %s", n.Name, sentence(err))
		return
	}
	plan.Target.ProvenBy = byTalos
	plan.Facts = append(plan.Facts, fmt.Sprintf("Talos: %s is %s, %s", m.Address, m.Node, cmp.Or(m.Stage, "at an unknown stage")))
}

// talosMachine is the machine at an address, which must be the node's. A Conflict
// problem says that it is another one.
func talosMachine(ctx context.Context, talos talosReader, node, address string) (fleet.TalosMachine, error) {
	if address == "" {
		return fleet.TalosMachine{}, problem.New(problem.Conflict, "the cluster does not tell the address of %s", node)
	}
	machines, err := talos.Machines(ctx, []string{address})
	if err != nil {
		return fleet.TalosMachine{}, err
	}
	i := slices.IndexFunc(machines, func(m fleet.TalosMachine) bool { return m.Address == address })
	switch {
	case i < 0:
		return fleet.TalosMachine{}, problem.New(problem.Unavailable, "%s does not answer at %s", node, address)
	case machines[i].Node != node:
		return machines[i], problem.New(problem.Conflict, "at %s is %s, not %s", address, machines[i].Node, node).WithHint("make a new plan")
	}
	return machines[i], nil
}

// rebootTalosStep restarts a machine through Talos. A second request would restart it a
// second time, so it is not repeated. It is so when the node has reported a new boot.
func rebootTalosStep(cluster snapshots, talos talosRebooter) remediation.Step {
	return remediation.Step{
		Late: 10 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			if s.Started.IsZero() {
				return notYet("%s has not been asked to restart", s.Args["node"]), nil
			}
			_, err := proveNode(ctx, cluster, s)
			if problem.Is(err, problem.Conflict) {
				return so(), nil
			}
			if err != nil {
				return remediation.Seen{}, err
			}
			m, err := talosMachine(ctx, talos, s.Args["node"], s.Args["address"])
			if err != nil {
				return notYet("%s does not answer", s.Args["address"]), nil
			}
			return notYet("Talos on %s is %s", s.Args["address"], m.Stage), nil
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			if _, err := proveNode(ctx, cluster, s); err != nil {
				return err
			}
			_, err := talosMachine(ctx, talos, s.Args["node"], s.Args["address"])
			return err
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, talos.Reboot(ctx, s.Args["address"])
		},
		Reconcile: func(ctx context.Context, s remediation.State) (remediation.Verdict, error) {
			return reconcileTalos(ctx, cluster, talos, s)
		},
	}
}

// reconcileTalos tells whether a request whose answer was lost arrived: the node has
// another boot, or no longer answers, or Talos is at it. That it runs on as before
// proves after the settle time that it did not.
func reconcileTalos(ctx context.Context, cluster snapshots, talos talosReader, s remediation.State) (remediation.Verdict, error) {
	n, err := proveNode(ctx, cluster, s)
	switch {
	case problem.Is(err, problem.Conflict):
		return remediation.Arrived, nil
	case err != nil:
		return remediation.Unsure, err
	}
	m, err := talosMachine(ctx, talos, s.Args["node"], s.Args["address"])
	switch {
	case problem.Is(err, problem.Unavailable):
		return remediation.Unsure, nil // it may be on its way down
	case err != nil:
		return remediation.Unsure, err
	case m.Stage != "running":
		return remediation.Arrived, nil
	case n.Ready == fleet.True && s.Now.Sub(s.Started) >= settleTime:
		return remediation.Absent, nil
	}
	return remediation.Unsure, nil
}

// askedOnce is Talos for one plan: all machines are asked together and once, since one
// that is down answers only after its timeout.
type askedOnce struct {
	talosReader
	addresses []string
	asked     bool
	machines  []fleet.TalosMachine
	err       error
}

// Machines are those of the plan, whichever of them are asked for.
func (a *askedOnce) Machines(ctx context.Context, _ []string) ([]fleet.TalosMachine, error) {
	if !a.asked {
		a.asked = true
		a.machines, a.err = a.talosReader.Machines(ctx, a.addresses)
	}
	return a.machines, a.err
}
