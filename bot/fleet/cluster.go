package fleet

import (
	"context"
	"time"
)

// Cluster is the port to the cluster. Reads come from its API or from a cache of it
// and say when they were true; they are Unavailable problems while the cluster
// cannot be read. Changes ask the API once and do not wait for what follows: that is
// observed later. All changes but Evict and DeletePod may be repeated: they say how
// it is to be, not what to do.
//
// A NotFound problem says that the object is not there, Forbidden that the
// credential may not, Conflict that it is another object than the one named (its UID
// or boot id differs).
type Cluster interface {
	// Snapshot is everything that plans are made from, as of one moment. It is
	// Unavailable when it cannot be read or is older than maxAge.
	Snapshot(ctx context.Context, maxAge time.Duration) (*Snapshot, error)

	// Cordon makes a node unschedulable, or schedulable again. id guards against
	// another machine that has taken the name.
	Cordon(ctx context.Context, node string, id Identity, on bool) error
	// Taint adds a taint to a node, or takes it off.
	Taint(ctx context.Context, node string, id Identity, t Taint, on bool) error
	// Evict asks for the eviction of one pod, as drain does: budgets are heeded. It
	// returns a Conflict problem while a budget forbids it, and an Unsupported one where
	// waiting does not help: more than one budget covers the pod, or it is a static one.
	// Repeating it for the same UID does no harm.
	Evict(ctx context.Context, pod Object) error
	// DeletePod deletes a pod; force does not wait for its node. The UID guards.
	DeletePod(ctx context.Context, pod Object, force bool) error
	// Scale sets the replicas of a workload through its scale subresource.
	Scale(ctx context.Context, workload Object, replicas int) error
	// Pause pauses what keeps a workload as it is, or resumes it. It returns what is
	// needed to resume, which Pause takes back when on is false.
	Pause(ctx context.Context, k Keeper, on bool, was string) (learned string, err error)
	// Restart begins a rollout restart of a workload, marked with at so that repeating
	// it begins no second one.
	Restart(ctx context.Context, workload Object, at time.Time) error
	// Events are the cluster's newest events about an object, the newest first.
	Events(ctx context.Context, about Object, limit int) ([]Event, error)
	// Logs are the last lines that a container of a pod has written, at most as much as
	// [LogOptions] says; outside text, with whatever secrets it holds. A Conflict problem
	// says that there are none to be had now: no container of it has run, or its node
	// does not hand them out.
	Logs(ctx context.Context, pod Object, o LogOptions) ([]byte, error)
	// DryRun returns a Cluster whose changes are validated by the API and change
	// nothing.
	DryRun() Cluster
}

// LogOptions say which lines are asked for.
type LogOptions struct {
	Container string // "" where the pod has one alone
	Previous  bool   // of the container before its last restart
	Lines     int    // the last so many; 0: as many as Bytes hold
	Bytes     int    // at most; 0: 1 MiB
}

// Event is what the cluster reports about one of its objects.
type Event struct {
	At      time.Time `json:"at"` // the last time
	About   Object    `json:"about"`
	Type    string    `json:"type"` // "Normal", "Warning"
	Reason  string    `json:"reason"`
	Message string    `json:"message"` // outside text
	Count   int       `json:"count,omitempty"`
}

// Snapshot is the cluster at one moment.
type Snapshot struct {
	At          time.Time    `json:"at"`
	Nodes       []Node       `json:"nodes"`
	Workloads   []Workload   `json:"workloads"`
	Pods        []Pod        `json:"pods"`
	Budgets     []Budget     `json:"budgets,omitempty"`
	Claims      []Claim      `json:"claims,omitempty"`
	Volumes     []Volume     `json:"volumes,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Backups     []Backup     `json:"backups,omitempty"`
	// Missing names what could not be read: "poddisruptionbudgets". What is missing
	// is UNKNOWN, never empty.
	Missing []string `json:"missing,omitempty"`
}
