package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver that migrations run on
	sqlite3 "modernc.org/sqlite/lib"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// What differs between engines stands in this file and session_sqlite.go.

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

func sqliteFolder() (fs.FS, error) { return fs.Sub(sqliteMigrations, "migrations/sqlite") }

// sqliteEngine is a file.
type sqliteEngine struct {
	path string
	// frozen: nobody can be at work on it, so it is read as it is, and nothing is made
	// beside it, not even for a moment.
	frozen bool
}

var _ engine = sqliteEngine{}

// numbered turns $1 into ?1, which SQLite binds by number.
func numbered(sql string) string { return strings.ReplaceAll(sql, "$", "?") }

// pragma is a setting that the writer's connection must have.
type pragma struct{ name, set, want string }

// writerPragmas are set at open and read back: SQLite ignores what it does not
// know or cannot do without a word. https://www.sqlite.org/pragma.html
var writerPragmas = []pragma{
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"},           // every commit is flushed before it returns
	{"recursive_triggers", "ON", "1"},      // or INSERT OR REPLACE deletes entries unseen
	{"foreign_keys", "ON", "1"},            //
	{"busy_timeout", "5000", "5000"},       // milliseconds; only a foreign tool can hold the lock
	{"secure_delete", "ON", "1"},           // erased payloads are overwritten
	{"temp_store", "MEMORY", "2"},          // no copies in temporary files
	{"wal_autocheckpoint", "4000", "4000"}, // pages; the checkpointer comes first
	{"cache_size", "-8000", "-8000"},       // KiB
}

// openWriterSession opens path for writing and holds it to the pragmas.
func openWriterSession(path string) (*session, error) {
	s, err := openSession(fileURI(path, nil), sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	for _, p := range writerPragmas {
		if err := s.exec("PRAGMA " + p.name + " = " + p.set); err != nil {
			_ = s.close()
			return nil, err
		}
	}
	if err := holdTo(s, writerPragmas); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// holdTo reads pragmas back and fails when one is not as it must be.
func holdTo(q querier, pragmas []pragma) error {
	for _, p := range pragmas {
		got, err := readPragma(q, p.name)
		if err != nil {
			return err
		}
		if got != p.want {
			return problem.New(problem.Unavailable, "the database does not keep %s = %s: it says %q", p.name, p.want, got).
				WithHint("this file system may not support what SQLite needs (WAL needs shared memory: no network file systems)")
		}
	}
	return nil
}

// readPragma returns the value as text, whatever its type.
func readPragma(q querier, name string) (value string, err error) {
	err = q.query("PRAGMA "+name, nil, func(r scanner) error {
		var n int64
		if r.scan(&n) == nil {
			value = strconv.FormatInt(n, 10)
			return nil
		}
		return r.scan(&value)
	})
	return value, err
}

// fileURI names a file with SQLite's and the driver's parameters. Characters
// that a URI would read otherwise are escaped.
func fileURI(path string, params url.Values) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: params.Encode()}
	if !filepath.IsAbs(path) {
		u.Path, u.Opaque = "", (&url.URL{Path: path}).EscapedPath()
	}
	return u.String()
}

func (e sqliteEngine) reader() (connection, error) {
	return e.openReading("busy_timeout = 5000", "query_only = ON", "temp_store = MEMORY")
}

// verifier keeps temporary tables in a file, so that a large database does not fill
// the memory.
func (e sqliteEngine) verifier() (connection, error) {
	return e.openReading("busy_timeout = 5000", "temp_store = FILE")
}

// isFrozen reports whether the file at path is a copy at rest: it has no write-ahead log,
// and none can be made beside it. SQLite reads such a file only when it is told so.
// https://www.sqlite.org/wal.html#read_only_databases
func isFrozen(path string) bool {
	_, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist) && !writable(filepath.Dir(path))
}

