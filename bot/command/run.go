package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Runner takes requests through the stages that no handler can skip: parse,
// authorise, record, time out, handle. Every surface asks through it. It may be
// used by many at once; it must not be copied once it was used.
type Runner struct {
	Table     *Table
	Store     timeline.Store
	Incidents Incidents
	People    *people.Directory
	Clock     timeline.Clock
	Zone      *time.Location // the team's; nil is UTC
	Log       *slog.Logger
	// NewFaultID names internal errors; nil draws eight hexadecimal digits.
	NewFaultID func() string

	running sync.WaitGroup
}

// Fault is the cause of a problem whose details are for the log and not for the
// person who asked: a defect, a panic, an error nobody foresaw.
type Fault struct {
	ID  string // stands in the message and in the log
	Err error
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// FaultID returns the id under which the log tells more of err; "" when there is none.
func FaultID(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.ID
	}
	return ""
}

// errRepeated: the same interaction was delivered before.
var errRepeated = errors.New("repeated interaction")

// Run answers one request. An error is always a [problem.Error]; surfaces show
// its message and its hint and never the cause.
//
// What Run records, it records before the handler runs: in the timeline of the
// incident that the request names or was resolved to, else in the log. A
// request with an ID that was recorded before is answered and not handled
// again. ctx bounds the whole; the handler has the command's timeout, after
// which Run returns Unavailable, whether or not the handler heeds it.
func (r *Runner) Run(ctx context.Context, caller Caller, ask Ask) (Reply, error) {
	started := r.Clock.Now()
	reply, err := r.run(ctx, caller, ask)
	if err != nil {
		return Reply{}, r.problem(ctx, caller, ask, err)
	}
	r.log(caller, ask).DebugContext(ctx, "command answered", "took", r.Clock.Now().Sub(started))
	return reply, nil
}

func (r *Runner) log(caller Caller, ask Ask) *slog.Logger {
	return r.Log.With("command", clip(ask.Path, 60), "actor", caller.Actor.String(), "via", caller.Via)
}

// problem is err as a surface shows it; what nobody foresaw goes to the log.
func (r *Runner) problem(ctx context.Context, caller Caller, ask Ask, err error) error {
	log := r.log(caller, ask)
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Code != problem.Internal {
		log.DebugContext(ctx, "command failed", "code", p.Code, "error", err)
		return p
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return problem.New(problem.Unavailable, "the request was given up before it was answered").Because(err)
	}
	fault := &Fault{ID: r.faultID(), Err: err}
	log.ErrorContext(ctx, "command failed", "fault", fault.ID, "error", err)
	return problem.New(problem.Internal, "internal error %s", fault.ID).
		WithHint("Wardroom's log says more under %s", fault.ID).Because(fault)
}

// Wait returns when no handler runs any more, also none that outlived its
// timeout, or when ctx ends. Call it before the store is closed.
func (r *Runner) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { r.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Runner) run(ctx context.Context, caller Caller, ask Ask) (Reply, error) {
	c, err := r.Table.Lookup(ask.Path)
	if err != nil {
		return Reply{}, err
	}
	if err := checkID(ask.ID); err != nil {
		return Reply{}, err
	}
	if err := consistent(caller); err != nil {
		return Reply{}, err
	}
	req := Request{Command: c, Caller: caller, Now: r.Clock.Now(), Zone: r.zone()}
	var unparsed error
	req.values, req.about, unparsed, err = r.parse(ctx, req, ask, nil)
	if err != nil {
		return Reply{}, err
	}
	// A stranger learns that they may not before they learn what was wrong.
	if refusal := authorise(c, caller); refusal != nil {
		if unparsed != nil {
			req.Caller.Room, req.values, req.about = "", nil, "" // for the log: what was named may not exist
		}
		return r.refuse(ctx, req, ask, timeline.Ref{}, refusal)
	}
	if unparsed != nil {
		return Reply{}, unparsed
	}
	if req.recorded() {
		asked := &Asked{Line: r.line(ask), Via: caller.Via}
		if req.Cause, err = r.record(ctx, req, ask.ID, timeline.Ref{}, asked); errors.Is(err, errRepeated) {
			return r.repeated(ctx, req.Cause)
		} else if err != nil {
			return Reply{}, err
		}
	}
	reply, err := r.handle(ctx, req)
	if req.recorded() && problem.Is(err, problem.Forbidden) {
		// The handler knows a rule that a role does not tell.
		return r.refuse(ctx, req, Ask{Path: ask.Path, Options: ask.Options, Args: ask.Args}, req.Cause, err)
	}
	return reply, err
}

