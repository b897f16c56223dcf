package storage_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"wardroom/bot/problem"
	"wardroom/storage"
)

// helloSHA is the SHA-256 of "hello", as sha256sum gives it.
const helloSHA = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func TestVault(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "attachments")
	v, err := storage.OpenVault(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := func() (names []string) {
		err := filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				short, _ := filepath.Rel(folder, name)
				names = append(names, filepath.ToSlash(short))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		r     io.Reader
		limit int64
		fails func(error) bool
	}{
		{"too large keeps nothing", t.Context(), strings.NewReader("hello"), 4, func(err error) bool { return problem.Is(err, problem.TooLarge) }},
		{"broken off keeps nothing", t.Context(), io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(io.ErrUnexpectedEOF)), 9, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"given up keeps nothing", ended, strings.NewReader("hello"), 9, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := v.Keep(c.ctx, c.r, c.limit); !c.fails(err) {
				t.Errorf("got %v", err)
			}
			if left := files(); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	for range 2 { // the same bytes are kept once
		sum, size, err := v.Keep(t.Context(), strings.NewReader("hello"), 5)
		if err != nil || sum != helloSHA || size != 5 {
			t.Fatalf("got %s, %d, %v", sum, size, err)
		}
	}
	name := helloSHA[:2] + "/" + helloSHA[2:]
	if got := files(); len(got) != 1 || got[0] != name {
		t.Errorf("want %s alone, got %v", name, got)
	}
	if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want it readable by its owner alone: %v, %v", info, err)
	}
	f, err := v.Open(helloSHA)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	f.Close()
	if string(body) != "hello" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	for _, path := range []string{"../../etc/passwd", "", strings.ToUpper(helloSHA), helloSHA[:63] + "/"} {
		if _, err := v.Open(path); !problem.Is(err, problem.Invalid) {
			t.Errorf("Open(%q): %v", path, err)
		}
		if err := v.Drop(path); !problem.Is(err, problem.Invalid) {
			t.Errorf("Drop(%q): %v", path, err)
		}
	}
	for range 2 {
		if err := v.Drop(helloSHA); err != nil {
			t.Error(err)
		}
	}
	if _, err := v.Open(helloSHA); !problem.Is(err, problem.NotFound) {
		t.Errorf("want NotFound, got %v", err)
	}
}

func TestAVaultForgetsWhatACrashLeftHalfCopied(t *testing.T) {
	folder := t.TempDir()
	half := filepath.Join(folder, "half-123")
	if err := os.WriteFile(half, []byte("hel"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.OpenVault(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}