func (e sqliteEngine) openReading(pragmas ...string) (connection, error) {
	params := url.Values{"mode": {"ro"}}
	if e.frozen {
		params.Set("immutable", "1")
	}
	s, err := openSession(fileURI(e.path, params), sqlite3.SQLITE_OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	for _, p := range pragmas {
		if err := s.exec("PRAGMA " + p); err != nil {
			_ = s.close()
			return nil, err
		}
	}
	return s, nil
}

func (sqliteEngine) columns(q querier, name string) (columns []string, err error) {
	err = q.query("SELECT name FROM pragma_table_info($1)", []any{name}, func(r scanner) error {
		var c string
		err := r.scan(&c)
		columns = append(columns, c)
		return err
	})
	return columns, err
}

func (sqliteEngine) version(q querier) (version int64, err error) {
	var tables, ours int64
	err = q.query("SELECT COUNT(*), COALESCE(SUM(name = 'goose_db_version'), 0) FROM sqlite_schema WHERE type = 'table'", nil,
		func(r scanner) error { return r.scan(&tables, &ours) })
	if err != nil || tables == 0 {
		return 0, err
	}
	if ours == 0 {
		return 0, problem.New(problem.Invalid, "the file is an SQLite database, but not one of Wardroom's").
			WithHint("name another file or folder")
	}
	err = q.query("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1", nil,
		func(r scanner) error { return r.scan(&version) })
	return version, err
}

// copyAside writes a consistent copy of the database to a new file, on disk
// when it returns.
func copyAside(q querier, to string) error {
	// Made first, so that it is readable by its owner alone.
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := q.exec("VACUUM INTO $1", to); err != nil {
		_ = os.Remove(to)
		return err
	}
	return f.Sync()
}

// emptyLog moves everything from the WAL into the database and truncates the WAL. It
// reports false at once when a reader or a foreign program is in the way: the writer
// must not wait for them.
func (sqliteEngine) emptyLog(q querier) (done bool, err error) {
	if err := q.exec("PRAGMA busy_timeout = 0"); err != nil {
		return false, err
	}
	defer func() {
		if e := q.exec("PRAGMA busy_timeout = 5000"); err == nil {
			err = e
		}
	}()
	err = q.query("PRAGMA wal_checkpoint(TRUNCATE)", nil, func(r scanner) error {
		var busy, frames, moved int64
		err := r.scan(&busy, &frames, &moved)
		done = busy == 0
		return err
	})
	return done, err
}

// migrateConnection opens the one connection that migrations run on.
func migrateConnection(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fileURI(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "synchronous(2)", "foreign_keys(1)", "recursive_triggers(1)", "secure_delete(1)"},
	}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// checkFile looks at pages, and for indexes that do not fit their tables.
func (sqliteEngine) checkFile(_ context.Context, s querier, report *Report) error {
	return s.query("PRAGMA integrity_check(10)", nil, func(r scanner) error {
		var line string
		if err := r.scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			report.fault(timeline.Ref{}, 0, "the file is damaged: %s", line)
		}
		return nil
	})
}

func (sqliteEngine) checkGuards(_ context.Context, s querier, report *Report) error {
	have := map[string]bool{}
	err := s.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'", nil, func(r scanner) error {
		var name string
		err := r.scan(&name)
		have[name] = true
		return err
	})
	if err != nil {
		return err
	}
	missingGuards(have, report)
	return nil
}

func (sqliteEngine) shadow(s querier, name string) error {
	var create string
	err := s.query("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = $1", []any{name}, func(r scanner) error {
		return r.scan(&create)
	})
	if err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(create, "CREATE TABLE ")
	if !ok {
		return fmt.Errorf("storage: table %q has an unexpected definition", name)
	}
	return s.exec("CREATE TEMP TABLE " + rest)
}

func (sqliteEngine) real(name string) string     { return "main." + name }
func (sqliteEngine) shadowed(name string) string { return "temp." + name }
