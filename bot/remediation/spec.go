package remediation

import (
	"context"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

// Remediation is a named repair. It holds the ports that it needs and no state: what
// a run knows is in its entries, so that another process can go on with it.
type Remediation interface {
	Spec() Spec
	// Plan says what the repair would do to its target now, and what that would break.
	// It reads only. A NotFound problem says that there is no such target. Refusals are
	// in the plan and not errors: people see the whole plan with what stands against it.
	Plan(ctx context.Context, params map[string]string) (Plan, error)
	// Step returns how the step of this name is carried out. Names mean the same as
	// long as Spec's Version does; a step that means something else has another name.
	Step(name string) (Step, bool)
}

// Spec is what is fixed about a repair.
type Spec struct {
	Name    string // "recycle-node"
	Version int    // of what its steps mean
	Summary string // one line, no full stop
	Tier    Tier   // before a plan raises or lowers it
	Access  []Access
	// NoUndo says why it cannot be undone; empty when its plans have an undo.
	NoUndo string
	// When says in which trouble it is the repair to choose, and Breaks what it breaks
	// meanwhile or for good: whole sentences, for pages that are read while Wardroom is down.
	When, Breaks string
	// Check are commands by which a person sees that it came about, where no last step
	// of its plans does: they name nothing.
	Check []string
}

// Access is something that a repair must be allowed to do.
type Access struct {
	System string // "kubernetes", "linode"
	Verb   string // "patch", "read_write"
	What   string // "nodes", "deployments/scale", "linodes"
	Why    string // which step needs it
}

// Tier says who has to agree.
type Tier int

const (
	Observe     Tier = iota // nobody: it changes nothing
	Routine                 // a person who may confirms it
	Disruptive              // a second person approves it
	Destructive             // a second person approves it and types whom it hits
)

// String is "disruptive".
func (t Tier) String() string {
	return [...]string{"observe", "routine", "disruptive", "destructive"}[min(max(t, Observe), Destructive)]
}

// Target is what a repair acts on, with the proof that it is that and no other.
type Target struct {
	Kind     string         `json:"kind"` // "node", "volume", "workload", …; [EveryNode]
	Name     string         `json:"name"` // as people say it
	Identity fleet.Identity `json:"identity,omitzero"`
	Slot     string         `json:"slot,omitempty"`   // of the cloud's pool
	Volume   int            `json:"volume,omitempty"` // the cloud's number
	UID      string         `json:"uid,omitempty"`    // the cluster's
	// ProvenBy names who, in place of the cloud, has told the plan that the machine is
	// this one: "talos".
	ProvenBy string `json:"proven_by,omitempty"`
}

// EveryNode is the kind of a target that is all nodes, one after another. Which
// machine each is, is proven by the plan and again by the steps.
const EveryNode = "nodes"

// Plan is a repair of one target as it would be carried out now.
type Plan struct {
	Remediation string            `json:"remediation"`
	Version     int               `json:"version"`
	Params      map[string]string `json:"params,omitempty"`
	Target      Target            `json:"target"`
	Tier        Tier              `json:"tier"`
	TierWhy     string            `json:"tier_why,omitempty"` // why it is not the usual one
	Steps       []PlannedStep     `json:"steps"`
	Blast       fleet.Blast       `json:"blast,omitzero"`
	Findings    []Finding         `json:"findings,omitempty"`
	Facts       []string          `json:"facts,omitempty"` // what was read, in words
	// Material is what the hash covers besides target, steps and findings' codes: the
	// replicas of workloads, the cases of volumes, a backup fresh or stale. Never times,
	// ages, percentages, phases or names of pods.
	Material map[string]string `json:"material,omitempty"`
	Undo     string            `json:"undo,omitempty"` // how it is undone, in words
	// Holds names what is locked besides the target and the volumes of the blast
	// radius, as "workload/default/redis".
	Holds []string `json:"holds,omitempty"`
	// Undoes names the run of which this puts back what is not as it was, and Learned
	// is what that run had learned.
	Undoes  RunID             `json:"undoes,omitempty"`
	Learned map[string]string `json:"learned,omitempty"`
	At      time.Time         `json:"at"`
}

// PlannedStep is a step as data.
type PlannedStep struct {
	Name     string            `json:"name"`
	Args     map[string]string `json:"args,omitempty"`
	Words    string            `json:"words"`              // "Scale default/redis from 1 to 0"
	Commands []string          `json:"commands,omitempty"` // the exact kubectl or linode-cli lines
}

// Finding is a warning about a plan or a reason to refuse it.
type Finding struct {
	Code     string   `json:"code"` // "last-ready-node"
	Strength Strength `json:"strength"`
	Sentence string   `json:"sentence"`
	Hint     string   `json:"hint,omitempty"`
}

// Strength of a finding.
type Strength string

const (
	Warning Strength = "warning" // people should know it
	Soft    Strength = "soft"    // refused, unless somebody breaks the glass with a reason
	Hard    Strength = "hard"    // refused, whoever asks
)

// Step is how a planned step is carried out and observed. Its functions ask once and
// return: they wait for nothing, and they may be called by a process that has just
// started.
type Step struct {
	// Repeatable: doing it again does no harm.
	Repeatable bool
	// Destructive: at most one is accepted for each approval.
	Destructive bool
	// Restores: it may run while repairs are frozen or the run is aborted.
	Restores bool
	// Late is after how long it is said once that the step takes longer than usual; 0: never.
	Late time.Duration
	// Every is how often it is observed; 0: every 5 s.
	Every time.Duration

	// Observe tells whether it is so already. It is asked before Do and after it until
	// it is so.
	Observe func(ctx context.Context, s State) (Seen, error)
	// Do makes it so; nil for a step that only waits. What it learned is recorded with
	// step.done and handed to every later step.
	Do func(ctx context.Context, s State) (learned map[string]string, err error)
	// Prove proves the target again just before Do; nil where Do itself guards it.
	Prove func(ctx context.Context, s State) error
	// Reconcile tells whether a Do whose answer is not known arrived; only of steps
	// that may not be repeated.
	Reconcile func(ctx context.Context, s State) (Verdict, error)
}

// State is what a step works on.
type State struct {
	Run     string // its id
	Plan    Plan
	Args    map[string]string
	Learned map[string]string // by this run's steps so far; later ones win
	Started time.Time         // of this step, as recorded; zero before
	Now     time.Time
}

// Seen is what observing a step found.
type Seen struct {
	So       bool
	Progress string            // "2 of 3 pods gone"; for people
	Learned  map[string]string // recorded with step.done
	// Again has Do asked once more although it was accepted: there is more of what it is
	// asked for than there was then. Only of a step that may be repeated.
	Again bool
	// Failed says that it will not become so by waiting; in words. Suggest is what
	// would mend it.
	Failed  string
	Suggest []Suggestion
	// Ask stops the run until a person has answered: it is not so, and whether to wait,
	// to go on or to end the run is not for Wardroom to decide. In words.
	Ask string
	// Anyway, when it is not nil, lets the person go on with the next step although it
	// is not so; it is what is then learned. Only with Ask.
	Anyway map[string]string
}

// Suggestion is a command for a person to ask for. It opens a plan and never acts.
type Suggestion struct {
	Label   string            `json:"label"` // on a button
	Path    string            `json:"path"`  // "volume remount"
	Options map[string]string `json:"options,omitempty"`
}

// Verdict on a change whose answer was lost.
type Verdict int

const (
	Unsure  Verdict = iota // not yet known: ask again later
	Arrived                // it was carried out
	Absent                 // it was not, and will not be
	Foreign                // somebody else did it
)

// RunID names a run by the incident that it belongs to and a number: "INC-1/run-2".
type RunID string

// Incident is the incident that the run belongs to.
func (r RunID) Incident() timeline.ID {
	for i := range r {
		if r[i] == '/' {
			return timeline.ID(r[:i])
		}
	}
	return ""
}
