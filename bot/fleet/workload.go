package fleet

import (
	"strings"
	"time"
)

// Object names something in the cluster: "Deployment default/redis".
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // "" for what belongs to no namespace
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`
}

// String is "default/redis", or the bare name of what has no namespace.
func (o Object) String() string {
	return strings.TrimPrefix(o.Namespace+"/"+o.Name, "/")
}

// Workload is what keeps pods running: the top of a chain of owners.
type Workload struct {
	Object
	Replicas    int               `json:"replicas"` // wanted
	Ready       int               `json:"ready"`
	UsedBy      []string          `json:"used_by,omitempty"` // declared: "default/bot"
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Keepers would undo a change of the replicas: an autoscaler, a delivery tool, an operator.
	Keepers  []Keeper `json:"keepers,omitempty"`
	Scalable bool     `json:"scalable,omitempty"` // a Deployment, a StatefulSet, a ReplicaSet
	Updated  int      `json:"updated,omitempty"`  // pods of the newest template, while it rolls out
	// Generation and Observed tell whether the cluster has taken in the last change.
	Generation int64 `json:"generation,omitempty"`
	Observed   int64 `json:"observed,omitempty"`
	// Current counts the pods of every template: more than Updated while old ones go.
	Current int `json:"current,omitempty"`
	// Restarted is when its last rollout restart was asked for; zero: never.
	Restarted time.Time `json:"restarted,omitzero"`
	// Manual says why a new template does not roll out by itself: "paused", "OnDelete",
	// "partition"; "" when it does.
	Manual string `json:"manual,omitempty"`
}

// Keeper is something that holds a workload as it was declared elsewhere.
type Keeper struct {
	How    string `json:"how"`           // "HorizontalPodAutoscaler", "Argo CD", "Flux", "operator"
	Object Object `json:"object"`        // what to pause
	Pause  bool   `json:"pause"`         // Wardroom knows how to pause and resume it
	Why    string `json:"why,omitempty"` // how it was recognised: a label, an owner
}

// Pod is one instance of a workload on a node.
type Pod struct {
	Object
	Node        string            `json:"node,omitempty"`
	Owner       Object            `json:"owner,omitzero"` // the workload at the top; zero for a bare pod
	Phase       string            `json:"phase"`          // "Running", "Pending", …
	Created     time.Time         `json:"created,omitzero"`
	Ready       bool              `json:"ready,omitempty"`
	Since       time.Time         `json:"since,omitzero"`       // of being Ready, or of not being it
	Terminating time.Time         `json:"terminating,omitzero"` // since when; zero when it is not
	Reason      string            `json:"reason,omitempty"`     // why it is not Ready, in the cluster's word: "CrashLoopBackOff"
	Claims      []string          `json:"claims,omitempty"`     // its PersistentVolumeClaims, in its namespace
	Requests    Resources         `json:"requests,omitzero"`
	Daemon      bool              `json:"daemon,omitempty"`       // of a DaemonSet
	Mirror      bool              `json:"mirror,omitempty"`       // a static pod: the node itself keeps it
	LocalData   bool              `json:"local_data,omitempty"`   // emptyDir or hostPath with content that goes with the node
	BearsCordon bool              `json:"bears_cordon,omitempty"` // it may come to a node that is cordoned
	Labels      map[string]string `json:"labels,omitempty"`
	Containers  []string          `json:"containers,omitempty"` // that run side by side, the main one first
}

// Budget is a PodDisruptionBudget.
type Budget struct {
	Object
	Allowed int      `json:"allowed"` // disruptions that it allows now
	Covers  []string `json:"covers"`  // pods, as "default/redis-0"
}

// Backup is a job that makes backups, and when it last succeeded.
type Backup struct {
	Object
	LastSuccess time.Time `json:"last_success,omitzero"` // zero: never, as far as is known
	Suspended   bool      `json:"suspended,omitempty"`
	Of          []string  `json:"of,omitempty"` // declared: the workloads that it backs up, "default/postgres"
}
