package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	// firstAgain and lastAgain bound the wait for the next try to get a certificate,
	// provenAgain that after a proof was refused. A try is two proofs, and Let's Encrypt
	// lets five be refused, then one every twelve minutes.
	// https://letsencrypt.org/docs/rate-limits/#authorization-failures-per-identifier-per-account
	firstAgain  = 5 * time.Second
	provenAgain = 2 * time.Minute
	lastAgain   = 30 * time.Minute
)

// keeper gets the certificate of the public listener before anybody needs it and tells
// of it in the log; autocert alone asks when somebody connects, every minute anew where
// it is refused, and keeps the reason to itself. Renewing is left to autocert.
type keeper struct {
	public   Public
	redirect http.Handler
	log      *slog.Logger
	outcome  *overheard

	current atomic.Pointer[attempt]
	settled chan struct{}          // closed once the first try has ended
	refused atomic.Pointer[string] // why there is no certificate; nil once there is one
}

// attempt is a try to get it. autocert holds a failure for a minute: the next try has a
// manager of its own.
type attempt struct {
	*autocert.Manager
	redirect http.Handler
}

func newKeeper(p Public, redirect http.Handler, log *slog.Logger) *keeper {
	k := &keeper{public: p, redirect: redirect, settled: make(chan struct{}),
		log: log.With(slog.String("host", p.Host), slog.String("issuer", p.Issuer.directory()))}
	k.outcome = &overheard{base: p.Issuer.transport(), log: k.log}
	k.current.Store(k.attempt())
	return k
}

func (k *keeper) attempt() *attempt {
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: k.policy, Email: k.public.Email,
		Cache: kept{autocert.DirCache(k.public.Cache), k.log}, Client: k.public.Issuer.client(k.outcome),
		ExternalAccountBinding: k.public.Issuer.binding()}
	return &attempt{m, m.HTTPHandler(k.redirect)}
}

// policy refuses every name but the one. An issuer that is told to use another port than
// 80, as those of tests and of some companies are, sends it with the name.
func (k *keeper) policy(_ context.Context, host string) error {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !strings.EqualFold(host, k.public.Host) {
		return fmt.Errorf("web: %q is not served here", host)
	}
	return nil
}

// run returns once there is a certificate, or ctx ends.
func (k *keeper) run(ctx context.Context) {
	for again, first := firstAgain, true; ; again, first = min(2*again, lastAgain), false {
		err := k.get()
		if err != nil {
			why := err.Error()
			k.refused.Store(&why)
		} else {
			k.refused.Store(nil)
		}
		if first {
			close(k.settled)
		}
		if err == nil {
			return
		}
		again = pause(again, err)
		k.log.Warn("there is no certificate: the public address answers nobody, all else works", slog.Any("error", err), slog.Duration("again_in", again))
		wait := time.NewTimer(again)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// pause is how long to wait before another try after err: again, unless a proof was
// refused, of which an issuer allows few.
func pause(again time.Duration, err error) time.Duration {
	if _, is := errors.AsType[notProven](err); is {
		return max(again, provenAgain)
	}
	return again
}

// get takes the certificate from the cache, or asks the issuer for one.
func (k *keeper) get() error {
	a := k.attempt()
	k.current.Store(a)
	k.outcome.listen()
	cert, err := a.GetCertificate(&tls.ClientHelloInfo{ServerName: k.public.Host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	said, proofs := k.outcome.heard()
	switch all := errors.New(strings.Join(said, "; ")); {
	case err == nil:
		k.log.Info("certificate", slog.Time("until", cert.Leaf.NotAfter.UTC()))
		return nil
	case proofs > 0:
		return notProven{all}
	case len(said) > 0: // autocert says only that no way is left
		return all
	}
	return err
}

// notProven is that the issuer did not find us under our name.
type notProven struct{ error }

// tlsConfig answers with the certificate, and issuers with the proof that they ask for.
func (k *keeper) tlsConfig() *tls.Config {
	c := k.current.Load().TLSConfig()
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto { // the issuer
			return k.current.Load().GetCertificate(hello)
		}
		ctx, cancel := context.WithTimeout(hello.Context(), readHeaderTimeout)
		defer cancel()
		select {
		case <-k.settled:
		case <-ctx.Done():
			return nil, errors.New("web: the certificate is being got")
		}
		if why := k.refused.Load(); why != nil {
			return nil, fmt.Errorf("web: there is no certificate: %s", *why)
		}
		return k.current.Load().GetCertificate(hello)
	}
	return c
}

// ServeHTTP answers issuers on the plain port, and leads everybody else to https.
func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.current.Load().redirect.ServeHTTP(w, r)
}

// kept tells when something could not be kept: autocert says nothing, and after a restart
// a certificate would be asked for again, which issuers allow a few times a week.
type kept struct {
	autocert.DirCache
	log *slog.Logger
}

// Put implements [autocert.Cache].
func (c kept) Put(ctx context.Context, name string, data []byte) error {
	err := c.DirCache.Put(ctx, name, data)
	if err != nil {
		c.log.Warn("a certificate or its key cannot be kept", slog.String("name", name), slog.Any("error", err))
	}
	return err
}