func (r *Runner) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

func (r *Runner) faultID() string {
	if r.NewFaultID != nil {
		return r.NewFaultID()
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

func (r *Runner) line(ask Ask) string { return clip(r.Table.Line(ask), 2000) }

// checkID keeps what a surface passes on out of the claims' other keys.
func checkID(id string) error {
	if len(id) > 128 || clean(id) != id {
		return problem.New(problem.Invalid, "the id of the request is not usable").WithHint("at most 128 printable characters")
	}
	return nil
}

// consistent fails closed when a surface has bound person and actor wrongly.
func consistent(c Caller) error {
	if c.Person != nil && c.Actor != c.Person.Actor() {
		return fmt.Errorf("caller %s is said to be %s", c.Actor, c.Person.Actor())
	}
	if c.Person == nil && c.Actor.Kind != people.KindUnknown && c.Actor.Kind != people.KindBot {
		return fmt.Errorf("caller %s comes without a person", c.Actor)
	}
	return nil
}

// parse returns what was wrong with the request apart from what failed. asking are the
// fields of a form that is asked for, nil when the request is to be run. about is the
// incident that an option's text belongs to.
func (r *Runner) parse(ctx context.Context, req Request, ask Ask, asking []string) (parsed map[string]any, about timeline.ID, unparsed, err error) {
	err = r.Store.View(ctx, func(v timeline.View) error {
		p := values{
			command: req.Command, caller: req.Caller, view: v, incidents: r.Incidents,
			people: r.People, now: req.Now, zone: req.Zone, asking: asking,
		}
		var err error
		if parsed, err = p.parse(ask); err == nil {
			about, err = p.about()
		}
		if pe, ok := errors.AsType[*problem.Error](err); ok && pe.Code != problem.Unavailable {
			unparsed = pe
			return nil
		}
		return err
	})
	return parsed, about, unparsed, err
}

// authorise decides by person and role. It fails closed.
func authorise(c *Command, caller Caller) error {
	switch {
	case c.Access == "":
		return nil
	case caller.Person == nil:
		return problem.New(problem.Forbidden, "%s is linked to nobody Wardroom knows, and /%s needs a %s", caller.Actor.Display(), c.Path, c.Access).
			WithHint("link it to a person under people: in the configuration")
	case !slices.Contains(people.Roles, c.Access) || !caller.Person.Has(c.Access):
		return problem.New(problem.Forbidden, "/%s needs a %s, and %s is none", c.Path, c.Access, caller.Person.Name).
			WithHint("ask a %s, or let the role be added under people: in the configuration", c.Access)
	}
	return nil
}

// refuse answers with the refusal, and records it when requests are recorded.
func (r *Runner) refuse(ctx context.Context, req Request, ask Ask, cause timeline.Ref, refusal error) (Reply, error) {
	if !req.recorded() {
		return Reply{}, refusal
	}
	if !cause.IsZero() {
		told, err := r.told(ctx, cause)
		if err != nil {
			r.Log.ErrorContext(ctx, "what came of a request cannot be read", "command", req.Command.Path, "error", err)
		}
		if told {
			return Reply{}, refusal // by the handler's own entry
		}
	}
	reason := refusal.Error()
	if p, ok := errors.AsType[*problem.Error](refusal); ok {
		reason = p.Message
	}
	_, err := r.record(ctx, req, ask.ID, cause, &Refused{Line: r.line(ask), Via: req.Caller.Via, Reason: reason})
	if err != nil && !errors.Is(err, errRepeated) {
		// The refusal stands although it could not be recorded.
		r.Log.ErrorContext(ctx, "refusal not recorded", "command", req.Command.Path, "actor", req.Caller.Actor.String(), "error", err)
	}
	return Reply{}, refusal
}

// told reports whether a request has led to an entry.
func (r *Runner) told(ctx context.Context, request timeline.Ref) (told bool, err error) {
	err = r.Store.View(ctx, func(v timeline.View) error {
		caused, err := v.CausedBy(request)
		told = len(caused) > 0
		return err
	})
	return told, err
}

// recorded reports whether the request becomes an entry.
func (req Request) recorded() bool {
	return req.Command.Records && (req.Command.Dry == "" || !req.Bool(req.Command.Dry))
}

// record appends the request where it belongs. When its interaction was
// recorded before, it returns errRepeated with the entry that did.
func (r *Runner) record(ctx context.Context, req Request, id string, cause timeline.Ref, p timeline.Payload) (timeline.Ref, error) {
	var earlier timeline.Ref
	d := timeline.Draft{Timeline: req.home(), Payload: p, Actor: req.Caller.Actor, Cause: cause}
	if id != "" {
		d.Effects.Take = []string{InteractionClaim(id)}
	}
	entries, err := r.Store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if id != "" {
			ref, held, err := v.Claim(InteractionClaim(id))
			if err != nil {
				return timeline.Decision{}, err
			}
			if held {
				earlier = ref
				return timeline.Decision{}, errRepeated
			}
		}
		return timeline.Decision{Entries: []timeline.Draft{d}}, nil
	})
	if err != nil {
		return earlier, err
	}
	return entries[0].Ref, nil
}

