package fleet

import "time"

// Identity tells one machine from another for good. A node's name does not: a
// recycled node may keep it. Two identities are the same machine in the same life
// when all of their parts are.
type Identity struct {
	ProviderID string `json:"provider_id,omitempty"` // "linode://28412345": the machine
	BootID     string `json:"boot_id,omitempty"`     // of its kernel: changes with every boot
	MachineID  string `json:"machine_id,omitempty"`  // of its system: two nodes that share one are clones
	Instance   int    `json:"instance,omitempty"`    // the cloud's number; 0: not known
}

// Proven reports whether the machine is known both to the cluster and to the cloud.
func (i Identity) Proven() bool { return i.ProviderID != "" && i.BootID != "" && i.Instance != 0 }

// Node is a member of the cluster.
type Node struct {
	Name          string            `json:"name"`
	Identity      Identity          `json:"identity"`
	Ready         Truth             `json:"ready"`
	ReadySince    time.Time         `json:"ready_since,omitzero"` // since Ready is as it is
	Unschedulable bool              `json:"unschedulable,omitempty"`
	ControlPlane  bool              `json:"control_plane,omitempty"`
	Taints        []Taint           `json:"taints,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Pressure      []string          `json:"pressure,omitempty"` // "MemoryPressure", …: conditions that are true and should not be
	Created       time.Time         `json:"created,omitzero"`
	Version       string            `json:"version,omitempty"`     // of its kubelet
	Drivers       []string          `json:"drivers,omitempty"`     // CSI drivers that it has registered
	Allocatable   Resources         `json:"allocatable,omitzero"`  // what pods may ask for
	Hostname      string            `json:"hostname,omitempty"`    // as it reports it
	SystemUUID    string            `json:"system_uuid,omitempty"` // as it reports it
	System        string            `json:"system,omitempty"`      // as it reports it: "Talos (v1.13.2)"
	Address       string            `json:"address,omitempty"`     // in the network of the nodes
}

// Truth is a condition's status: something that is not known is neither true nor false.
type Truth string

const (
	True    Truth = "true"
	False   Truth = "false"
	Unknown Truth = "unknown"
)

// Taint keeps pods away from a node.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"` // "NoSchedule", "NoExecute", "PreferNoSchedule"
}

// OutOfService tells the cluster that a node is off for certain, so that its pods
// are removed and its volumes detached at once. It must be taken off again.
// https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown
var OutOfService = Taint{Key: "node.kubernetes.io/out-of-service", Value: "nodeshutdown", Effect: "NoExecute"}

// Resources are amounts of what pods ask for.
type Resources struct {
	MilliCPU int64 `json:"milli_cpu,omitempty"`
	Memory   int64 `json:"memory,omitempty"` // bytes
	Pods     int64 `json:"pods,omitempty"`
}

// Shares reports whether two nodes have a part of their identity in common that is
// any machine's own: one is a clone of the other, or one machine is there twice.
func (i Identity) Shares(o Identity) bool {
	return i.ProviderID != "" && i.ProviderID == o.ProviderID || i.BootID != "" && i.BootID == o.BootID || i.MachineID != "" && i.MachineID == o.MachineID
}
