package storage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// view reads one consistent state. Inside the writer it also sees what the open
// group has decided but not yet written (heads, cursors).
type view struct {
	db   *DB
	q    querier
	now  time.Time
	w    *writer // nil for readers
	rows *rows   // the writer's; nil for readers
}

var _ timeline.View = (*view)(nil)

func (v *view) Now() time.Time { return v.now }

func (v *view) Head(id timeline.ID) (timeline.Head, bool, error) {
	if v.w != nil {
		h, err := v.w.head(id)
		if err != nil {
			return timeline.Head{}, false, err
		}
		return h.Head, h.Seq > 0, nil
	}
	return readHead(v.q, id)
}

func readHead(q querier, id timeline.ID) (head timeline.Head, found bool, err error) {
	err = q.query("SELECT timeline, seq, hash, recorded_at FROM timelines WHERE timeline = $1", []any{string(id)}, func(r scanner) error {
		found = true
		return scanHead(r, &head)
	})
	return head, found, err
}

func scanHead(r scanner, h *timeline.Head) error {
	var id string
	var hash []byte
	var at int64
	if err := r.scan(&id, &h.Seq, &hash, &at); err != nil {
		return err
	}
	if len(hash) != len(h.Hash) {
		return fmt.Errorf("the head of %s has a hash of %d bytes", id, len(hash))
	}
	h.Timeline, h.Hash, h.RecordedAt = timeline.ID(id), timeline.Hash(hash), micros(at)
	return nil
}

func (v *view) Heads() ([]timeline.Head, error) {
	var heads []timeline.Head
	err := v.q.query("SELECT timeline, seq, hash, recorded_at FROM timelines", nil, func(r scanner) error {
		var h timeline.Head
		if err := scanHead(r, &h); err != nil {
			return err
		}
		if v.w != nil && v.w.heads[h.Timeline] != nil {
			return nil // the writer knows better
		}
		heads = append(heads, h)
		return nil
	})
	if v.w != nil {
		for _, h := range v.w.heads {
			if h.Seq > 0 {
				heads = append(heads, h.Head)
			}
		}
	}
	sortHeads(heads)
	return heads, err
}

// sortHeads puts the log first, then incidents by number.
func sortHeads(heads []timeline.Head) {
	slices.SortFunc(heads, func(a, b timeline.Head) int {
		return cmp.Or(cmp.Compare(a.Timeline.Number(), b.Timeline.Number()), cmp.Compare(a.Timeline, b.Timeline))
	})
}

func (v *view) LastPos() (int64, error) {
	if v.w != nil {
		return v.w.lastPos()
	}
	return readLastPos(v.q)
}

func readLastPos(q querier) (pos int64, err error) {
	err = q.query("SELECT COALESCE(MAX(pos), 0) FROM entries", nil, func(r scanner) error { return r.scan(&pos) })
	return pos, err
}

func (v *view) Entries(id timeline.ID, after int64, limit int) ([]timeline.Entry, error) {
	return v.entries(selectEntries+"WHERE e.timeline = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3", string(id), after, int64(limit))
}

func (v *view) Entry(ref timeline.Ref) (timeline.Entry, error) {
	found, err := v.entries(selectEntries+"WHERE e.timeline = $1 AND e.seq = $2", string(ref.Timeline), ref.Seq)
	if err != nil {
		return timeline.Entry{}, err
	}
	if len(found) == 0 {
		return timeline.Entry{}, problem.New(problem.NotFound, "there is no entry %s", ref)
	}
	return found[0], nil
}

func (v *view) CausedBy(ref timeline.Ref) ([]timeline.Entry, error) {
	if ref.IsZero() {
		return nil, nil
	}
	return v.entries(selectEntries+"WHERE e.cause = $1 AND e.cause <> '' ORDER BY e.pos", ref.String())
}

func (v *view) entries(sql string, args ...any) ([]timeline.Entry, error) {
	var rows []entryRow
	err := v.q.query(sql, args, func(r scanner) error {
		rows = append(rows, entryRow{})
		return rows[len(rows)-1].scan(r)
	})
	if err != nil {
		return nil, err
	}
	return decodeRows(v.db.opts.Codec, rows)
}

func micros(n int64) time.Time { return time.UnixMicro(n).UTC() }

