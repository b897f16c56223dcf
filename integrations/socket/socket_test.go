package socket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
	"wardroom/storage"
)

type rig struct {
	*testing.T
	path  string
	store *storage.DB
	opts  socket.Options
	codec *timeline.Codec
	asked chan struct{} // /slow has begun
	goOn  chan struct{} // lets it finish
}

// newRig has a store with one incident and commands that show who asks.
// The person joe is the Unix user of this process, or nobody is.
func newRig(t *testing.T, linked bool) *rig {
	t.Helper()
	r := &rig{T: t, path: filepath.Join(t.TempDir(), socket.FileName), asked: make(chan struct{}, 1), goOn: make(chan struct{})}
	var err error
	r.codec, err = timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds)
	r.must(err)
	r.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{
		Codec: r.codec, Folds: []timeline.Fold{alert.Fold, incident.Fold}, Log: slog.New(slog.DiscardHandler),
	})
	r.must(err)
	t.Cleanup(func() { r.store.Close() })
	r.record(&incident.Declared{Title: "PostgreSQL is out of connections", Severity: 2, StartedAt: time.Now()})
	joe := people.Person{Name: "joe", Roles: []people.Role{people.Responder}}
	if linked {
		joe.UIDs = []int{os.Getuid()}
	}
	directory, err := people.NewDirectory([]people.Person{joe})
	r.must(err)
	table, err := command.NewTable(r.commands())
	r.must(err)
	runner := &command.Runner{Table: table, Store: r.store, Incidents: incidents{}, People: directory,
		Clock: timeline.RealClock{}, Log: slog.New(slog.DiscardHandler), NewFaultID: func() string { return "c0ffee" }}
	r.opts = socket.Options{Path: r.path, Runner: runner, Store: r.store, Prominence: r.codec.Prominence, People: directory, Log: slog.New(slog.DiscardHandler)}
	return r
}

type incidents struct{}

func (incidents) OpenIDs(v timeline.View) (named []command.Named, err error) {
	open, err := incident.Open(v)
	for _, i := range open {
		named = append(named, command.Named{ID: i.ID, Title: i.Title})
	}
	return named, err
}

func (incidents) Exists(v timeline.View, id timeline.ID) (bool, error) {
	_, exists, err := incident.Table.Get(v, string(id))
	return exists, err
}

func (r *rig) commands() []command.Command {
	return []command.Command{
		{Path: "who", Summary: "Say who asks", Options: []command.Option{{Name: "text", Help: "h", Type: command.String, Positional: true}},
			Handle: func(_ context.Context, q command.Request) (command.Reply, error) {
				return command.Reply{Text: q.Actor().String() + " via " + q.Caller.Via + " in " + string(q.Caller.Room), Data: map[string]any{"text": q.String("text"), "number": 12345678901234567}}, nil
			}},
		{Path: "act", Summary: "Act", Access: people.Responder, Records: true, Options: []command.Option{{Name: "incident", Help: "h", Type: command.Incident}},
			Handle: func(context.Context, command.Request) (command.Reply, error) { return command.Reply{Text: "done"}, nil }},
		{Path: "conflict", Summary: "Fail", Handle: func(context.Context, command.Request) (command.Reply, error) {
			return command.Reply{}, problem.New(problem.Conflict, "it is resolved").WithHint("reopen it").Because(errors.New("secret cause"))
		}},
		{Path: "panic", Summary: "Fail", Handle: func(context.Context, command.Request) (command.Reply, error) { panic("secret cause") }},
		{Path: "slow", Summary: "Take long", Handle: func(context.Context, command.Request) (command.Reply, error) {
			r.asked <- struct{}{}
			<-r.goOn
			return command.Reply{Text: "done"}, nil
		}},
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) record(p timeline.Payload) {
	r.Helper()
	_, err := r.store.Update(r.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Incident(1), Payload: p}}}, nil
	})
	r.must(err)
}

// serve runs a server until the test ends, or until stop, which returns what Run returned.
func (r *rig) serve() (client *socket.Client, stop func() error) {
	r.Helper()
	s, err := socket.Listen(r.opts)
	r.must(err)
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	r.Cleanup(func() {
		if !stopped {
			r.must(stop())
		}
	})
	client, err = socket.Dial(r.path)
	r.must(err)
	r.Cleanup(func() { client.Close() })
	return client, stop
}

func TestTheKernelSaysWhoAsks(t *testing.T) {
	for name, tt := range map[string]struct {
		linked bool
		want   string
	}{
		"a linked user is the person":      {true, "person:joe via shell in INC-1"},
		"any other user is linked to none": {false, fmt.Sprintf("unknown:uid %d via shell in INC-1", os.Getuid())},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.linked)
			c, _ := r.serve()
			reply, err := c.Ask(t.Context(), command.Ask{Path: "who", Args: []string{"hello"}}, timeline.Incident(1))
			r.must(err)
			if reply.Text != tt.want {
				t.Errorf("%q, want %q", reply.Text, tt.want)
			}
			if got := string(reply.Data.(json.RawMessage)); got != `{"number":12345678901234567,"text":"hello"}` {
				t.Errorf("data %s", got)
			}
		})
	}
}

