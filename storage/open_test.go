package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
	"wardroom/storage/storagetest"
)

// childVar says what this test binary does when a test starts it again.
const childVar = "WARDROOM_STORAGE_CHILD"

func TestMain(m *testing.M) {
	switch what := os.Getenv(childVar); what {
	case "":
		os.Exit(m.Run())
	case "hold":
		childHold(os.Args[1])
	case "load":
		childLoad(os.Args[1])
	case "limit":
		childLimit(os.Args[1])
	default:
		fmt.Fprintln(os.Stderr, "unknown child", what)
		os.Exit(2)
	}
}

// child starts this binary again. Its standard output is read line by line.
func child(t *testing.T, what, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childVar+"="+what)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

func childOptions() storage.Options {
	codec, err := timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[storagetest.Noted](timeline.Key), timeline.KindOf[storagetest.Strange](timeline.Detail)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return storage.Options{Codec: codec, Folds: []timeline.Fold{storagetest.Fold}}
}

// childHold owns a database until its input ends.
func childHold(path string) {
	db, err := storage.OpenSQLite(context.Background(), path, childOptions())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	db.Close()
	os.Exit(0)
}

func TestAnotherProcessIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wardroom.db")
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childVar+"=hold")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatal(line, err)
	}
	opts, _ := storagetest.Options(t)
	_, err = storage.OpenSQLite(t.Context(), path, opts)
	if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", cmd.Process.Pid)) {
		t.Errorf("got %v, want the process %d named", err, cmd.Process.Pid)
	}
	ro, err := storage.OpenReadOnly(t.Context(), path, opts)
	if err != nil {
		t.Fatalf("reading beside the owner: %v", err)
	}
	defer ro.Close()
	_, err = ro.Update(t.Context(), func(timeline.View) (timeline.Decision, error) { return timeline.Decision{}, nil })
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("an update of a read-only database gives %v", err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatalf("the lock outlived its process: %v", err)
	}
	db.Close()
}

func TestOpenRefuses(t *testing.T) {
	opts, _ := storagetest.Options(t)
	for _, c := range []struct {
		name    string
		prepare func(path string)
		opts    func(*storage.Options)
		code    problem.Code
		want    string
	}{
		{name: "a newer database", code: problem.Invalid, want: "the database has schema version 99", prepare: func(path string) {
			made(t, path, opts)
			tamper(t, path, false, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		}},
		{name: "somebody else's database", code: problem.Invalid, want: "not one of Wardroom's", prepare: func(path string) {
			tamper(t, path, false, "CREATE TABLE bookmarks (url TEXT)")
		}},
		{name: "a file that is no database", code: problem.Unavailable, want: "damaged", prepare: func(path string) {
			os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600)
		}},
		{name: "a live open of a rehearsal", code: problem.Invalid, want: "holds a rehearsal: it cannot be opened for live records", prepare: func(path string) {
			o := opts
			o.Marked = storage.Rehearsal
			made(t, path, o)
		}},
		{name: "a rehearsal on live records", code: problem.Invalid, want: "holds live records: it cannot be opened for a rehearsal", prepare: func(path string) {
			made(t, path, opts)
		}, opts: func(o *storage.Options) { o.Marked = storage.Rehearsal }},
		{name: "a fold without its table", code: problem.Internal, want: `no column "flavour"`, prepare: func(string) {}, opts: func(o *storage.Options) {
			o.Folds = []timeline.Fold{{Name: "x", Tables: []timeline.Schema{{Name: "alerts", Columns: []string{"flavour"}}}}}
		}},
		{name: "two folds for one table", code: problem.Internal, want: "two folds", prepare: func(string) {}, opts: func(o *storage.Options) {
			o.Folds = append(o.Folds, o.Folds...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "wardroom.db")
			c.prepare(path)
			o := opts
			if c.opts != nil {
				c.opts(&o)
			}
			_, err := storage.OpenSQLite(t.Context(), path, o)
			if problem.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v (%s), want %q", err, problem.CodeOf(err), c.want)
			}
			// What was refused is let go.
			if again, err := storage.OpenSQLite(t.Context(), path, o); err == nil {
				again.Close()
			} else if strings.Contains(err.Error(), "in use") {
				t.Error("the lock was kept")
			}
		})
	}
	t.Run("a folder that is not there", func(t *testing.T) {
		_, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "no", "wardroom.db"), opts)
		if !problem.Is(err, problem.Unavailable) {
			t.Errorf("got %v", err)
		}
		_, err = storage.OpenReadOnly(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
		if !problem.Is(err, problem.NotFound) {
			t.Errorf("reading gives %v", err)
		}
	})
}

func made(t *testing.T, path string, opts storage.Options) {
	t.Helper()
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	opts, _ := storagetest.Options(t)
	dir := filepath.Join(t.TempDir(), "odd ?name#%41 folder")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "wardroom.db")
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 { // the database, -wal, -shm, .lock
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
}

// A view that could not open its connection leaves the pool as it was.
func TestViewsRecoverWhenTheFileComesBack(t *testing.T) {
	opts, _ := storagetest.Options(t)
	path := filepath.Join(t.TempDir(), "wardroom.db")
	made(t, path, opts)
	db, err := storage.OpenReadOnly(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	nothing := func(timeline.View) error { return nil }
	err = db.View(t.Context(), func(timeline.View) error { // keeps the one connection that is open
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := db.View(t.Context(), nothing); !problem.Is(err, problem.Unavailable) {
				t.Fatalf("got %v", err)
			}
		}
		return os.Rename(path+".away", path)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := db.View(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
	}
}

// Every table of current state that a fold may declare is there with its columns.
func TestCurrentStateTables(t *testing.T) {
	opts, _ := storagetest.Options(t)
	opts.Folds = []timeline.Fold{{Name: "all", Tables: []timeline.Schema{
		{Name: "alerts", Columns: []string{"source", "fingerprint", "status", "starts_at", "incident", "name"}},
		{Name: "incidents", Columns: []string{"number", "status", "severity", "is_open", "updated_at"}},
		{Name: "notices", Columns: []string{"number", "started_at", "is_open"}},
		{Name: "components", Columns: []string{"position"}},
		{Name: "freezes", Columns: []string{"is_active"}},
		{Name: "runs", Columns: []string{"incident", "number", "is_active", "ended_at"}},
		{Name: "rooms", Columns: []string{"number", "external"}},
		{Name: "deliveries", Columns: []string{"follower", "timeline", "seq", "external"}},
	}, Apply: func(timeline.Writer, timeline.Entry) error { return nil }}}
	path := filepath.Join(t.TempDir(), "wardroom.db")
	made(t, path, opts)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		rows.Scan(&name)
		t.Errorf("table %s is not STRICT", name)
	}
}

// A clock that went back is said once, in the log and to who asks, and nothing is refused.
func TestAClockThatWentBackIsSaid(t *testing.T) {
	opts, clock := storagetest.Options(t)
	var log bytes.Buffer
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, step := range []struct {
		by     time.Duration
		behind bool
	}{{0, false}, {-2 * time.Second, false}, {-time.Hour, true}, {time.Minute, true}, {time.Hour, false}} {
		clock.Add(step.by)
		_, err := db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &storagetest.Noted{Note: "n"}}}}, nil
		})
		if err != nil || db.ClockBehind() != step.behind {
			t.Errorf("after a step by %s: behind %v, %v", step.by, db.ClockBehind(), err)
		}
	}
	if said := strings.Count(log.String(), "clock is behind"); said != 1 || !strings.Contains(log.String(), "has caught up") {
		t.Errorf("said %d times:\n%s", said, &log)
	}
}
