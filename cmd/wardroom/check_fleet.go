package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	checks "wardroom/bot/watch"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/linode"
	"wardroom/integrations/redis"
	"wardroom/integrations/talos"
)

// machines are the checks of the cluster and the cloud; none where none are configured.
func (k *checker) machines() []checks.Check {
	f, err := fleetOf(k.config)
	if err != nil {
		return []checks.Check{{Name: "repairs", Try: func(context.Context) (checks.Finding, error) { return checks.Finding{}, err }}}
	}
	var list []checks.Check
	if f.cluster != nil {
		o := *f.live().cluster
		o.Clock = k.clock
		list = append(list, checks.Check{Name: "kubernetes", Try: func(ctx context.Context) (checks.Finding, error) {
			return k.cluster(ctx, kubernetes.New(o))
		}})
		list = append(list, k.role("kubernetes role to read", kubernetes.New(o), kubernetes.Reading))
		if k.config.Mode == config.Act && !o.Act.IsZero() {
			list = append(list, k.role("kubernetes role to act", kubernetes.New(o), kubernetes.Acting))
		}
	}
	if f.cloud != nil {
		o := *f.cloud
		o.Clock = k.clock
		l, err := linode.New(o)
		if err != nil {
			return append(list, checks.Check{Name: "linode", Try: func(context.Context) (checks.Finding, error) { return checks.Finding{}, err }})
		}
		list = append(list, l.Checks(repairSpecs()...)...)
		if k.config.Mode == config.Act && !l.CanChange() {
			list = append(list, checks.Check{Name: "linode changes", Try: func(context.Context) (checks.Finding, error) {
				return checks.Warn("there is no token for changes").WithHint("mode is act: give linode.act_token_file a token with the scopes linodes, lke and volumes to write"), nil
			}})
		}
	}
	if f.talos != nil {
		o := *f.talos
		o.Clock = k.clock
		list = append(list, talos.New(o).Checks(func(ctx context.Context) ([]string, error) { return k.talosMachines(ctx, f) })...)
	}
	if f.redis != nil {
		list = append(list, k.redis(f)...)
	}
	return list
}

// repairSpecs are what the repairs need; nothing is asked for them.
func repairSpecs() (all []remediation.Spec) {
	for _, r := range repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}) {
		all = append(all, r.Spec())
	}
	return all
}

// talosMachines are the addresses of the nodes that run Talos.
func (k *checker) talosMachines(ctx context.Context, f fleetSettings) ([]string, error) {
	if f.cluster == nil {
		return nil, problem.New(problem.Unavailable, "there is no cluster")
	}
	o := *f.live().cluster
	o.Clock = k.clock
	s, err := kubernetes.New(o).Snapshot(ctx, 0)
	if err != nil {
		return nil, err
	}
	return onTalos(s.Nodes), nil
}

// redis are the checks of each declared set.
func (k *checker) redis(f fleetSettings) (list []checks.Check) {
	r := redis.New(*f.redis)
	for _, set := range r.Sets() {
		list = append(list, checks.Check{Name: "redis " + set.Name, Timeout: time.Minute, Try: func(ctx context.Context) (checks.Finding, error) {
			var pods []string // those that the declaration names
			if f.cluster != nil {
				s, err := kubernetes.New(*f.live().cluster).Snapshot(ctx, 0)
				if err == nil {
					pods = repair.RedisPods(s, set)
				}
			}
			v, err := r.Look(ctx, set.Name, pods)
			if err != nil {
				return checks.Finding{}, err
			}
			return stands(v), nil
		}})
	}
	return list
}

// stands says how a set stands.
func stands(v fleet.RedisView) checks.Finding {
	const hint = "/redis show says more; address, password and tls stand in the configuration's section redis"
	masters := v.Masters()
	if silent := v.Silent(); len(silent) == len(v.Instances) {
		return checks.Fail("%s", silent[0].Words()).WithHint(hint)
	} else if len(silent) > 0 {
		return checks.Warn("%s", silent[0].Words()).WithHint(hint)
	}
	if len(masters) > 1 {
		return checks.Fail("two masters, %s and %s: %s", masters[0].Pod, masters[1].Pod, fleet.Apart(masters[0], masters[1])).WithHint("/redis show says more")
	}
	for _, s := range v.Sentinels {
		if !s.Answers() {
			return checks.Warn("the Sentinel at %s: %s", s.Address, s.Why).WithHint("sentinels, master and sentinel_password stand in the configuration's section redis")
		}
	}
	if len(masters) == 0 {
		return checks.Warn("nobody says to be the master").WithHint("without a cluster those are asked that addresses names; /redis show says more")
	}
	for _, s := range v.Disagree(masters[0]) {
		return checks.Warn("%s is the master, and the Sentinel at %s names %s", masters[0].Pod, s.Address, v.NamedBy(s)).WithHint("/redis show says more")
	}
	return checks.Fine("%s is the master, %s, %s", masters[0].Pod, plural(len(v.Instances)-1, "replica", "replicas"), plural(len(v.Sentinels), "Sentinel", "Sentinels"))
}

