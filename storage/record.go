package storage

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// tolerance is how far a time of occurrence may lie ahead of our clock.
const tolerance = time.Second

// plan is a decision that has passed every check, with its entries sealed.
// Nothing of it is written yet, so that a refusal costs the group nothing.
type plan struct {
	entries []planned
	cursors []timeline.Cursor
	scratch []timeline.ScratchPut
}

type planned struct {
	timeline.Entry
	effects string
	erase   []int64 // positions
	opened  bool    // the log's note of a new timeline, which nobody asked for
}

// asked returns the entries of the drafts, in their order.
func (p *plan) asked() []timeline.Entry {
	if len(p.entries) == 0 {
		return nil
	}
	list := make([]timeline.Entry, 0, len(p.entries))
	for i := range p.entries {
		if !p.entries[i].opened {
			list = append(list, p.entries[i].Entry)
		}
	}
	return list
}

// planner gives the drafts of one decision their places.
type planner struct {
	w      *writer
	plan   plan
	heads  map[timeline.ID]timeline.Head // moved by this decision
	pos    int64
	claims map[string]timeline.Ref // taken (or, zero, given back) by this decision
}

func (w *writer) plan(d timeline.Decision) (*plan, error) {
	pos, err := w.lastPos()
	if err != nil {
		return nil, err
	}
	p := planner{w: w, pos: pos, plan: plan{cursors: d.Cursors, scratch: d.Scratch}}
	p.plan.entries = make([]planned, 0, len(d.Entries)+1)
	var previous timeline.Ref
	for i := range d.Entries {
		if previous, err = p.add(&d.Entries[i], previous); err != nil {
			return nil, err
		}
	}
	return &p.plan, nil
}

// add checks a draft and appends its entry, and before it the log's note when
// the timeline is new.
func (p *planner) add(d *timeline.Draft, previous timeline.Ref) (timeline.Ref, error) {
	var none timeline.Ref
	if !isTimeline(d.Timeline) {
		return none, problem.New(problem.Invalid, "%q is not a timeline", d.Timeline)
	}
	if d.Payload == nil {
		return none, problem.New(problem.Invalid, "an entry for %s has no payload", d.Timeline)
	}
	actor := d.Actor
	if actor == (people.Actor{}) {
		actor = people.Bot
	}
	if back, err := people.ParseActor(actor.String()); err != nil || back != actor {
		return none, problem.New(problem.Invalid, "%q cannot be an actor", actor.String())
	}
	cause := d.Cause
	if cause.IsZero() && d.CausedByPrevious {
		cause = previous
	}
	for _, r := range []timeline.Ref{cause, d.Supersedes} {
		if !r.IsZero() && !isRef(r) {
			return none, problem.New(problem.Invalid, "%q is not an entry", r.String())
		}
	}
	head, err := p.head(d.Timeline)
	if err != nil {
		return none, err
	}
	// A clock that went back does not make what is recorded already lie in the future.
	if now := newer(p.w.view.now, head.RecordedAt); d.OccurredAt.After(now.Add(tolerance)) {
		return none, problem.New(problem.Invalid, "%s lies in the future: what has not happened cannot be recorded", d.OccurredAt.UTC().Format(time.RFC3339)).
			WithHint("it is %s now", now.Format(time.RFC3339))
	}
	if head.Seq == 0 && d.Timeline != timeline.Log {
		err := p.seal(planned{opened: true, Entry: timeline.Entry{
			Ref: timeline.Ref{Timeline: timeline.Log}, Actor: actor, Cause: cause,
		}}, &timeline.Opened{Opened: d.Timeline})
		if err != nil {
			return none, err
		}
	}
	effects := d.Effects
	if len(effects.Set) > 0 {
		effects.Set = slices.Clone(effects.Set)
		for i, t := range effects.Set {
			if t.Key == "" || !isTimeline(t.Timeline) {
				return none, problem.New(problem.Invalid, "timer %q for %q needs a key and a timeline", t.Key, t.Timeline)
			}
			effects.Set[i].Due = timeline.Stamp(t.Due)
		}
	}
	erase, err := p.erasable(d.Payload.Kind(), effects.Erase)
	if err != nil {
		return none, err
	}
	err = p.seal(planned{erase: erase, Entry: timeline.Entry{
		Ref: timeline.Ref{Timeline: d.Timeline}, OccurredAt: timeline.Stamp(d.OccurredAt),
		Actor: actor, Cause: cause, Supersedes: d.Supersedes, Effects: effects,
	}}, d.Payload)
	if err != nil {
		return none, err
	}
	made := &p.plan.entries[len(p.plan.entries)-1]
	return made.Ref, p.claim(made)
}

