package storage

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"wardroom/bot/problem"
)

// latest is the version that a folder of migrations leads to. Files are named
// 00001_what.sql.
func latest(folder fs.FS) (int64, error) {
	files, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, f := range files {
		digits, _, _ := strings.Cut(f, "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("storage: migration %q has no number", f)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// tooNew refuses a database that a newer version of the program has written.
func tooNew(have, know int64) error {
	if have <= know {
		return nil
	}
	return problem.New(problem.Invalid, "the database has schema version %d, this program knows %d: a newer version of it has written here", have, know).
		WithHint("run the newer version, or go back to the copy that it left beside the database (*.bak)")
}

// backupName is where a database goes before it is migrated:
// wardroom.db.v3-20261121T080343Z.bak.
func backupName(path string, version int64, now time.Time) string {
	return fmt.Sprintf("%s.v%d-%s.bak", path, version, now.UTC().Format("20060102T150405Z"))
}

// migrate applies what is missing, each migration in its own transaction.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder fs.FS) error {
	provider, err := goose.NewProvider(dialect, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}
