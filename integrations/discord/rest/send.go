package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"wardroom/bot/problem"
)

// Limits of requests and answers.
const (
	maxAnswer  = 8 << 20  // a hundred messages with all their embeds
	maxRequest = 25 << 20 // https://discord.com/developers/docs/reference#uploading-files
	maxAudit   = 512      // characters of a reason
)

func newHTTP(given *http.Client) *http.Client {
	h := &http.Client{}
	if given != nil {
		*h = *given
	} else {
		h.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     90 * time.Second,
		}
	}
	// The API never redirects; to follow would send the token along.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return h
}

// payload is an encoded body.
type payload struct {
	kind string // the content type; "" is no body
	body []byte
}

func encode(call Call) (payload, error) {
	if call.Body == nil {
		return payload{}, nil
	}
	body := call.Body
	if len(call.Files) > 0 {
		if a, ok := body.(interface{ attaching([]File) any }); ok {
			body = a.attaching(call.Files)
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return payload{}, problem.New(problem.Invalid, "the request to Discord cannot be written").Because(err)
	}
	if len(call.Files) == 0 {
		return payload{"application/json", raw}, nil
	}
	return multi(raw, call.Files)
}

// multi makes a request with files: the JSON is the part payload_json.
func multi(raw []byte, files []File) (payload, error) {
	size := len(raw)
	for _, f := range files {
		size += len(f.Body)
	}
	if size > maxRequest {
		return payload{}, problem.New(problem.Invalid, "the files are larger than Discord takes (%d MiB)", maxRequest>>20)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="payload_json"`}, "Content-Type": {"application/json"}})
	if err == nil {
		_, err = part.Write(raw)
	}
	for i, f := range files {
		if err != nil {
			break
		}
		kind := f.ContentType
		if kind == "" || strings.ContainsFunc(kind, unicode.IsControl) {
			kind = "application/octet-stream"
		}
		if part, err = w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="files[%d]"; filename="%s"`, i, fileName(f.Name))},
			"Content-Type":        {kind},
		}); err == nil {
			_, err = part.Write(f.Body)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return payload{}, fmt.Errorf("discord: write files: %w", err)
	}
	return payload{w.FormDataContentType(), b.Bytes()}, nil
}

// fileName is a name that breaks no header and leads into no folder.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if r := []rune(name); len(r) > 120 {
		name = string(r[len(r)-120:]) // the end has the type
	}
	if strings.Trim(name, ". ") == "" {
		return "file"
	}
	return name
}

// errTooLarge is an answer that nobody reads. Another attempt would bring the same.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

type answer struct {
	status int
	header http.Header
	body   []byte
	token  string // that was sent
}

// unsent is an attempt that surely did not arrive: no connection was made.
type unsent struct{ err error }

func (u unsent) Error() string { return u.err.Error() }
func (u unsent) Unwrap() error { return u.err }

func isUnsent(err error) bool {
	_, ok := errors.AsType[unsent](err)
	return ok
}

// once makes one attempt. An attempt that may be followed by another takes half of
// the time that is left: a dead connection often shows by silence only.
func (c *Client) once(ctx context.Context, call Call, rt route, body payload, last bool) (answer, error) {
	if d, ok := ctx.Deadline(); ok && !last && call.repeatable() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(d)/2)
		defer cancel()
	}
	var asked, connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := c.request(ctx, call, rt, body)
	if err != nil {
		return answer{}, err
	}
	begin := time.Now()
	a, err := c.exchange(req)
	a.token = strings.TrimPrefix(req.Header.Get("Authorization"), "Bot ")
	c.metrics.Answered(rt.name, a.status, time.Since(begin))
	if err != nil && asked.Load() && !connected.Load() {
		err = unsent{err}
	}
	return a, err
}

func (c *Client) request(ctx context.Context, call Call, rt route, body payload) (*http.Request, error) {
	address := c.base + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(body.body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the address of Discord cannot be used").Because(err)
	}
	if !rt.own {
		req.Header.Set("Authorization", "Bot "+c.credential())
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json")
	if body.kind != "" {
		req.Header.Set("Content-Type", body.kind)
	}
	if call.Reason != "" {
		req.Header.Set("X-Audit-Log-Reason", auditReason(call.Reason))
	}
	return req, nil
}

// auditReason is cut and URL-encoded, as Discord wants it.
// https://discord.com/developers/docs/resources/audit-log
func auditReason(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if r := []rune(s); len(r) > maxAudit {
		s = string(r[:maxAudit-1]) + "…"
	}
	return url.PathEscape(s)
}

func (c *Client) exchange(req *http.Request) (answer, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, nameless(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil && a.status < 300:
		return answer{}, fmt.Errorf("the answer broke off: %w", err)
	case len(a.body) > maxAnswer:
		return answer{}, errTooLarge
	}
	return a, nil
}

// nameless takes the address out of an error: it may have an interaction's token or
// an attachment's signature, and errors are logged.
func nameless(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func (a answer) toError(rt route) *Error {
	method, path, _ := strings.Cut(rt.name, " ")
	e := &Error{Method: method, Route: path, Status: a.status, Needs: acts[rt.name].needs}
	var said struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(a.body, &said) == nil && said.Message != "" {
		e.json, e.Code, e.Message, e.Errors = true, said.Code, clean(said.Message), said.Errors
	}
	return e
}

// retryAfter is how long a 429 asks to wait: the header, or the body's more exact
// number. 0 when it says nothing that makes sense.
func (a answer) retryAfter() time.Duration {
	var said struct {
		After float64 `json:"retry_after"`
	}
	if json.Unmarshal(a.body, &said) == nil && said.After > 0 {
		return seconds(said.After)
	}
	if s, err := strconv.ParseFloat(a.header.Get("Retry-After"), 64); err == nil {
		return seconds(s)
	}
	return 0
}

const longestWait = 24 * time.Hour // the limits of a day

func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, longestWait.Seconds()) * float64(time.Second))
}
