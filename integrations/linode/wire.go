package linode

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/room"
)

const (
	// maxAnswer bounds one answer: a page of 500 volumes or events is below 1 MiB.
	maxAnswer = 8 << 20
	// maxReason bounds Linode's own words in a problem, in characters.
	maxReason = 300
)

// exchange is what came over the wire for one request. linodego's errors have two
// shapes and lose what is needed to tell "refused" from "perhaps carried out", so
// nothing is decided by them: the transport below notes what it saw.
type exchange struct {
	sent   bool // a connection was had: from then on the request may have arrived
	status int  // 0: no whole answer came
	header http.Header
	reason string // Linode's words, cleaned
	busy   bool   // its lock on the object was taken
	err    error  // why there was no whole answer
}

// accepted reports whether Linode took the request on.
func (x *exchange) accepted() bool { return x.status >= 200 && x.status < 300 }

type exchangeKey struct{}

// wire is the transport under linodego.
type wire struct {
	carrier http.RoundTripper
	token   config.Secret
}

// newCarrier speaks HTTP/1.1 only: an HTTP/2 connection repeats a request by itself
// when the server says that it has not begun it, and that word is not good enough
// for a recycle.
func newCarrier() http.RoundTripper {
	var one http.Protocols
	one.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		Protocols:              &one,
		MaxIdleConns:           4,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// RoundTrip implements [http.RoundTripper]. It hands the library an answer that it
// can read, whatever came.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("linode: a request that nobody follows")
	}
	var sent atomic.Bool // the transport may call back after it has returned
	traced := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req = req.Clone(traced)
	req.Header.Set("Authorization", "Bearer "+w.token.Reveal())
	if req.Method != http.MethodGet {
		req.Close = true // a connection that died idle would leave open whether it arrived
	}
	res, err := w.carrier.RoundTrip(req)
	x.sent = sent.Load()
	if err != nil {
		x.err = err
		return nil, err
	}
	defer res.Body.Close()
	x.sent = true
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		x.err = fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxAnswer:
		x.err = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	}
	// The status stands at the beginning and holds even if the rest broke off: a
	// change that was accepted was accepted.
	x.status, x.header = res.StatusCode, res.Header.Clone()
	if x.err != nil {
		return nil, x.err
	}
	if !x.accepted() {
		x.reason, x.busy = reasonIn(body)
	}
	res.Header = http.Header{"Content-Type": {"application/json"}}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}

// reasonIn reads {"errors":[{"reason","field"}]}; what is something else, as the
// page of a proxy, gives no reason.
func reasonIn(body []byte) (reason string, busy bool) {
	var said struct {
		Errors []struct{ Reason, Field string }
	}
	if json.Unmarshal(body, &said) != nil {
		return "", false
	}
	var parts []string
	for _, e := range said.Errors {
		busy = busy || strings.HasPrefix(e.Reason, "Linode busy")
		text := e.Reason
		if e.Field != "" {
			text = e.Field + ": " + text
		}
		parts = append(parts, text)
	}
	text := room.Plain(strings.Join(parts, "; "))
	if r := []rune(text); len(r) > maxReason {
		text = string(r[:maxReason]) + "…"
	}
	return text, busy
}

func follow(ctx context.Context) (context.Context, *exchange) {
	x := &exchange{}
	return context.WithValue(ctx, exchangeKey{}, x), x
}
