package storage

import (
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

const (
	entryColumns = `e.pos, e.timeline, e.seq, e.kind, e.occurred_at, e.recorded_at, e.actor, e.cause, e.supersedes,
	e.effects, e.payload_hash, e.prev_hash, e.hash, p.salt, p.body`
	selectEntries = "SELECT " + entryColumns + " FROM entries e LEFT JOIN payloads p ON p.pos = e.pos "
)

// decodeAlone is how many entries are decoded without help: decoding payloads
// costs more than reading them, so a page of an export is shared out.
const decodeAlone = 128

func decodeRows(codec *timeline.Codec, rows []entryRow) ([]timeline.Entry, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	list := make([]timeline.Entry, len(rows))
	part := func(from, to int) (err error) {
		defer func() {
			if p := recover(); p != nil { // on a goroutine of its own it would end the program
				err = fmt.Errorf("storage: decoding a payload panicked: %v", p)
			}
		}()
		for i := from; i < to && err == nil; i++ {
			list[i], err = rows[i].entry(codec)
		}
		return err
	}
	if len(rows) <= decodeAlone {
		return list, part(0, len(rows))
	}
	var group errgroup.Group
	size := max(decodeAlone, (len(rows)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(rows); from += size {
		group.Go(func() error { return part(from, min(from+size, len(rows))) })
	}
	return list, group.Wait()
}

// entryRow is an entry as its columns hold it.
type entryRow struct {
	pos, seq, occurredAt, recordedAt           int64
	timeline, kind                             string
	actor, cause, supersedes, effects          string
	payloadHash, prevHash, hash, salt, payload []byte // salt is nil when there is no payload
}

func (r *entryRow) scan(s scanner) error {
	return s.scan(&r.pos, &r.timeline, &r.seq, &r.kind, &r.occurredAt, &r.recordedAt, &r.actor, &r.cause, &r.supersedes,
		&r.effects, &r.payloadHash, &r.prevHash, &r.hash, &r.salt, &r.payload)
}

// fields is the entry without its payload and seal.
func (r *entryRow) fields() (e timeline.Entry, err error) {
	e.Ref = timeline.Ref{Timeline: timeline.ID(r.timeline), Seq: r.seq}
	e.Pos, e.Kind, e.OccurredAt, e.RecordedAt = r.pos, timeline.Kind(r.kind), micros(r.occurredAt), micros(r.recordedAt)
	if e.Actor, err = people.ParseActor(r.actor); err != nil {
		return e, fmt.Errorf("%s: %w", e.Ref, err)
	}
	if e.Cause, err = timeline.ParseRef(r.cause); err != nil {
		return e, fmt.Errorf("%s: cause: %w", e.Ref, err)
	}
	if e.Supersedes, err = timeline.ParseRef(r.supersedes); err != nil {
		return e, fmt.Errorf("%s: supersedes: %w", e.Ref, err)
	}
	if e.Effects, err = timeline.DecodeEffects(r.effects); err != nil {
		return e, fmt.Errorf("%s: effects: %w", e.Ref, err)
	}
	return e, nil
}

func (r *entryRow) entry(codec *timeline.Codec) (timeline.Entry, error) {
	e, err := r.fields()
	if err != nil {
		return e, err
	}
	for _, h := range []struct {
		to   *timeline.Hash
		from []byte
	}{{&e.Seal.Payload, r.payloadHash}, {&e.Seal.Prev, r.prevHash}, {&e.Seal.Hash, r.hash}} {
		if len(h.from) != len(h.to) {
			return e, fmt.Errorf("%s: a hash of %d bytes", e.Ref, len(h.from))
		}
		*h.to = timeline.Hash(h.from)
	}
	if r.salt == nil {
		e.Payload = timeline.ErasedPayload(e.Kind)
		return e, nil
	}
	if len(r.salt) != len(e.Seal.Salt) {
		return e, fmt.Errorf("%s: a salt of %d bytes", e.Ref, len(r.salt))
	}
	e.Seal.Salt, e.Body = timeline.Salt(r.salt), r.payload
	e.Payload = codec.Decode(e.Kind, e.Body)
	return e, nil
}
