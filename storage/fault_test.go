package storage_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
	"wardroom/storage/storagetest"
)

// childLoad records notes from 64 goroutines until it is killed, and prints
// each number when its update has returned.
func childLoad(path string) {
	db, err := storage.OpenSQLite(context.Background(), path, childOptions())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var mu sync.Mutex
	var next atomic.Int64
	round := strconv.FormatInt(time.Now().UnixNano(), 36)
	for range 64 {
		go func() {
			for {
				key := fmt.Sprint(round, "-", next.Add(1))
				id := timeline.Log
				if rand.IntN(4) == 0 {
					id = timeline.Incident(1 + rand.IntN(5))
				}
				_, err := db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
					return timeline.Decision{Entries: []timeline.Draft{{Timeline: id, Payload: &storagetest.Noted{Row: key, Note: key}}}}, nil
				})
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println(key)
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	const kills = 8
	path := filepath.Join(diskDir(t), "wardroom.db")
	acked := map[string]bool{}
	for round := range kills {
		cmd, out := child(t, "load", path)
		before := len(acked)
		// The moment: some time after a random number of acknowledgements.
		until, killed := 1000+rand.IntN(2000), false
		for {
			line, err := out.ReadString('\n')
			if err == io.EOF {
				break
			}
			key := strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(key, "error") || err != nil {
				t.Fatalf("round %d: %s %v", round, key, err)
			}
			acked[key] = true
			if len(acked)-before == until && !killed {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()
	}
	opts, _ := storagetest.Options(t)
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	report := storagetest.Sound(t, db)
	lost := 0
	err = db.View(t.Context(), func(v timeline.View) error {
		rows, err := storagetest.Rows.Select(v, timeline.Query{})
		for _, r := range rows {
			if r.Count != 1 {
				t.Errorf("%s was recorded %d times", r.Key, r.Count)
			}
			delete(acked, r.Key)
		}
		lost = len(acked)
		t.Logf("killed %d times: %d entries recorded, %d acknowledgements lost, %d timelines verified", kills, len(rows), lost, len(report.Heads))
		return err
	})
	if err != nil || lost > 0 {
		t.Errorf("%d acknowledged notes are lost; %v", lost, err)
	}
}

// childLimit records until the operating system refuses to let files grow.
func childLimit(path string) {
	fail := func(err error) {
		fmt.Println("fail", problem.CodeOf(err), err)
		os.Exit(0)
	}
	db, err := storage.OpenSQLite(context.Background(), path, childOptions())
	if err != nil {
		fail(err)
	}
	const limit = 600 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	for n := 0; ; n++ {
		key := fmt.Sprint("note-", n)
		_, err := db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{
				{Timeline: timeline.Log, Payload: &storagetest.Noted{Row: key, Note: strings.Repeat("x", 3000)}},
				{Timeline: timeline.Incident(1), Payload: &storagetest.Noted{Row: key + "b", Note: strings.Repeat("y", 3000)}},
			}}, nil
		})
		if err != nil {
			out.Flush()
			if db.Healthy() == nil {
				fmt.Println("healthy?")
			}
			fail(err)
		}
		fmt.Fprintln(out, key)
	}
}

func TestAFileThatCannotGrowGivesAClearErrorAndNeverHalfAnEntry(t *testing.T) {
	path := filepath.Join(diskDir(t), "wardroom.db")
	cmd, out := child(t, "limit", path)
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "fail unavailable ") || strings.Contains(string(text), "healthy?") || len(lines) < 5 {
		t.Fatalf("after %d lines: %s", len(lines), last)
	}
	t.Logf("%d acknowledged, then: %s", len(lines)-1, last)
	opts, _ := storagetest.Options(t)
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storagetest.Sound(t, db)
	err = db.View(t.Context(), func(v timeline.View) error {
		for _, key := range lines[:len(lines)-1] {
			for _, k := range []string{key, key + "b"} {
				if _, ok, err := storagetest.Rows.Get(v, k); !ok || err != nil {
					t.Errorf("%s was acknowledged and is not there: %v", k, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestADamagedFileIsSaidToBeDamaged(t *testing.T) {
	opts, _ := storagetest.Options(t)
	path := filepath.Join(t.TempDir(), "wardroom.db")
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		_, err := db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &storagetest.Noted{Row: fmt.Sprint(n), Note: strings.Repeat("n", 500)}}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	damagedPages, said := 0, 0
	for at := 1 * page; at < len(whole); at += 7 * page {
		broken := append([]byte(nil), whole...)
		for i := at; i < at+page; i++ {
			broken[i] ^= 0x5a
		}
		file := filepath.Join(t.TempDir(), "wardroom.db")
		if err := os.WriteFile(file, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		damagedPages++
		db, err := storage.OpenSQLite(t.Context(), file, opts)
		if err != nil {
			if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("page %d: opening gives %v", at/page, err)
			}
			said++
			continue
		}
		report, err := db.Verify(t.Context(), storage.VerifyOptions{Rebuild: true})
		if err != nil || report.OK() {
			t.Errorf("page %d: verify finds %v, %v", at/page, report.Faults, err)
		}
		for n := range 3 {
			_, err = db.Update(t.Context(), func(v timeline.View) (timeline.Decision, error) {
				_, _, err := storagetest.Rows.Get(v, fmt.Sprint(60*n))
				return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: &storagetest.Noted{Row: fmt.Sprint("new", n)}}}}, err
			})
			if err == nil {
				continue // it did not need that page
			}
			if !problem.Is(err, problem.Unavailable) || db.Healthy() == nil {
				t.Errorf("page %d: an update gives %v, and healthy is %v", at/page, err, db.Healthy())
			}
			said++
			break
		}
		db.Close()
	}
	t.Logf("%d damaged pages: all found by verify, %d met by opening or recording", damagedPages, said)
	if said == 0 {
		t.Error("no update met a damaged page")
	}
}
