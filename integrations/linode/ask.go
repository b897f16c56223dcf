package linode

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linode/linodego"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// readTries is how often a read is sent at the most.
const readTries = 3

// read asks Linode something, and again when no usable answer came: a read may be
// repeated. It is not when Linode asked to slow down or says that it is under
// maintenance; see refusal.
func (l *Linode) read(ctx context.Context, what string, ask func(context.Context, *linodego.Client) error) error {
	return l.readWith(ctx, l.reads, what, ask)
}

func (l *Linode) readWith(ctx context.Context, c *linodego.Client, what string, ask func(context.Context, *linodego.Client) error) error {
	if err := l.state.held(l.clock.Now()); err != nil {
		return err
	}
	for try := 1; ; try++ {
		x, err := l.once(ctx, c, ask)
		failure := l.judge(what, x, err)
		if failure == nil || try == readTries || !again(x) || ctx.Err() != nil {
			l.state.note(l.clock.Now(), x, failure)
			return failure
		}
		if stopped := wait(ctx, l.pause<<(try-1)); stopped != nil {
			l.state.note(l.clock.Now(), x, failure)
			return failure
		}
	}
}

// change asks Linode to change something. It is sent exactly once. The error is a
// [fleet.Maybe] when it may have been carried out all the same.
func (l *Linode) change(ctx context.Context, what string, ask func(context.Context, *linodego.Client) error) error {
	if l.acts == nil {
		return problem.New(problem.Forbidden, "Wardroom holds no credential that may change something at Linode").
			WithHint("set linode.act_token_file; until then do it by hand with the commands of the plan")
	}
	return l.changeWith(ctx, l.acts, what, ask)
}

func (l *Linode) changeWith(ctx context.Context, c *linodego.Client, what string, ask func(context.Context, *linodego.Client) error) error {
	if err := l.state.held(l.clock.Now()); err != nil {
		return err
	}
	x, _ := l.once(ctx, c, ask)
	var failure error
	if !x.accepted() { // what the library makes of an accepted one is no failure
		failure = l.judge(what, x, nil)
	}
	l.state.note(l.clock.Now(), x, failure)
	if failure != nil && perhapsDone(x) {
		return &fleet.Maybe{Err: failure}
	}
	return failure
}

// once sends one request and returns what came over the wire and what the library
// made of it.
func (l *Linode) once(ctx context.Context, c *linodego.Client, ask func(context.Context, *linodego.Client) error) (*exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	ctx, x := follow(ctx)
	err := ask(ctx, c)
	if x.status == 0 && x.err == nil {
		x.err = err // it ended before anything was sent
	}
	return x, err
}

// judge turns an exchange into nil or a problem. A problem of the caller's own, as
// of an answer that cannot be right, comes back as it is.
func (l *Linode) judge(what string, x *exchange, err error) error {
	if x.accepted() && x.err == nil {
		if err == nil {
			return nil
		}
		if p, ok := errors.AsType[*problem.Error](err); ok {
			return p
		}
		return unavailable("Linode's answer about %s cannot be read", what).Because(err)
	}
	return refusal(what, x, l.clock.Now())
}

// again reports whether a read that ended like this may succeed at once.
func again(x *exchange) bool {
	switch x.status {
	case 0, http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	case http.StatusServiceUnavailable:
		return x.header.Get(maintenanceHeader) == ""
	case http.StatusBadRequest:
		return x.reason == "" // not Linode's own: the page of a proxy in front of it
	}
	return x.accepted() && x.err != nil // the answer broke off
}

// perhapsDone reports whether a change that was not accepted may have been carried
// out: the answer was lost, or is one that something in front of Linode gives
// whatever became of the request.
func perhapsDone(x *exchange) bool {
	switch {
	case x.status == 0:
		return x.sent
	case x.status == http.StatusServiceUnavailable:
		return x.header.Get(maintenanceHeader) == ""
	}
	return x.status >= 500 || x.status == http.StatusRequestTimeout
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// later is when the adapter may ask again after a rate limit, else zero.
func later(err error) time.Time {
	if l, ok := errors.AsType[*timeline.Later](err); ok {
		return l.At
	}
	return time.Time{}
}
