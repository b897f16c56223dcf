package linode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

const (
	maintenanceHeader = "X-Maintenance-Mode"
	// Linode's windows are a minute and less; what is told is not believed beyond this.
	maxHold     = 10 * time.Minute
	defaultHold = 15 * time.Second
)

func unavailable(format string, args ...any) *problem.Error {
	return problem.New(problem.Unavailable, format, args...)
}

// refusal is the problem of an exchange that brought no usable answer. A rate limit
// is a [timeline.Later] around it.
func refusal(what string, x *exchange, now time.Time) error {
	switch {
	case x.status == 0 || x.accepted():
		return unanswered(x)
	case x.status == http.StatusTooManyRequests:
		at := now.Add(holdFor(x.header, now))
		return &timeline.Later{At: at, Err: unavailable("Linode asks to wait until %s (429): too many requests", clockTime(at)).
			WithHint("its limits count for each user and address; what else uses this token?")}
	case x.status == http.StatusUnauthorized || x.status == http.StatusForbidden:
		return denied(what, x)
	case x.status >= 300 && x.status < 400:
		return problem.New(problem.Invalid, "Linode's address leads elsewhere (%d)", x.status).WithHint("set linode.url to %s", DefaultURL)
	case x.reason == "" && x.status < 500:
		// A 404 proves that something was deleted: only Linode's own does.
		return unavailable("something in front of Linode answered %d about %s", x.status, what).
			WithHint("is linode.url right, and is a proxy in between?")
	case x.status == http.StatusNotFound:
		return problem.New(problem.NotFound, "Linode has no %s", what)
	case x.busy:
		return unavailable("Linode is busy with %s", what).WithHint("it does one thing at a time with a machine; its events show which")
	case x.status == http.StatusServiceUnavailable && x.header.Get(maintenanceHeader) != "":
		return unavailable("Linode's API is under maintenance (503)").WithHint("see https://status.linode.com")
	case x.status == http.StatusRequestTimeout || x.status >= 500:
		return unavailable("Linode is out of order (%d)%s", x.status, said(x)).WithHint("see https://status.linode.com; Wardroom tries again by itself")
	}
	return problem.New(problem.Invalid, "Linode refuses this for %s (%d)%s", what, x.status, said(x))
}

func said(x *exchange) string {
	if x.reason == "" {
		return ""
	}
	return ": " + x.reason
}

func unanswered(x *exchange) error {
	text := "Linode gave no answer"
	switch {
	case !x.sent:
		text = "Linode cannot be reached"
	case errors.Is(x.err, context.DeadlineExceeded) || isTimeout(x.err):
		text = "Linode did not answer in time"
	case x.status != 0:
		text = "Linode's answer did not come whole"
	}
	return unavailable("%s", text).Because(x.err).WithHint("see https://status.linode.com; Wardroom tries again by itself")
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// denied tells a token that is no longer one from a token that may not do this.
// Linode answers both with 401 and names the scopes in headers;
// https://techdocs.akamai.com/linode-api/reference/get-started#oauth-reference
func denied(what string, x *exchange) error {
	if missing := lacking(scopes(x.header, "X-OAuth-Scopes"), scopes(x.header, "X-Accepted-OAuth-Scopes")); len(missing) > 0 {
		return problem.New(problem.Forbidden, "Linode's token lacks the scope %s (for %s)", strings.Join(missing, " and "), what).
			WithHint("a token's scopes cannot be changed: make a new one under Profile, API Tokens in the Cloud Manager, and set it under linode")
	}
	if x.status == http.StatusForbidden {
		return problem.New(problem.Forbidden, "Linode forbids this to the token's user (403, for %s)%s", what, said(x)).
			WithHint("the user needs the grant for it: Users & Grants in the Cloud Manager; for node pools the role lkecluster_admin")
	}
	return problem.New(problem.Unauthentic, "Linode refuses the token (401)%s", said(x)).
		WithHint("it has expired or was revoked: make a new one under Profile, API Tokens in the Cloud Manager")
}

// scopes reads a list as "lke:read_only, volumes:read_write", or nil when there is none.
func scopes(h http.Header, name string) []string {
	return strings.FieldsFunc(strings.Join(h.Values(name), ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// lacking returns the scopes that are needed and not had; none when nothing is
// known of those that are had.
func lacking(have, need []string) []string {
	if len(have) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(need), func(n string) bool {
		return slices.ContainsFunc(have, func(h string) bool { return covers(h, n) })
	})
}

func covers(have, need string) bool {
	area, of, _ := strings.Cut(need, ":")
	return have == "*" || have == need || have == area+":read_write" && of == "read_only" || have == area+":*"
}

// holdFor is how long Linode asks to wait: Retry-After in seconds or as a date, else
// until the window that X-RateLimit-Reset names, in epoch seconds, is over;
// https://techdocs.akamai.com/linode-api/reference/rate-limits
func holdFor(h http.Header, now time.Time) time.Duration {
	hold := defaultHold
	told := h.Get("Retry-After")
	if s, err := strconv.Atoi(told); err == nil {
		hold = time.Duration(min(max(s, 1), int(maxHold/time.Second))) * time.Second
	} else if t, err := http.ParseTime(told); err == nil {
		hold = t.Sub(now)
	} else if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		hold = time.Unix(reset, 0).Sub(now)
	}
	return min(max(hold, time.Second), maxHold)
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// short is what is wrong in a few words, for the line that says what works.
func short(x *exchange, failure error) string {
	switch {
	case x.status == 0 || x.accepted():
		text, _, _ := strings.Cut(failure.Error(), ":")
		return strings.TrimPrefix(strings.TrimPrefix(text, "Linode's "), "Linode ")
	case problem.Is(failure, problem.Unauthentic):
		return "the token is refused"
	case problem.Is(failure, problem.Forbidden):
		return strings.TrimPrefix(failure.Error(), "Linode's ")
	}
	return fmt.Sprint(x.status)
}
