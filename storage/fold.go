package storage

import (
	"fmt"

	"wardroom/bot/timeline"
)

// fold applies every fold to an entry, in their order.
func (db *DB) fold(v *view, e timeline.Entry) error {
	for _, f := range db.opts.Folds {
		if err := f.Apply(foldWriter{v}, e); err != nil {
			return fmt.Errorf("fold %s at %s: %w", f.Name, e.Ref, err)
		}
	}
	return nil
}

// refoldChunk bounds how many entries are in memory at a time.
const refoldChunk = 500

// refold empties the tables of current state and folds every entry again.
func (db *DB) refold(v *view) error {
	if v.rows != nil {
		v.rows.forget()
	}
	for name := range db.tables {
		if err := v.q.exec("DELETE FROM " + name); err != nil {
			return err
		}
	}
	return db.walk(v, func(e timeline.Entry) error {
		if err := db.fold(v, e); err != nil || v.rows == nil {
			return err
		}
		return v.rows.bound()
	})
}

// walk calls each for every entry by position.
func (db *DB) walk(v *view, each func(timeline.Entry) error) error {
	for after := int64(0); ; {
		list, err := v.entries(selectEntries+"WHERE e.pos > $1 ORDER BY e.pos LIMIT $2", after, int64(refoldChunk))
		if err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			if err := each(e); err != nil {
				return err
			}
		}
		after = list[len(list)-1].Pos
	}
}