// seal encodes the payload and links the entry to the newest of its timeline.
func (p *planner) seal(e planned, payload timeline.Payload) error {
	encoded, ready := payload.(*timeline.Encoded)
	if !ready {
		var err error
		if encoded, err = p.w.db.opts.Codec.Seal(payload); err != nil {
			return err
		}
	}
	body, err := p.w.db.opts.Codec.Encode(encoded)
	if err != nil {
		return err
	}
	head, err := p.head(e.Timeline)
	if err != nil {
		return err
	}
	p.pos++
	e.Seq, e.Pos, e.Kind, e.Payload, e.Body = head.Seq+1, p.pos, encoded.Kind(), encoded.Inner, body
	e.RecordedAt = newer(p.w.view.now, head.RecordedAt)
	if e.OccurredAt.IsZero() {
		e.OccurredAt = e.RecordedAt
	}
	if _, err := io.ReadFull(p.w.salt, e.Seal.Salt[:]); err != nil {
		return fmt.Errorf("read a salt: %w", err)
	}
	if e.effects, err = timeline.EncodeEffects(e.Effects); err != nil {
		return err
	}
	e.Seal.Prev = head.Hash
	e.Seal.Payload = timeline.PayloadHash(e.Seal.Salt, body)
	if e.Seal.Hash, err = timeline.ChainHash(head.Hash, &e.Entry, e.Seal.Payload); err != nil {
		return err
	}
	if p.heads == nil {
		p.heads = make(map[timeline.ID]timeline.Head, 2)
	}
	p.heads[e.Timeline] = timeline.Head{Timeline: e.Timeline, Seq: e.Seq, Hash: e.Seal.Hash, RecordedAt: e.RecordedAt}
	p.plan.entries = append(p.plan.entries, e)
	return nil
}

