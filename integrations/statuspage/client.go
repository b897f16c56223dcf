package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"wardroom/bot/config"
	"wardroom/bot/problem"
)

// Limits of the client.
const (
	// Statuspage allows 60 requests a minute and key: at 1.1 s each, a burst of five
	// stays below it. Source: "Rate Limiting" on https://developer.statuspage.io.
	defaultEvery = 1100 * time.Millisecond
	burst        = 5

	defaultPatience = 30 * time.Second
	defaultSettle   = 15 * time.Second
	requestTimeout  = 20 * time.Second
	maxAnswer       = 8 << 20 // a list of 100 incidents with all their updates
	maxReason       = 300     // characters of Statuspage's own words in a problem
)

// client sends requests within Statuspage's limits and turns what comes back into
// problems. It never shows the key.
type client struct {
	base     string // …/pages/{id}
	key      config.Secret
	http     *http.Client
	limit    *rate.Limiter
	patience time.Duration
	settling time.Duration
}

func newClient(o Options) *client {
	base := o.URL
	if base == "" {
		base = DefaultURL
	}
	c := &client{base: strings.TrimSuffix(base, "/") + "/pages/" + url.PathEscape(o.PageID), key: o.Key, http: o.HTTP, patience: o.Patience}
	if c.http == nil {
		c.http = &http.Client{
			Timeout: requestTimeout,
			// The API never redirects; to follow would send the key along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	every := o.Every
	if every == 0 {
		every = defaultEvery
	}
	c.limit = rate.NewLimiter(rate.Every(every), burst)
	if c.settling = o.Settle; c.settling == 0 {
		c.settling = defaultSettle
	}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	return c
}

// call sends one request and decodes the answer into out. Only an answer that says
// "slow down" is sent again here: the request was not carried out then.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("statuspage: encode: %w", err)
		}
	}
	deadline := time.Now().Add(c.patience)
	for try := 0; ; try++ {
		if err := c.limit.Wait(ctx); err != nil {
			return unavailable("Statuspage could not be asked in time").Because(err)
		}
		answer, err := c.once(ctx, method, path, body)
		if err != nil {
			return err
		}
		if !answer.slowDown() {
			return answer.into(out)
		}
		wait := answer.retryAfter(try)
		if time.Now().Add(wait).After(deadline) {
			return unavailable("Statuspage asks to slow down (%d)", answer.status).
				WithHint("its limit is one request a second and key; is the key used elsewhere too?")
		}
		if err := sleep(ctx, wait); err != nil {
			return unavailable("Statuspage could not be asked in time").Because(err)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) once(ctx context.Context, method, path string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, problem.New(problem.Invalid, "the address of Statuspage cannot be used").Because(err)
	}
	req.Header.Set("Authorization", "OAuth "+c.key.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "wardroom")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return answer{}, unavailable("Statuspage cannot be reached").Because(err)
	}
	if err != nil {
		return answer{}, unavailable("Statuspage gave no answer").Because(unanswered{err})
	}
	defer res.Body.Close()
	read, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return answer{}, unavailable("the answer of Statuspage broke off").Because(unanswered{err})
	}
	if len(read) > maxAnswer {
		return answer{}, unavailable("the answer of Statuspage is larger than %d MiB", maxAnswer>>20)
	}
	return answer{res.StatusCode, res.Header, read}, nil
}

// slowDown: "Error codes 420 or 429 indicate that you have exceeded the rate limit".
func (a answer) slowDown() bool { return a.status == 420 || a.status == http.StatusTooManyRequests }

// retryAfter is how long to wait: as told, in seconds or as a date, else longer each time.
func (a answer) retryAfter(try int) time.Duration {
	told := a.header.Get("Retry-After")
	if s, err := strconv.Atoi(told); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(told); err == nil {
		return max(time.Until(t), 0)
	}
	return time.Second << min(try, 10)
}

// into decodes an answer, or says what is wrong. What cannot be mended by waiting
// is final: a refused key, a page that is not there, a request that is refused.
func (a answer) into(out any) error {
	switch {
	case a.status >= 200 && a.status < 300:
		if out == nil {
			return nil
		}
		if err := json.Unmarshal(a.body, out); err != nil {
			return unavailable("Statuspage answered something else than JSON").Because(err)
		}
		return nil
	case a.status == http.StatusUnauthorized:
		return problem.New(problem.Forbidden, "Statuspage refuses the API key (401)").WithHint("make a new one under API info and set status_page.statuspage.api_key")
	case a.status == http.StatusForbidden:
		return problem.New(problem.Forbidden, "Statuspage forbids this to the API key (403)%s", a.reason()).WithHint("the key's owner must be allowed to manage incidents of this page")
	case a.status == http.StatusNotFound:
		return problem.New(problem.NotFound, "Statuspage has no such page, incident or component (404)").WithHint("is status_page.statuspage.page_id right?")
	case a.status == http.StatusRequestTimeout || a.status >= 500:
		return unavailable("Statuspage is out of order (%d)", a.status).Because(unanswered{fmt.Errorf("status %d", a.status)})
	}
	return problem.New(problem.Invalid, "Statuspage refused the request (%d)%s", a.status, a.reason())
}

// reason is what Statuspage itself says, cleaned: `{"message": …}` or `{"error": […]}`.
func (a answer) reason() string {
	var said struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
	}
	if json.Unmarshal(a.body, &said) != nil {
		return ""
	}
	text := said.Message
	if text == "" && said.Error != nil {
		text = fmt.Sprint(said.Error)
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if r := []rune(text); len(r) > maxReason {
		text = string(r[:maxReason]) + "…"
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

// unanswered marks an error after which the request may still be carried out.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// settle waits, after a request that may still be carried out, until it has been
// or never will be: then whoever tries again finds what it made.
func (c *client) settle(ctx context.Context, err error) error {
	if _, maybe := errors.AsType[unanswered](err); !maybe {
		return err
	}
	if stopped := sleep(ctx, c.settling); stopped != nil {
		return errors.Join(err, stopped)
	}
	return err
}

func unavailable(format string, args ...any) *problem.Error {
	return problem.New(problem.Unavailable, format, args...)
}

func isNotFound(err error) bool {
	p, ok := errors.AsType[*problem.Error](err)
	return ok && p.Code == problem.NotFound
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
