package timeline

import (
	"encoding/json"
	"fmt"
)

// Reader reads tables of current state. Rows are JSON documents under a key,
// with columns beside them by which they are found.
type Reader interface {
	// GetRow decodes the document under key into doc, and reports whether there is
	// one. A *json.RawMessage is given the document itself, to be read and not changed.
	GetRow(table, key string, doc any) (bool, error)
	// SelectRows calls each for every row that q matches, in q's order.
	SelectRows(table string, q Query, each func(doc []byte) error) error
	CountRows(table string, where ...Where) (int, error)
}

// Writer is given to folds.
type Writer interface {
	Reader
	// PutRow inserts or replaces. columns stand in the order of the table's schema.
	PutRow(table, key string, columns []any, doc []byte) error
	// PatchRow sets columns of a row and top-level members of its document, whose
	// values are JSON, and leaves the rest as it is: cheaper than reading and writing
	// the whole. A row that is not there is passed over.
	PatchRow(table, key string, columns []Set, members []Set) error
	DeleteRow(table, key string) error
}

// Set names a column, or a member of a document, and its new value: for a column
// as in PutRow, for a member a string of JSON.
type Set struct {
	Name  string
	Value any
}

// Query selects rows by their columns.
type Query struct {
	Where   []Where // all must hold
	OrderBy string  // a column, or "" for the key
	Desc    bool
	Limit   int // 0: no limit
	Offset  int
}

// Where compares a column with a value. Op is one of = != < <= > >=; "" is =.
type Where struct {
	Column string
	Op     string
	Value  any // string, int64, int, bool; times as UnixMicro
}

// Schema is what storage must hold a table for. Every column is TEXT or INTEGER
// and stands beside key and doc; a conformance test holds migrations to it.
type Schema struct {
	Name    string
	Columns []string
}

// Table is a typed table of current state.
type Table[T any] struct {
	Schema
	// Row gives the key of a value and its columns in the order of the schema:
	// string, int64, int or bool; times as UnixMicro.
	Row func(T) (key string, columns []any)
}

// Get returns the row under key, and whether there is one.
func (t Table[T]) Get(r Reader, key string) (T, bool, error) {
	var v T
	var raw json.RawMessage
	into := any(&v)
	_, decodes := into.(Decoder)
	if decodes {
		into = &raw
	}
	ok, err := r.GetRow(t.Name, key, into)
	if ok && err == nil && decodes {
		err = unmarshal(raw, &v)
	}
	if err != nil {
		return v, false, fmt.Errorf("%s %q: %w", t.Name, key, err)
	}
	return v, ok, nil
}

// Select returns the rows that q matches.
func (t Table[T]) Select(r Reader, q Query) ([]T, error) {
	var rows []T
	err := r.SelectRows(t.Name, q, func(doc []byte) error {
		var v T
		if err := unmarshal(doc, &v); err != nil {
			return err
		}
		rows = append(rows, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return rows, nil
}

// Put writes v under its key.
func (t Table[T]) Put(w Writer, v T) error {
	var doc []byte
	if a, ok := any(&v).(Appender); ok {
		doc = a.AppendJSON(make([]byte, 0, 1024))
	} else {
		var err error
		if doc, err = json.Marshal(v); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	key, columns := t.Row(v)
	return w.PutRow(t.Name, key, columns, doc)
}

// Fold keeps tables of current state. Apply is called inside the writer for
// every entry, in the order of Pos, and must depend on nothing but the entry and
// the rows it reads through w: `verify --rebuild` folds again and compares.
// Tables are owned by one fold; a fold may read another's tables only if that
// fold is registered before it.
type Fold struct {
	Name   string
	Tables []Schema
	Apply  func(w Writer, e Entry) error
}
