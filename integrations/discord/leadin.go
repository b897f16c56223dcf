package discord

import (
	"context"
	"sync"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// leadInWait is how long the answer to a declaration waits for the room, on the
// machine's clock: it is made beside the answer, in a second or two.
const leadInWait = 30 * time.Second

// openings wakes those who wait for a room to be opened.
type openings struct {
	mu     sync.Mutex
	signal chan struct{}
}

func (o *openings) next() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.signal == nil {
		o.signal = make(chan struct{})
	}
	return o.signal
}

// committed follows the store; it only passes a signal on.
func (o *openings) committed(c timeline.Commit) {
	for _, g := range c.Gained {
		for _, k := range g.Kinds {
			if k == (&room.Opened{}).Kind() {
				o.mu.Lock()
				if o.signal != nil {
					close(o.signal)
					o.signal = nil
				}
				o.mu.Unlock()
				return
			}
		}
	}
}

// leadIn adds the way into the room to the answer of what opened an incident
// somewhere else. When the room does not come in time the answer stays as it is.
func (x *exchange) leadIn(ctx context.Context, ask command.Ask, o outcome) {
	id, err := x.opened(ctx, ask)
	if err != nil || id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leadInWait)
	defer cancel()
	for {
		signal := x.bot.openings.next()
		var place room.Place
		is := false
		err := x.bot.store.View(ctx, func(v timeline.View) (err error) {
			place, is, err = room.PlaceOf(v, chat, id)
			return err
		})
		if err != nil {
			return
		}
		if is {
			m := o.messages[0]
			m.Content = withLine(m.Content, "Room: <#"+place.Channel+">")
			if _, err := x.bot.rest.EditOriginal(ctx, x.app(), x.i.Token, m, o.filesOf(0)...); err != nil {
				x.log.Info("the way into the room could not be added", "error", err)
			}
			return
		}
		x.bot.flight.end() // whoever makes the room waits for nobody here
		select {
		case <-signal:
		case <-ctx.Done():
		}
		x.bot.flight.begin()
		if ctx.Err() != nil {
			return
		}
	}
}

// opened is the incident that a request opened; "" when it opened none.
func (x *exchange) opened(ctx context.Context, ask command.Ask) (id timeline.ID, err error) {
	err = x.bot.store.View(ctx, func(v timeline.View) error {
		ref, held, err := v.Claim(command.InteractionClaim(ask.ID))
		if err != nil || !held {
			return err
		}
		caused, err := v.CausedBy(ref)
		for _, e := range caused {
			if e.Kind == "incident.declared" {
				id = e.Timeline
			}
		}
		return err
	})
	return id, err
}

// withLine puts a line below content where both fit into a message.
func withLine(content, line string) string {
	if len([]rune(content))+len(line)+1 > 2000 {
		return content
	}
	return content + "\n" + line
}
