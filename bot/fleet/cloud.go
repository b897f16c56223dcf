package fleet

import (
	"context"
	"time"
)

// Cloud is the port to whoever owns the machines. Reads ask its API; they are
// Unavailable problems while it does not answer. Changes are asked for once and
// answered before they are carried out: what comes of them is in Events and in later
// reads.
//
// A change returns a [Maybe] around its error when the request may have arrived
// although no answer came: whoever repeats it blindly may do it twice.
type Cloud interface {
	// Slots are the places of the cluster's node pools, and which machine is in each.
	Slots(ctx context.Context) ([]Slot, error)
	// Instance is one machine; a NotFound problem proves that it was deleted.
	Instance(ctx context.Context, id int) (Instance, error)
	// Volumes are all that the credential sees; Volume is one of them.
	Volumes(ctx context.Context) ([]CloudVolume, error)
	Volume(ctx context.Context, id int) (CloudVolume, error)
	// Events are the account's events with an id of at least from, the oldest first:
	// an event changes until it is over, so those that were not are read again.
	Events(ctx context.Context, from int64) ([]CloudEvent, error)

	// Recycle deletes the machine in a slot and puts a new one in its place. It is
	// never repeated by the adapter.
	Recycle(ctx context.Context, slot string) error
	// Reboot restarts a machine, Shutdown turns it off, Boot turns it on.
	Reboot(ctx context.Context, instance int) error
	Shutdown(ctx context.Context, instance int) error
	Boot(ctx context.Context, instance int) error
	// Detach takes a volume from whatever machine has it.
	Detach(ctx context.Context, volume int) error
}

// Maybe is the error of a change that may have arrived.
type Maybe struct{ Err error }

func (m *Maybe) Error() string { return "it may have been carried out: " + m.Err.Error() }
func (m *Maybe) Unwrap() error { return m.Err }

// Slot is a place in a node pool. Its id stays when its machine is replaced.
type Slot struct {
	ID       string `json:"id"` // "19933-5ff4aac6d0d5"
	Pool     int    `json:"pool"`
	Instance int    `json:"instance,omitempty"` // 0 while there is no machine in it
	Status   string `json:"status"`             // of its creation: "ready", "not_ready"
}

// Instance is a machine.
type Instance struct {
	ID       int       `json:"id"`
	Label    string    `json:"label"`
	Status   string    `json:"status"` // an open set: "running", "offline", "rebooting", …
	Cluster  int       `json:"cluster,omitempty"`
	Region   string    `json:"region,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Watchdog bool      `json:"watchdog,omitempty"` // it is booted again when it goes off by itself
}

// Off reports whether the machine is off for certain, not in the middle of restarting.
func (i Instance) Off() bool { return i.Status == "offline" }

// CloudEvent is what the cloud reports that it does, or that somebody did.
type CloudEvent struct {
	ID      int64     `json:"id"`
	Action  string    `json:"action"` // "lke_node_recycle", "volume_detach", "lassie_reboot"
	Status  string    `json:"status"` // "scheduled", "started", "finished", "failed", "notification", "canceled"
	Entity  Entity    `json:"entity,omitzero"`
	Second  Entity    `json:"second,omitzero"`
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended,omitzero"` // when it was over, as far as the cloud tells
	Percent int       `json:"percent,omitempty"`
	By      string    `json:"by,omitempty"` // the account's user; "" for the platform
	Message string    `json:"message,omitempty"`
}

// Over reports whether the event will not change any more.
func (e CloudEvent) Over() bool {
	switch e.Status {
	case "finished", "failed", "notification", "canceled":
		return true
	}
	return false
}

// Entity is what an event is about. Ids are numbers or text.
type Entity struct {
	Type  string `json:"type"` // "linode", "volume", "lkecluster", "lkenodepool"
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
}
