package storage_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wardroom/bot/timeline"
	"wardroom/storage"
	"wardroom/storage/storagetest"
)

// marker is a secret that is found in the middle of anything.
func marker(n int) string { return fmt.Sprintf("<%08d-hunter2>", n) }

// numbersIn returns the numbers of the markers in content, whose brackets may be gone.
func numbersIn(content []byte) map[int]bool {
	there := map[int]bool{}
	for at := 0; ; {
		found := bytes.Index(content[at:], []byte("-hunter2"))
		if found < 0 {
			return there
		}
		if at += found; at >= 8 {
			if n, err := strconv.Atoi(string(content[at-8 : at])); err == nil {
				there[n] = true
			}
		}
		at++
	}
}

// What is erased must not be found in any file: not in the database's free
// pages, not between the cells of a page that was rebalanced, not in the WAL.
func TestErasedBytesAreGoneFromTheFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	opts, _ := storagetest.Options(t)
	dir := t.TempDir()
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(dir, "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	update := func(drafts ...timeline.Draft) []timeline.Entry {
		list, err := db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: drafts}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	const secrets = 300
	refs := make([]timeline.Ref, secrets)
	for n := range secrets {
		// Short ones share a page, long ones fill overflow pages. Rows are written
		// twice, so that a page of current state is rebalanced.
		text := strings.Repeat(marker(n), 1+random.IntN(1+random.IntN(600)))
		row := fmt.Sprint("row-", random.IntN(secrets))
		refs[n] = update(timeline.Draft{Timeline: timeline.Log, Payload: &storagetest.Noted{Note: text, Row: row}})[0].Ref
	}
	order := random.Perm(secrets)
	gone := 0
	erase := func(n int) {
		var batch []timeline.Ref
		for _, i := range order[gone : gone+n] {
			batch = append(batch, refs[i])
		}
		update(timeline.Draft{Timeline: timeline.Log, Payload: &timeline.Erasure{Refs: batch, Reason: "a leak"}, Effects: timeline.Effects{Erase: batch}})
		gone += n
	}
	look := func(when string) {
		t.Helper()
		kept := false
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			there := numbersIn(content)
			kept = kept || len(there) > 0
			for _, n := range order[:gone] {
				if there[n] {
					t.Fatalf("%s, after %d erasures: secret %d is still in %s", when, gone, n, filepath.Base(file))
				}
			}
		}
		if !kept {
			t.Fatal("nothing is found at all: the test is blind")
		}
	}
	look("before")
	for _, n := range []int{1, 1, 1, 7, 20, 1, 90, 1, 1} {
		erase(n)
		look("while open")
	}
	storagetest.Sound(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	look("when closed")
}

// A reader that looks at an older state is in the way of emptying the WAL; then
// that is made up for.
func TestErasureWaitsForReaders(t *testing.T) {
	opts, _ := storagetest.Options(t)
	path := filepath.Join(t.TempDir(), "wardroom.db")
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	update := func(d timeline.Draft) timeline.Ref {
		list, err := db.Update(t.Context(), func(timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: []timeline.Draft{d}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list[0].Ref
	}
	secret := update(timeline.Draft{Timeline: timeline.Log, Payload: &storagetest.Noted{Note: "hunter2"}})
	err = db.View(t.Context(), func(v timeline.View) error {
		update(timeline.Draft{Timeline: timeline.Log, Payload: &timeline.Erasure{}, Effects: timeline.Effects{Erase: []timeline.Ref{secret}}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	update(timeline.Draft{Timeline: timeline.Log, Payload: &storagetest.Noted{Note: "next"}})
	for _, file := range []string{path, path + "-wal"} {
		if content, err := os.ReadFile(file); err != nil || bytes.Contains(content, []byte("hunter2")) {
			t.Errorf("%s still holds it, or %v", filepath.Base(file), err)
		}
	}
}
