package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"wardroom/bot/problem"
)

// pgWithin bounds each request to PostgreSQL. A server that is cut off says nothing:
// then the connection is given up.
const pgWithin = 15 * time.Second

// pgFetch is how many rows of a stream are in memory at a time.
const pgFetch = 500

// pgSession is one connection to PostgreSQL, used by one goroutine at a time. One that
// was lost is made anew when the next transaction begins.
type pgSession struct {
	connect func(context.Context) (*pgx.Conn, error)
	opening string // how a transaction begins
	// proven is called at the beginning of each transaction, inside it; may be nil.
	proven  func(querier) error
	conn    *pgx.Conn
	cursors int
	leaving string // said before the connection is closed; may be ""
}

var _ connection = (*pgSession)(nil)

func openPg(ctx context.Context, opening string, connect func(context.Context) (*pgx.Conn, error)) (*pgSession, error) {
	conn, err := connect(ctx)
	if err != nil {
		return nil, pgError(err)
	}
	return &pgSession{connect: connect, opening: opening, conn: conn}, nil
}

func (s *pgSession) begin() error {
	if s.conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), pgWithin)
		defer cancel()
		conn, err := s.connect(ctx)
		if err != nil {
			return pgError(err)
		}
		s.conn = conn
	}
	if err := s.exec(s.opening); err != nil {
		return err
	}
	if s.proven == nil {
		return nil
	}
	if err := s.proven(s); err != nil {
		return errors.Join(err, s.rollback())
	}
	return nil
}

// commit fails where the server has undone the transaction instead, which it does
// without an error after one of its statements has failed.
func (s *pgSession) commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), pgWithin)
	defer cancel()
	tag, err := s.conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return fmt.Errorf("postgres: the transaction was not committed: %s", tag)
	}
	return pgError(err)
}

func (s *pgSession) rollback() error {
	if s.conn.IsClosed() { // the server has undone it
		return nil
	}
	return s.exec("ROLLBACK")
}

func (s *pgSession) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), pgWithin)
	defer cancel()
	if s.leaving != "" && !s.conn.IsClosed() {
		_, _ = s.conn.Exec(ctx, s.leaving) // one that is lost holds nothing
	}
	return s.conn.Close(ctx)
}

func (s *pgSession) exec(sql string, args ...any) error {
	values, err := pgValues(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pgWithin)
	defer cancel()
	_, err = s.conn.Exec(ctx, sql, values...)
	return pgError(err)
}

// query holds all rows before it gives the first, since a connection answers one
// request at a time and each may use it.
func (s *pgSession) query(sql string, args []any, each func(scanner) error) error {
	held, err := s.rows(sql, args)
	if err != nil {
		return err
	}
	for _, row := range held {
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// stream reads through a cursor of the transaction.
// https://www.postgresql.org/docs/current/sql-declare.html
func (s *pgSession) stream(sql string, args []any, each func(scanner) error) error {
	s.cursors++
	name := "c" + strconv.Itoa(s.cursors)
	if err := s.exec("DECLARE "+name+" NO SCROLL CURSOR FOR "+sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...); err != nil {
		return err
	}
	fetch := []any{pgx.QueryExecModeCacheDescribe}
	for {
		held, err := s.rows("FETCH "+strconv.Itoa(pgFetch)+" FROM "+name, fetch)
		if err != nil {
			return err
		}
		for _, row := range held {
			if err := each(row); err != nil {
				return errors.Join(err, s.exec("CLOSE "+name))
			}
		}
		if len(held) < pgFetch {
			return s.exec("CLOSE " + name)
		}
	}
}

func (s *pgSession) rows(sql string, args []any) ([]scanner, error) {
	values, err := pgValues(args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pgWithin)
	defer cancel()
	rows, err := s.conn.Query(ctx, sql, values...)
	if err != nil {
		return nil, pgError(err)
	}
	defer rows.Close()
	var held []scanner
	for rows.Next() {
		raw := rows.RawValues()
		row := pgRow{fields: rows.FieldDescriptions(), values: make([][]byte, len(raw))}
		for i, v := range raw {
			if v != nil { // it is overwritten by the next row
				row.values[i] = append(make([]byte, 0, len(v)), v...)
			}
		}
		held = append(held, row)
	}
	return held, pgError(rows.Err())
}

// pgValues turns arguments into what the columns hold. What PostgreSQL's text cannot
// hold is refused here: refused there, it would undo the transaction of others.
// https://www.postgresql.org/docs/current/datatype-character.html
func pgValues(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case text:
			a = string(v)
		case bool:
			a = int64(0)
			if v {
				a = int64(1)
			}
		}
		if v, is := a.(string); is && (strings.ContainsRune(v, 0) || !utf8.ValidString(v)) {
			return nil, problem.New(problem.Invalid, "%.80q is not a text that the database can hold", v).
				WithHint("leave out zero bytes and what is not UTF-8")
		}
		values[i] = a
	}
	return values, nil
}

// pgRow is a row, which may be scanned when others have been read.
type pgRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// scan reads the row's columns in order.
func (r pgRow) scan(dest ...any) error {
	if len(dest) > len(r.values) {
		return fmt.Errorf("postgres: %d columns asked of %d", len(dest), len(r.values))
	}
	for n, d := range dest {
		raw, oid := r.values[n], r.fields[n].DataTypeOID
		if raw == nil {
			b, ok := d.(*[]byte)
			if !ok {
				return fmt.Errorf("postgres: column %d is NULL", n)
			}
			*b = nil
			continue
		}
		number := oid == pgtype.Int8OID || oid == pgtype.Int4OID
		switch v := d.(type) {
		case *int64:
			if !number || r.fields[n].Format != pgx.BinaryFormatCode {
				return fmt.Errorf("postgres: column %d does not hold a number", n)
			}
			if oid == pgtype.Int4OID {
				*v = int64(int32(binary.BigEndian.Uint32(raw)))
			} else {
				*v = int64(binary.BigEndian.Uint64(raw))
			}
		case *string:
			if oid != pgtype.TextOID {
				return fmt.Errorf("postgres: column %d does not hold a text", n)
			}
			*v = string(raw)
		case *[]byte:
			if number || oid == pgtype.ByteaOID && r.fields[n].Format != pgx.BinaryFormatCode {
				return fmt.Errorf("postgres: column %d does not hold bytes", n)
			}
			*v = raw
		default:
			return fmt.Errorf("postgres: cannot scan into a %T", d)
		}
	}
	return nil
}
