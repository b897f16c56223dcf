package timeline

import (
	"context"
	"time"
)

// Door is the one way in which timelines grow.
type Door interface {
	// Update runs decide against the state as of the last entry and records what
	// it returns, all or nothing, durably (on disk when Update returns).
	//
	// decide runs inside the single writer, so nothing changes between what it
	// sees and what it writes; it must be pure, quick (well under a millisecond)
	// and must not keep the View. Its error comes back unchanged and nothing is
	// written; so does a Conflict when a claim to take is held. Either fails this
	// caller alone, never others that share the commit.
	//
	// A decision without entries writes nothing but its cursors and scratch. An
	// entry for an incident that has no timeline yet opens it, and the log records that.
	// When ctx ends first the update may still be recorded: repeat it only if
	// decide finds what is already there. A full disk, a broken file, a deposed
	// owner come back as Unavailable and leave nothing half-written.
	Update(ctx context.Context, decide func(View) (Decision, error)) ([]Entry, error)
}

// Decision is what to record.
type Decision struct {
	Entries []Draft
	Cursors []Cursor     // how far a follower has come, moved with the entries
	Scratch []ScratchPut // durable notes that are no record, written with the entries
}

// Cursor is how far a follower has come in one timeline.
type Cursor struct {
	Follower string
	Timeline ID
	Seq      int64
}

// ScratchPut sets a scratch note, or deletes it when Doc is nil. Scratch holds
// what was acknowledged but is not yet due to be an entry.
type ScratchPut struct {
	Key string
	Doc []byte
}

// View is a consistent state: inside Update, the state as of the last entry,
// including those that share the commit.
type View interface {
	Reader
	Now() time.Time // of this transaction, microseconds UTC

	Head(ID) (Head, bool, error)
	Heads() ([]Head, error) // the log first, then incidents by number
	LastPos() (int64, error)

	// Entries returns up to limit entries of one timeline after seq, in order.
	Entries(id ID, after int64, limit int) ([]Entry, error)
	Entry(Ref) (Entry, error) // a NotFound problem when there is none
	// CausedBy returns the entries, in any timeline, whose cause is ref.
	CausedBy(Ref) ([]Entry, error)

	Claim(key string) (Ref, bool, error) // the entry that took it
	Timer(key string) (Timer, bool, error)
	Timers(until time.Time, limit int) ([]Timer, error) // due at or before until, the earliest first
	NextTimer() (Timer, bool, error)
	Cursors(follower string) (map[ID]int64, error)
	Scratch(prefix string) (map[string][]byte, error)
}

// Store is what the bot needs of a database.
type Store interface {
	Door
	// View runs read against a consistent snapshot, beside the writer.
	View(ctx context.Context, read func(View) error) error
	// OnCommit calls f after each durable commit, from the writer: f must only
	// pass a signal on. It is called before Update returns to its caller.
	OnCommit(f func(Commit))
	// Healthy returns nil, or why entries cannot be recorded at present.
	Healthy() error
}

// Commit tells how far timelines and cursors have come with a commit.
type Commit struct {
	Pos     int64    // of the newest entry
	Gained  []Gain   // what timelines have gained
	Cursors []Cursor // that have moved
	Timers  bool     // some were set or cleared
}

// Gain is the entries that one timeline has gained with a commit.
type Gain struct {
	Timeline    ID
	First, Last int64  // their places, without gaps
	Kinds       []Kind // theirs, each once
}

// LogFollowed is a store that can show a follower what the log gains inside the
// very commit. That spares the follower the reading and a commit of its own, and
// those who look at state never see an alert without its incident.
type LogFollowed interface {
	// FollowLog calls decide, under the rules of [Door.Update], with what the log
	// gained in a commit, in order, at most DecideBatch entries at a time; its
	// decision commits with them. The store may leave it out, and what decide fails
	// at is not shown again: a follower keeps a cursor in its decisions, decides
	// only on what follows it, and catches up by itself.
	FollowLog(decide func(v View, entries []Entry) (Decision, error))
}
