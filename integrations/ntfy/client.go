package ntfy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"wardroom/bot/config"
	"wardroom/bot/problem"
)

const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 64 << 10
	maxCached      = 4 << 20 // what a topic may hold, in bytes, to be looked through
	maxReason      = 200     // characters of the server's own words in a problem
)

// errUnsure marks an error after which the page may have been sent.
var errUnsure = errors.New("it may have been sent")

// slowDown says that the server asks to wait; 0: it does not say how long.
type slowDown struct{ wait time.Duration }

func (*slowDown) Error() string { return "ntfy asks to slow down (429)" }

// client speaks to one server. Its errors name neither topic nor credential.
type client struct {
	base string
	auth config.Credentials
	http *http.Client
}

func newClient(o Options) *client {
	c := &client{base: "https://ntfy.sh", auth: o.Auth, http: o.HTTP}
	if o.URL != nil {
		c.base = strings.TrimSuffix(o.URL.String(), "/")
	}
	if c.http == nil {
		c.http = &http.Client{
			Timeout: requestTimeout,
			// To follow would carry the topic and the credential elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return c
}

// message is what is published, as JSON to the server's root:
// https://docs.ntfy.sh/publish/#publish-as-json
type message struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags,omitempty"`
	Click    string   `json:"click,omitempty"`
	Actions  []action `json:"actions,omitempty"`
}

// action is a button: https://docs.ntfy.sh/publish/#action-buttons
type action struct {
	Action string `json:"action"` // "view" opens, "http" sends a request
	Label  string `json:"label"`
	URL    string `json:"url"`
	Method string `json:"method,omitempty"`
	Clear  bool   `json:"clear,omitempty"` // the notification goes once it has worked
}

// publish sends a message and returns ntfy's id of it.
func (c *client) publish(ctx context.Context, m message) (id string, err error) {
	body, err := encode(m)
	if err != nil {
		return "", fmt.Errorf("ntfy: encode: %w", err)
	}
	res, err := c.do(ctx, http.MethodPost, "/", body)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var made struct {
		ID string `json:"id"`
	}
	read, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return "", unavailable("the answer of ntfy broke off").Because(errUnsure)
	}
	if json.Unmarshal(read, &made) != nil || made.ID == "" {
		return "", unavailable("what answers is no ntfy").Because(errUnsure)
	}
	return made.ID, nil
}

// encode leaves < and & as they are: escaped for HTML they would make a message
// larger than older servers read, 8 KiB.
func encode(m message) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return b.Bytes(), err
}

// find looks among a topic's cached messages for the one with a tag:
// https://docs.ntfy.sh/subscribe/api/#poll-for-messages. How far back is told as a
// duration, by the server's clock.
func (c *client) find(ctx context.Context, topic config.Secret, tag string) (id string, found bool, err error) {
	res, err := c.do(ctx, http.MethodGet, "/"+topic.Reveal()+"/json?poll=1&since=12h", nil)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(res.Body, maxCached))
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var m struct {
			ID    string   `json:"id"`
			Event string   `json:"event"`
			Tags  []string `json:"tags"`
		}
		if json.Unmarshal(lines.Bytes(), &m) == nil && m.Event == "message" && slices.Contains(m.Tags, tag) {
			return m.ID, true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", false, unavailable("what ntfy holds could not be read to the end")
	}
	return "", false, nil
}

// health asks whether the server works: https://docs.ntfy.sh/config/#health-checks
func (c *client) health(ctx context.Context) error {
	res, err := c.do(ctx, http.MethodGet, "/v1/health", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var said struct {
		Healthy bool `json:"healthy"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&said); err != nil {
		return unavailable("what answers at %s is no ntfy", c.host())
	}
	if !said.Healthy {
		return unavailable("ntfy at %s says that it is not healthy", c.host())
	}
	return nil
}

// access asks whether the credential may read a topic.
func (c *client) access(ctx context.Context, topic config.Secret) error {
	res, err := c.do(ctx, http.MethodGet, "/"+topic.Reveal()+"/auth", nil)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (c *client) host() string {
	if u, err := url.Parse(c.base); err == nil {
		return u.Host
	}
	return "the configured address"
}

// do sends one request. What comes back with a nil error is 2xx.
func (c *client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the address of ntfy cannot be used")
	}
	req.Header.Set("User-Agent", "wardroom")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case !c.auth.Token.IsZero():
		req.Header.Set("Authorization", "Bearer "+c.auth.Token.Reveal())
	case c.auth.Username != "":
		req.SetBasicAuth(c.auth.Username, c.auth.Password.Reveal())
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, c.refusal(res)
}

// failed drops the URL that package http puts into its errors: it names the topic.
func (c *client) failed(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return unavailable("ntfy at %s cannot be reached", c.host()).Because(err)
	}
	return unavailable("ntfy at %s gave no answer", c.host()).Because(fmt.Errorf("%w: %w", errUnsure, err))
}

// refusal says what a status means. What waiting cannot mend is final.
func (c *client) refusal(res *http.Response) error {
	said := reason(res.Body)
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized:
		return problem.New(problem.Forbidden, "ntfy at %s refuses the credential (401)", c.host()).WithHint("renew oncall.ntfy.token_file")
	case code == http.StatusForbidden:
		return problem.New(problem.Forbidden, "ntfy at %s forbids this topic to the credential (403)", c.host()).
			WithHint("let the user of oncall.ntfy read and write it, or take another topic")
	case code == http.StatusNotFound:
		return problem.New(problem.NotFound, "there is no ntfy at %s (404)", c.host()).WithHint("oncall.ntfy.url is the server's address without a path and a topic")
	case code == http.StatusTooManyRequests:
		return unavailable("ntfy at %s asks to slow down (429)%s", c.host(), said).Because(&slowDown{retryAfter(res.Header.Get("Retry-After"))})
	case code == http.StatusRequestTimeout || code >= 500:
		return unavailable("ntfy at %s is out of order (%d)", c.host(), code).Because(errUnsure)
	case code >= 300 && code < 400:
		return problem.New(problem.Invalid, "ntfy at %s sends us elsewhere (%d)", c.host(), code).WithHint("set oncall.ntfy.url to where it leads")
	default:
		return problem.New(problem.Invalid, "ntfy at %s refused the page (%d)%s", c.host(), code, said)
	}
}

// retryAfter reads seconds or a date; 0 where there is neither.
func retryAfter(told string) time.Duration {
	if s, err := strconv.Atoi(told); err == nil && s > 0 && s < 1<<20 {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(told); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

// reason is what ntfy itself says, cleaned: {"code":42901,"http":429,"error":"…"}.
func reason(body io.Reader) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&said) != nil {
		return ""
	}
	text := strings.Join(strings.FieldsFunc(said.Error, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if r := []rune(text); len(r) > maxReason {
		text = string(r[:maxReason]) + "…"
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

// cannotRead reports whether a topic can be written and not read.
func cannotRead(err error) bool {
	code := problem.CodeOf(err)
	return code == problem.Forbidden || code == problem.NotFound || code == problem.Invalid
}

func unavailable(format string, args ...any) *problem.Error {
	return problem.New(problem.Unavailable, format, args...)
}
