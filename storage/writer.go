package storage

import (
	"bufio"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// healInterval is how often a failing database is tried again. It waits on the
// disk, so it runs on real time.
const healInterval = 3 * time.Second

// writer is the one goroutine that writes. Everything in it belongs to that goroutine.
type writer struct {
	db   *DB
	s    connection
	salt *bufio.Reader
	view *view

	// What the open transaction has decided; written once per commit.
	heads   map[timeline.ID]*head
	cursors map[cursorKey]int64
	pos     int64            // of the newest entry; -1 when it must be read
	moved   []*head          // by the open transaction
	logged  []timeline.Entry // what the log gained in it
	wrote   bool             // something in the open transaction
	timed   bool             // it sets or clears timers
	erased  bool             // a payload was deleted: the WAL must be emptied after the commit

	committed func() // what the engine does after each commit; may be nil

	truncate bool // an emptying of the WAL is still owed
	group    []*request
	last     int // how many shared the last commit
}

type head struct {
	timeline.Head
	moved bool            // in writer.moved
	first int64           // the first entry of the open transaction
	kinds []timeline.Kind // of its entries, each once
}

type cursorKey struct {
	follower string
	timeline timeline.ID
}

func newWriter(db *DB, s connection) *writer {
	w := &writer{db: db, s: s, salt: bufio.NewReaderSize(db.opts.Rand, 1024), pos: -1,
		heads: map[timeline.ID]*head{}, cursors: map[cursorKey]int64{}}
	w.view = &view{db: db, q: s, w: w, rows: newRows(s)}
	return w
}

func (w *writer) loop() {
	defer close(w.db.stopped)
	heal := time.NewTimer(w.db.opts.heal)
	defer heal.Stop()
	for {
		select {
		case r := <-w.db.queue:
			w.take(r)
		case <-heal.C:
			if w.db.failing.Load() != nil {
				w.heal()
			}
			if w.truncate {
				w.emptyWAL()
			}
			heal.Reset(w.db.opts.heal)
		case <-w.db.closing:
			for {
				select {
				case r := <-w.db.queue:
					w.take(r)
					continue
				default:
				}
				return
			}
		}
	}
}

// take runs r together with everything that is queued.
func (w *writer) take(r *request) {
	w.group = append(w.group[:0], r)
	w.run(w.group, true)
	clear(w.group)
	if w.truncate {
		w.emptyWAL()
	}
}

// run records a group in one transaction; a growing group takes in more of what
// is queued. When a caller fails after something of it was
// written, the transaction is undone and the others run one by one.
func (w *writer) run(group []*request, growing bool) {
	if err := w.s.begin(); err != nil {
		w.fail(group, err)
		return
	}
	w.logged = nil
	began := time.Now()
	for i := 0; ; i++ {
		if i == len(group) && growing {
			group = w.more(group, began)
			w.group = group
		}
		if i == len(group) {
			break
		}
		r := group[i]
		if !r.state.CompareAndSwap(queued, running) && !r.state.CompareAndSwap(committing, running) {
			continue // its caller has left
		}
		if err := r.ctx.Err(); err != nil {
			r.err = err
			continue
		}
		r.entries, r.err = nil, nil
		spoiled := w.one(r)
		r.state.CompareAndSwap(running, committing)
		if r.err == nil || !spoiled {
			continue
		}
		w.rollback()
		if engineFault(r.err) != nil {
			w.fail(group, r.err)
			return
		}
		close(r.done)
		w.each(group[:i])
		w.each(group[i+1:])
		return
	}
	w.last = len(group)
	if err := w.conclude(growing); err != nil {
		w.rollback()
		switch {
		case engineFault(err) != nil:
			w.fail(group, err)
		case growing: // somebody's rows cannot be written: find out whose
			w.each(group)
		default:
			group[0].entries, group[0].err = nil, err
			close(group[0].done)
		}
		return
	}
	if err := w.commit(); err != nil {
		w.rollback()
		w.fail(group, err)
		return
	}
	for _, r := range group {
		close(r.done)
	}
}

// conclude lets the log's followers decide, in a transaction that several share,
// and writes the rows that changed.
func (w *writer) conclude(shared bool) error {
	if shared {
		if err := w.followLog(); err != nil {
			return err
		}
	}
	return w.view.rows.flush()
}

func (w *writer) each(group []*request) {
	for _, r := range group {
		w.run([]*request{r}, false)
	}
}

// one runs one caller in the open transaction. It reports whether the
// transaction holds a part of what failed, or cannot go on.
func (w *writer) one(r *request) (spoiled bool) {
	defer func() {
		if p := recover(); p != nil {
			w.db.opts.Log.Error("an update panicked", "panic", p, "stack", string(debug.Stack()))
			r.entries, r.err = nil, fmt.Errorf("storage: an update panicked: %v", p)
		}
	}()
	w.view.now = w.db.now()
	decision, err := r.decide(w.view)
	if err != nil {
		r.err = err
		return engineFault(err) != nil
	}
	plan, err := w.plan(decision)
	if err != nil {
		r.err = err
		return engineFault(err) != nil
	}
	spoiled = true // whatever fails or panics from here on
	if r.err = w.record(plan); r.err == nil {
		r.entries = plan.asked()
		spoiled = false
	}
	return spoiled
}

// commit writes heads and cursors and makes the transaction durable. Whatever
// follows from the commit is told before the callers are.
func (w *writer) commit() error {
	for _, h := range w.moved {
		err := w.s.exec(`INSERT INTO timelines (timeline, seq, hash, recorded_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (timeline) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, recorded_at = excluded.recorded_at`,
			string(h.Timeline), h.Seq, h.Hash[:], h.RecordedAt.UnixMicro())
		if err != nil {
			return err
		}
	}
	for c, seq := range w.cursors {
		err := w.s.exec(`INSERT INTO cursors (follower, timeline, seq) VALUES ($1, $2, $3)
			ON CONFLICT (follower, timeline) DO UPDATE SET seq = excluded.seq`, c.follower, string(c.timeline), seq)
		if err != nil {
			return err
		}
		w.wrote = true
	}
	if err := w.s.commit(); err != nil {
		return err
	}
	if w.wrote {
		w.db.failing.Store(nil)
	}
	if w.erased {
		w.truncate = true
	}
	told := timeline.Commit{Pos: w.pos, Timers: w.timed, Gained: make([]timeline.Gain, len(w.moved))}
	for i, h := range w.moved {
		h.moved = false
		w.db.recordedAt(h.RecordedAt)
		told.Gained[i] = timeline.Gain{Timeline: h.Timeline, First: h.first, Last: h.Seq, Kinds: h.kinds}
	}
	for c, seq := range w.cursors {
		told.Cursors = append(told.Cursors, timeline.Cursor{Follower: c.follower, Timeline: c.timeline, Seq: seq})
	}
	clear(w.cursors)
	w.view.rows.trim()
	w.moved, w.wrote, w.timed, w.erased = w.moved[:0], false, false, false
	if w.truncate {
		w.emptyWAL()
	}
	if w.committed != nil {
		w.committed()
	}
	if len(told.Gained) > 0 {
		w.db.announce(told)
	}
	return nil
}

// rollback undoes the open transaction and forgets what was known of it.
func (w *writer) rollback() {
	// The engine may have rolled back by itself already; then this fails, rightly.
	_ = w.s.rollback()
	clear(w.heads)
	clear(w.cursors)
	w.view.rows.forget()
	w.pos, w.moved, w.wrote, w.timed, w.erased = -1, w.moved[:0], false, false, false
}

// fail answers everybody in the group: the database could not take their updates.
func (w *writer) fail(group []*request, err error) {
	p := engineFault(err)
	if p == nil {
		p = problem.New(problem.Unavailable, "the database did not take the entries").Because(err)
	}
	if w.db.failing.Swap(p) == nil {
		w.db.opts.Log.Error("the database cannot record", "err", p, "hint", p.Hint)
	}
	for _, r := range group {
		select {
		case <-r.done: // answered before
			continue
		default:
		}
		if r.err == nil || !errors.Is(r.err, r.ctx.Err()) {
			r.entries, r.err = nil, p
		}
		close(r.done)
	}
}

// heal tries to write something, so that a disk that was full is noticed to be
// free again although nobody sends.
func (w *writer) heal() {
	err := w.s.begin()
	if err == nil {
		err = w.s.exec("INSERT INTO meta (key, value) VALUES ('healed', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			w.db.now().Format(time.RFC3339Nano))
		w.wrote = true
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.rollback()
		return
	}
	w.db.opts.Log.Info("the database records again")
}

// emptyWAL removes erased bytes from the WAL. A reader of an older state can be
// in the way; then it is tried again after the next commit and every few seconds.
func (w *writer) emptyWAL() {
	done, err := w.db.engine.emptyLog(w.s)
	if err != nil {
		w.db.opts.Log.Error("erased content is still in the write-ahead log", "err", err)
		return
	}
	w.truncate = !done
}

func (w *writer) head(id timeline.ID) (*head, error) {
	if h := w.heads[id]; h != nil {
		return h, nil
	}
	stored, _, err := readHead(w.s, id)
	if err != nil {
		return nil, err
	}
	stored.Timeline = id
	h := &head{Head: stored}
	w.heads[id] = h
	return h, nil
}

func (w *writer) lastPos() (int64, error) {
	if w.pos >= 0 {
		return w.pos, nil
	}
	pos, err := readLastPos(w.s)
	if err == nil {
		w.pos = pos
	}
	return pos, err
}
