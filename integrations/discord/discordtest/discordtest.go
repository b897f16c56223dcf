// Package discordtest is a simulated Discord with state: its REST API, its gateway,
// and what people do in it. It holds one guild with channels, threads, messages,
// members, roles, commands and interactions, keeps Discord's limits and answers
// with Discord's errors, so that the code which talks to Discord is tested against
// what Discord does and not against what a mock was told. Tests, the demo and the
// scenarios run on it; it knows nothing of this product.
//
// Ids are counted from fixed numbers and never taken from a clock: the same calls
// give the same ids. (So no time can be read from them, as from real ones.)
// Times stand in the objects and come from Options.Now.
//
// Written from https://discord.com/developers/docs (read 2026-11).
package discordtest

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Privileged intents, which the owner of an application grants in its settings;
// https://discord.com/developers/docs/events/gateway#privileged-intents
const (
	IntentMembers   = 1 << 1
	IntentPresences = 1 << 8
	IntentContent   = 1 << 15
)

// Options say what kind of Discord it is. The zero value is a usable one: one guild
// with an administrator's bot, all privileged intents refused, real time.
type Options struct {
	Now   func() time.Time // the clock of times and rate limits; nil: time.Now
	Token string           // the bot's, without "Bot "; "": "simulated.bot.token"
	Guild string           // the guild's name; "": "Simulated"
	Bot   string           // the bot's name; "": "Wardroom"
	// People are members from the start. Others join when As names them first.
	People []string
	// Intents are the privileged intents that are granted.
	Intents int
	// Permissions of the bot's own role; 0: Administrator. What @everyone has comes on
	// top of them.
	Permissions Permission
	// Everyone are the permissions of @everyone; 0: what a new guild has.
	Everyone Permission
	// Deadline is how long an interaction waits for its first answer: Discord's
	// three seconds when 0. TokenLife is how long its token lives: 15 minutes when 0.
	// Both are counted on Now, and Deadline on After as well.
	Deadline, TokenLife time.Duration
	// After waits for the deadline of an interaction and for slow answers; nil: real
	// time. stop is called when the wait is over early.
	After func(d time.Duration) (c <-chan time.Time, stop func())
	// Limits are the rate limits of routes; nil: DefaultLimits. NoLimits has none.
	Limits []Limit
	// Heartbeat is the gateway's interval; 0: 41.25 s, as Discord's.
	Heartbeat time.Duration
	// InteractionsURL makes interactions arrive there, signed, and not over the
	// gateway. It may be set later with SetInteractionsURL, which also sends the PING.
	InteractionsURL string
	// Listen is the address served; "": a free port of 127.0.0.1.
	Listen string
	// Wrap goes around the REST API, inside the faults: tests put the check against
	// Discord's OpenAPI document there.
	Wrap func(http.Handler) http.Handler
	Log  *slog.Logger // nil: says nothing
}

// Server is a simulated Discord that is served until Close. All methods may be
// called at any time from any goroutine.
type Server struct {
	opt    Options
	key    ed25519.PrivateKey
	listen *doorway
	web    *http.Server
	api    http.Handler

	mu      sync.Mutex
	state   *state
	limits  *limiter
	faults  faults
	gateway gateway
	changed chan struct{} // closed and replaced at every change
}

// New starts a simulated Discord. The error is that the address cannot be had.
func New(opt Options) (*Server, error) {
	opt = opt.withDefaults()
	s := &Server{opt: opt, changed: make(chan struct{})}
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, "a simulated Discord's signing key")
	s.key = ed25519.NewKeyFromSeed(seed)
	s.state = newState(opt)
	s.limits = newLimiter(opt.Limits)
	s.gateway.sessions = map[string]*session{}
	s.api = s.routes()
	if opt.Wrap != nil {
		s.api = opt.Wrap(s.api)
	}
	var err error
	if s.listen, err = openDoorway(opt.Listen); err != nil {
		return nil, fmt.Errorf("simulated Discord: %w", err)
	}
	s.web = &http.Server{Handler: http.HandlerFunc(s.serve), ConnState: s.listen.track, ReadHeaderTimeout: 10 * time.Second}
	s.listen.serve(s.web)
	return s, nil
}

func (o Options) withDefaults() Options {
	set := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	set(&o.Token, "simulated.bot.token")
	set(&o.Guild, "Simulated")
	set(&o.Bot, "Wardroom")
	set(&o.Listen, "127.0.0.1:0")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTimer(d)
			return t.C, func() { t.Stop() }
		}
	}
	for _, d := range []struct {
		at *time.Duration
		to time.Duration
	}{{&o.Deadline, 3 * time.Second}, {&o.TokenLife, 15 * time.Minute}, {&o.Heartbeat, 41250 * time.Millisecond}} {
		if *d.at == 0 {
			*d.at = d.to
		}
	}
	if o.Permissions == 0 {
		o.Permissions = Administrator
	}
	if o.Everyone == 0 {
		o.Everyone = everyoneByDefault
	}
	if o.Limits == nil {
		o.Limits = DefaultLimits()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close ends the server and every connection. It may be repeated.
func (s *Server) Close() {
	s.listen.close()
	s.web.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway.cutAll()
}

// URL is the root, as "http://127.0.0.1:1234": the REST API is at URL()+"/api/v10".
func (s *Server) URL() string { return "http://" + s.listen.addr }

// API is the base of the REST API in the version that the spec describes.
func (s *Server) API() string { return s.URL() + "/api/v10" }

// GatewayURL is what GET /gateway answers, as "ws://127.0.0.1:1234/gateway".
func (s *Server) GatewayURL() string { return "ws://" + s.listen.addr + "/gateway" }

// Token is the bot's token, without "Bot ".
func (s *Server) Token() string { return s.opt.Token }

// PublicKey verifies the interactions that are sent over HTTP.
func (s *Server) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// GuildID, ApplicationID and BotID are the ids of the one guild, of the bot's
// application and of its user.
func (s *Server) GuildID() string       { return guildID }
func (s *Server) ApplicationID() string { return applicationID }
func (s *Server) BotID() string         { return botID }

// now is Options.Now in UTC.
func (s *Server) now() time.Time { return s.opt.Now().UTC() }

// touch tells everybody who waits that something changed. The lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}
