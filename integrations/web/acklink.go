package web

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"wardroom/bot/oncall"
	"wardroom/bot/problem"
	"wardroom/bot/room"
)

// AckPattern is where acknowledge links are mounted.
const AckPattern = oncall.LinkPath + "{token}"

// Answerer uses the links of pages; it is [oncall.Desk].
type Answerer interface {
	Known(token string) bool
	Look(ctx context.Context, token string) (oncall.Standing, error)
	Answer(ctx context.Context, token string) (oncall.Standing, error)
}

// AckOptions of acknowledge links.
type AckOptions struct {
	Answerer Answerer
	Zone     *time.Location // in which times are told; nil: UTC
	Log      *slog.Logger
}

//go:embed acklink.html
var ackText string

var ackPage = template.Must(template.New("ack").Parse(ackText))

const (
	maxAckBody = 4 << 10
	// Whoever guesses is slowed: so many wrong links at once from one address, then
	// one in so long. What is right is never refused, whoever else shares the address.
	wrongBurst = 20
	wrongEvery = 6 * time.Second
	// maxGuessers bounds how many addresses are remembered.
	maxGuessers = 4096
)

// AckLinks serves acknowledge links, to be mounted at [AckPattern]. GET shows a
// page with one button and changes nothing, so that a preview of the link does not
// acknowledge; POST acknowledges. The token is the whole credential: neither
// cookies nor headers are looked at.
func AckLinks(o AckOptions) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &ackLinks{AckOptions: o, clock: room.Clock{Zone: o.Zone}, guessers: map[netip.Prefix]*rate.Limiter{}}
}

type ackLinks struct {
	AckOptions
	clock room.Clock

	mu       sync.Mutex
	guessers map[netip.Prefix]*rate.Limiter
}

// ackView is what the page shows.
type ackView struct {
	Heading string
	Lines   []string
	Button  string
	Small   string
}

// tamed is the view without what would turn or hide the words beside it: names and
// titles come from outside. The template escapes the rest.
func (v ackView) tamed() ackView {
	lines := make([]string, len(v.Lines))
	for n, line := range v.Lines {
		lines[n] = room.Plain(line)
	}
	return ackView{Heading: room.Plain(v.Heading), Lines: lines, Button: v.Button, Small: room.Plain(v.Small)}
}

func (a *ackLinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	token := r.PathValue("token")
	if !a.Answerer.Known(token) {
		a.wrong(w, r)
		return
	}
	var s oncall.Standing
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s, err = a.Answerer.Look(r.Context(), token)
	case http.MethodPost:
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxAckBody)); err != nil {
			a.show(w, r, http.StatusRequestEntityTooLarge, ackView{Heading: "That was too much", Lines: []string{"The button sends nothing along. Please open the link again."}})
			return
		}
		s, err = a.Answerer.Answer(r.Context(), token)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		a.show(w, r, http.StatusMethodNotAllowed, ackView{Heading: "Open this link, or send it with POST"})
		return
	}
	if err != nil {
		a.failed(w, r, err)
		return
	}
	status, view := a.view(s)
	a.show(w, r, status, view)
}

// wrong answers a link that is not ours, alike whatever is wrong with it.
func (a *ackLinks) wrong(w http.ResponseWriter, r *http.Request) {
	if !a.mayGuess(r.RemoteAddr) {
		w.Header().Set("Retry-After", "60")
		a.show(w, r, http.StatusTooManyRequests, ackView{Heading: "Too many wrong links", Lines: []string{"Please wait a minute. A right link still works."}})
		return
	}
	a.show(w, r, http.StatusNotFound, ackView{Heading: "This link leads nowhere", Lines: []string{"Open the newest page on your phone, or acknowledge in the incident's room."}})
}

func (a *ackLinks) mayGuess(remote string) bool {
	from := network(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	limit, seen := a.guessers[from]
	if !seen {
		if len(a.guessers) >= maxGuessers {
			clear(a.guessers) // a 256-bit signature is not guessed by whoever has us forget
		}
		limit = rate.NewLimiter(rate.Every(wrongEvery), wrongBurst)
		a.guessers[from] = limit
	}
	return limit.Allow()
}

// network is the address, or of IPv6 the /64 that one customer has.
func network(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if addr = addr.Unmap(); addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func (a *ackLinks) failed(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Code == problem.NotFound {
		a.show(w, r, http.StatusNotFound, ackView{Heading: "This link leads nowhere any more", Lines: []string{p.Message + "."}, Small: p.Hint})
		return
	}
	a.Log.ErrorContext(r.Context(), "an acknowledge link failed", slog.String("request", w.Header().Get(requestIDHeader)), slog.Any("error", err))
	w.Header().Set("Retry-After", "5")
	a.show(w, r, http.StatusServiceUnavailable, ackView{Heading: "It could not be recorded",
		Lines: []string{"Nobody is marked as being on it. Please try again in a moment, or acknowledge in the incident's room."}})
}

// view says how things stand. What is used already is no failure: the phone that
// sends it clears its notification then.
func (a *ackLinks) view(s oncall.Standing) (int, ackView) {
	i := s.Incident
	headline := fmt.Sprintf("%s %s: %s", i.Severity, i.ID, room.Plain(i.Title))
	switch s.Outcome {
	case oncall.CanAnswer:
		if s.Test {
			return http.StatusOK, ackView{Heading: "Test page: nothing is wrong", Lines: []string{fmt.Sprintf("This test page is for %s.", s.Person)},
				Button: "Received", Small: "It notes in the log that the page arrived."}
		}
		return http.StatusOK, ackView{Heading: headline, Lines: []string{"Nobody is on it yet. It began at " + a.clock.Full(i.StartedAt) + "."},
			Button: "Acknowledge", Small: fmt.Sprintf("It says in the name of %s that they are on it, and stops the pages. This link can do nothing else.", s.Person)}
	case oncall.TestReceived:
		return http.StatusOK, ackView{Heading: "Test received", Lines: []string{fmt.Sprintf("%s received it at %s.", s.By, a.clock.Full(s.At))}}
	case oncall.Acknowledged:
		if s.Now {
			return http.StatusOK, ackView{Heading: "Acknowledged", Lines: []string{headline, fmt.Sprintf("%s is on it since %s. The pages stop.", s.By, a.clock.Time(s.At))},
				Small: "Go on in the incident's room."}
		}
		return http.StatusOK, ackView{Heading: "Already acknowledged", Lines: []string{headline, fmt.Sprintf("Already acknowledged by %s at %s.", s.By, a.clock.Full(s.At))}}
	case oncall.Superseded:
		return http.StatusConflict, ackView{Heading: "There is a newer page", Lines: []string{headline, "It was reopened after this page. Use the newest page on your phone."}}
	case oncall.Expired:
		return http.StatusGone, ackView{Heading: "This link is too old", Lines: []string{"Links of pages can be used for a day.", "Acknowledge in the incident's room."}}
	}
	lines := []string{headline, fmt.Sprintf("It is %s: nobody has to be woken.", i.Status)}
	if i.MergedInto != "" {
		lines[1] = fmt.Sprintf("It was merged into %s.", i.MergedInto)
	}
	return http.StatusOK, ackView{Heading: "Nothing to acknowledge", Lines: lines}
}

func (a *ackLinks) show(w http.ResponseWriter, r *http.Request, status int, v ackView) {
	var b bytes.Buffer
	if err := ackPage.Execute(&b, v.tamed()); err != nil {
		a.Log.ErrorContext(r.Context(), "the page of a link cannot be shown", slog.Any("error", err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes())
	}
}
