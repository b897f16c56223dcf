package command

import (
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// NewRequest makes a request without a [Runner]: for the forms that a surface
// builds from stored state, and for the tests of a handler. The values are of
// the types that the accessors return; one of another type counts as absent.
func NewRequest(c *Command, caller Caller, now time.Time, zone *time.Location, values map[string]any) Request {
	return Request{Command: c, Caller: caller, Now: now, Zone: zone, values: values}
}

// Has reports whether the option was given, has a default or was resolved.
func (r Request) Has(name string) bool { _, ok := r.values[name]; return ok }

// String returns the text of a String or the chosen word of a Choice; "" when absent.
func (r Request) String(name string) string { return get[string](r, name) }

// Int returns the number; 0 when absent.
func (r Request) Int(name string) int { return get[int](r, name) }

// Bool returns the truth; false when absent.
func (r Request) Bool(name string) bool { return get[bool](r, name) }

// Time returns the instant, in UTC; zero when absent.
func (r Request) Time(name string) time.Time { return get[time.Time](r, name) }

// Duration returns the length, at least 0; 0 when absent.
func (r Request) Duration(name string) time.Duration { return get[time.Duration](r, name) }

// Incident returns an incident that exists: the one named, the room's, or the
// only open one; "" when the option's default is "none" and it was left out.
func (r Request) Incident(name string) timeline.ID { return get[timeline.ID](r, name) }

// Entry returns an entry that exists; the zero Ref when absent.
func (r Request) Entry(name string) timeline.Ref { return get[timeline.Ref](r, name) }

// Person returns somebody the configuration knows; the zero Person when absent.
func (r Request) Person(name string) people.Person { return get[people.Person](r, name) }

// Actor is who asked, as entries name them.
func (r Request) Actor() people.Actor { return r.Caller.Actor }

// FormatTime says an instant to whoever asked: in the team's zone and in UTC,
// with the date only when it is not today's.
func (r Request) FormatTime(t time.Time) string { return formatTime(t, r.Now, r.Zone) }

// TypeTime writes an instant as a person would type it to whoever asked, for a
// form to propose: the shortest of "00:25" and "2021-07-11 00:25" that reads back
// as the same instant, and goes on to do so while the form lies open.
func (r Request) TypeTime(t time.Time) string {
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	parse, away := ParseTime, r.Now.Sub(t)
	if t.After(r.Now) {
		parse, away = ParseFutureTime, -away
	}
	// A clock time means another day once the last or the next one is meant.
	const bare = 20 * time.Hour
	for _, layout := range []string{"15:04", "15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		text := t.In(zone).Format(layout)
		if away > bare && len(layout) <= len("15:04:05") {
			continue
		}
		if back, err := parse(text, r.Now, zone); err == nil && back.Equal(t) {
			return text
		}
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func get[T any](r Request, name string) T {
	v, _ := r.values[name].(T)
	return v
}
