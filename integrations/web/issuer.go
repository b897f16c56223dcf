package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	// issuerTimeout bounds one request to an issuer.
	issuerTimeout = 30 * time.Second
	// issuerAnswer bounds what is read of an answer, in bytes: a chain of certificates is
	// the largest.
	issuerAnswer = 1 << 20
	// saidMost bounds how much of an issuer's reason is shown, in bytes.
	saidMost = 500
)

// Issuer is who signs the certificate, over ACME.
// https://www.rfc-editor.org/rfc/rfc8555
type Issuer struct {
	Directory string         // the URL of its directory; empty: Let's Encrypt
	Roots     *x509.CertPool // by which its https is trusted; nil: those of the system
	// Account is the key id by which it knows its customer, AccountKey what signs for it;
	// empty where it takes everybody. https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4
	Account    string
	AccountKey []byte
}

func (i Issuer) directory() string { return orDefault(i.Directory, acme.LetsEncryptURL) }

func (i Issuer) transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: i.Roots, MinVersion: tls.VersionTLS12}
	return t
}

func (i Issuer) client(t http.RoundTripper) *acme.Client {
	return &acme.Client{DirectoryURL: i.directory(), HTTPClient: &http.Client{Transport: t, Timeout: issuerTimeout}, UserAgent: "wardroom",
		RetryBackoff: onlyNonces}
}

// binding ties the account that is made there to the customer; nil where there is none.
func (i Issuer) binding() *acme.ExternalAccountBinding {
	if i.Account == "" {
		return nil
	}
	return &acme.ExternalAccountBinding{KID: i.Account, Key: i.AccountKey}
}

// onlyNonces repeats at once what was refused for its nonce, which has to be expected, and
// nothing else: whoever asks is to hear of the rest, and to decide when it asks again.
// https://www.rfc-editor.org/rfc/rfc8555#section-6.5
func onlyNonces(n int, _ *http.Request, res *http.Response) time.Duration {
	const most = 10
	if res.StatusCode == http.StatusBadRequest && n < most {
		return time.Millisecond
	}
	return 0
}

// Try asks for the directory, which changes nothing. It may be repeated.
func (i Issuer) Try(ctx context.Context) error {
	t := i.transport()
	defer t.(*http.Transport).CloseIdleConnections()
	o := &overheard{base: t, log: slog.New(slog.DiscardHandler)}
	o.listen()
	about, err := i.client(o).Discover(ctx)
	if said, _ := o.heard(); err != nil && len(said) > 0 {
		return errors.New(said[0])
	}
	if err == nil && about.ExternalAccountRequired && i.Account == "" {
		return errors.New("it takes only its customers' requests" + byAccount)
	}
	return err
}

// overheard is the way to an issuer. autocert does not say why a proof was refused, and
// nothing at all where a renewal fails: what the issuer says of it is read on the way.
type overheard struct {
	base http.RoundTripper
	log  *slog.Logger

	mu        sync.Mutex
	listening bool
	said      []string
	proofs    int             // that were refused since
	told      map[string]bool // refused proofs, by their address: they are read again and again
}

// listen collects what goes wrong from now on; otherwise it is logged.
func (o *overheard) listen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listening, o.said, o.proofs = true, nil, 0
}

// heard ends listen and is what was collected, each reason once, and how many proofs
// were refused.
func (o *overheard) heard() (said []string, proofs int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listening = false
	return o.said, o.proofs
}

// RoundTrip implements [http.RoundTripper].
func (o *overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.base.RoundTrip(r)
	if err != nil {
		o.tell(explained(err))
		return nil, err
	}
	kind := res.Header.Get("Content-Type")
	if !strings.Contains(kind, "json") {
		if res.StatusCode >= http.StatusBadRequest {
			o.tell(fmt.Sprintf("%s answers %s", r.URL.Host, res.Status))
		}
		return res, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, issuerAnswer))
	res.Body.Close()
	if err != nil {
		o.tell(explained(err))
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	o.read(r.URL.Host, res, body)
	return res, nil
}

// reason is a problem document. https://www.rfc-editor.org/rfc/rfc8555#section-6.7
type reason struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func (r reason) String() string {
	text := strings.TrimPrefix(r.Type, "urn:ietf:params:acme:error:") + ": " + r.Detail
	if r.Type == noAccount {
		text += byAccount
	}
	return text
}

const (
	badNonce  = "urn:ietf:params:acme:error:badNonce" // which the client answers by itself
	noAccount = "urn:ietf:params:acme:error:externalAccountRequired"
	byAccount = " (public.account and public.account_key are what it gave you)"
)

// read looks for what was refused: a request, an order, or a proof.
func (o *overheard) read(host string, res *http.Response, body []byte) {
	if res.StatusCode >= http.StatusBadRequest {
		var why reason
		switch err := json.Unmarshal(body, &why); {
		case err != nil || why.Type == "":
			o.tell(fmt.Sprintf("%s answers %s", host, res.Status))
		case why.Type != badNonce:
			o.tell(fmt.Sprintf("%s refuses: %s", host, why))
		}
		return
	}
	var shown struct {
		Status     string  `json:"status"`
		Error      *reason `json:"error"`
		Challenges []struct {
			Type  string  `json:"type"`
			URL   string  `json:"url"`
			Error *reason `json:"error"`
		} `json:"challenges"`
	}
	if json.Unmarshal(body, &shown) != nil || shown.Status != acme.StatusInvalid {
		return
	}
	if shown.Error != nil && len(shown.Challenges) == 0 {
		o.tell(fmt.Sprintf("%s refuses: %s", host, shown.Error))
	}
	for _, c := range shown.Challenges {
		if c.Error != nil && o.news(c.URL) {
			o.tell(fmt.Sprintf("%s refuses %s: %s", host, c.Type, c.Error))
		}
	}
}

// news counts a refused proof, and reports whether it was not told yet.
func (o *overheard) news(proof string) bool {
	const most = 100
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told == nil || len(o.told) >= most {
		o.told = map[string]bool{}
	}
	known := o.told[proof]
	o.told[proof] = true
	if !known {
		o.proofs++
	}
	return !known
}

func (o *overheard) tell(why string) {
	if len(why) > saidMost {
		why = strings.ToValidUTF8(why[:saidMost], "") + "…"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.listening:
		o.log.Warn("the certificate cannot be asked for or renewed", slog.String("error", why))
	case !slices.Contains(o.said, why):
		o.said = append(o.said, why)
	}
}

// explained says what helps where an issuer of one's own is not trusted.
func explained(err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return err.Error() + " (public.issuer_root names the root certificate by which it is trusted)"
	}
	return err.Error()
}
