package fleet

import (
	"context"
	"strings"
)

// Talos is the port to machines that run Talos Linux, which has an API of its own and
// no shell. Machines are named by their addresses. Reads say what those answer that can
// be reached; they are Unavailable problems when none can.
type Talos interface {
	// Machines are what machines say of themselves, those that answer, in any order.
	Machines(ctx context.Context, addresses []string) ([]TalosMachine, error)
	// Etcd are the members of etcd, as the control-plane machines at these addresses know
	// them. One whose machine is not among those, or does not answer, is not healthy.
	Etcd(ctx context.Context, addresses []string) ([]EtcdMember, error)
	// Reboot asks a machine to restart, and does not wait. It is a [Maybe] when the
	// request may have arrived although no answer came.
	Reboot(ctx context.Context, address string) error
}

// TalosMachine is a machine as Talos on it tells.
type TalosMachine struct {
	Address string `json:"address"`
	Node    string `json:"node"`            // the name under which its kubelet registers
	Stage   string `json:"stage,omitempty"` // an open set: "running", "rebooting", "booting", "shutting down", …
}

// EtcdMember is a member of the cluster's store.
type EtcdMember struct {
	Name    string `json:"name"`              // of its node; "" while it has not started
	Learner bool   `json:"learner,omitempty"` // it has no vote yet
	Healthy bool   `json:"healthy,omitempty"` // it answers, and reports no errors
	Why     string `json:"why,omitempty"`     // it is not healthy; outside text
}

// Provider is who can restart a node's machine.
type Provider string

// The providers. What runs Talos is restarted through Talos, wherever its machine
// stands: LKE has no such nodes.
const (
	OnLinode    Provider = "linode"
	OnTalos     Provider = "talos"
	NobodyKnown Provider = "" // neither: no repair restarts it
)

// Provider tells who can restart the node's machine, by what the cluster reports of it.
func (n Node) Provider() Provider {
	switch {
	case strings.HasPrefix(n.System, "Talos ("):
		return OnTalos
	case strings.HasPrefix(n.Identity.ProviderID, "linode://"):
		return OnLinode
	}
	return NobodyKnown
}
