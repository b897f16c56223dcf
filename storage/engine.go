package storage

import (
	"context"
	"slices"

	"wardroom/bot/timeline"
)

// engine is what one kind of database does in a way of its own. Everything else is
// the same SQL for all of them.
type engine interface {
	// reader opens a connection for views: it cannot write.
	reader() (connection, error)
	// verifier opens a connection that reads, and may make temporary tables.
	verifier() (connection, error)
	// columns lists what a table holds; empty when there is none.
	columns(q querier, table string) ([]string, error)
	// version is the newest migration that was applied; 0 for an empty database. It
	// refuses one that holds something else.
	version(q querier) (int64, error)
	// checkFile lets the engine look for damage by itself, checkGuards for the triggers
	// that keep entries as they were written.
	checkFile(ctx context.Context, q querier, report *Report) error
	checkGuards(ctx context.Context, q querier, report *Report) error
	// shadow makes an empty temporary table like the one of this name, which hides it;
	// real and shadowed name the two.
	shadow(q querier, table string) error
	real(table string) string
	shadowed(table string) string
	// emptyLog takes erased bytes out of the engine's log, where that can be done. It
	// reports false when somebody was in the way: it is called again then.
	emptyLog(q querier) (done bool, err error)
}

// guards are the triggers that keep entries as they were written.
var guards = []string{"entries_no_update", "entries_no_delete", "payloads_no_update", "payloads_no_delete", "erasures_no_update", "erasures_no_delete"}

// missingGuards reports those, and more of an engine's own, that are not among what
// the database has.
func missingGuards(have map[string]bool, report *Report, more ...string) {
	for _, g := range slices.Concat(guards, more) {
		if !have[g] {
			report.fault(timeline.Ref{}, 0, "the guard %s was removed from the database", g)
		}
	}
}
