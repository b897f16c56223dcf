package storage_test

import (
	"path/filepath"
	"testing"

	"wardroom/storage"
	"wardroom/storage/storagetest"
)

func openSQLite(t testing.TB, place string, opts storage.Options) storagetest.Store {
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(place, "wardroom.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSQLiteConforms(t *testing.T) { storagetest.Run(t, openSQLite) }
