package repair_test

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// talos is the world's machines that run Talos.
type talos struct{ *world }

var _ fleet.Talos = talos{}

// onTalos makes both nodes bare metal that runs Talos, with three more for the control
// plane. Their volumes are of a driver whose machines are no cloud's.
func (w *world) onTalos() {
	w.inst, w.slots, w.volumes = map[int]*fleet.Instance{}, nil, map[int]*fleet.CloudVolume{}
	w.s.Volumes, w.s.Claims, w.s.Attachments = nil, nil, nil
	for i := range w.s.Pods {
		w.s.Pods[i].Claims = nil
	}
	for i := range 3 {
		w.s.Nodes = append(w.s.Nodes, fleet.Node{Name: fmt.Sprintf("control-%d", i+1), Ready: fleet.True, ControlPlane: true,
			Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110},
			Identity:    fleet.Identity{BootID: fmt.Sprintf("boot-c%d", i+1), MachineID: fmt.Sprintf("machine-c%d", i+1)}})
	}
	for i := range w.s.Nodes {
		n := &w.s.Nodes[i]
		n.System, n.Address = "Talos (v1.13.2)", fmt.Sprintf("10.0.0.%d", i+1)
		n.Identity.ProviderID, n.Identity.Instance = "", 0
	}
}

// at is the node at an address; nil when there is none.
func (w *world) at(address string) *fleet.Node {
	for i := range w.s.Nodes {
		if w.s.Nodes[i].Address == address {
			return &w.s.Nodes[i]
		}
	}
	return nil
}

func (w talos) Machines(_ context.Context, addresses []string) (all []fleet.TalosMachine, err error) {
	if err := w.read("talos"); err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if n := w.at(a); n != nil && w.talos[a] != "down" {
			stage := w.talos[a]
			if stage == "" {
				stage = "running"
			}
			all = append(all, fleet.TalosMachine{Address: a, Node: n.Name, Stage: stage})
		}
	}
	if len(all) == 0 {
		return nil, problem.New(problem.Unavailable, "no machine answers")
	}
	return all, nil
}

func (w talos) Etcd(_ context.Context, addresses []string) (all []fleet.EtcdMember, err error) {
	if w.etcd != nil {
		return slices.Clone(w.etcd), w.read("etcd")
	}
	for _, a := range addresses {
		n := w.at(a)
		all = append(all, fleet.EtcdMember{Name: n.Name, Healthy: n.Ready == fleet.True})
	}
	return all, w.read("etcd")
}

func (w talos) Reboot(_ context.Context, address string) error {
	do, err := w.call("reboot talos", address)
	if do {
		w.talos[address] = "rebooting"
		w.at(address).Ready = fleet.False
	}
	return err
}
