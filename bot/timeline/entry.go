package timeline

import (
	"log/slog"
	"time"

	"wardroom/bot/people"
)

// Entry is one thing that happened, as it was recorded. Entries are never
// changed; a correction is a later entry that names the one it supersedes.
type Entry struct {
	Ref                     // which timeline, and its place there from 1 without gaps
	Pos        int64        // place in the whole database from 1 without gaps: the order of commits
	Kind       Kind         //
	OccurredAt time.Time    // when it happened; a person may claim a past time
	RecordedAt time.Time    // when it was written; never runs backwards within a timeline
	Actor      people.Actor // who did it
	Cause      Ref          // the entry that led to this one; may be zero
	Supersedes Ref          // the entry that this one corrects; may be zero
	Effects    Effects      // what else changed with it
	Payload    Payload      // *Unknown where the kind is not known, *Erased where it was erased
	Body       []byte       // the payload as recorded; nil when erased
	Seal       Seal         // the links of the chain
}

// Draft is an entry before the door has given it its place.
type Draft struct {
	Timeline   ID
	Payload    Payload
	OccurredAt time.Time    // zero: the time of recording. A future time is refused.
	Actor      people.Actor // zero: the bot
	Cause      Ref          // zero: the draft before it in the decision when CausedByPrevious, else none
	Supersedes Ref
	Effects    Effects

	// CausedByPrevious makes the entry recorded just before in this decision the cause.
	CausedByPrevious bool
}

// Effects are the changes to claims, timers and payloads that ride on an entry.
// They are part of what is hashed, so claims and timers can be folded again.
type Effects struct {
	Take    []string `json:"take,omitempty"`    // claims to take; the update fails with Conflict when one is held
	Release []string `json:"release,omitempty"` // claims to give back; one that is free is passed over
	Set     []Timer  `json:"set,omitempty"`     // timers to set, replacing those with the same key
	Clear   []string `json:"clear,omitempty"`   // timers to clear by key; one that is not set is passed over
	Erase   []Ref    `json:"erase,omitempty"`   // payloads to delete; only [Erasure] may carry this
}

// IsZero reports whether nothing but the entry itself is written.
func (e Effects) IsZero() bool {
	return len(e.Take)+len(e.Release)+len(e.Set)+len(e.Clear)+len(e.Erase) == 0
}

// Timer is something that becomes due. When it does, an entry is appended to
// its timeline: nothing else keeps deadlines.
type Timer struct {
	Key      string    `json:"key"`            // unique, as "INC-1/self-recovered"
	Due      time.Time `json:"due"`            // microseconds, UTC
	Timeline ID        `json:"timeline"`       //
	What     string    `json:"what"`           // which handler decides
	Data     string    `json:"data,omitempty"` // for the handler; opaque here
}

// Head is the newest entry of a timeline.
type Head struct {
	Timeline ID    `json:"timeline"`
	Seq      int64 `json:"seq"`
	Hash     Hash  `json:"hash"`
	// RecordedAt is that of the newest entry.
	RecordedAt time.Time `json:"recorded_at"`
}

// LogValue keeps log lines short and free of payloads.
func (e Entry) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ref", e.Ref.String()), slog.String("kind", string(e.Kind)), slog.String("actor", e.Actor.String()))
}
