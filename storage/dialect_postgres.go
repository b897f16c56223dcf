package storage

import (
	"context"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wardroom/bot/problem"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

func postgresFolder() (fs.FS, error) { return fs.Sub(postgresMigrations, "migrations/postgres") }

// postgresEngine is a schema of a PostgreSQL database: the first of the search path.
type postgresEngine struct {
	config *pgx.ConnConfig
	schema string // quoted
}

var _ engine = (*postgresEngine)(nil)

func (e *postgresEngine) reader() (connection, error) {
	return openPg(context.Background(), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e.connect)
}

func (e *postgresEngine) verifier() (connection, error) {
	return openPg(context.Background(), "BEGIN ISOLATION LEVEL REPEATABLE READ", e.connect)
}

func (e *postgresEngine) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, pgWithin)
	defer cancel()
	return pgx.ConnectConfig(ctx, e.config.Copy())
}

func (*postgresEngine) columns(q querier, table string) (columns []string, err error) {
	err = q.query(`SELECT column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`, []any{table}, func(r scanner) error {
		var c string
		err := r.scan(&c)
		columns = append(columns, c)
		return err
	})
	return columns, err
}

func (*postgresEngine) version(q querier) (version int64, err error) {
	var tables, ours int64
	err = q.query(`SELECT COUNT(*), COUNT(*) FILTER (WHERE tablename = 'goose_db_version') FROM pg_tables WHERE schemaname = current_schema()`, nil,
		func(r scanner) error { return r.scan(&tables, &ours) })
	if err != nil || tables == 0 {
		return 0, err
	}
	if ours == 0 {
		return 0, problem.New(problem.Invalid, "the database holds tables, but not Wardroom's").
			WithHint("give it a database of its own, or a schema (options=-csearch_path=wardroom in the URL)")
	}
	err = q.query("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied", nil,
		func(r scanner) error { return r.scan(&version) })
	return version, err
}

// checkFile has nothing to look at: the server keeps its files, and its own checksums
// of them. https://www.postgresql.org/docs/current/checksums.html
func (*postgresEngine) checkFile(context.Context, querier, *Report) error { return nil }

func (*postgresEngine) checkGuards(_ context.Context, q querier, report *Report) error {
	have := map[string]bool{}
	err := q.query(`SELECT t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND t.tgenabled <> 'D'`, nil, func(r scanner) error {
		var name string
		err := r.scan(&name)
		have[name] = true
		return err
	})
	if err != nil {
		return err
	}
	missingGuards(have, report, "entries_no_truncate", "payloads_no_truncate", "erasures_no_truncate")
	return nil
}

func (e *postgresEngine) shadow(q querier, table string) error {
	return q.exec("CREATE TEMP TABLE " + table + " (LIKE " + e.real(table) + " INCLUDING ALL) ON COMMIT DROP")
}

func (e *postgresEngine) real(table string) string   { return e.schema + "." + table }
func (*postgresEngine) shadowed(table string) string { return "pg_temp." + table }

// emptyLog takes what was erased out of the table. The server's log, its replicas and
// its backups keep it for as long as they are kept.
func (*postgresEngine) emptyLog(q querier) (done bool, err error) {
	return true, q.exec("VACUUM payloads")
}

// pgFault is a failure of the server or of the way to it.
type pgFault struct{ error }

func (f pgFault) Unwrap() error { return f.error }

// pgError marks an error as the server's fault, unless it is that of the request.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func pgError(err error) error {
	if err == nil {
		return nil
	}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch said.Code[:2] {
		case "22", "23", "P0": // the data, a constraint, a trigger
			return err
		}
	}
	return pgFault{err}
}

// postgresFault puts a failure of the server into words.
func postgresFault(f pgFault) *problem.Error {
	if errors.Is(f.error, ErrOwned) {
		return ErrDeposed
	}
	sentence, hint := "the database does not answer", "look at PostgreSQL; what was not recorded is sent again by its senders"
	said, ok := errors.AsType[*pgconn.PgError](f.error)
	_, network := errors.AsType[net.Error](f.error)
	switch {
	case ok && said.Code == "53100":
		sentence, hint = "PostgreSQL's disk is full: nothing can be recorded", "free space there; recording resumes by itself"
	case ok && said.Code[:2] == "53":
		sentence, hint = "PostgreSQL is out of connections or memory", "this should be a server that the services in trouble do not use"
	case ok && said.Code == "25006":
		sentence, hint = "PostgreSQL only lets us read", "is this a standby of it? Name the primary, or all of them with target_session_attrs=read-write"
	case ok && said.Code[:2] == "XX":
		sentence, hint = "PostgreSQL says that its data is damaged", "look at its log, and restore a backup"
	case ok && said.Code[:2] == "28":
		sentence, hint = "PostgreSQL does not let us in", "look at the user and the password in the URL"
	case ok && said.Code[:2] == "57":
		sentence = "PostgreSQL is shutting down or has ended the connection"
	case ok:
		sentence = "PostgreSQL refuses: " + said.Message
	case network, errors.Is(f.error, io.EOF), errors.Is(f.error, io.ErrUnexpectedEOF):
		sentence = "PostgreSQL cannot be reached"
	}
	return problem.New(problem.Unavailable, "%s", sentence).WithHint("%s", hint).Because(f)
}
