package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// maxFaults bounds a report: a file that is wrong all over needs no more words.
const maxFaults = 100

// maxOpenQuestions bounds what the check remembers of payloads that are missing
// without an erasure so far.
const maxOpenQuestions = 10_000

// chainCheck checks entries by themselves, whatever the engine: it is given every
// row in the order of positions and recomputes what each must hold. It remembers
// one head per timeline, so its memory does not grow with the entries.
type chainCheck struct {
	codec   *timeline.Codec
	outside map[timeline.ID]timeline.Hash
	// hashAt returns the stored hash of an entry, to hold a recorded head to it.
	hashAt func(timeline.Ref) (timeline.Hash, bool, error)

	report   Report
	heads    map[timeline.ID]timeline.Head
	opened   map[timeline.ID]timeline.Ref  // by the log, and where
	started  map[timeline.ID]bool          // has entries
	recorded map[timeline.ID]timeline.Head // the newest head that the log holds
	seen     map[timeline.ID]bool          // the outside head was met
	missing  map[int64]timeline.Ref        // payloads without a row
	erased   map[timeline.Ref]bool         // named by an erasure, and not yet met as missing
	pos      int64
	gaps     [][2]int64 // positions without an entry, from and to
}

func newChainCheck(codec *timeline.Codec, outside map[timeline.ID]timeline.Hash) *chainCheck {
	return &chainCheck{codec: codec, outside: outside, heads: map[timeline.ID]timeline.Head{}, opened: map[timeline.ID]timeline.Ref{},
		started: map[timeline.ID]bool{}, recorded: map[timeline.ID]timeline.Head{}, seen: map[timeline.ID]bool{},
		missing: map[int64]timeline.Ref{}, erased: map[timeline.Ref]bool{}}
}

func (c *chainCheck) fault(ref timeline.Ref, pos int64, format string, args ...any) {
	c.report.fault(ref, pos, format, args...)
}

// full reports whether enough is known to be wrong.
func (c *chainCheck) full() bool { return len(c.report.Faults) >= maxFaults }

// add takes the next row by position.
func (c *chainCheck) add(r *entryRow) error {
	ref := timeline.Ref{Timeline: timeline.ID(r.timeline), Seq: r.seq}
	c.report.Entries++
	if r.pos != c.pos+1 && len(c.gaps) < maxFaults {
		c.gaps = append(c.gaps, [2]int64{c.pos + 1, r.pos - 1})
	}
	c.pos = r.pos
	head := c.heads[ref.Timeline]
	if !c.started[ref.Timeline] {
		c.started[ref.Timeline] = true
		if _, known := c.opened[ref.Timeline]; !known && ref.Timeline != timeline.Log {
			c.fault(ref, r.pos, "the log does not record that %s was opened", ref.Timeline)
		}
	}
	before := timeline.Ref{Timeline: ref.Timeline, Seq: head.Seq}
	switch {
	case r.seq <= head.Seq:
		c.fault(ref, r.pos, "stands after %s: entries are out of order", before)
	case r.seq > head.Seq+1:
		c.fault(timeline.Ref{Timeline: ref.Timeline, Seq: head.Seq + 1}, 0, "is missing: the newest before it is #%d, the next is %s", head.Seq, ref)
	}
	if r.seq != head.Seq+1 && len(r.prevHash) == len(head.Hash) { // what it should continue is unknown
		head.Hash = timeline.Hash(r.prevHash)
	}
	e, bad := r.check(head)
	if bad != "" {
		c.fault(ref, r.pos, "%s", bad)
	}
	// Go on from what is stored, so that one bad entry does not accuse all after it.
	next := timeline.Head{Timeline: ref.Timeline, Seq: r.seq, RecordedAt: micros(r.recordedAt)}
	if len(r.hash) == len(next.Hash) {
		next.Hash = timeline.Hash(r.hash)
	}
	c.heads[ref.Timeline] = next
	if want, asked := c.outside[ref.Timeline]; asked && want == next.Hash && bad == "" {
		c.seen[ref.Timeline] = true
	}
	if bad == "" && e.Kind == (*timeline.Erasure)(nil).Kind() {
		for _, erased := range e.Effects.Erase {
			c.erased[erased] = true
		}
	}
	if r.salt == nil {
		if len(c.missing) < maxOpenQuestions {
			c.missing[r.pos] = ref
		} else if !c.full() {
			c.fault(ref, r.pos, "its payload is missing, as are %d others", len(c.missing))
		}
		return nil
	}
	if bad == "" {
		return c.follow(&e, r.payload)
	}
	return nil
}

