package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the bare loop reads the file as the product does
)

// ticks is CPU time spent, in clock ticks: by the whole machine, and by the
// load generator and the server.
type ticks struct{ all, busy, ours float64 }

// cpu reads the kernel's counters; source: proc(5).
func cpu(server int) ticks {
	var t ticks
	stat, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(first) {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			continue
		}
		if t.all += n; i != 4 && i != 5 { // idle and iowait
			t.busy += n
		}
	}
	for _, pid := range []int{server, os.Getpid()} {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(line), ") ")
		fields := strings.Fields(after)
		if len(fields) > 12 {
			user, _ := strconv.ParseFloat(fields[11], 64)
			system, _ := strconv.ParseFloat(fields[12], 64)
			t.ours += user + system
		}
	}
	return t
}

// others is the share of the machine that somebody else used since before.
func (t ticks) others(before ticks) float64 {
	all := t.all - before.all
	if all <= 0 {
		return 0
	}
	return max(0, (t.busy-before.busy)-(t.ours-before.ours)) / all
}

// bareLoop reads every row of the log with its payload and does nothing with it.
func bareLoop(ctx context.Context, path string) (time.Duration, int, error) {
	begin := time.Now()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, bareQuery)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var seq, occurred, recorded int64
		var kind, actor, cause, body string
		if err := rows.Scan(&seq, &kind, &occurred, &recorded, &actor, &cause, &body); err != nil {
			return 0, 0, err
		}
		n++
	}
	return time.Since(begin), n, rows.Err()
}

const bareQuery = `SELECT e.seq, e.kind, e.occurred_at, e.recorded_at, e.actor, e.cause, p.body
FROM entries e JOIN payloads p ON p.pos = e.pos WHERE e.timeline = 'log' ORDER BY e.seq`
