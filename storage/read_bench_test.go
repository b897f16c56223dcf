package storage_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/storage"
)

// BenchmarkRead pages through a timeline as an export does. The bare loop beside
// it reads the same bodies and decodes nothing.
func BenchmarkRead(b *testing.B) {
	const entries = 20_000
	codec := benchCodec(b)
	path := filepath.Join(b.TempDir(), "wardroom.db")
	db, err := storage.OpenSQLite(b.Context(), path, storage.Options{Codec: codec})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for n := 0; n < entries; {
		var drafts []timeline.Draft
		for range 1000 {
			n++
			drafts = append(drafts, timeline.Draft{Timeline: timeline.Log, Payload: newLoad(int64(n))})
		}
		if _, err := db.Update(b.Context(), func(timeline.View) (timeline.Decision, error) { return timeline.Decision{Entries: drafts}, nil }); err != nil {
			b.Fatal(err)
		}
	}
	bare, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			err := db.View(b.Context(), func(v timeline.View) error {
				for after := int64(0); after < entries; after += 1000 {
					if list, err := v.Entries(timeline.Log, after, 1000); err != nil || len(list) != 1000 {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/entries/float64(time.Microsecond), "µs/entry")
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			rows, err := bare.Query("SELECT e.pos, e.timeline, e.seq, e.kind, e.occurred_at, e.recorded_at, e.actor, e.hash, p.body FROM entries e JOIN payloads p ON p.pos = e.pos ORDER BY e.pos")
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
				var pos, seq, occurred, recorded int64
				var id, kind, actor string
				var hash, body []byte
				if err := rows.Scan(&pos, &id, &seq, &kind, &occurred, &recorded, &actor, &hash, &body); err != nil {
					b.Fatal(err)
				}
			}
			rows.Close()
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/entries/float64(time.Microsecond), "µs/entry")
	})
}
