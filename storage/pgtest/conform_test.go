//go:build postgres

package pgtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"wardroom/storage"
	"wardroom/storage/pgtest"
	"wardroom/storage/storagetest"
)

// servers are the URLs by version, "15.18".
var servers = map[string]string{}

// TestMain is also the process that owns a database, or stands by, in other tests.
func TestMain(m *testing.M) {
	if url := os.Getenv("WARDROOM_OWNER"); url != "" {
		os.Exit(replica(url, os.Args[len(os.Args)-1]))
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	folder, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil { // the server runs as somebody else
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, bin := range pgtest.Binaries() {
		version, err := pgtest.Version(context.Background(), bin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		s, err := pgtest.Start(context.Background(), bin, filepath.Join(folder, version))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() {
			if err := s.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}()
		servers[version] = s.URL
	}
	if len(servers) == 0 {
		fmt.Fprintln(os.Stderr, "there is no PostgreSQL in /usr/lib/postgresql (apt-get install postgresql), nor in POSTGRES_BIN")
		return 1
	}
	return m.Run()
}

// onEach runs a test on each server.
func onEach(t *testing.T, test func(t *testing.T, server string)) {
	for _, version := range slices.Sorted(maps.Keys(servers)) {
		t.Run("PostgreSQL "+version, func(t *testing.T) { test(t, servers[version]) })
	}
}

// schemaOf is the URL of a schema of the place's own.
func schemaOf(t testing.TB, server, place string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(place))
	url, err := pgtest.Schema(t.Context(), server, "place_"+hex.EncodeToString(sum[:8]))
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestPostgresConforms(t *testing.T) {
	onEach(t, func(t *testing.T, server string) {
		storagetest.Run(t, func(t testing.TB, place string, opts storage.Options) storagetest.Store {
			db, err := storage.OpenPostgres(t.Context(), schemaOf(t, server, place), opts, storage.NoStandby)
			if err != nil {
				t.Fatal(err)
			}
			return db
		})
	})
}
