package storage

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"wardroom/bot/timeline"
)

// TestACopyOnReadOnlyMediaIsVerified: nothing is made beside it, which could not be made.
func TestACopyOnReadOnlyMediaIsVerified(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "wardroom.db")
	codec, err := timeline.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	db, err := OpenSQLite(context.Background(), path, Options{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	if isFrozen(path) {
		t.Error("a file with a write-ahead log is held to be at rest")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if isFrozen(path) {
		t.Error("a file is held to be at rest in a folder where somebody may write")
	}
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if root := os.Getuid() == 0; isFrozen(path) == root { // root may write there
		t.Errorf("in a folder of mode 0500, as root: %v, it is held to be at rest: %v", root, !root)
	}

	copied, err := newDB(path, sqliteEngine{path: path, frozen: true}, Options{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := sqliteFolder()
	if err != nil {
		t.Fatal(err)
	}
	if err := copied.openReading(context.Background(), folder); err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	report, err := copied.Verify(context.Background(), VerifyOptions{Rebuild: true})
	if err != nil || !report.OK() {
		t.Errorf("%+v %v", report.Faults, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("beside the copy: %v %v", files, err)
	}
}