func (k *checker) cluster(ctx context.Context, c *kubernetes.Cluster) (checks.Finding, error) {
	s, err := c.Snapshot(ctx, 0)
	if err != nil {
		return checks.Finding{}, err
	}
	if slices.Contains(s.Missing, "nodes") {
		return checks.Fail("nodes may not be listed: no repair can be planned").
			WithHint("the role of the observing credential needs get, list and watch on what docs/kubernetes.md lists"), nil
	}
	ready := 0
	for _, n := range s.Nodes {
		if n.Ready == fleet.True {
			ready++
		}
	}
	text := fmt.Sprintf("%d of %s Ready, %s, %s", ready, plural(len(s.Nodes), "node", "nodes"),
		plural(len(s.Pods), "pod", "pods"), plural(len(s.Volumes), "volume", "volumes"))
	switch {
	case len(s.Missing) > 0:
		return checks.Warn("%s; what cannot be read: %s", text, strings.Join(s.Missing, ", ")).
			WithHint("plans say UNKNOWN of that; the role of the observing credential needs get, list and watch on it"), nil
	case ready < len(s.Nodes):
		return checks.Warn("%s", text).WithHint("/node list says which is not"), nil
	case k.config.Mode == config.Act && !c.CanChange():
		return checks.Warn("%s; there is no credential for changes", text).WithHint("mode is act: give kubernetes.act a kubeconfig whose role may change what repairs change"), nil
	}
	if err := k.mayChange(ctx, c, s); err != nil {
		return checks.Finding{}, err
	}
	return checks.Fine("%s", text), nil
}

// mayChange asks the cluster to validate a change of a node and not to make it: that
// the credential for changes has run out is better known before it is needed.
func (k *checker) mayChange(ctx context.Context, c *kubernetes.Cluster, s *fleet.Snapshot) error {
	if k.config.Mode != config.Act || !c.CanChange() || len(s.Nodes) == 0 {
		return nil
	}
	n := s.Nodes[0]
	err := c.DryRun().Cordon(ctx, n.Name, n.Identity, !n.Unschedulable)
	if p, is := errors.AsType[*problem.Error](err); is {
		if p.Code == problem.Conflict || p.Code == problem.NotFound {
			return nil // the node was changed meanwhile, so the credential was accepted
		}
		said := *p
		said.Message = "the credential for changes: " + p.Message
		return &said
	}
	return err
}

// role compares what a credential may do in the cluster with what it needs.
func (k *checker) role(name string, c *kubernetes.Cluster, as kubernetes.Role) checks.Check {
	return checks.Check{Name: name, Timeout: time.Minute, Try: func(ctx context.Context) (checks.Finding, error) {
		specs := kubernetes.Specs(repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}))
		lacking, err := c.Lacks(ctx, as, specs)
		if err != nil {
			return checks.Finding{}, err
		}
		excess, err := c.Excess(ctx, as, specs)
		if err != nil {
			return checks.Finding{}, err
		}
		folder := "deploy/kubernetes/observe"
		disables := "without which is UNKNOWN"
		if as == kubernetes.Acting {
			folder, disables = "deploy/kubernetes/act", "which disables"
		}
		var lacks []string
		for _, l := range lacking {
			lacks = append(lacks, fmt.Sprintf("it may not %s, %s: %s", l.Right, disables, l.For))
		}
		hint := folder + " has the role; a resource that your cluster does not have may stay away from it"
		switch {
		case len(lacks) > 0 && len(excess) > 0:
			return checks.Warn("%s; and it may do more than is needed: %s", strings.Join(lacks, "; "), strings.Join(excess, ", ")).WithHint("%s", hint), nil
		case len(lacks) > 0:
			return checks.Warn("%s", strings.Join(lacks, "; ")).WithHint("%s", hint), nil
		case len(excess) > 0:
			return checks.Warn("it may do more than is needed: %s", strings.Join(excess, ", ")).WithHint("whoever steals it may, too; %s", hint), nil
		}
		return checks.Fine("all that is needed, and nothing that does harm besides"), nil
	}}
}
