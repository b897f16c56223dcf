package fleet

import "time"

// Case is what is wrong with a volume, or that nothing is. The cases A to E are the
// known ways in which a cluster and a cloud come to disagree about a volume.
// https://github.com/linode/linode-blockstorage-csi-driver/issues/36
type Case string

const (
	Healthy   Case = "healthy" // attached on both sides, and the machine has the device
	Free      Case = "free"    // attached to nothing, and nobody asks for it
	Moving    Case = "moving"  // being attached or detached, and not for too long yet
	Lost      Case = "A"       // the cluster says attached, the cloud says detached
	Elsewhere Case = "B"       // another machine than the one that needs it has it
	Limbo     Case = "C"       // the cloud says attached, the machine has no device: the night of 2021-07-11
	Locked    Case = "D"       // the cloud is busy with it, or could not attach it
	NoDriver  Case = "E"       // the node has not registered the driver
	Gone      Case = "gone"    // the cloud has no such volume
	Unclear   Case = "unknown" // too little could be read
)

// Name is the case in a word or two: "limbo".
func (c Case) Name() string {
	switch c {
	case Lost:
		return "lost attachment"
	case Elsewhere:
		return "held elsewhere"
	case Limbo:
		return "limbo"
	case Locked:
		return "locked"
	case NoDriver:
		return "no driver"
	}
	return string(c)
}

// Sick reports whether waiting alone does not mend it.
func (c Case) Sick() bool { return c != Healthy && c != Free && c != Moving }

// Diagnosis is what the three views of a volume come to: the cluster's, the cloud's,
// and the cloud's events.
type Diagnosis struct {
	Case     Case     `json:"case"`
	Says     string   `json:"says"`               // "Linode says attached, the machine has no device"
	Evidence []string `json:"evidence,omitempty"` // what speaks for it, in words; may hold outside text
	Do       []string `json:"do,omitempty"`       // what mends it, in order
	Node     string   `json:"node,omitempty"`     // that needs the volume
	Holder   int      `json:"holder,omitempty"`   // the machine that has it, as the cloud says
	Released bool     `json:"released,omitempty"` // the holder is proven off or deleted: nothing can write any more
}

// String is "limbo (C): Linode says attached, the machine has no device".
func (d Diagnosis) String() string {
	if len(d.Case) == 1 {
		return d.Case.Name() + " (" + string(d.Case) + "): " + d.Says
	}
	return d.Case.Name() + ": " + d.Says
}

// VolumeFacts are the views that a diagnosis is made from. What is nil could not be
// read, which is another thing than its being proven gone.
type VolumeFacts struct {
	Volume     string    // the PersistentVolume
	Snapshot   *Snapshot // nil: the cluster cannot be read
	Cloud      *CloudVolume
	CloudGone  bool      // the cloud has no such volume
	Holder     *Instance // the machine that has it, as the cloud says
	HolderGone bool      // that machine is proven deleted
	// HolderUnasked: that machine was not asked for, because a Ready node is it. It is
	// another thing than one that could not be read.
	HolderUnasked bool
	// CloudEvents are the cloud's newest, the oldest first; EventsUnread when they could
	// not be read.
	CloudEvents  []CloudEvent
	EventsUnread bool
	Events       []Event // the cluster's, about the pods that need the volume
	Now          time.Time
	CloudName    string // as people call it: "Linode"; "" is "the cloud"
}

// How long attaching and detaching may take before something is wrong. Kubernetes
// detaches by force after 6 minutes (maxWaitForUnmountDuration), the driver gives up
// one attempt after 5.
const (
	slowAttach = 8 * time.Minute
	// deviceDelay is how long an attached volume may be without a device.
	deviceDelay = 2 * time.Minute
)
