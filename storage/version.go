package storage

import "context"

// SchemaVersion is the version of the file's schema, as the last migration left it.
func (db *DB) SchemaVersion(ctx context.Context) (int64, error) {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return 0, unavailable(err)
	}
	defer tx.Rollback()
	version, err := schemaVersion(pooled{ctx, tx})
	return version, unavailable(err)
}
