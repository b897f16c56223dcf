package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/timeline"
)

// VerifyOptions says how much is checked.
type VerifyOptions struct {
	// Heads were kept outside (a room, an export, a printout): each must be the
	// hash of an entry of its timeline, not necessarily of the newest.
	Heads map[timeline.ID]timeline.Hash
	// Rebuild folds current state, claims and timers anew and compares each row.
	Rebuild bool
}

// Verify reads everything and recomputes the chains, beside the writer and on
// one snapshot. It returns an error only when it could not check; what it found
// wrong is in the report, also a damaged file. Its memory does not grow with the
// number of entries; a million take about a quarter of a minute, with Rebuild a minute.
func (db *DB) Verify(ctx context.Context, opts VerifyOptions) (Report, error) {
	s, err := db.engine.verifier()
	if err != nil {
		return Report{}, unavailable(err)
	}
	defer func() { _ = s.close() }() // it was only read
	if err := s.begin(); err != nil {
		return Report{}, unavailable(err)
	}
	defer func() { _ = s.rollback() }()
	check := newChainCheck(db.opts.Codec, opts.Heads)
	for _, find := range []func(context.Context, querier, *Report) error{db.engine.checkFile, db.engine.checkGuards} {
		if err := find(ctx, s, &check.report); err != nil && !damaged(err, &check.report) {
			return check.report, unavailable(err)
		}
	}
	report, err := db.checkChains(ctx, s, check)
	if err != nil {
		return report, unavailable(err)
	}
	if opts.Rebuild {
		if err := db.rebuild(ctx, s, &report); err != nil && !damaged(err, &report) {
			return report, unavailable(err)
		}
	}
	return report, nil
}

// damaged turns an engine's complaint about the file into a fault.
func damaged(err error, r *Report) bool {
	p := engineFault(err)
	if p == nil {
		return false
	}
	r.fault(timeline.Ref{}, 0, "%s: %v", p.Message, err)
	return true
}

func (db *DB) checkChains(ctx context.Context, s connection, check *chainCheck) (Report, error) {
	check.hashAt = func(ref timeline.Ref) (hash timeline.Hash, found bool, err error) {
		err = s.query("SELECT hash FROM entries WHERE timeline = $1 AND seq = $2", []any{string(ref.Timeline), ref.Seq}, func(r scanner) error {
			var b []byte
			if err := r.scan(&b); err != nil {
				return err
			}
			found = copy(hash[:], b) == len(hash)
			return nil
		})
		return hash, found, err
	}
	err := s.stream(selectEntries+"ORDER BY e.pos", nil, func(r scanner) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if check.full() {
			return errEnough
		}
		var row entryRow
		if err := row.scan(r); err != nil {
			check.fault(timeline.Ref{}, check.pos+1, "the entry after position %d cannot be read: %v", check.pos, err)
			return nil
		}
		return check.add(&row)
	})
	if errors.Is(err, errEnough) {
		return check.report, nil
	}
	if err != nil {
		if damaged(err, &check.report) {
			return check.report, nil
		}
		return check.report, err
	}
	var kept []timeline.Head
	err = s.query("SELECT timeline, seq, hash, recorded_at FROM timelines ORDER BY timeline", nil, func(r scanner) error {
		var h timeline.Head
		if err := scanHead(r, &h); err != nil {
			check.fault(timeline.Ref{}, 0, "the table of heads cannot be read: %v", err)
			return nil
		}
		kept = append(kept, h)
		return nil
	})
	if err != nil && !damaged(err, &check.report) {
		return check.report, err
	}
	report := check.finish(kept)
	err = s.query("SELECT p.pos FROM payloads p LEFT JOIN entries e ON e.pos = p.pos WHERE e.pos IS NULL ORDER BY p.pos LIMIT 10", nil, func(r scanner) error {
		var pos int64
		err := r.scan(&pos)
		report.fault(timeline.Ref{}, pos, "the payload at position %d belongs to no entry", pos)
		return err
	})
	if err != nil && !damaged(err, &report) {
		return report, err
	}
	return report, nil
}

var errEnough = errors.New("storage: enough faults")

// rebuild folds every entry into temporary tables of the same names, which hide
// the real ones, and compares.
func (db *DB) rebuild(ctx context.Context, s connection, report *Report) error {
	tables := []string{"claims", "timers"}
	for name := range db.tables {
		tables = append(tables, name)
	}
	slices.Sort(tables)
	for _, name := range tables {
		if err := db.engine.shadow(s, name); err != nil {
			return err
		}
	}
	v := &view{db: db, q: s, now: db.now()}
	err := db.walk(v, func(e timeline.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := applyEffects(s, &e); err != nil {
			return fmt.Errorf("effects of %s: %w", e.Ref, err)
		}
		return db.fold(v, e)
	})
	if err != nil {
		if engineFault(err) == nil && ctx.Err() == nil {
			report.fault(timeline.Ref{}, 0, "current state cannot be folded anew: %v", err)
			return nil
		}
		return err
	}
	report.Rebuilt = true
	for _, name := range tables {
		if err := db.compare(s, name, report); err != nil {
			return err
		}
	}
	return nil
}

// compare reports the first row in which the real table and the shadow differ.
func (db *DB) compare(s connection, name string, report *Report) error {
	columns, err := db.engine.columns(s, name)
	if err != nil {
		return err
	}
	differ := make([]string, 0, len(columns))
	for _, c := range columns {
		if c != "key" {
			differ = append(differ, fmt.Sprintf("CASE WHEN a.%[1]s IS DISTINCT FROM b.%[1]s THEN ' %[1]s' ELSE '' END", c))
		}
	}
	changed := strings.Join(differ, " || ")
	kept, folded := db.engine.real(name), db.engine.shadowed(name)
	for _, q := range []struct{ sql, text string }{
		{"SELECT a.key, " + changed + " FROM " + kept + " a JOIN " + folded + " b ON b.key = a.key WHERE " + changed + " <> '' ORDER BY a.key LIMIT 1",
			"table %s, row %q differs from what the entries give, in:%s"},
		{"SELECT a.key, '' FROM " + kept + " a LEFT JOIN " + folded + " b ON b.key = a.key WHERE b.key IS NULL ORDER BY a.key LIMIT 1",
			"table %s has a row %q that the entries do not give%s"},
		{"SELECT b.key, '' FROM " + folded + " b LEFT JOIN " + kept + " a ON a.key = b.key WHERE a.key IS NULL ORDER BY b.key LIMIT 1",
			"table %s lacks the row %q that the entries give%s"},
	} {
		err := s.query(q.sql, nil, func(r scanner) error {
			var key, columns string
			if err := r.scan(&key, &columns); err != nil {
				return err
			}
			report.fault(timeline.Ref{}, 0, q.text, name, key, columns)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
