package fleet

import "time"

// Blast is what an act on a node or a volume would break, as far as is known: shown
// before anybody approves it.
type Blast struct {
	At time.Time `json:"at"` // of the snapshot that it was computed from
	// Unknown names what could not be read; when it is empty the rest is complete. What
	// is unknown counts as broken.
	Unknown []string `json:"unknown,omitempty"`

	Workloads []Hit     `json:"workloads,omitempty"` // the worst first
	Bare      []Object  `json:"bare,omitempty"`      // pods that nobody makes again
	Volumes   []Held    `json:"volumes,omitempty"`   // that only one node can use at a time
	Blocking  []Budget  `json:"blocking,omitempty"`  // budgets that would block the eviction of a pod
	Overlaps  []Overlap `json:"overlaps,omitempty"`  // pods that no eviction takes
	Capacity  Capacity  `json:"capacity,omitzero"`
	Backups   []Backup  `json:"backups,omitempty"`    // of what is hit
	Stale     []Object  `json:"stale,omitempty"`      // those of Backups that are too old, suspended or never succeeded
	Unbacked  []Object  `json:"unbacked,omitempty"`   // workloads with a volume that no known backup is of
	LastReady bool      `json:"last_ready,omitempty"` // it is the last Ready node
	Control   bool      `json:"control,omitempty"`    // it is a control-plane node
	Own       bool      `json:"own,omitempty"`        // Wardroom runs on it
	LocalData []Object  `json:"local_data,omitempty"` // pods whose local data is lost
	Keepers   []Keeper  `json:"keepers,omitempty"`    // who would undo it
}

// Hit is a workload that loses pods.
type Hit struct {
	Workload
	Pods   int      `json:"pods"`             // that stand on the target
	Single bool     `json:"single,omitempty"` // it has one replica: it is down meanwhile
	All    bool     `json:"all,omitempty"`    // every Ready pod of it stands there
	Down   bool     `json:"down,omitempty"`   // it is down already: no pod of it is Ready anywhere
	Breaks []string `json:"breaks,omitempty"` // who depends on it, as declared, the nearest first
}

// Stops reports whether the act takes the workload from up to down.
func (h Hit) Stops() bool { return !h.Down && (h.Single || h.All) }

// Held is a volume that a pod on the target holds.
type Held struct {
	Volume string   `json:"volume"`
	Cloud  int      `json:"cloud,omitempty"`
	By     []Object `json:"by"` // workloads; empty: it is attached and no pod uses it
}

// Capacity compares what the pods of the target ask for with what is left elsewhere.
type Capacity struct {
	Needed Resources `json:"needed"`
	Free   Resources `json:"free"`  // on the other Ready, schedulable nodes
	Nodes  int       `json:"nodes"` // how many those are
}

// Fits reports whether there is room elsewhere for all that would move. It compares
// sums: a pod too big for any one node fits by them and still finds no place.
func (c Capacity) Fits() bool {
	return c.Needed.MilliCPU <= c.Free.MilliCPU && c.Needed.Memory <= c.Free.Memory && c.Needed.Pods <= c.Free.Pods
}

// AllDown reports whether everything that the act would hit is down already and
// nothing is unknown: then the act takes nothing away from anybody. An act that hits
// no workload, or a pod that nobody makes again, is not of that sort.
func (b Blast) AllDown() bool {
	if len(b.Workloads) == 0 || len(b.Bare) > 0 || len(b.Unknown) > 0 {
		return false
	}
	for _, h := range b.Workloads {
		if !h.Down {
			return false
		}
	}
	return true
}

// BlastOptions are what the blast radius needs beside the snapshot.
type BlastOptions struct {
	Own    string              // the node that Wardroom runs on; "" when it runs elsewhere
	UsedBy map[string][]string // dependants declared beside the workloads' own: "default/redis": {"default/bot"}
	Fresh  time.Duration       // how old the last backup may be; 0: 26 hours, a daily job with two hours to spare
}

const usuallyFresh = 26 * time.Hour

// IsFresh reports whether the backup is recent enough at that moment; 0 stands for
// the usual age of BlastOptions.Fresh.
func (b Backup) IsFresh(at time.Time, within time.Duration) bool {
	if within <= 0 {
		within = usuallyFresh
	}
	return !b.Suspended && !b.LastSuccess.IsZero() && at.Sub(b.LastSuccess) <= within
}
