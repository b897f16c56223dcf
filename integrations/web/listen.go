package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"

	"wardroom/bot/problem"
)

// Public is a second listener, for the world, with a certificate of its own that
// is got and renewed by ACME. Host's ports 443 and 80 must reach this machine.
// https://letsencrypt.org/docs/challenge-types/
type Public struct {
	Host   string // the name in the certificate, with a domain; empty: no public listener
	Email  string // where the issuer warns of an expiry; may be empty
	Cache  string // the folder that keeps keys and certificates; they are secret
	Issuer Issuer

	HTTPS string      // ":443" when empty
	HTTP  string      // ":80" when empty: redirects, and answers the issuer's challenge
	TLS   *tls.Config // instead of ACME, as in tests; may be nil
}

// running is what Start has made.
type running struct {
	servers   []*http.Server
	listeners []net.Listener
	addresses map[string]string
	wg        sync.WaitGroup
	failed    chan error
	keep      func(context.Context) // gets the certificate; nil where none is to be got
	stop      context.CancelFunc    // ends keep
}

type publicKey struct{}

// isPublic reports whether the request came in by the public listener.
func isPublic(r *http.Request) bool { return r.Context().Value(publicKey{}) != nil }

// Start opens the listeners and serves until [Server.Stop]. It returns when they
// are open, so that what is sent from now on is received; it fails when one
// cannot be opened, and then none is. The public listener's certificate is asked for
// from then on, and again until it is there: the log says what is in the way.
func (s *Server) Start(ctx context.Context) (err error) {
	if s.running != nil {
		return errors.New("web: is started already")
	}
	run := &running{addresses: map[string]string{}, failed: make(chan error, 3)}
	defer func() {
		if err != nil {
			for _, l := range run.listeners {
				l.Close()
			}
		}
	}()
	if s.options.Listen != "" {
		if err := s.listen(ctx, run, "http", s.options.Listen, s.server(s.handler, false), nil); err != nil {
			return err
		}
	}
	if s.options.Public.Host != "" {
		if err := s.listenPublic(ctx, run); err != nil {
			return err
		}
	}
	for i, srv := range run.servers {
		l := run.listeners[i]
		run.wg.Go(func() {
			if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				run.failed <- fmt.Errorf("web: %s: %w", l.Addr(), err)
			}
		})
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	run.stop = stop
	if run.keep != nil {
		go run.keep(keeping) // Stop does not wait for it: autocert cannot be interrupted
	}
	s.running = run
	return nil
}

func (s *Server) listenPublic(ctx context.Context, run *running) error {
	p := s.options.Public
	config := p.TLS
	redirect := http.Handler(http.HandlerFunc(redirectToTLS(p.Host)))
	if config == nil {
		keeper := newKeeper(p, redirect, s.log)
		config, redirect = keeper.tlsConfig(), keeper
		run.keep = keeper.run
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if err := s.listen(ctx, run, "https", orDefault(p.HTTPS, ":443"), s.server(s.handler, true), config); err != nil {
		return err
	}
	return s.listen(ctx, run, "redirect", orDefault(p.HTTP, ":80"), s.server(s.outer(redirect), true), nil)
}

// redirectToTLS names the host from the configuration, not from the request.
func redirectToTLS(host string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			// A webhook with its token must not get used to coming in the clear.
			writeError(w, http.StatusForbidden, "this is not encrypted", "send it to https://"+host)
			return
		}
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusMovedPermanently)
	}
}

func (s *Server) listen(ctx context.Context, run *running, role, address string, srv *http.Server, config *tls.Config) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return unheard(address, err)
	}
	run.addresses[role] = l.Addr().String()
	if config != nil {
		config.NextProtos = appendMissing(config.NextProtos, "h2", "http/1.1")
		srv.TLSConfig = config
		l = tls.NewListener(l, config)
	}
	run.listeners = append(run.listeners, l)
	run.servers = append(run.servers, srv)
	return nil
}

// unheard is the problem of an address that cannot be listened on.
func unheard(address string, err error) error {
	p := problem.New(problem.Unavailable, "Wardroom cannot listen on %s", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		p = problem.New(problem.Unavailable, "%s is in use by another program, perhaps by another Wardroom", address).
			WithHint("stop that one, or name another address: --listen, or `listen` in the configuration")
	case errors.Is(err, os.ErrPermission):
		p = p.WithHint("a port below 1024 takes CAP_NET_BIND_SERVICE (the unit in deploy/systemd has the line for it); or name another port")
	}
	return p.Because(err)
}

func appendMissing(list []string, names ...string) []string {
	for _, name := range names {
		found := false
		for _, have := range list {
			found = found || have == name
		}
		if !found {
			list = append(list, name)
		}
	}
	return list
}

func (s *Server) server(h http.Handler, public bool) *http.Server {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	if public {
		srv.BaseContext = func(net.Listener) context.Context {
			return context.WithValue(context.Background(), publicKey{}, true)
		}
	}
	return srv
}

// Addr is where the plain listener is, "127.0.0.1:8080"; "" before Start and
// where there is none.
func (s *Server) Addr() string { return s.address("http") }

// PublicAddr is where the public listener is.
func (s *Server) PublicAddr() string { return s.address("https") }

// RedirectAddr is where the listener that redirects to the public one is.
func (s *Server) RedirectAddr() string { return s.address("redirect") }

func (s *Server) address(role string) string {
	if s.running == nil {
		return ""
	}
	return s.running.addresses[role]
}

// Failed receives when a listener breaks while it serves; nil before Start.
func (s *Server) Failed() <-chan error {
	if s.running == nil {
		return nil
	}
	return s.running.failed
}

// Stop takes no new connections, lets the requests that are under way finish
// and returns. When ctx ends first it drops them and returns ctx's error. It may
// be repeated.
func (s *Server) Stop(ctx context.Context) error {
	run := s.running
	if run == nil {
		return nil
	}
	run.stop()
	errs := make([]error, len(run.servers))
	var wg sync.WaitGroup
	for i, srv := range run.servers {
		wg.Go(func() {
			if errs[i] = srv.Shutdown(ctx); errs[i] != nil {
				srv.Close()
			}
		})
	}
	wg.Wait()
	run.wg.Wait()
	return errors.Join(errs...)
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
