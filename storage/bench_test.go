package storage_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/storage"
)

// load is an alert as a webhook brings it: the payload, its row of current
// state, and what correlation writes later. It stands in for package alert, so
// that this package measures itself.
type load struct {
	Key         string            `json:"key"`
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"starts_at"`
	Incident    string            `json:"incident,omitempty"`
}

func (*load) Kind() timeline.Kind { return "bench.received" }
func (l *load) Text() string      { return l.Key }

var loads = timeline.Table[load]{
	Schema: timeline.Schema{Name: "alerts", Columns: []string{"source", "fingerprint", "status", "starts_at", "incident", "name"}},
	Row: func(l load) (string, []any) {
		return l.Key, []any{"alertmanager", l.Key, l.Status, l.StartsAt.UnixMicro(), l.Incident, l.Labels["alertname"]}
	},
}

var loadFold = timeline.Fold{Name: "loads", Tables: []timeline.Schema{loads.Schema}, Apply: func(w timeline.Writer, e timeline.Entry) error {
	if l, ok := e.Payload.(*load); ok {
		return loads.Put(w, *l)
	}
	return nil
}}

func newLoad(n int64) *load {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return &load{Key: "alertmanager/" + hex.EncodeToString(sum[:8]), Status: "firing", StartsAt: time.Date(2026, 11, 1, 0, 0, int(n), 0, time.UTC),
		Labels: map[string]string{"alertname": "postgres/connection-limit", "severity": "page", "instance": fmt.Sprint("10.2.3.4:", n), "namespace": "default",
			"pod": "postgres-7f9d8c6b5-x2x4z", "job": "postgres-exporter", "prometheus": "monitoring/k8s", "number": fmt.Sprint(n)},
		Annotations: map[string]string{"summary": "PostgreSQL has used 97 % of its connections", "description": "The instance 10.2.3.4 has 97 of 100 connections open for more than five minutes.",
			"runbook_url": "https://runbooks.example.org/postgres/connection-limit"}}
}

// receive is what intake does: look for the current row, then record.
func receive(ctx context.Context, codec *timeline.Codec, db timeline.Store, n int64) error {
	l := newLoad(n)
	sealed, err := codec.Seal(l)
	if err != nil {
		return err
	}
	_, err = db.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if _, known, err := loads.Get(v, l.Key); known || err != nil {
			return timeline.Decision{}, err
		}
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Payload: sealed}}}, nil
	})
	return err
}

func benchCodec(tb testing.TB) *timeline.Codec {
	codec, err := timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[load](timeline.Detail)})
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

// diskDir is a folder on the disk that holds the repository, which TMPDIR may not be.
func diskDir(tb testing.TB) string {
	dir, err := os.MkdirTemp(".", ".bench-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// BenchmarkUpdate is 64 callers, each new alert one update. The baseline of the
// same run is a raw append of 4 KiB with fdatasync on the same disk.
func BenchmarkUpdate(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			dir := diskDir(b)
			codec := benchCodec(b)
			db, err := storage.OpenSQLite(b.Context(), filepath.Join(dir, "wardroom.db"), storage.Options{Codec: codec, Folds: []timeline.Fold{loadFold}})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			raw := rawFlushes(b, dir, 300*time.Millisecond)
			var next, commits atomic.Int64
			db.OnCommit(func(timeline.Commit) { commits.Add(1) })
			var group sync.WaitGroup
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			b.ResetTimer()
			for range clients {
				group.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if err := receive(b.Context(), codec, db, n); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.StopTimer()
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			rate := float64(b.N) / b.Elapsed().Seconds()
			cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
			b.ReportMetric(rate, "updates/s")
			b.ReportMetric(raw, "flushes/s")
			b.ReportMetric(rate/raw, "ratio")
			b.ReportMetric(float64(b.N)/float64(commits.Load()), "updates/commit")
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// rawFlushes is how many appends of 4 KiB with fdatasync the disk does a second.
func rawFlushes(tb testing.TB, dir string, long time.Duration) float64 {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	start, n := time.Now(), 0
	for ; time.Since(start) < long; n++ {
		if _, err := f.Write(block); err != nil {
			tb.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			tb.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}
