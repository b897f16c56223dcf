package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"wardroom/bot/scenario"
)

// logbook keeps what the bot writes into its log, warnings and worse.
type logbook struct {
	clock *scenario.Clock
	lines *logLines
	attrs []slog.Attr
}

type logLines struct {
	mu  sync.Mutex
	all []logLine
}

type logLine struct {
	at    time.Time
	level slog.Level
	what  string // "cannot follow for now (discord/room)"
	why   string
}

func newLogbook(c *scenario.Clock) *logbook { return &logbook{clock: c, lines: &logLines{}} }

func (l *logbook) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (l *logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logbook{l.clock, l.lines, append(slices.Clip(l.attrs), attrs...)}
}

func (l *logbook) WithGroup(string) slog.Handler { return l }

func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	line := logLine{at: l.clock.Now(), level: r.Level, what: r.Message}
	take := func(a slog.Attr) bool {
		switch a.Key {
		case "follower":
			line.what += " (" + a.Value.String() + ")"
		case "error", "err":
			line.why = fmt.Sprint(a.Value.Any())
		}
		return true
	}
	for _, a := range l.attrs {
		take(a)
	}
	r.Attrs(take)
	l.lines.mu.Lock()
	defer l.lines.mu.Unlock()
	l.lines.all = append(l.lines.all, line)
	return nil
}

// wireWords is how sockets and parsers say what our own words say before them: it differs
// from run to run.
var wireWords = regexp.MustCompile(`:? (dial tcp|read tcp|write tcp|EOF|unexpected EOF|websocket|stream error|context deadline|sqlite|status \d|\[\d|POST /|GET /|PATCH /|simulated|Get |Post |Patch |invalid character|serializer).*$`)

// between are the kinds of lines from a time up to another, each as it was written last,
// the worst first.
func (l *logbook) between(from, to time.Time) (said []string) {
	l.lines.mu.Lock()
	defer l.lines.mu.Unlock()
	last := map[string]logLine{}
	for _, line := range l.lines.all {
		if line.at.Before(from) || line.at.After(to) {
			continue
		}
		last[line.what] = line
	}
	for _, line := range slices.SortedFunc(maps.Values(last), func(a, b logLine) int {
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.what, b.what))
	}) {
		said = append(said, strings.TrimSuffix(line.level.String()+" "+line.what+": "+wireWords.ReplaceAllString(line.why, ""), ": "))
	}
	return said
}