func (v *view) Claim(key string) (ref timeline.Ref, held bool, err error) {
	err = v.q.query("SELECT timeline, seq FROM claims WHERE key = $1", []any{key}, func(r scanner) error {
		var id string
		held = true
		err := r.scan(&id, &ref.Seq)
		ref.Timeline = timeline.ID(id)
		return err
	})
	return ref, held, err
}

const selectTimers = "SELECT key, due, timeline, what, data FROM timers "

func (v *view) timers(sql string, args ...any) ([]timeline.Timer, error) {
	var list []timeline.Timer
	err := v.q.query(sql, args, func(r scanner) error {
		var t timeline.Timer
		var id string
		var due int64
		err := r.scan(&t.Key, &due, &id, &t.What, &t.Data)
		t.Due, t.Timeline = micros(due), timeline.ID(id)
		list = append(list, t)
		return err
	})
	return list, err
}

func first(list []timeline.Timer, err error) (timeline.Timer, bool, error) {
	if err != nil || len(list) == 0 {
		return timeline.Timer{}, false, err
	}
	return list[0], true, nil
}

func (v *view) Timer(key string) (timeline.Timer, bool, error) {
	return first(v.timers(selectTimers+"WHERE key = $1", key))
}

func (v *view) Timers(until time.Time, limit int) ([]timeline.Timer, error) {
	return v.timers(selectTimers+"WHERE due <= $1 ORDER BY due, key LIMIT $2", until.UnixMicro(), int64(limit))
}

func (v *view) NextTimer() (timeline.Timer, bool, error) {
	return first(v.timers(selectTimers + "ORDER BY due, key LIMIT 1"))
}

func (v *view) Cursors(follower string) (map[timeline.ID]int64, error) {
	cursors := map[timeline.ID]int64{}
	err := v.q.query("SELECT timeline, seq FROM cursors WHERE follower = $1", []any{follower}, func(r scanner) error {
		var id string
		var seq int64
		err := r.scan(&id, &seq)
		cursors[timeline.ID(id)] = seq
		return err
	})
	if v.w != nil {
		for c, seq := range v.w.cursors {
			if c.follower == follower {
				cursors[c.timeline] = seq
			}
		}
	}
	return cursors, err
}

func (v *view) Scratch(prefix string) (map[string][]byte, error) {
	sql, args := "SELECT key, doc FROM scratch", []any(nil)
	if prefix != "" {
		sql, args = sql+" WHERE key >= $1 AND substr(key, 1, $2) = $1", []any{prefix, int64(len([]rune(prefix)))}
	}
	notes := map[string][]byte{}
	err := v.q.query(sql, args, func(r scanner) error {
		var key string
		var doc []byte
		err := r.scan(&key, &doc)
		notes[key] = doc
		return err
	})
	return notes, err
}

func (v *view) SelectRows(name string, q timeline.Query, each func(doc []byte) error) error {
	t, err := v.table(name)
	if err != nil {
		return err
	}
	sql, args, err := t.selects("doc", q)
	if err != nil {
		return err
	}
	if err := v.written(t); err != nil {
		return err
	}
	var docs [][]byte
	err = v.q.stream(sql, args, func(r scanner) error {
		var doc []byte
		if err := r.scan(&doc); err != nil {
			return err
		}
		if v.w == nil {
			return each(doc)
		}
		docs = append(docs, doc) // a fold may write to the table while it walks
		return nil
	})
	for _, doc := range docs {
		if err == nil {
			err = each(doc)
		}
	}
	return err
}

func (v *view) CountRows(name string, where ...timeline.Where) (int, error) {
	t, err := v.table(name)
	if err != nil {
		return 0, err
	}
	sql, args, err := t.selects("COUNT(*)", timeline.Query{Where: where})
	if err != nil {
		return 0, err
	}
	if err := v.written(t); err != nil {
		return 0, err
	}
	var n int64
	err = v.q.query(sql, args, func(r scanner) error { return r.scan(&n) })
	return int(n), err
}

// written makes sure that SQL finds what the open transaction has changed.
func (v *view) written(t *table) error {
	if v.rows == nil {
		return nil
	}
	return v.rows.flushOf(t)
}

func (v *view) table(name string) (*table, error) {
	if t := v.db.tables[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("storage: no fold declares a table %q", name)
}
