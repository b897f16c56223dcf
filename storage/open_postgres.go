package storage

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"wardroom/bot/problem"
)

// Standby is told, while a database is opened that another process owns, who that is,
// and gives up by an error; see [OpenPostgres]. It is called from one goroutine.
type Standby func(owner string) error

// NoStandby gives up at once, with Unavailable and [ErrOwned].
func NoStandby(owner string) error {
	return problem.New(problem.Unavailable, "the database is in use by another process (%s)", owner).
		WithHint("one process owns a database: stop that one, or talk to it").Because(ErrOwned)
}

// OpenPostgres opens the database at url (postgres://… or key=value, as psql takes it;
// the password may come from PGPASSWORD or a password file) for writing, makes its
// tables when there are none and migrates it when it is older.
//
// One process owns it. Others stand by in OpenPostgres until that one has died, has
// said nothing for five seconds, standby gives up, or ctx ends. An owner that was taken over from records
// nothing any more; its [DB.Lost] is closed. It refuses (Invalid) a newer database, a
// foreign one, one whose mark differs from opts.Marked, and a server that does not
// keep what it has confirmed (fsync or synchronous_commit off).
func OpenPostgres(ctx context.Context, url string, opts Options, standby Standby) (_ *DB, err error) {
	e, err := newPostgresEngine(url)
	if err != nil {
		return nil, err
	}
	db, err := newDB(e.where(), e, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = unavailable(err) }()
	conn, err := e.connectWriter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := e.findSchema(ctx, conn); err != nil {
		return nil, err
	}
	if err := awaitLock(ctx, conn, db.opts.Log, standby); err != nil {
		return nil, err
	}
	own := &owner{engine: e, log: db.opts.Log, lost: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, own.Close())
		}
	}()
	if err := e.upgrade(ctx, conn, own); err != nil {
		return nil, err
	}
	// The server notices a closed connection only in a while: the next owner need not wait.
	s := &pgSession{connect: own.reconnect, opening: "BEGIN", proven: own.proven, conn: conn, leaving: "SELECT pg_advisory_unlock" + advisory}
	if err := db.checkMark(s); err != nil {
		return nil, err
	}
	if err := db.checkTables(s); err != nil {
		return nil, err
	}
	db.pool = newReaders(e.reader)
	db.queue, db.closing, db.stopped = make(chan *request, queueLength), make(chan struct{}), make(chan struct{})
	db.writer, db.beside, db.lost, db.owned = newWriter(db, s), own, own.lost, own.fresh
	go db.writer.loop()
	db.opts.Log.Info("this process owns the database", slog.Int64("epoch", own.epoch))
	return db, nil
}

// OpenPostgresReadOnly opens an existing database for [DB.View] and [DB.Verify], beside
// its owner or without one; see [OpenReadOnly].
func OpenPostgresReadOnly(ctx context.Context, url string, opts Options) (_ *DB, err error) {
	e, err := newPostgresEngine(url)
	if err != nil {
		return nil, err
	}
	db, err := newDB(e.where(), e, opts)
	if err != nil {
		return nil, err
	}
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, unavailable(pgError(err))
	}
	err = errors.Join(e.findSchema(ctx, conn), conn.Close(ctx))
	if err != nil {
		return nil, unavailable(err)
	}
	folder, err := postgresFolder()
	if err != nil {
		return nil, err
	}
	return db, db.openReading(ctx, folder)
}

// Lost is closed when another process has taken over a PostgreSQL database. The
// program ends then: it would only say that it cannot record. Nil for a file.
func (db *DB) Lost() <-chan struct{} { return db.lost }

// Owned fails (Unavailable) when another process may have taken over a PostgreSQL
// database by now, as after this one was stopped for a while: whoever is about to change
// something outside asks first. It looks at no more than the time of the last heartbeat.
// A file is always owned.
func (db *DB) Owned() error {
	if db.owned == nil {
		return nil
	}
	return db.owned()
}

func newPostgresEngine(url string) (*postgresEngine, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the URL of the database cannot be read").
			WithHint("write postgres://USER@HOST:5432/DATABASE?sslmode=verify-full").Because(err)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "wardroom"
	}
	return &postgresEngine{config: config}, nil
}

// where names the database without a password.
func (e *postgresEngine) where() string {
	return "postgres://" + e.config.Host + "/" + e.config.Database
}

// connectWriter opens a connection whose commits are on disk when they are confirmed.
func (e *postgresEngine) connectWriter(ctx context.Context) (*pgx.Conn, error) {
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, pgError(err)
	}
	if err := e.hold(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// hold sets what the writer's connection must have and reads it back.
func (e *postgresEngine) hold(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
		return pgError(err)
	}
	for _, setting := range []string{"synchronous_commit", "fsync", "full_page_writes"} {
		var is string
		if err := conn.QueryRow(ctx, "SHOW "+setting).Scan(&is); err != nil {
			return pgError(err)
		}
		if is != "on" {
			return problem.New(problem.Invalid, "the database runs with %s = %s: what it confirms could be lost", setting, is).
				WithHint("set it to on in postgresql.conf, or name another server")
		}
	}
	return nil
}

// findSchema finds out where the tables are.
func (e *postgresEngine) findSchema(ctx context.Context, conn *pgx.Conn) error {
	var schema *string
	if err := conn.QueryRow(ctx, "SELECT quote_ident(current_schema())").Scan(&schema); err != nil {
		return pgError(err)
	}
	if schema == nil {
		return problem.New(problem.Invalid, "the database has no schema to make tables in").WithHint("create the one that search_path names")
	}
	e.schema = *schema
	return nil
}

// upgrade makes the process whose connection holds the lock the owner, and brings the
// schema to the newest version. Where there are tables it is the owner first: standbys
// must not take a long migration for silence. A server undoes a migration that fails;
// the copy before it is the operator's (pg_dump).
func (e *postgresEngine) upgrade(ctx context.Context, conn *pgx.Conn, own *owner) error {
	folder, err := postgresFolder()
	if err != nil {
		return err
	}
	know, err := latest(folder)
	if err != nil {
		return err
	}
	have, err := e.version(&pgSession{conn: conn})
	if err == nil {
		err = tooNew(have, know)
	}
	if err == nil && have > 0 {
		err = own.claim(ctx, conn)
	}
	if err != nil || have == know {
		return err
	}
	db := stdlib.OpenDB(*e.config.Copy())
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectPostgres, db, folder); err != nil || have > 0 {
		return pgError(err)
	}
	return own.claim(ctx, conn)
}
