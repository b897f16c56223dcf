package postmortem_test

import (
	"fmt"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/people"
	"wardroom/bot/postmortem"
	"wardroom/bot/timeline"
)

// fill records n alerts in the log, each of its own fingerprint.
func fill(b *testing.B, r *rig, n int) {
	b.Helper()
	begin := r.clock.Now()
	const batch = 2000
	for from := 0; from < n; from += batch {
		drafts := make([]timeline.Draft, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			drafts = append(drafts, timeline.Draft{Timeline: timeline.Log, Actor: people.Source("alertmanager"), Payload: &alert.Received{Alert: alert.Alert{
				Source: "alertmanager", Fingerprint: fmt.Sprintf("%016x", i), Status: alert.Firing, StartsAt: begin,
				Labels: map[string]string{"alertname": "postgres/connection-limit", "instance": fmt.Sprintf("10.2.1.%d:9187", i%250), "job": "kubernetes-pods",
					"kubernetes_namespace": "default", "kubernetes_node": "lke13311-16405-5fafd1b46dcf", "kubernetes_pod_name": "postgres-599887d778-wggbl", "severity": "page"},
				Annotations:  map[string]string{"summary": "PostgreSQL connection limit reached", "description": "PostgreSQL has 115 of 115 connections in use for more than one minute; new clients are refused."},
				GeneratorURL: "http://prometheus-0:9090/graph?g0.expr=pg_stat_activity_count",
			}}})
		}
		r.record(begin.Add(time.Duration(from)*time.Millisecond), drafts...)
	}
}

// BenchmarkExport compares each export of 100,000 entries with reading them page
// by page and doing nothing else; the goal is a ratio of 2 at the most for JSON.
func BenchmarkExport(b *testing.B) {
	r := newRig(b, time.Date(2021, 7, 11, 0, 30, 0, 0, time.UTC))
	const n = 100_000
	fill(b, r, n)
	loop := func() {
		r.view(func(v timeline.View) {
			seen := 0
			for after := int64(0); ; {
				page, err := v.Entries(timeline.Log, after, 1000)
				if err != nil {
					b.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				seen, after = seen+len(page), page[len(page)-1].Seq
			}
			if seen != n {
				b.Fatalf("%d entries", seen)
			}
		})
	}
	for _, f := range postmortem.Formats {
		b.Run(string(f), func(b *testing.B) {
			var bare, full time.Duration
			size := 0
			for b.Loop() {
				begin := time.Now()
				loop()
				middle := time.Now()
				r.view(func(v timeline.View) {
					_, body, err := postmortem.Export(v, r.codec, timeline.Log, postmortem.Options{Format: f})
					if err != nil {
						b.Fatal(err)
					}
					size = len(body)
				})
				bare, full = bare+middle.Sub(begin), full+time.Since(middle)
			}
			b.ReportMetric(full.Seconds()/bare.Seconds(), "x-bare-loop")
			b.ReportMetric(float64(size)/(1<<20), "MiB")
		})
	}
}
