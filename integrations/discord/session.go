package discord

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"golang.org/x/time/rate"

	"wardroom/bot/timeline"
)

// Intents that are asked for. Message Content is privileged: it is asked for where
// the application has it, and only 📌 needs it.
const (
	intentsNeeded = discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentGuildMessageReactions
	intentsAll    = intentsNeeded | discordgo.IntentMessageContent
)

// pace is how patiently a session connects. Times are waited for on the clock.
type pace struct {
	first     time.Duration // after the first failure; doubled with each that follows
	most      time.Duration // the longest wait after a failure
	steady    time.Duration // a connection that lived this long ends a row of failures
	refused   time.Duration // after a close that a person has to mend
	identify  rate.Limit    // IDENTIFYs a second in the long run; Discord allows 1000 a day
	burst     int           // IDENTIFYs at once
	forgotten time.Duration // at least this after an invalid session, at most five times it
}

// usualPace stays below 600 IDENTIFYs a day whatever happens: at 1000 Discord
// resets the bot's token. https://discord.com/developers/docs/events/gateway#identifying
var usualPace = pace{
	first: time.Second, most: time.Minute, steady: time.Minute, refused: 10 * time.Minute,
	identify: rate.Every(150 * time.Second), burst: 20, forgotten: time.Second,
}

// entrance is what Discord says before a connection is made.
type entrance struct {
	URL   string `json:"url"`
	Limit struct {
		Remaining  *int  `json:"remaining"`
		ResetAfter int64 `json:"reset_after"` // milliseconds
	} `json:"session_start_limit"`
}

// session keeps one connection to the gateway alive. It ends with its context and
// for nothing else: what cannot be mended from here it says and tries again slowly.
type session struct {
	token    string
	clock    timeline.Clock
	log      *slog.Logger
	pace     pace
	flight   *flight
	arrived  func() // the attempt to connect is over, well or not; may be repeated
	entrance func(context.Context) (entrance, error)
	intents  func(context.Context) discordgo.Intent // what to ask for now
	event    func(name string, data json.RawMessage)
	up       func(resumed bool)

	resume     resumable
	starts     *rate.Limiter
	failures   int
	forgotten  bool // Discord has just said that it knows the session no longer
	unshielded bool // 4014 was the answer to Message Content: it is not asked for until mended

	state state
}

// state is what is told of a session; safe for concurrent use.
type state struct {
	mu      sync.Mutex
	up      bool
	was     bool      // it was up at some time
	fatal   error     // the refusal that a person has to mend; nil when there is none
	since   time.Time // of up, or of its end
	why     string    // why it is not up
	lacking string    // what is missing although it is up; "" when nothing
	granted discordgo.Intent
}

func (s *state) set(up bool, at time.Time, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up != up || s.since.IsZero() {
		s.since = at
	}
	s.up, s.why, s.was = up, why, s.was || up
	if up {
		s.fatal = nil
	}
}

func (s *state) refuse(r *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fatal = r
}

// run connects again and again until ctx ends.
func (s *session) run(ctx context.Context) {
	s.starts = rate.NewLimiter(s.pace.identify, s.pace.burst)
	s.state.set(false, s.clock.Now(), "not connected yet")
	s.flight.begin()
	for {
		began := s.clock.Now()
		s.arrived = sync.OnceFunc(s.flight.end)
		err := s.once(ctx)
		if ctx.Err() != nil {
			s.arrived()
			return
		}
		now := s.clock.Now()
		if now.Sub(began) >= s.pace.steady {
			s.failures, s.unshielded = 0, false
		}
		until := now.Add(s.after(err))
		wake := s.flight.sleep(until)
		s.arrived()
		ok := s.wait(ctx, until)
		wake()
		if !ok {
			s.flight.end()
			return
		}
	}
}

