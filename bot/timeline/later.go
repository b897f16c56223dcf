package timeline

import (
	"errors"
	"time"
)

// Later is an error of a follower that knows when to try again: a rate limit, an
// outage with an end. Until then the follower goes on in other timelines.
//
// A [Poster] that returns it may have delivered some of the entries before: what it
// returns besides is recorded, and the cursor moves to the last entry that this
// names. So a poster that may send one message a second keeps none of them twice.
type Later struct {
	At  time.Time // on the follower's clock
	Err error
}

func (l *Later) Error() string { return l.Err.Error() }
func (l *Later) Unwrap() error { return l.Err }

// laterAt returns when err asks to be tried again; zero when it does not say.
func laterAt(err error) time.Time {
	if l, ok := errors.AsType[*Later](err); ok {
		return l.At
	}
	return time.Time{}
}