// home is the timeline that a request belongs to: that of the first incident or
// entry among its options, else that which another option belongs to, else that of the
// room, else the log.
func (req Request) home() timeline.ID {
	for _, o := range req.Command.Options {
		switch v := req.values[o.Name].(type) {
		case timeline.ID:
			return v
		case timeline.Ref:
			return v.Timeline
		}
	}
	return cmp.Or(req.about, req.Caller.Room, timeline.Log)
}

// repeated answers a delivery that came again, and says what came of the first.
func (r *Runner) repeated(ctx context.Context, first timeline.Ref) (Reply, error) {
	text := fmt.Sprintf("This was already taken up (%s).", first)
	err := r.Store.View(ctx, func(v timeline.View) error {
		caused, err := v.CausedBy(first)
		if err != nil || len(caused) == 0 {
			return err
		}
		text += " What came of it: " + Escape(caused[len(caused)-1].Payload.Text())
		return nil
	})
	return Reply{Text: text}, err
}

// handle runs the handler under the command's timeout and catches its panic.
func (r *Runner) handle(ctx context.Context, req Request) (Reply, error) {
	timeout := req.Command.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel() // here and not where the handler ends: its own end is no timeout
	type outcome struct {
		reply Reply
		err   error
	}
	done := make(chan outcome, 1)
	r.running.Go(func() {
		var o outcome
		defer func() {
			if v := recover(); v != nil {
				o.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
			done <- o
		}()
		o.reply, o.err = req.Command.Handle(bounded, req)
	})
	select {
	case o := <-done:
		// What a handler waited for may have had a limit of its own, and says so itself.
		if o.err != nil && ctx.Err() == nil && bounded.Err() != nil && errors.Is(o.err, context.DeadlineExceeded) {
			return Reply{}, late(req, timeout, o.err)
		}
		return o.reply, o.err
	case <-bounded.Done():
		if err := ctx.Err(); err != nil {
			return Reply{}, err
		}
		return Reply{}, late(req, timeout, bounded.Err())
	}
}

func late(req Request, timeout time.Duration, err error) error {
	p := problem.New(problem.Unavailable, "/%s took longer than %s", req.Command.Path, FormatDuration(timeout))
	if req.Cause.IsZero() {
		return p.WithHint("ask again").Because(err)
	}
	return p.WithHint("look at what became of %s before you ask again", req.Cause).Because(err)
}
