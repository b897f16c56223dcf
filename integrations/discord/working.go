package discord

import (
	"time"

	"wardroom/bot/room"
)

// flicker is how long a lost connection is nobody's concern: most are back at once,
// and nothing is missed.
const flicker = 10 * time.Second

// Working is whether people can act in Discord now: "Discord ✗ it does not answer
// since 00:50: no buttons and commands here".
func (b *Bot) Working() room.Working {
	return b.session.state.working(b.clock.Now())
}

// Connected reports whether the connection to the gateway is up this moment, short
// losses included: for graphs, where [Bot.Working] is for people.
func (b *Bot) Connected() bool {
	b.session.state.mu.Lock()
	defer b.session.state.mu.Unlock()
	return b.session.state.up
}

func (s *state) working(now time.Time) room.Working {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := room.Working{Name: "Discord", OK: s.up, Since: s.since}
	switch {
	case s.up:
		w.Why = s.lacking
	case s.was && now.Sub(s.since) < flicker && s.fatal == nil:
		w.OK = true
	default:
		if w.Why = s.why; w.Since.IsZero() {
			w.Why = "no Wardroom server runs" // a single command shows this
		}
		w.Means = "no buttons and commands there; the shell and the console work"
	}
	return w
}

// lack notes what is missing although the connection works; "" is nothing.
func (s *state) lack(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacking = what
}
