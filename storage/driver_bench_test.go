package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// BenchmarkSessionAgainstDriver is why there is a session at all: the same
// inserts and reads through it, through the driver's own connection and through
// database/sql.
func BenchmarkSessionAgainstDriver(b *testing.B) {
	const insert = "INSERT INTO t (n, key, doc, hash) VALUES ($1, $2, $3, $4)"
	const get = "SELECT doc, key, hash FROM t WHERE n = $1"
	doc, hash := strings.Repeat("d", 700), make([]byte, 32)
	setup := []string{"PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER PRIMARY KEY, key TEXT, doc TEXT, hash BLOB) STRICT", "BEGIN IMMEDIATE"}
	run := func(b *testing.B, exec func(string, ...any) error, query func(string, int64) error) {
		for _, s := range setup {
			if err := exec(s); err != nil {
				b.Fatal(err)
			}
		}
		for n := int64(0); b.Loop(); n++ {
			if err := exec(insert, n, fmt.Sprint(n), doc, hash); err != nil {
				b.Fatal(err)
			}
			if err := query(get, n); err != nil {
				b.Fatal(err)
			}
		}
		if err := exec("COMMIT"); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("session", func(b *testing.B) {
		s, err := openSession(filepath.Join(b.TempDir(), "x.db"), sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE)
		if err != nil {
			b.Fatal(err)
		}
		defer s.close()
		run(b, s.exec, func(q string, n int64) error {
			return s.query(q, []any{n}, func(r scanner) error {
				var doc, hash []byte
				var key string
				return r.scan(&doc, &key, &hash)
			})
		})
	})
	open := func(b *testing.B) *sql.Conn {
		db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "x.db"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		c, err := db.Conn(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	}
	b.Run("driver", func(b *testing.B) {
		c := open(b)
		err := c.Raw(func(raw any) error {
			prepared := map[string]driver.Stmt{}
			prepare := func(q string) (driver.Stmt, error) {
				if st := prepared[q]; st != nil {
					return st, nil
				}
				st, err := raw.(driver.Conn).Prepare(strings.NewReplacer("$1", "?", "$2", "?", "$3", "?", "$4", "?").Replace(q))
				prepared[q] = st
				return st, err
			}
			run(b, func(q string, args ...any) error {
				st, err := prepare(q)
				if err != nil {
					return err
				}
				named := make([]driver.NamedValue, len(args))
				for i, a := range args {
					named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
				}
				_, err = st.(driver.StmtExecContext).ExecContext(context.Background(), named)
				return err
			}, func(q string, n int64) error {
				st, err := prepare(q)
				if err != nil {
					return err
				}
				rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), []driver.NamedValue{{Ordinal: 1, Value: n}})
				if err != nil {
					return err
				}
				defer rows.Close()
				dest := make([]driver.Value, 3)
				return rows.Next(dest)
			})
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
	b.Run("database-sql", func(b *testing.B) {
		c := open(b)
		ctx := context.Background()
		prepared := map[string]*sql.Stmt{}
		prepare := func(q string) *sql.Stmt {
			if prepared[q] == nil {
				st, err := c.PrepareContext(ctx, q)
				if err != nil {
					b.Fatal(err)
				}
				prepared[q] = st
			}
			return prepared[q]
		}
		run(b, func(q string, args ...any) error {
			_, err := prepare(q).ExecContext(ctx, args...)
			return err
		}, func(q string, n int64) error {
			var doc, hash []byte
			var key string
			return prepare(q).QueryRowContext(ctx, n).Scan(&doc, &key, &hash)
		})
	})
}
