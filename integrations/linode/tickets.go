package linode

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

const (
	// answersEvery is how often open tickets are read: people answer within hours.
	answersEvery = time.Minute
	// followedFor is how long a ticket is read that nobody closes.
	followedFor = 30 * 24 * time.Hour
	// maxTold bounds one answer in the record, in characters.
	maxTold = 3000
	// ticketPrefix is followed by the ticket's number; its doc is a [followed].
	ticketPrefix = "linode/tickets/"
)

// TicketWatcher reads the answers to the tickets that Wardroom has opened into the
// timelines of their incidents, each once, across restarts, and that a ticket was
// closed. Make it with [Linode.NewTicketWatcher] and run it as a service.
type TicketWatcher struct {
	// Opened are the tickets of the newest runs, with their incidents.
	Opened func(timeline.Reader) (map[int]timeline.ID, error)
	rounds

	cloud   fleet.Support
	store   timeline.Store
	log     *slog.Logger
	failing bool
}

// NewTicketWatcher makes a watcher of the tickets that were opened.
func (l *Linode) NewTicketWatcher(store timeline.Store, log *slog.Logger) *TicketWatcher {
	return &TicketWatcher{rounds: newRounds(l.clock), cloud: l, store: store, log: log}
}

// followed is what is recorded of a ticket.
type followed struct {
	Incident timeline.ID `json:"incident"`
	Since    time.Time   `json:"since"`
	Last     int         `json:"last,omitempty"` // the newest answer that is recorded
	Closed   bool        `json:"closed,omitempty"`
}

// Run follows until ctx ends, and returns nil then. While Linode does not answer it
// tries on; what was answered meanwhile is recorded with its own time later.
func (w *TicketWatcher) Run(ctx context.Context) error { return w.run(ctx, w.look) }

// look reads and records once, and returns when to look again.
func (w *TicketWatcher) look(ctx context.Context) time.Time {
	err := w.all(ctx)
	if failing := err != nil && ctx.Err() == nil; failing != w.failing {
		w.failing = failing
		if failing {
			w.log.Warn("the answers to support tickets cannot be read", slog.Any("error", err))
		} else {
			w.log.Info("the answers to support tickets are read again")
		}
	}
	now := w.clock.Now()
	if at := later(err); at.After(now.Add(answersEvery)) {
		return at
	}
	return now.Add(answersEvery)
}

// all looks at every ticket that is not closed. Without one Linode is not asked.
func (w *TicketWatcher) all(ctx context.Context) error {
	open, err := w.open(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	known, err := w.cloud.Tickets(ctx)
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(open)) {
		replies, err := w.cloud.Replies(ctx, number)
		if err != nil {
			return err
		}
		closed := slices.ContainsFunc(known, func(t fleet.SupportTicket) bool { return t.Number == number && t.Closed() })
		if err := w.record(ctx, number, open[number], replies, closed); err != nil {
			return err
		}
	}
	return nil
}

// open are the tickets that are still to be read, also those that were just opened.
func (w *TicketWatcher) open(ctx context.Context) (open map[int]followed, err error) {
	err = w.store.View(ctx, func(v timeline.View) error {
		open = map[int]followed{}
		opened, err := w.Opened(v)
		if err != nil {
			return err
		}
		for number, id := range opened {
			open[number] = followed{Incident: id, Since: v.Now()}
		}
		docs, err := v.Scratch(ticketPrefix)
		for key, doc := range docs {
			var number int
			var f followed
			if _, err := fmt.Sscanf(strings.TrimPrefix(key, ticketPrefix), "%d", &number); err != nil {
				return fmt.Errorf("linode: scratch note %q: %w", key, err)
			}
			if err := json.Unmarshal(doc, &f); err != nil {
				return fmt.Errorf("linode: what is recorded of ticket %d: %w", number, err)
			}
			if open[number] = f; f.Closed || v.Now().Sub(f.Since) > followedFor {
				delete(open, number)
			}
		}
		return err
	})
	return open, err
}

// record appends what is new. What was recorded is read again inside the door, so that
// nothing is told twice.
func (w *TicketWatcher) record(ctx context.Context, number int, f followed, replies []fleet.TicketReply, closed bool) error {
	key := fmt.Sprintf("%s%d", ticketPrefix, number)
	_, err := w.store.Update(ctx, func(v timeline.View) (d timeline.Decision, err error) {
		now := f
		docs, err := v.Scratch(key)
		if err != nil {
			return d, err
		}
		before, known := docs[key]
		if known {
			if err := json.Unmarshal(before, &now); err != nil {
				return d, fmt.Errorf("linode: what is recorded of ticket %d: %w", number, err)
			}
		}
		tell := func(at time.Time, status, text string) {
			if at.After(v.Now()) { // its clock and ours differ
				at = time.Time{}
			}
			d.Entries = append(d.Entries, timeline.Draft{Timeline: now.Incident, OccurredAt: at, Actor: people.Provider("linode"),
				Payload: &fleet.Observed{What: "ticket", Status: status, Object: fmt.Sprintf("ticket %d", number), Message: text}})
		}
		for _, r := range replies {
			if r.ID <= now.Last {
				continue
			}
			now.Last = r.ID
			tell(r.At, "answered", told(r))
		}
		if closed && !now.Closed {
			now.Closed = true
			tell(time.Time{}, "closed", ticketPage+fmt.Sprint(number))
		}
		if known && len(d.Entries) == 0 {
			return timeline.Decision{}, nil
		}
		doc, err := json.Marshal(now)
		d.Scratch = []timeline.ScratchPut{{Key: key, Doc: doc}}
		return d, err
	})
	return err
}

// told is an answer as it is recorded: whose it is, less what may be a secret, and
// less what a terminal would not print as text.
func told(r fleet.TicketReply) string {
	text, _ := timeline.Redact(r.Text)
	if runes := []rune(room.Plain(text)); len(runes) > maxTold {
		text = string(runes[:maxTold]) + "…"
	} else {
		text = string(runes)
	}
	if !r.Support {
		return r.By + ": " + text
	}
	return text
}
