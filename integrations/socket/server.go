package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Runner answers requests: a [command.Runner].
type Runner interface {
	Run(context.Context, command.Caller, command.Ask) (command.Reply, error)
	Complete(ctx context.Context, caller command.Caller, path, option, typed string) ([]command.Proposal, error)
}

// Options are what a server needs.
type Options struct {
	Path string // of the socket
	// Group lets the members of the file's group connect, not only its owner.
	Group      bool
	Runner     Runner
	Store      timeline.Store
	Prominence func(timeline.Kind) timeline.Prominence
	People     *people.Directory
	Log        *slog.Logger
}

// Server answers the shell.
type Server struct {
	o        Options
	listener *listener
	http     *http.Server
	stopping chan struct{} // closed when pages are waited for no longer

	mu    sync.Mutex
	grown chan struct{} // closed at the next commit
}

// stopTimeout is how long requests may take to finish when the server stops.
const stopTimeout = 30 * time.Second

// Listen takes the socket. A socket that nobody listens on any more is replaced;
// one that somebody listens on is a Conflict problem, and what is no socket is
// left alone (Invalid). Call Run next.
func Listen(o Options) (*Server, error) {
	mode := 0o600
	if o.Group {
		mode = 0o660
	}
	l, err := listen(o.Path, mode)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, listener: l, stopping: make(chan struct{}), grown: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ask", s.serve(s.ask))
	mux.HandleFunc("GET /entries", s.serve(s.entries))
	mux.HandleFunc("GET /complete", s.serve(s.complete))
	mux.HandleFunc("/", s.serve(func(*http.Request, command.Caller) (any, error) {
		return nil, problem.New(problem.NotFound, "the socket serves POST /ask, GET /entries and GET /complete")
	}))
	s.http = &http.Server{
		Handler: mux, ConnContext: withPeer,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	o.Store.OnCommit(s.committed)
	return s, nil
}

// Run serves until ctx ends, lets the requests that are under way finish, and
// removes the socket. It returns nil when it stopped because ctx ended.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		s.listener.remove()
		return fmt.Errorf("socket: %w", err)
	case <-ctx.Done():
	}
	close(s.stopping)
	// The socket goes first: who comes now finds nobody instead of a closing door.
	s.listener.remove()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := s.http.Shutdown(last); err != nil {
		return fmt.Errorf("socket: requests did not finish: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}

func (s *Server) committed(timeline.Commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.grown)
	s.grown = make(chan struct{})
}

// growth returns a channel that is closed at the next commit.
func (s *Server) growth() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grown
}

type peerKey struct{}

// withPeer binds the Unix user at the other end to the connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerUID(c)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

// caller is the person whose Unix user is at the other end. Nobody is mapped to
// anybody else, root neither.
func (s *Server) caller(r *http.Request) (command.Caller, error) {
	uid, ok := r.Context().Value(peerKey{}).(int)
	if !ok {
		return command.Caller{}, problem.New(problem.Unauthentic, "this system does not tell who is at the other end of the socket")
	}
	return Caller(s.o.People, uid), nil
}

// Caller is whoever uses the shell as a Unix user: the person it is linked to,
// or an unknown identity.
func Caller(d *people.Directory, uid int) command.Caller {
	c := command.Caller{Via: "shell", Actor: people.Actor{Kind: people.KindUnknown, Name: "uid " + strconv.Itoa(uid)}}
	if p, linked := d.ByUID(uid); linked {
		c.Person, c.Actor = &p, p.Actor()
	}
	return c
}

// serve writes what a handler returns, or its problem.
func (s *Server) serve(handle func(*http.Request, command.Caller) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		caller, err := s.caller(r)
		var answer any
		if err == nil {
			answer, err = handle(r, caller)
		}
		status := http.StatusOK
		if err != nil {
			p := NewProblem(err)
			if p.Code == problem.Internal && p.ID == "" {
				s.o.Log.ErrorContext(r.Context(), "socket request failed", "path", r.URL.Path, "error", err)
			}
			status, answer = p.Code.HTTPStatus(), p
		}
		body, err := json.Marshal(answer)
		if err != nil {
			s.o.Log.ErrorContext(r.Context(), "answer cannot be encoded", "path", r.URL.Path, "error", err)
			status, body = http.StatusInternalServerError, []byte(`{"code":"internal","message":"internal error"}`)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(append(body, '\n')) // the shell has gone: nothing left to tell it
	}
}

func (s *Server) ask(r *http.Request, caller command.Caller) (any, error) {
	var body AskBody
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, problem.New(problem.TooLarge, "a request has at most %d bytes", maxBody)
		}
		return nil, problem.New(problem.Invalid, "the request is not the JSON that is expected").Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.Invalid, "the request goes on after its JSON")
	}
	caller.Room = body.Room
	// What was asked for is carried to its end although a terminal was closed; the
	// command's timeout bounds it.
	return s.o.Runner.Run(context.WithoutCancel(r.Context()), caller, body.Ask)
}

func (s *Server) complete(r *http.Request, caller command.Caller) (any, error) {
	q := r.URL.Query()
	found, err := s.o.Runner.Complete(r.Context(), caller, q.Get("path"), q.Get("option"), q.Get("typed"))
	if found == nil {
		found = []command.Proposal{}
	}
	return found, err
}

// entries answers when there are entries after the one named, or when the wait
// is over.
func (s *Server) entries(r *http.Request, caller command.Caller) (any, error) {
	if caller.Person == nil || !caller.Person.Has(people.Viewer) {
		return nil, problem.New(problem.Forbidden, "%s may not read timelines", caller.Actor.Display()).
			WithHint("link this Unix user to a person under people: in the configuration")
	}
	q := r.URL.Query()
	id, err := timeline.ParseID(q.Get("timeline"))
	if err != nil {
		return nil, err
	}
	after, wait, err := window(q.Get("after"), q.Get("wait"))
	if err != nil {
		return nil, err
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		grown := s.growth() // before reading, so that nothing is missed in between
		page, err := ReadPage(r.Context(), s.o.Store, s.o.Prominence, id, after)
		if err != nil || len(page.Entries) > 0 || wait == 0 {
			return page, err
		}
		select {
		case <-grown:
		case <-over.C:
			return page, nil
		case <-s.stopping:
			return page, nil
		case <-r.Context().Done():
			return page, nil
		}
	}
}

func window(after, wait string) (seq int64, d time.Duration, err error) {
	if after != "" {
		if seq, err = strconv.ParseInt(after, 10, 64); err != nil || seq < 0 {
			return 0, 0, problem.New(problem.Invalid, "after=%q is not the number of an entry", after)
		}
	}
	if wait != "" {
		if d, err = time.ParseDuration(wait); err != nil || d < 0 {
			return 0, 0, problem.New(problem.Invalid, "wait=%q is not a length of time", wait).WithHint("write it as 30s")
		}
	}
	return seq, min(d, MaxWait), nil
}
