package room

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"wardroom/bot/timeline"
)

// Transcript is a poster that appends what rooms would show to a writer, line by
// line. It makes nothing outside that could be made twice: it remembers how far
// it has written, so a repeated delivery adds nothing while the process lives.
type Transcript struct {
	// All also writes detail entries.
	All bool

	w     io.Writer
	codec *timeline.Codec
	clock timeline.Clock

	mu      sync.Mutex
	printer Printer
	last    map[timeline.ID]int64
}

var _ timeline.Poster = (*Transcript)(nil)

// NewTranscript writes times in zone; nil is UTC. The clock tells which posts
// are stale.
func NewTranscript(w io.Writer, codec *timeline.Codec, zone *time.Location, clock timeline.Clock) *Transcript {
	return &Transcript{w: w, codec: codec, clock: clock, printer: Printer{Clock: Clock{zone}, AlwaysDate: true}, last: map[timeline.ID]int64{}}
}

// Post implements [timeline.Poster]. It keeps no record in the timeline.
func (t *Transcript) Post(_ context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var posts []Post
	for _, e := range d.Entries {
		if p := PostOf(t.codec, e); e.Seq > t.last[d.Timeline] && (p.Key || t.All) {
			posts = append(posts, p)
		}
	}
	var b strings.Builder
	for _, m := range Messages(posts, t.clock.Now()) {
		indent := ""
		if m.Stale {
			fmt.Fprintf(&b, "%s  %d entries while nobody could be told:\n", d.Timeline, len(m.Posts))
			indent = "  "
		}
		for _, line := range t.printer.Lines(m.Posts...) {
			if strings.HasPrefix(line, "-- ") {
				b.WriteString(indent + line + "\n")
				continue
			}
			fmt.Fprintf(&b, "%s%s  %s\n", indent, d.Timeline, line)
		}
	}
	if b.Len() > 0 {
		if _, err := io.WriteString(t.w, b.String()); err != nil {
			return nil, fmt.Errorf("write transcript: %w", err)
		}
	}
	if n := len(d.Entries); n > 0 {
		t.last[d.Timeline] = max(t.last[d.Timeline], d.Entries[n-1].Seq)
	}
	return nil, nil
}