// check recomputes a row. It returns what is wrong with it, "" when nothing is.
func (r *entryRow) check(head timeline.Head) (timeline.Entry, string) {
	e, err := r.fields()
	if err != nil {
		return e, fmt.Sprintf("cannot be read: %v", err)
	}
	// A value that reads alike but is spelled otherwise would leave the hash as it is.
	effects, err := timeline.EncodeEffects(e.Effects)
	if err != nil {
		return e, fmt.Sprintf("its effects cannot be encoded: %v", err)
	}
	switch {
	case e.Actor.String() != r.actor:
		return e, "its actor was altered"
	case e.Cause.String() != r.cause:
		return e, "its cause was altered"
	case e.Supersedes.String() != r.supersedes:
		return e, "the entry it supersedes was altered"
	case effects != r.effects:
		return e, "its effects were altered"
	case e.Actor == people.Actor{}:
		return e, "it has no actor"
	}
	if len(r.payloadHash) != len(timeline.Hash{}) || len(r.prevHash) != len(timeline.Hash{}) || len(r.hash) != len(timeline.Hash{}) {
		return e, "one of its hashes has another length"
	}
	payload := timeline.Hash(r.payloadHash)
	if r.salt != nil {
		if len(r.salt) != len(timeline.Salt{}) {
			return e, "its salt was altered"
		}
		if timeline.PayloadHash(timeline.Salt(r.salt), r.payload) != payload {
			return e, "its payload, the salt or the payload's hash was altered"
		}
	}
	if timeline.Hash(r.prevHash) != head.Hash {
		return e, "it does not continue the entry before it"
	}
	hash, err := timeline.ChainHash(head.Hash, &e, payload)
	if err != nil {
		return e, fmt.Sprintf("its hash cannot be computed: %v", err)
	}
	if hash != timeline.Hash(r.hash) {
		return e, "its content does not fit its hash: it was altered"
	}
	if e.RecordedAt.Before(head.RecordedAt) {
		return e, "it says it was recorded before the entry that it follows"
	}
	return e, ""
}

