package storage_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/storage"
)

// BenchmarkSoak fills a database with SOAK entries (800,000 unless told), then
// opens it, exports and verifies it. It prints what a person compares with the
// goals: start to ready, the last window beside the first, memory of a verify.
func BenchmarkSoak(b *testing.B) {
	total := 800_000
	if s := os.Getenv("SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		total = n
	}
	if b.N > 1 {
		b.Skip("once is enough")
	}
	dir, codec := diskDir(b), benchCodec(b)
	path := filepath.Join(dir, "wardroom.db")
	opts := storage.Options{Codec: codec, Folds: []timeline.Fold{loadFold}}
	db, err := storage.OpenSQLite(b.Context(), path, opts)
	if err != nil {
		b.Fatal(err)
	}
	const windows = 8
	var rates [windows]float64
	var next atomic.Int64
	for w := range windows {
		began, end := time.Now(), int64(total/windows*(w+1))
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				for {
					n := next.Add(1)
					if n > end {
						next.Add(-1)
						return
					}
					if err := receive(b.Context(), codec, db, n); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		rates[w] = float64(total/windows) / time.Since(began).Seconds()
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("windows of %d updates: %.0f a second; %d MiB, %d bytes an entry", total/windows, rates, info.Size()>>20, info.Size()/int64(total))
	b.ReportMetric(rates[windows-1]/rates[0], "last/first")

	began := time.Now()
	if db, err = storage.OpenSQLite(b.Context(), path, opts); err != nil {
		b.Fatal(err)
	}
	if err := receive(b.Context(), codec, db, int64(total)+1); err != nil {
		b.Fatal(err)
	}
	start := time.Since(began)
	b.ReportMetric(float64(start.Microseconds())/1000, "start-ms")
	if start > 100*time.Millisecond {
		b.Errorf("start to the first recorded entry took %s, the goal is 100 ms", start)
	}

	began = time.Now()
	read := 0
	err = db.View(b.Context(), func(v timeline.View) error {
		for after := int64(0); read < 100_000; after += 1000 {
			list, err := v.Entries(timeline.Log, after, 1000)
			if err != nil || len(list) == 0 {
				return err
			}
			read += len(list)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "read-100k-ms")

	for _, rebuild := range []bool{false, true} {
		var peak atomic.Uint64
		stop := make(chan struct{})
		go watchHeap(&peak, stop)
		began = time.Now()
		report, err := db.Verify(b.Context(), storage.VerifyOptions{Rebuild: rebuild})
		close(stop)
		if err != nil || !report.OK() {
			b.Fatal(report.Faults, err)
		}
		name := map[bool]string{false: "verify", true: "rebuild"}[rebuild]
		b.ReportMetric(time.Since(began).Seconds(), name+"-s")
		b.ReportMetric(float64(peak.Load()>>20), name+"-heap-MiB")
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

func watchHeap(peak *atomic.Uint64, stop chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
		}
	}
}
