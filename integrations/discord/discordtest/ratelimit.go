package discordtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Limit is the rate limit of a route. Discord publishes none of these numbers: they
// are what its users observe, and a client must go by the headers.
type Limit struct {
	Method string // "" is any
	// Route is a pattern of the router, as "/channels/{channel}/messages"; "" is any.
	// The first path value, the token of a webhook with it, has a bucket of its own.
	Route string
	Count int
	Per   time.Duration
	// Rename counts only edits of a channel's name or topic and is not told in the
	// headers, as Discord's two in ten minutes
	// (https://github.com/discord/discord-api-docs/issues/1900).
	Rename bool
}

// Global is how many requests a second a bot may make in all, interactions apart;
// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
const Global = 50

// NoLimits has no limit for any route. The global one stays.
var NoLimits = []Limit{}

// DefaultLimits are near to what Discord does.
func DefaultLimits() []Limit {
	const message = "/channels/{channel}/messages/{message}"
	return []Limit{
		{Method: "POST", Route: "/channels/{channel}/messages", Count: 5, Per: 5 * time.Second},
		{Method: "PATCH", Route: message, Count: 5, Per: 5 * time.Second},
		{Method: "DELETE", Route: message, Count: 5, Per: time.Second},
		{Method: "PUT", Route: message + "/reactions/{emoji}/{user}", Count: 1, Per: 250 * time.Millisecond},
		{Method: "PATCH", Route: "/channels/{channel}", Count: 2, Per: 10 * time.Minute, Rename: true},
		{Method: "PATCH", Route: "/channels/{channel}", Count: 5, Per: 5 * time.Second},
		{Method: "POST", Route: "/webhooks/{application}/{token}", Count: 5, Per: 2 * time.Second},
		{Method: "PATCH", Route: "/webhooks/{application}/{token}/messages/{message}", Count: 5, Per: 2 * time.Second},
		{Count: 50, Per: time.Second},
	}
}

type limiter struct {
	limits  []Limit
	windows map[string]*window
	global  window
}

type window struct {
	ends time.Time
	used int
}

func newLimiter(limits []Limit) *limiter {
	return &limiter{limits: limits, windows: map[string]*window{}}
}

// take counts one in a window and returns how long to wait when it was full.
func (w *window) take(now time.Time, count int, per time.Duration) time.Duration {
	if !now.Before(w.ends) {
		w.ends, w.used = now.Add(per), 0
	}
	if w.used >= count {
		return w.ends.Sub(now)
	}
	w.used++
	return 0
}

// verdict is a 429 to be sent, when wait is more than 0.
type verdict struct {
	wait   time.Duration
	scope  string
	global bool
}

// admit counts a request and writes the headers of its bucket.
func (l *limiter) admit(h http.Header, now time.Time, c *call) verdict {
	if !c.interaction {
		if wait := l.global.take(now, Global, time.Second); wait > 0 {
			return verdict{wait, "global", true}
		}
	}
	hidden := time.Duration(0)
	for i, lim := range l.limits {
		if lim.Method != "" && lim.Method != c.method || lim.Route != "" && lim.Route != c.route {
			continue
		}
		if lim.Rename && !c.renames() {
			continue
		}
		key := fmt.Sprintf("%d %s %s %s", i, c.method, c.route, c.major())
		w := l.windows[key]
		if w == nil {
			w = &window{}
			l.windows[key] = w
		}
		wait := w.take(now, lim.Count, lim.Per)
		if lim.Rename {
			hidden = wait
			continue
		}
		sum := sha256.Sum256([]byte(c.method + c.route))
		h.Set("X-RateLimit-Limit", strconv.Itoa(lim.Count))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(lim.Count-w.used))
		h.Set("X-RateLimit-Reset", seconds(time.Duration(w.ends.UnixNano())))
		h.Set("X-RateLimit-Reset-After", seconds(w.ends.Sub(now)))
		h.Set("X-RateLimit-Bucket", hex.EncodeToString(sum[:8]))
		if wait > 0 {
			return verdict{wait: wait, scope: "user"}
		}
		break
	}
	return verdict{wait: hidden, scope: "user"}
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(math.Ceil(d.Seconds()*1000)/1000, 'f', 3, 64)
}

// limited answers 429 as the documentation says.
func limited(w http.ResponseWriter, v verdict) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(v.wait.Seconds()))))
	w.Header().Set("X-RateLimit-Scope", v.scope)
	if v.global {
		w.Header().Set("X-RateLimit-Global", "true")
	}
	text := "You are being rate limited."
	if v.scope == "shared" {
		text = "The resource is being rate limited."
	}
	answer(w, http.StatusTooManyRequests, map[string]any{
		"message": text, "retry_after": math.Ceil(v.wait.Seconds()*1000) / 1000, "global": v.global,
	})
}