func newer(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (p *planner) head(id timeline.ID) (timeline.Head, error) {
	if h, moved := p.heads[id]; moved {
		return h, nil
	}
	h, err := p.w.head(id)
	if err != nil {
		return timeline.Head{}, err
	}
	return h.Head, nil
}

// claim checks that what e takes is free once it has given back what it releases.
func (p *planner) claim(e *planned) error {
	if len(e.Effects.Take)+len(e.Effects.Release) == 0 {
		return nil
	}
	if p.claims == nil {
		p.claims = map[string]timeline.Ref{}
	}
	for _, key := range e.Effects.Release {
		p.claims[key] = timeline.Ref{}
	}
	for _, key := range e.Effects.Take {
		if key == "" {
			return problem.New(problem.Invalid, "a claim needs a key")
		}
		holder, known := p.claims[key]
		if !known {
			var err error
			if holder, _, err = p.w.view.Claim(key); err != nil {
				return err
			}
		}
		if !holder.IsZero() {
			return problem.New(problem.Conflict, "%s is taken by %s", key, holder)
		}
		p.claims[key] = e.Ref
	}
	return nil
}

// erasable returns the positions of the entries whose payloads are to go.
func (p *planner) erasable(kind timeline.Kind, refs []timeline.Ref) ([]int64, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	if kind != (*timeline.Erasure)(nil).Kind() {
		return nil, problem.New(problem.Invalid, "an entry of kind %s cannot erase", kind)
	}
	positions := make([]int64, 0, len(refs))
	for _, ref := range refs {
		e, err := p.w.view.Entry(ref)
		if err != nil {
			return nil, err
		}
		switch e.Kind {
		case (*timeline.Opened)(nil).Kind(), (*timeline.HeadsRecorded)(nil).Kind():
			return nil, problem.New(problem.Invalid, "%s cannot be erased: it proves that timelines are whole and holds nothing else", ref)
		}
		positions = append(positions, e.Pos)
	}
	return positions, nil
}

const (
	insertEntry = `INSERT INTO entries (pos, timeline, seq, kind, occurred_at, recorded_at, actor, cause, supersedes,
		effects, payload_hash, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	insertPayload = "INSERT INTO payloads (pos, salt, body) VALUES ($1, $2, $3)"
)

// record writes a plan into the open transaction.
func (w *writer) record(p *plan) error {
	erased := false
	for i := range p.entries {
		e := &p.entries[i]
		err := w.s.exec(insertEntry, e.Pos, string(e.Timeline), e.Seq, string(e.Kind), e.OccurredAt.UnixMicro(), e.RecordedAt.UnixMicro(),
			e.Actor.String(), e.Cause.String(), e.Supersedes.String(), e.effects, e.Seal.Payload[:], e.Seal.Prev[:], e.Seal.Hash[:])
		if err != nil {
			return err
		}
		if err := w.s.exec(insertPayload, e.Pos, e.Seal.Salt[:], text(e.Body)); err != nil {
			return err
		}
		h, err := w.head(e.Timeline)
		if err != nil {
			return err
		}
		h.Head = timeline.Head{Timeline: e.Timeline, Seq: e.Seq, Hash: e.Seal.Hash, RecordedAt: e.RecordedAt}
		w.pos, w.wrote = e.Pos, true
		if e.Timeline == timeline.Log {
			w.logged = append(w.logged, e.Entry)
		}
		if !h.moved {
			h.moved, h.first, h.kinds = true, e.Seq, nil
			w.moved = append(w.moved, h)
		}
		if !slices.Contains(h.kinds, e.Kind) {
			h.kinds = append(h.kinds, e.Kind)
		}
		w.timed = w.timed || len(e.Effects.Set)+len(e.Effects.Clear) > 0
		if e.effects != "" {
			if err := applyEffects(w.s, &e.Entry); err != nil {
				return err
			}
		}
		for _, pos := range e.erase {
			if err := w.erase(pos, e.Pos); err != nil {
				return err
			}
			erased = true
		}
		if err := w.db.fold(w.view, e.Entry); err != nil {
			return err
		}
	}
	for _, c := range p.cursors {
		w.cursors[cursorKey{c.Follower, c.Timeline}] = c.Seq
	}
	for _, n := range p.scratch {
		if err := w.note(n); err != nil {
			return err
		}
	}
	if erased {
		w.erased = true
		// No copy of what was erased may stay in current state.
		return w.db.refold(w.view)
	}
	return nil
}

// applyEffects writes what e does to claims and timers.
func applyEffects(q querier, e *timeline.Entry) error {
	for _, key := range e.Effects.Release {
		if err := q.exec("DELETE FROM claims WHERE key = $1", key); err != nil {
			return err
		}
	}
	for _, key := range e.Effects.Take {
		if err := q.exec("INSERT INTO claims (key, timeline, seq) VALUES ($1, $2, $3)", key, string(e.Timeline), e.Seq); err != nil {
			return err
		}
	}
	for _, key := range e.Effects.Clear {
		if err := q.exec("DELETE FROM timers WHERE key = $1", key); err != nil {
			return err
		}
	}
	for _, t := range e.Effects.Set {
		err := q.exec(`INSERT INTO timers (key, due, timeline, what, data) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (key) DO UPDATE SET due = excluded.due, timeline = excluded.timeline, what = excluded.what, data = excluded.data`,
			t.Key, t.Due.UnixMicro(), string(t.Timeline), t.What, t.Data)
		if err != nil {
			return err
		}
	}
	return nil
}

// erase deletes a payload. One that is gone already is passed over.
func (w *writer) erase(pos, by int64) error {
	if err := w.s.exec("INSERT INTO erasures (pos, erased_by) VALUES ($1, $2) ON CONFLICT (pos) DO NOTHING", pos, by); err != nil {
		return err
	}
	return w.s.exec("DELETE FROM payloads WHERE pos = $1", pos)
}

func (w *writer) note(n timeline.ScratchPut) error {
	w.wrote = true
	if n.Doc == nil {
		return w.s.exec("DELETE FROM scratch WHERE key = $1", n.Key)
	}
	return w.s.exec("INSERT INTO scratch (key, doc) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET doc = excluded.doc", n.Key, n.Doc)
}

// isTimeline reports whether id is the log or an incident in its one spelling.
func isTimeline(id timeline.ID) bool {
	if id == timeline.Log {
		return true
	}
	digits, ok := strings.CutPrefix(string(id), "INC-")
	if !ok || digits == "" || digits[0] == '0' || len(digits) > 9 {
		return false
	}
	_, err := strconv.ParseUint(digits, 10, 32)
	return err == nil
}

func isRef(r timeline.Ref) bool { return isTimeline(r.Timeline) && r.Seq > 0 }