func TestStrangersOnTheSocket(t *testing.T) {
	r := newRig(t, false)
	c, _ := r.serve()
	if _, err := c.Ask(t.Context(), command.Ask{Path: "act"}, ""); !problem.Is(err, problem.Forbidden) {
		t.Errorf("act: %v", err)
	}
	if _, err := c.Entries(t.Context(), timeline.Incident(1), 0, 0); !problem.Is(err, problem.Forbidden) {
		t.Errorf("entries: %v", err)
	}
	if found, err := c.Complete(t.Context(), "act", "incident", ""); err != nil || len(found) != 0 {
		t.Errorf("complete: %v, %v", found, err)
	}
}

func TestProblemsCrossWithoutTheirCause(t *testing.T) {
	r := newRig(t, true)
	c, _ := r.serve()
	_, err := c.Ask(t.Context(), command.Ask{Path: "conflict"}, "")
	p, ok := err.(*problem.Error)
	if !ok || p.Code != problem.Conflict || p.Message != "it is resolved" || p.Hint != "reopen it" || p.Err != nil {
		t.Errorf("%#v", err)
	}
	_, err = c.Ask(t.Context(), command.Ask{Path: "panic"}, "")
	if !problem.Is(err, problem.Internal) || command.FaultID(err) != "c0ffee" || strings.Contains(fmt.Sprintf("%+v", err), "secret") {
		t.Errorf("%#v", err)
	}
	_, err = c.Ask(t.Context(), command.Ask{Path: "who"}, timeline.Incident(99))
	if !problem.Is(err, problem.NotFound) {
		t.Errorf("a room that does not exist: %v", err)
	}
}

func TestEntriesAreWaitedFor(t *testing.T) {
	r := newRig(t, true)
	c, _ := r.serve()
	page, err := c.Entries(t.Context(), timeline.Incident(1), 0, time.Minute)
	r.must(err)
	if len(page.Entries) != 1 || page.Head != 1 || page.Incident == nil || page.Incident.Title != "PostgreSQL is out of connections" {
		t.Fatalf("%+v", page)
	}
	if e := page.Entries[0]; !e.Key || e.Kind != "incident.declared" || e.Actor != people.Bot || !strings.Contains(e.Text, "PostgreSQL") || e.Ref.String() != "INC-1#1" {
		t.Errorf("%+v", e)
	}
	type result struct {
		page socket.Page
		err  error
	}
	got := make(chan result, 1)
	go func() {
		page, err := c.Entries(t.Context(), timeline.Incident(1), 1, time.Minute)
		got <- result{page, err}
	}()
	r.record(&incident.Acknowledged{})
	next := <-got
	r.must(next.err)
	if len(next.page.Entries) != 1 || next.page.Entries[0].Ref.Seq != 2 {
		t.Errorf("%+v", next.page)
	}
	if page, err := c.Entries(t.Context(), timeline.Incident(1), 2, 0); err != nil || len(page.Entries) != 0 || page.Head != 2 {
		t.Errorf("without a wait: %+v, %v", page, err)
	}
	if _, err := c.Entries(t.Context(), timeline.Incident(7), 0, time.Minute); !problem.Is(err, problem.NotFound) {
		t.Errorf("an incident that does not exist: %v", err)
	}
}

func TestCompletionCrosses(t *testing.T) {
	r := newRig(t, true)
	c, _ := r.serve()
	found, err := c.Complete(t.Context(), "act", "incident", "INC")
	r.must(err)
	if len(found) != 1 || found[0] != (command.Proposal{Value: "INC-1", Help: "PostgreSQL is out of connections"}) {
		t.Errorf("%+v", found)
	}
}

// raw asks without the client's good manners.
func (r *rig) raw(method, target string, body io.Reader) (int, string) {
	r.Helper()
	h := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", r.path)
	}}}
	req, err := http.NewRequest(method, "http://x"+target, body)
	r.must(err)
	res, err := h.Do(req)
	r.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	r.must(err)
	return res.StatusCode, string(text)
}

func TestWhatNoClientSends(t *testing.T) {
	r := newRig(t, true)
	r.serve()
	tests := map[string]struct {
		method, target, body string
		status               int
		code                 string
	}{
		"no JSON":              {"POST", "/ask", "hello", 400, "invalid"},
		"a field that is none": {"POST", "/ask", `{"path":"who","person":"joe"}`, 400, "invalid"},
		"two of them":          {"POST", "/ask", `{"path":"who"}{"path":"who"}`, 400, "invalid"},
		"too much":             {"POST", "/ask", `{"path":"` + strings.Repeat("x", 300<<10) + `"}`, 413, "too_large"},
		"a wrong method":       {"DELETE", "/ask", "", 404, "not_found"},
		"a wrong path":         {"GET", "/../etc/passwd", "", 404, "not_found"},
		"no timeline":          {"GET", "/entries", "", 400, "invalid"},
		"a wrong entry":        {"GET", "/entries?timeline=INC-1&after=-1", "", 400, "invalid"},
		"a wrong wait":         {"GET", "/entries?timeline=INC-1&wait=long", "", 400, "invalid"},
		"no such command":      {"POST", "/ask", `{"path":"rm -rf"}`, 404, "not_found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, body := r.raw(tt.method, tt.target, strings.NewReader(tt.body))
			var p socket.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || status != tt.status || string(p.Code) != tt.code || p.Message == "" {
				t.Errorf("%d %s (%v)", status, body, err)
			}
		})
	}
}

