package storage

import "context"

// SchemaVersion is the version of the file's schema, as the last migration left it.
func (db *DB) SchemaVersion(ctx context.Context) (version int64, err error) {
	err = db.pool.read(ctx, func(q querier) error {
		version, err = db.engine.version(q)
		return err
	})
	return version, unavailable(err)
}