// once is one connection; its error says how it ended.
func (s *session) once(ctx context.Context) error {
	address := s.resume.url
	if address == "" || !s.resume.can() {
		door, err := s.entrance(ctx)
		if err != nil {
			return err
		}
		if address = door.URL; !s.resume.can() {
			if err := s.mayIdentify(ctx, door); err != nil {
				return err
			}
		}
	}
	l := &line{token: s.token, log: s.log, resume: s.resume, event: s.event}
	if !s.resume.can() {
		l.intents = s.ask(ctx)
	}
	l.up = func(resumed bool) {
		s.state.set(true, s.clock.Now(), "")
		if !resumed {
			s.state.grant(l.intents)
		}
		s.log.Info("connected to Discord", "resumed", resumed)
		s.up(resumed)
		s.arrived()
	}
	tried := s.resume
	err := l.run(ctx, address)
	s.resume = l.resume
	s.forgotten = errors.Is(err, errInvalidSession) && tried.can() && !s.resume.can()
	switch {
	case endsSession(err):
		s.resume = resumable{}
	case !l.ready && tried.can() && s.resume.can():
		// The resume address may be what is wrong: the next attempt asks for another.
		s.resume.url = ""
	}
	asked := l.intents
	if tried.can() {
		asked = s.state.asked() // the session goes on with what it began with
	}
	if r := refusalOf(err, asked); r != nil {
		return s.refused(r, asked)
	}
	return err
}

func (s *state) grant(intents discordgo.Intent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = intents
	if intents&discordgo.IntentMessageContent != 0 {
		s.lacking = ""
	}
}

func (s *state) asked() discordgo.Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.granted
}

// errUnshielded asks for one more attempt, without Message Content.
var errUnshielded = errors.New("going on without the Message Content intent")

// refused decides what follows from a close that a person has to mend. Without
// Message Content only 📌 is lost: a room that works is worth more than a reason.
func (s *session) refused(r *refusal, asked discordgo.Intent) error {
	if r.code != closeDisallowed || s.unshielded {
		return r
	}
	s.unshielded = true
	s.state.lack(r.says)
	s.log.Warn(r.says, "intents", int(asked))
	return errUnshielded
}

func (s *session) ask(ctx context.Context) discordgo.Intent {
	if s.unshielded {
		return intentsNeeded
	}
	return s.intents(ctx)
}

// mayIdentify waits until another session may be begun.
func (s *session) mayIdentify(ctx context.Context, door entrance) error {
	now := s.clock.Now()
	until := now.Add(s.starts.ReserveN(now, 1).DelayFrom(now))
	if left := door.Limit.Remaining; left != nil && *left <= 0 && door.Limit.ResetAfter > 0 {
		until = now.Add(min(time.Duration(door.Limit.ResetAfter)*time.Millisecond, 24*time.Hour))
		s.state.set(false, now, "Discord allows no further connection before "+until.UTC().Format("15:04 UTC"))
	}
	if !until.After(now) {
		return nil
	}
	defer s.flight.sleep(until)()
	s.flight.end() // the clock has to go on
	if !s.wait(ctx, until) {
		return ctx.Err()
	}
	return nil
}

// after is how long to wait after a connection ended with err; it notes why.
func (s *session) after(err error) time.Duration {
	now := s.clock.Now()
	if r, fatal := errors.AsType[*refusal](err); fatal {
		if !s.state.says(r.says) {
			s.log.Error(r.says, "close_code", r.code, "next_attempt", now.Add(s.pace.refused))
		}
		s.state.set(false, now, r.says)
		s.state.refuse(r)
		s.unshielded = false // by the next attempt it may have been mended
		return s.pace.refused
	}
	level := slog.LevelWarn
	if s.state.says(plainly(err)) {
		level = slog.LevelDebug // an outage of hours is one line
	}
	s.state.set(false, now, plainly(err))
	if errors.Is(err, errUnshielded) {
		return 0
	}
	s.failures++
	wait := s.pace.most
	if n := s.failures - 1; n < 16 {
		wait = min(s.pace.first<<n, s.pace.most)
	}
	if errors.Is(err, errInvalidSession) {
		// One to five seconds: https://discord.com/developers/docs/events/gateway#resuming
		soon := s.pace.forgotten + rand.N(4*s.pace.forgotten+1)
		if wait = max(wait, soon); s.forgotten {
			wait = soon // however long it was away: it speaks again, and a new session is next
		}
	}
	if s.failures == 1 && errors.Is(err, errOver) {
		wait = 0 // a planned reconnect, and no reason to keep people waiting
	}
	s.log.Log(context.Background(), level, "connection to Discord ended", "error", err, "next_attempt_in", wait)
	return wait
}

func (s *state) says(why string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.up && s.why == why
}

// wait returns false when ctx ended first.
func (s *session) wait(ctx context.Context, until time.Time) bool {
	c, stop := s.clock.At(until)
	defer stop()
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}
