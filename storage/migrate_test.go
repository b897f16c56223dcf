package storage

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

type fixedClock struct{ timeline.RealClock }

func (fixedClock) Now() time.Time { return time.Date(2026, 11, 21, 8, 3, 43, 0, time.UTC) }

// later is the folder of migrations with one more.
func later(t *testing.T, up string) fstest.MapFS {
	folder, err := sqliteFolder()
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"00099_later.sql": {Data: []byte("-- +goose Up\n" + up)}}
	names, err := fs.Glob(folder, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		data, err := fs.ReadFile(folder, n)
		if err != nil {
			t.Fatal(err)
		}
		files[n] = &fstest.MapFile{Data: data}
	}
	return files
}

func testOptions(t *testing.T) Options {
	codec, err := timeline.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Codec: codec, Clock: fixedClock{}}
}

func TestAnOlderDatabaseIsCopiedAsideAndMigrated(t *testing.T) {
	ctx, opts := t.Context(), testOptions(t)
	path := filepath.Join(t.TempDir(), "wardroom.db")
	db, err := OpenSQLite(ctx, path, opts)
	if err != nil {
		t.Fatal(err)
	}
	entry := timeline.Draft{Timeline: timeline.Log, Payload: &timeline.TimerFired{Key: "kept"}}
	if _, err := db.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{entry}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if copies, _ := filepath.Glob(path + ".v*"); len(copies) != 0 {
		t.Fatalf("a new database was copied aside: %v", copies)
	}

	// A migration that fails leaves the database as it was.
	if _, err := openSQLite(ctx, path, opts, later(t, "CREATE TABLE shelves (n INTEGER) STRICT; CREATE TABLE entries (n INTEGER);")); err == nil {
		t.Fatal("a broken migration went through")
	}
	copied := path + ".v3-20261121T080343Z.bak"
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v", info, err)
	}
	// The copy of a moment ago is never overwritten.
	folder := later(t, "CREATE TABLE shelves (n INTEGER) STRICT;")
	if _, err := openSQLite(ctx, path, opts, folder); err == nil {
		t.Fatal("migrated although the copy could not be made")
	}
	if err := os.Rename(copied, path+".older"); err != nil {
		t.Fatal(err)
	}
	if db, err = openSQLite(ctx, path, opts, folder); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path + ".older", copied} {
		old, err := OpenReadOnly(ctx, file, opts)
		if err != nil {
			t.Fatal(err)
		}
		report, err := old.Verify(ctx, VerifyOptions{Rebuild: true})
		if err != nil || !report.OK() || report.Entries != 1 {
			t.Errorf("%s: %+v, %v", file, report, err)
		}
		old.Close()
	}

	// The program without that migration now meets a database that is too new.
	for name, open := range map[string]func() (*DB, error){
		"writing": func() (*DB, error) { return OpenSQLite(ctx, path, opts) },
		"reading": func() (*DB, error) { return OpenReadOnly(ctx, path, opts) },
	} {
		_, err := open()
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "schema version 99, this program knows 3") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAReadOnlyOpenNeverMigrates(t *testing.T) {
	ctx, opts := t.Context(), testOptions(t)
	path := filepath.Join(t.TempDir(), "wardroom.db")
	folder, err := sqliteFolder()
	if err != nil {
		t.Fatal(err)
	}
	first, err := fs.ReadFile(folder, "00001_timelines.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := openSQLite(ctx, path, opts, fstest.MapFS{"00001_timelines.sql": {Data: first}})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = OpenReadOnly(ctx, path, opts)
	if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "schema version 1, this program needs 3") {
		t.Errorf("got %v", err)
	}
}

func TestPragmasAreReadBack(t *testing.T) {
	s, err := openWriterSession(filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, p := range writerPragmas {
		spoiled := map[string]string{"journal_mode": "DELETE", "temp_store": "FILE", "synchronous": "NORMAL"}[p.name]
		if spoiled == "" {
			spoiled = "0"
		}
		if err := s.exec("PRAGMA " + p.name + " = " + spoiled); err != nil {
			t.Fatal(err)
		}
		if err := holdTo(s, writerPragmas); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), p.name) {
			t.Errorf("%s = %s: got %v", p.name, spoiled, err)
		}
		if err := s.exec("PRAGMA " + p.name + " = " + p.set); err != nil {
			t.Fatal(err)
		}
	}
}
