package storage

// querier runs SQL with $1 placeholders inside a transaction. It is the seam
// between what is the same for every engine and the engines: SQLite's is a
// [session], PostgreSQL's a [pgSession]. each may use the querier.
type querier interface {
	exec(sql string, args ...any) error
	query(sql string, args []any, each func(scanner) error) error
	// stream is query for what may be too much to be held in memory.
	stream(sql string, args []any, each func(scanner) error) error
}

// scanner is a row. It scans into *string, *int64 and *[]byte, and fails where
// the column holds another type.
type scanner interface{ scan(dest ...any) error }

// text is a string argument that stands ready as bytes.
type text []byte

// connection is a querier of one's own, outside or inside a transaction: one that
// writes or, where it is for reading, sees one state of the database throughout.
type connection interface {
	querier
	begin() error
	commit() error
	rollback() error
	close() error
}
