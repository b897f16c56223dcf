package main

import (
	"context"
	"fmt"
	"strings"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	checks "wardroom/bot/watch"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/linode"
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
	}
	if f.cloud != nil {
		o := *f.cloud
		o.Clock = k.clock
		l, err := linode.New(o)
		if err != nil {
			return append(list, checks.Check{Name: "linode", Try: func(context.Context) (checks.Finding, error) { return checks.Finding{}, err }})
		}
		list = append(list, l.Checks()...)
	}
	return list
}

func (k *checker) cluster(ctx context.Context, c *kubernetes.Cluster) (checks.Finding, error) {
	s, err := c.Snapshot(ctx, 0)
	if err != nil {
		return checks.Finding{}, err
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
	return checks.Fine("%s", text), nil
}