// follow notes what an entry of the log says about timelines.
func (c *chainCheck) follow(e *timeline.Entry, body []byte) error {
	if e.Timeline != timeline.Log {
		return nil
	}
	switch e.Kind {
	case (*timeline.Opened)(nil).Kind():
		var p timeline.Opened
		if err := json.Unmarshal(body, &p); err != nil {
			c.fault(e.Ref, e.Pos, "it cannot be read: %v", err)
			return nil
		}
		c.opened[p.Opened] = e.Ref
	case (*timeline.HeadsRecorded)(nil).Kind():
		var p timeline.HeadsRecorded
		if err := json.Unmarshal(body, &p); err != nil {
			c.fault(e.Ref, e.Pos, "it cannot be read: %v", err)
			return nil
		}
		for _, h := range p.Heads {
			if err := c.hold(e, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold compares a head that the log recorded with the timeline.
func (c *chainCheck) hold(by *timeline.Entry, h timeline.Head) error {
	c.recorded[h.Timeline] = h
	now := c.heads[h.Timeline]
	hash, found := now.Hash, now.Seq == h.Seq
	if now.Seq > h.Seq {
		var err error
		if hash, found, err = c.hashAt(timeline.Ref{Timeline: h.Timeline, Seq: h.Seq}); err != nil {
			return err
		}
	}
	ref := timeline.Ref{Timeline: h.Timeline, Seq: h.Seq}
	switch {
	case !found:
		c.fault(ref, 0, "the log records it as the newest of %s (%s), but it is not there: the timeline was cut", h.Timeline, by.Ref)
	case hash != h.Hash:
		c.fault(ref, 0, "the log records another hash for it (%s)", by.Ref)
	}
	return nil
}

// finish compares what was read with what is kept about it.
func (c *chainCheck) finish(kept []timeline.Head) Report {
	c.finishHeads(kept)
	c.finishPayloads()
	for _, g := range c.gaps {
		if g[0] > g[1] {
			c.fault(timeline.Ref{}, 0, "the entries do not stand in the order of their positions after %d", g[1])
			continue
		}
		c.fault(timeline.Ref{}, 0, "positions %d to %d hold no entry: entries were deleted or moved", g[0], g[1])
	}
	for _, id := range sortedIDs(c.outside) {
		if c.seen[id] {
			continue
		}
		ref := timeline.Ref{Timeline: id, Seq: c.heads[id].Seq}
		c.fault(ref, 0, "no entry of %s has the hash %s that you gave: its tail was cut, or it was written anew", id, c.outside[id].Short())
	}
	for _, h := range c.heads {
		c.report.Heads = append(c.report.Heads, h)
		if _, asked := c.outside[h.Timeline]; asked {
			continue
		}
		c.report.Open = append(c.report.Open, OpenTail{Timeline: h.Timeline, Since: c.recorded[h.Timeline].Seq})
	}
	sortHeads(c.report.Heads)
	slices.SortFunc(c.report.Open, func(a, b OpenTail) int { return a.Timeline.Number() - b.Timeline.Number() })
	return c.report
}

func (c *chainCheck) finishHeads(kept []timeline.Head) {
	known := map[timeline.ID]bool{}
	for _, k := range kept {
		known[k.Timeline] = true
		have, ok := c.heads[k.Timeline]
		ref := timeline.Ref{Timeline: k.Timeline, Seq: k.Seq}
		switch {
		case !ok:
			c.fault(ref, 0, "%s should end here, but it has no entries at all", k.Timeline)
		case have.Seq < k.Seq:
			c.fault(ref, 0, "%s should end here, but ends at #%d: its tail was cut", k.Timeline, have.Seq)
		case have != k:
			c.fault(ref, 0, "the table of heads does not fit the newest entry of %s (#%d)", k.Timeline, have.Seq)
		}
	}
	for _, id := range sortedIDs(c.heads) {
		if !known[id] {
			c.fault(timeline.Ref{Timeline: id, Seq: c.heads[id].Seq}, 0, "%s is not in the table of heads", id)
		}
	}
	for _, id := range sortedIDs(c.opened) {
		if !c.started[id] {
			c.fault(timeline.Ref{Timeline: id, Seq: 1}, 0, "the log records that %s was opened (%s), but it has no entries: it was deleted", id, c.opened[id])
		}
	}
}

func (c *chainCheck) finishPayloads() {
	positions := make([]int64, 0, len(c.missing))
	for pos := range c.missing {
		positions = append(positions, pos)
	}
	slices.Sort(positions)
	for _, pos := range positions {
		ref := c.missing[pos]
		if c.erased[ref] {
			delete(c.erased, ref)
			c.report.Erased++
			continue
		}
		c.fault(ref, pos, "its payload is gone, and no entry of kind %q names it", (*timeline.Erasure)(nil).Kind())
	}
	for ref := range c.erased {
		if len(c.missing) < maxOpenQuestions {
			c.fault(ref, 0, "it was erased, but its payload is there")
		}
	}
}

func sortedIDs[V any](m map[timeline.ID]V) []timeline.ID {
	ids := make([]timeline.ID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b timeline.ID) int {
		if n := a.Number() - b.Number(); n != 0 {
			return n
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	return ids
}
