package storage

import (
	"encoding/json"
	"fmt"

	"wardroom/bot/timeline"
)

// rows are the rows of current state that the writer knows: what it has read,
// and what the open transaction has changed. A row is written once, before the
// commit, however often the entries of the group changed it.
type rows struct {
	q     querier
	known map[rowKey]*row
	dirty []*row // in the order of their first change
}

type rowKey struct {
	table *table
	key   string
}

type row struct {
	rowKey
	doc     []byte // nil: there is no such row
	columns []any  // all of them, when the row was put; nil when they are only patched
	patched []timeline.Set
	dirty   bool
}

// maxKnown bounds how many rows are kept from one transaction to the next.
const maxKnown = 8192

func newRows(q querier) *rows { return &rows{q: q, known: map[rowKey]*row{}} }

// get returns the row under key, whether or not there is one.
func (r *rows) get(t *table, key string) (*row, error) {
	k := rowKey{t, key}
	if known := r.known[k]; known != nil {
		return known, nil
	}
	doc, err := readDoc(r.q, t, key)
	if err != nil {
		return nil, err
	}
	fresh := &row{rowKey: k, doc: doc}
	r.known[k] = fresh
	return fresh, nil
}

// readDoc returns the document under key, nil when there is none.
func readDoc(q querier, t *table, key string) (doc []byte, err error) {
	err = q.query(t.get, []any{key}, func(s scanner) error { return s.scan(&doc) })
	return doc, err
}

func (r *rows) put(t *table, key string, columns []any, doc []byte) {
	k := rowKey{t, key}
	known := r.known[k]
	if known == nil {
		known = &row{rowKey: k}
		r.known[k] = known
	}
	known.doc, known.columns, known.patched = doc, columns, nil
	r.touch(known)
}

func (r *rows) patch(t *table, key string, columns, members []timeline.Set) error {
	known, err := r.get(t, key)
	if err != nil || known.doc == nil {
		return err
	}
	if known.doc, err = timeline.PatchDoc(known.doc, members); err != nil {
		return err
	}
	for _, c := range columns {
		if known.columns == nil {
			known.patched = append(known.patched, c)
			continue
		}
		for i, name := range t.Columns {
			if name == c.Name {
				known.columns[i] = c.Value
			}
		}
	}
	r.touch(known)
	return nil
}

func (r *rows) remove(t *table, key string) error {
	known, err := r.get(t, key)
	if err != nil || known.doc == nil {
		return err
	}
	known.doc, known.columns, known.patched = nil, nil, nil
	r.touch(known)
	return nil
}

func (r *rows) touch(known *row) {
	if !known.dirty {
		known.dirty = true
		r.dirty = append(r.dirty, known)
	}
}

// flush writes what was changed.
func (r *rows) flush() error { return r.flushOf(nil) }

// flushOf writes what was changed in one table, or in all when t is nil.
func (r *rows) flushOf(t *table) error {
	kept := r.dirty[:0]
	for i, known := range r.dirty {
		if t != nil && known.table != t {
			kept = append(kept, known)
			continue
		}
		if err := known.write(r.q); err != nil {
			r.dirty = append(kept, r.dirty[i:]...)
			return err
		}
		known.dirty, known.columns, known.patched = false, nil, nil
	}
	clear(r.dirty[len(kept):])
	r.dirty = kept
	return nil
}

func (known *row) write(q querier) error {
	switch {
	case known.doc == nil:
		return q.exec(known.table.del, known.key)
	case known.columns != nil:
		return q.exec(known.table.put, append([]any{known.key, text(known.doc)}, known.columns...)...)
	}
	sql, args := known.table.update(known.key, known.doc, known.patched)
	return q.exec(sql, args...)
}

// forget drops what was changed and not written, and all that was read with it.
func (r *rows) forget() {
	clear(r.known)
	clear(r.dirty)
	r.dirty = r.dirty[:0]
}

// bound keeps the memory bounded in a transaction that changes very many rows.
func (r *rows) bound() error {
	if len(r.known) <= maxKnown {
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.trim()
	return nil
}

// trim keeps the memory bounded; it is called when nothing is dirty.
func (r *rows) trim() {
	if len(r.known) > maxKnown {
		clear(r.known)
	}
}

// foldWriter is the view that folds write through: the writer's rows, or, where
// state is folded anew, the tables themselves.
type foldWriter struct{ *view }

var _ timeline.Writer = foldWriter{}

func (f foldWriter) PutRow(name, key string, columns []any, doc []byte) error {
	t, err := f.table(name)
	if err != nil {
		return err
	}
	if len(columns) != len(t.Columns) {
		return fmt.Errorf("storage: %s: %d columns for %d", name, len(columns), len(t.Columns))
	}
	values := make([]any, len(columns))
	for i, c := range columns {
		if values[i], err = plain(c); err != nil {
			return fmt.Errorf("storage: %s.%s: %w", name, t.Columns[i], err)
		}
	}
	if f.rows == nil {
		return (&row{rowKey: rowKey{t, key}, doc: doc, columns: values}).write(f.q)
	}
	f.rows.put(t, key, values, doc)
	return nil
}

func (f foldWriter) PatchRow(name, key string, columns, members []timeline.Set) error {
	t, err := f.table(name)
	if err != nil {
		return err
	}
	values := make([]timeline.Set, len(columns))
	for i, c := range columns {
		if err := t.has(c.Name); err != nil {
			return err
		}
		value, err := plain(c.Value)
		if err != nil {
			return fmt.Errorf("storage: %s.%s: %w", name, c.Name, err)
		}
		values[i] = timeline.Set{Name: c.Name, Value: value}
	}
	if f.rows != nil {
		return f.rows.patch(t, key, values, members)
	}
	doc, err := readDoc(f.q, t, key)
	if err != nil || doc == nil {
		return err
	}
	if doc, err = timeline.PatchDoc(doc, members); err != nil {
		return err
	}
	return (&row{rowKey: rowKey{t, key}, doc: doc, patched: values}).write(f.q)
}

func (f foldWriter) DeleteRow(name, key string) error {
	t, err := f.table(name)
	if err != nil {
		return err
	}
	if f.rows != nil {
		return f.rows.remove(t, key)
	}
	return f.q.exec(t.del, key)
}

func (v *view) GetRow(name, key string, doc any) (bool, error) {
	t, err := v.table(name)
	if err != nil {
		return false, err
	}
	var body []byte
	if v.rows != nil {
		known, err := v.rows.get(t, key)
		if err != nil {
			return false, err
		}
		body = known.doc
	} else if body, err = readDoc(v.q, t, key); err != nil {
		return false, err
	}
	if body == nil {
		return false, nil
	}
	if raw, ok := doc.(*json.RawMessage); ok { // to be decoded by the caller, who does not change it
		*raw = body
		return true, nil
	}
	return true, json.Unmarshal(body, doc)
}