func TestTheFileIsForItsOwner(t *testing.T) {
	for group, want := range map[bool]os.FileMode{false: 0o600, true: 0o660} {
		r := newRig(t, true)
		r.opts.Group = group
		r.serve()
		info, err := os.Lstat(r.path)
		r.must(err)
		if info.Mode().Perm() != want {
			t.Errorf("mode %o, want %o", info.Mode().Perm(), want)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(r.path), ".socket-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestWhatStandsInTheWay(t *testing.T) {
	t.Run("a deserted socket is replaced", func(t *testing.T) {
		r := newRig(t, true)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.path, Net: "unix"})
		r.must(err)
		l.SetUnlinkOnClose(false)
		l.Close()
		c, _ := r.serve()
		_, err = c.Ask(t.Context(), command.Ask{Path: "who"}, "")
		r.must(err)
	})
	t.Run("a socket in use is left alone", func(t *testing.T) {
		r := newRig(t, true)
		c, _ := r.serve()
		if _, err := socket.Listen(r.opts); !problem.Is(err, problem.Conflict) {
			t.Errorf("%v", err)
		}
		_, err := c.Ask(t.Context(), command.Ask{Path: "who"}, "")
		r.must(err)
	})
	t.Run("a file is left alone", func(t *testing.T) {
		r := newRig(t, true)
		r.must(os.WriteFile(r.path, []byte("precious"), 0o600))
		if _, err := socket.Listen(r.opts); !problem.Is(err, problem.Invalid) {
			t.Errorf("%v", err)
		}
		if b, err := os.ReadFile(r.path); err != nil || !bytes.Equal(b, []byte("precious")) {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("a folder that is missing", func(t *testing.T) {
		r := newRig(t, true)
		r.opts.Path = filepath.Join(t.TempDir(), "missing", "s")
		if _, err := socket.Listen(r.opts); !problem.Is(err, problem.Unavailable) {
			t.Errorf("%v", err)
		}
	})
}

func TestALongPath(t *testing.T) {
	r := newRig(t, true)
	folder := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	r.must(os.Mkdir(folder, 0o700))
	r.path = filepath.Join(folder, socket.FileName)
	r.opts.Path = r.path
	c, stop := r.serve()
	_, err := c.Ask(t.Context(), command.Ask{Path: "who"}, "")
	r.must(err)
	r.must(stop())
	if _, err := os.Lstat(r.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	r := newRig(t, true)
	if _, err := socket.Dial(r.path); !errors.Is(err, socket.ErrNobody) {
		t.Errorf("no socket: %v", err)
	}
	c, stop := r.serve()
	r.must(stop())
	if _, err := socket.Dial(r.path); !errors.Is(err, socket.ErrNobody) {
		t.Errorf("a stopped server: %v", err)
	}
	if _, err := c.Ask(t.Context(), command.Ask{Path: "who"}, ""); !errors.Is(err, socket.ErrNobody) {
		t.Errorf("an old client: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.path, Net: "unix"})
	r.must(err)
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := socket.Dial(r.path); !errors.Is(err, socket.ErrNobody) {
		t.Errorf("a deserted socket: %v", err)
	}
}

// seen is a store that tells when a page was read from it.
type seen struct {
	*storage.DB
	read chan struct{}
}

func (s seen) View(ctx context.Context, read func(timeline.View) error) error {
	err := s.DB.View(ctx, read)
	select {
	case s.read <- struct{}{}:
	default:
	}
	return err
}

func TestAStopLetsRequestsFinish(t *testing.T) {
	r := newRig(t, true)
	store := seen{r.store, make(chan struct{}, 1)}
	r.opts.Store = store
	c, stop := r.serve()
	answered := make(chan error, 1)
	go func() {
		reply, err := c.Ask(t.Context(), command.Ask{Path: "slow"}, "")
		if err == nil && reply.Text != "done" {
			err = errors.New(reply.Text)
		}
		answered <- err
	}()
	waited := make(chan error, 1)
	go func() {
		_, err := c.Entries(t.Context(), timeline.Incident(1), 1, time.Minute)
		waited <- err
	}()
	<-r.asked
	<-store.read
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		t.Fatalf("stopped under a request: %v", err)
	case err := <-waited: // a page is waited for no longer
		r.must(err)
	}
	close(r.goOn)
	r.must(<-answered)
	r.must(<-stopped)
}

func TestWhatWasAskedGoesOnWhenTheTerminalIsClosed(t *testing.T) {
	r := newRig(t, true)
	c, stop := r.serve()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := c.Ask(ctx, command.Ask{Path: "slow"}, "")
		gone <- err
	}()
	<-r.asked
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(r.goOn) // the handler still runs, and finishes
	r.must(stop())
}
