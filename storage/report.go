package storage

import (
	"fmt"
	"io"

	"wardroom/bot/timeline"
)

// Report is what [DB.Verify] found. The database is whole when Faults is empty.
type Report struct {
	Heads   []timeline.Head // the log first, then incidents by number
	Entries int64           // how many were read
	Erased  int64           // how many of them had their payload erased, rightly
	Rebuilt bool            // current state was folded anew and compared
	Faults  []Fault         // in the order in which they were found, at most 100
	Open    []OpenTail      // timelines for which no outside head was given
}

// Fault is one thing that is not as it was recorded.
type Fault struct {
	Entry timeline.Ref // the entry; zero when it is about a table of current state
	Pos   int64        // its position; 0 when it is about an entry that is not there
	Text  string       // one sentence for people
}

func (f Fault) String() string {
	if f.Entry.IsZero() {
		return f.Text
	}
	return f.Entry.String() + ": " + f.Text
}

// OpenTail says that entries could have been cut off the end of a timeline
// without a trace in the database: only a head kept outside would tell.
type OpenTail struct {
	Timeline timeline.ID
	Since    int64 // the newest entry whose hash the log records; 0 when it records none
}

func (o OpenTail) String() string {
	if o.Since == 0 {
		return fmt.Sprintf("%s: no head of it is recorded in the log; without one from outside, a tail could have been cut", o.Timeline)
	}
	return fmt.Sprintf("%s: the log records its head at #%d; without one from outside, what followed could have been cut", o.Timeline, o.Since)
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// WriteTo prints the report for people: heads, what could not be told, faults.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var n int64
	line := func(format string, args ...any) error {
		k, err := fmt.Fprintf(w, format+"\n", args...)
		n += int64(k)
		return err
	}
	for _, h := range r.Heads {
		if err := line("%s #%d %s", h.Timeline, h.Seq, h.Hash); err != nil {
			return n, err
		}
	}
	if err := line("%d entries, %d erased", r.Entries, r.Erased); err != nil {
		return n, err
	}
	if r.Rebuilt {
		if err := line("current state was folded anew"); err != nil {
			return n, err
		}
	}
	for _, o := range r.Open {
		if err := line("note: %s", o); err != nil {
			return n, err
		}
	}
	for _, f := range r.Faults {
		if err := line("FAULT: %s", f); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *Report) fault(ref timeline.Ref, pos int64, format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{Entry: ref, Pos: pos, Text: fmt.Sprintf(format, args...)})
	}
}
