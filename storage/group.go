package storage

import (
	"runtime"
	"time"
)

// maxGroup bounds how many updates share a commit.
const maxGroup = 512

// minGroup is how many may always share one.
const minGroup = 16

// maxGather bounds how long a group takes in further updates before it commits.
const maxGather = 5 * time.Millisecond

// maxYields bounds how often the writer steps aside for callers on their way.
const maxYields = 4

// more appends what was queued in the meantime, until the group is large or the first
// in it has waited long enough. Callers that the last commit answered are likely to
// come back at once: while fewer are here than then, they are given the processor
// before the group is closed, which costs less than a flush.
func (w *writer) more(group []*request, began time.Time) []*request {
	before := len(group)
	if before >= w.most(before) || time.Since(began) > w.db.opts.gather {
		return group
	}
	for yields := 0; len(group) < w.most(len(group)); {
		select {
		case next := <-w.db.queue:
			group = append(group, next)
			continue
		default:
		}
		if len(group) > before || len(group) >= w.last || yields == maxYields {
			break
		}
		yields++
		runtime.Gosched()
	}
	return group
}

// most is how many may share a commit when so many do and others wait. Some are left
// for the next one, which the writer works on while these are answered and come back:
// were all of them in one group, they and the writer would wait for each other in turn.
func (w *writer) most(group int) int {
	return min(maxGroup, max(minGroup, (group+len(w.db.queue))*5/8))
}
