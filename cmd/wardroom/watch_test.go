package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
)

// feed is a Wardroom whose pages a test sends; it may break off.
type feed struct {
	mu     sync.Mutex
	pages  []any // socket.Page or error, in order
	dry    func()
	closed int
}

func (f *feed) Entries(ctx context.Context, _ timeline.ID, after int64, _ time.Duration) (socket.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages) == 0 {
		f.dry()
		return socket.Page{}, context.Canceled
	}
	next := f.pages[0]
	f.pages = f.pages[1:]
	if err, ok := next.(error); ok {
		return socket.Page{}, err
	}
	return next.(socket.Page), nil
}

func (f *feed) Ask(context.Context, command.Ask, timeline.ID) (command.Reply, error) {
	return command.Reply{}, problem.New(problem.Unsupported, "only pages")
}

func (f *feed) Complete(context.Context, string, string, string) ([]command.Proposal, error) {
	return nil, nil
}

func (f *feed) Close() error { f.closed++; return nil }

func page(i incident.Incident, entries ...socket.Entry) any {
	p := socket.Page{Timeline: i.ID, Incident: &i, Entries: entries}
	if len(entries) > 0 {
		p.Head = entries[len(entries)-1].Ref.Seq
	}
	return p
}

func watched(seq int64, minute int, key bool, actor people.Actor, text string) socket.Entry {
	at := shellNight.Add(time.Duration(minute) * time.Minute)
	return socket.Entry{Ref: timeline.Ref{Timeline: "INC-1", Seq: seq}, Key: key, OccurredAt: at, RecordedAt: at, Actor: actor, Text: text}
}

func watchedNight() []any {
	i := incident.Incident{ID: "INC-1", Title: "PostgreSQL is out of connections", Severity: 2, Status: incident.Investigating, StartedAt: shellNight.Add(-17 * time.Minute),
		Alerts: incident.Counts{Total: 2, Firing: 2}}
	acked := i
	acked.Lead, acked.Alerts.Firing = "joe", 1
	late := watched(5, 3, true, people.Human("joe"), "The first HTTP 524 in the logs")
	late.OccurredAt = shellNight.Add(-18 * time.Hour)
	late.Supersedes = timeline.Ref{Timeline: "INC-1", Seq: 3}
	return []any{
		page(i, watched(1, -10, true, people.Bot, "Incident declared SEV2: PostgreSQL is out of connections"), watched(2, -10, false, people.Source("alertmanager"), "a detail")),
		page(i),
		page(acked, watched(3, 1, true, people.Human("joe"), "Acknowledged"), watched(4, 2, false, people.Bot, "another detail\x1b[31m")),
		page(acked, late),
	}
}

func watchRig(t *testing.T, pages []any, args ...string) (*shellRig, error) {
	r := newShellRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &feed{pages: pages, dry: cancel}
	r.peek = func(context.Context) (Asker, error) { return f, nil }
	root := r.root()
	root.SetArgs(append([]string{"incident", "watch"}, args...))
	err := root.ExecuteContext(ctx)
	if f.closed == 0 {
		t.Error("what was opened was not closed")
	}
	return r, err
}

func TestWatchInAPipe(t *testing.T) {
	r, err := watchRig(t, watchedNight(), "INC-1")
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, "watch_pipe.txt", r.out.String())
}

func TestWatchEverything(t *testing.T) {
	r, err := watchRig(t, watchedNight(), "INC-1", "--all")
	if err != nil || !strings.Contains(r.out.String(), "another detail") || strings.Contains(r.out.String(), "\x1b") {
		t.Errorf("%q, %v", r.out.String(), err)
	}
}

func TestWatchOnATerminalKeepsTheBoardBelow(t *testing.T) {
	r := newShellRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &feed{pages: watchedNight(), dry: cancel}
	r.peek = func(context.Context) (Asker, error) { return f, nil }
	r.live, r.format = true, style{width: 100}
	if err := (&watch{shell: r.shell}).run(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	// What a terminal shows after each erasure of the board's line.
	goldenText(t, "watch_terminal.txt", strings.ReplaceAll(r.out.String(), "\r\x1b[2K", "\n<board erased>\n"))
}

func TestWatchGoesOnWhenTheServerComesBack(t *testing.T) {
	pages := watchedNight()
	pages = append(pages[:2:2], append([]any{problem.New(problem.Unavailable, "the running Wardroom broke the connection off")}, pages[2:]...)...)
	r, err := watchRig(t, pages, "INC-1")
	if err != nil || !strings.Contains(r.out.String(), "looking again") || !strings.Contains(r.out.String(), "HTTP 524") {
		t.Errorf("%q, %v", r.out.String(), err)
	}
	if strings.Count(r.out.String(), "Incident declared") != 1 {
		t.Errorf("what was shown is shown again: %q", r.out.String())
	}
}

func TestWatchOnceAndWithoutAName(t *testing.T) {
	r := newShellRig(t)
	if err := r.run("incident", "watch"); !problem.Is(err, problem.Invalid) {
		t.Errorf("none is open: %v", err)
	}
	r.record(&incident.Declared{Title: "PostgreSQL is out of connections", Severity: 2, StartedAt: shellNight}, &incident.Acknowledged{})
	if err := r.run("incident", "watch", "--once"); err != nil || !strings.Contains(r.out.String(), "Acknowledged") || !strings.Contains(r.out.String(), "== INC-1 SEV2 investigating") {
		t.Errorf("%q, %v", r.out.String(), err)
	}
	if err := r.run("incident", "watch", "INC-9", "--once"); !problem.Is(err, problem.NotFound) {
		t.Errorf("one that does not exist: %v", err)
	}
}
