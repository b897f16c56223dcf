package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

// databaseFile is the name of the database in the data folder.
const databaseFile = "wardroom.db"

// record is where a configuration keeps the record: a file in the data folder, or a
// PostgreSQL that several replicas share.
type record struct {
	file     string
	postgres config.Secret // zero: the file
}

func recordOf(cfg *config.Config, data string) record {
	return record{file: filepath.Join(data, databaseFile), postgres: cfg.Database.Postgres}
}

// shared reports whether other replicas may own it.
func (r record) shared() bool { return !r.postgres.IsZero() }

// missing reports whether to open it will make it.
func (r record) missing() bool {
	_, err := os.Stat(r.file)
	return !r.shared() && errors.Is(err, fs.ErrNotExist)
}

// open opens it for writing. standby is told of another replica that owns a shared
// record; a file that is owned fails at once.
func (r record) open(ctx context.Context, o storage.Options, standby storage.Standby) (*storage.DB, error) {
	if r.shared() {
		return storage.OpenPostgres(ctx, r.postgres.Reveal(), o, standby)
	}
	return storage.OpenSQLite(ctx, r.file, o)
}

// read opens it beside whoever owns it.
func (r record) read(ctx context.Context) (*storage.DB, *timeline.Codec, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, nil, err
	}
	o := storage.Options{Codec: codec, Folds: folds(), Clock: timeline.RealClock{}}
	if r.shared() {
		db, err := storage.OpenPostgresReadOnly(ctx, r.postgres.Reveal(), o)
		return db, codec, err
	}
	db, err := storage.OpenReadOnly(ctx, r.file, o)
	return db, codec, err
}

// standbyDoor answers on the address of the server while another replica owns the
// record: whoever sends is asked to send again, and who balances loads goes elsewhere.
type standbyDoor struct {
	addr string
	log  *slog.Logger

	listener net.Listener // nil: it is closed
	serve    *http.Server
	ended    chan error
}

// stand opens the door at the first call.
func (d *standbyDoor) stand(string) (err error) {
	if d.listener != nil {
		return nil
	}
	if d.listener, err = net.Listen("tcp", d.addr); err != nil {
		return problem.New(problem.Unavailable, "nothing can be served at %s", d.addr).Because(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte("# HELP wardroom_ready 1 while alerts can be recorded, as /readyz says it; else 0.\n# TYPE wardroom_ready gauge\nwardroom_ready 0\n"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "this replica stands by: another one owns the record"})
	})
	d.serve = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelWarn)}
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.serve.Serve(d.listener) }()
	return nil
}

// close gives the address back to the server.
func (d *standbyDoor) close() {
	if d.listener == nil {
		return
	}
	_ = d.serve.Close() // whoever is being answered is told to come again
	if err := <-d.ended; !errors.Is(err, http.ErrServerClosed) {
		d.log.Warn("this replica stood by without a door", slog.Any("error", err))
	}
}

// untilDeposed ends the program when another replica has taken over: whoever supervises
// it starts it again, and it stands by.
func untilDeposed(db *storage.DB) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-db.Lost():
			return storage.ErrDeposed
		case <-ctx.Done():
			return nil
		}
	}
}
