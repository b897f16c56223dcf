package storage

import (
	"context"
	"database/sql"
)

// querier runs SQL with $1 placeholders inside a transaction. The writer's is a
// [session]; readers, and every other engine, use database/sql.
type querier interface {
	exec(sql string, args ...any) error
	query(sql string, args []any, each func(scanner) error) error
}

// scanner is a row. It scans into *string, *int64 and *[]byte, and fails where
// the column holds another type.
type scanner interface{ scan(dest ...any) error }

// text is a string argument that stands ready as bytes.
type text []byte

// pooled is a transaction of the read-only pool.
type pooled struct {
	ctx context.Context
	tx  *sql.Tx
}

func (p pooled) exec(query string, args ...any) error {
	_, err := p.tx.ExecContext(p.ctx, query, args...)
	return err
}

func (p pooled) query(query string, args []any, each func(scanner) error) error {
	rows, err := p.tx.QueryContext(p.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(pooledRow{rows}); err != nil {
			return err
		}
	}
	return rows.Err()
}

type pooledRow struct{ rows *sql.Rows }

func (r pooledRow) scan(dest ...any) error { return r.rows.Scan(dest...) }
