package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/pressly/goose/v3"

	"wardroom/bot/problem"
)

// queueLength bounds how many updates wait; beyond it callers wait to queue.
const queueLength = 4096

// OpenSQLite opens the database at path for writing, makes it when there is
// none and migrates it when it is older, having copied it aside. It takes
// <path>.lock for as long as it is open and fails with Unavailable, naming the
// holder's process, when another has it. It refuses (Invalid) a newer database,
// a foreign one and one whose mark differs from opts.Marked.
func OpenSQLite(ctx context.Context, path string, opts Options) (*DB, error) {
	folder, err := sqliteFolder()
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, path, opts, folder)
}

func openSQLite(ctx context.Context, path string, opts Options, migrations fs.FS) (_ *DB, err error) {
	db, err := newDB(path, sqliteEngine{path: path}, opts)
	if err != nil {
		return nil, err
	}
	if db.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.lock.release()
			err = unavailable(err)
		}
	}()
	// Made here so that it is readable by its owner alone; SQLite gives its other
	// files the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, problem.New(problem.Unavailable, "the database %s cannot be opened", path).
			WithHint("the data folder must exist and be writable by this user").Because(err)
	}
	f.Close()

	if err := db.upgrade(ctx, migrations); err != nil {
		return nil, err
	}
	s, err := openWriterSession(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	if err := db.checkMark(s); err != nil {
		return nil, err
	}
	if err := db.checkTables(s); err != nil {
		return nil, err
	}
	db.pool = newReaders(db.engine.reader)
	db.queue, db.closing, db.stopped = make(chan *request, queueLength), make(chan struct{}), make(chan struct{})
	db.writer = newWriter(db, s)
	beside, err := newCheckpointer(path, s, db.opts.Log)
	if err != nil {
		return nil, err
	}
	db.beside, db.writer.committed = beside, beside.committed
	go db.writer.loop()
	return db, nil
}

// OpenReadOnly opens an existing database for [DB.View] and [DB.Verify], beside
// its owner or without one. It takes no lock and never migrates; a database of
// another version is refused. Update returns Unavailable. In a folder where nothing can
// be written a copy is read that has no write-ahead log beside it.
func OpenReadOnly(ctx context.Context, path string, opts Options) (*DB, error) {
	db, err := newDB(path, sqliteEngine{path: path, frozen: isFrozen(path)}, opts)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, problem.New(problem.NotFound, "there is no database at %s", path).Because(err)
		}
		return nil, problem.New(problem.Unavailable, "the database %s cannot be read", path).Because(err)
	}
	folder, err := sqliteFolder()
	if err != nil {
		return nil, err
	}
	return db, db.openReading(ctx, folder)
}

// openReading makes the pool of a database that is there, and holds the database to
// what this program knows.
func (db *DB) openReading(ctx context.Context, migrations fs.FS) error {
	know, err := latest(migrations)
	if err != nil {
		return err
	}
	db.pool = newReaders(db.engine.reader)
	err = db.pool.read(ctx, func(q querier) error {
		have, err := db.engine.version(q)
		if err != nil {
			return err
		}
		if err := tooNew(have, know); err != nil {
			return err
		}
		if have < know {
			return problem.New(problem.Invalid, "the database has schema version %d, this program needs %d", have, know).
				WithHint("start this version of the program on it once; it copies the database aside and migrates it")
		}
		return db.checkTables(q)
	})
	if err != nil {
		return errors.Join(unavailable(err), db.pool.close())
	}
	return nil
}

// upgrade brings the schema to the newest version.
func (db *DB) upgrade(ctx context.Context, migrations fs.FS) error {
	know, err := latest(migrations)
	if err != nil {
		return err
	}
	s, err := openWriterSession(db.path)
	if err != nil {
		return err
	}
	have, err := db.engine.version(s)
	if err == nil {
		err = tooNew(have, know)
	}
	if err == nil && have > 0 && have < know {
		to := backupName(db.path, have, db.opts.Clock.Now())
		db.opts.Log.Info("copying the database aside before it is migrated", "to", to, "version", have)
		if err = copyAside(s, to); err != nil {
			err = fmt.Errorf("copy the database to %s before it is migrated: %w", to, err)
		}
	}
	if e := s.close(); err == nil {
		err = e
	}
	if err != nil || have == know {
		return err
	}
	conn, err := migrateConnection(ctx, db.path)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return migrate(ctx, goose.DialectSQLite3, conn, migrations)
}

// checkMark writes the mark into a new database and holds an old one to it.
func (db *DB) checkMark(q querier) error {
	mark, marked := "", false
	err := q.query("SELECT value FROM meta WHERE key = 'marked'", nil, func(r scanner) error {
		marked = true
		return r.scan(&mark)
	})
	if err != nil {
		return err
	}
	if !marked {
		return q.exec("INSERT INTO meta (key, value) VALUES ('marked', $1)", db.opts.Marked)
	}
	if mark == db.opts.Marked {
		return nil
	}
	return problem.New(problem.Invalid, "%s holds %s: it cannot be opened for %s", db.path, describe(mark), describe(db.opts.Marked)).
		WithHint("name another data folder; what was rehearsed and what happened are never mixed")
}

func describe(mark string) string {
	switch mark {
	case "":
		return "live records"
	case Rehearsal:
		return "a rehearsal"
	}
	return fmt.Sprintf("records marked %q", mark)
}

// checkTables holds the folds' schemas to the database.
func (db *DB) checkTables(q querier) error {
	for name, t := range db.tables {
		have, err := db.engine.columns(q, name)
		if err != nil {
			return err
		}
		for _, want := range append([]string{"key", "doc"}, t.Columns...) {
			if !slices.Contains(have, want) {
				return fmt.Errorf("storage: table %q has no column %q: a migration is missing", name, want)
			}
		}
	}
	return nil
}
