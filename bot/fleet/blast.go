package fleet

import "time"

// Blast is what an act on a node would break, as far as is known: shown before
// anybody approves it.
type Blast struct {
	At time.Time `json:"at"` // of the snapshot that it was computed from
	// Unknown names what could not be read; "" and nothing else means that the rest is
	// complete. What is unknown counts as broken.
	Unknown []string `json:"unknown,omitempty"`

	Workloads []Hit    `json:"workloads,omitempty"` // the worst first
	Bare      []Object `json:"bare,omitempty"`      // pods that nobody makes again
	Volumes   []Held   `json:"volumes,omitempty"`   // that only one node can use at a time
	Blocking  []Budget `json:"blocking,omitempty"`  // budgets that would block the eviction of a pod
	Capacity  Capacity `json:"capacity,omitzero"`
	Backups   []Backup `json:"backups,omitempty"`    // of what is hit
	LastReady bool     `json:"last_ready,omitempty"` // it is the last Ready node
	Control   bool     `json:"control,omitempty"`    // it is a control-plane node
	Own       bool     `json:"own,omitempty"`        // Wardroom runs on it
	LocalData []Object `json:"local_data,omitempty"` // pods whose local data is lost
	Keepers   []Keeper `json:"keepers,omitempty"`    // who would undo it
}

// Hit is a workload that loses pods.
type Hit struct {
	Workload
	Pods   int      `json:"pods"`             // that stand on the target
	Single bool     `json:"single,omitempty"` // it has one replica: it is down meanwhile
	All    bool     `json:"all,omitempty"`    // every Ready pod of it stands there
	Down   bool     `json:"down,omitempty"`   // it is down already
	Breaks []string `json:"breaks,omitempty"` // who depends on it, as declared
}

// Held is a volume that a pod on the target holds.
type Held struct {
	Volume string   `json:"volume"`
	Cloud  int      `json:"cloud,omitempty"`
	By     []Object `json:"by"` // workloads
}

// Capacity compares what the pods of the target ask for with what is left elsewhere.
type Capacity struct {
	Needed Resources `json:"needed"`
	Free   Resources `json:"free"`  // on the other Ready, schedulable nodes
	Nodes  int       `json:"nodes"` // how many those are
}

// Fits reports whether there is room elsewhere for all that would move.
func (c Capacity) Fits() bool {
	return c.Needed.MilliCPU <= c.Free.MilliCPU && c.Needed.Memory <= c.Free.Memory && c.Needed.Pods <= c.Free.Pods
}
