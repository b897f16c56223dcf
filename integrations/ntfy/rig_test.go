package ntfy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot"
	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/ntfy/ntfytest"
	"wardroom/integrations/web"
	"wardroom/storage"
)

// rig is a bot on a real database that pages simulated phones; the links of its
// pages lead to a real server. Only time is not real.
type rig struct {
	*testing.T
	file   string
	clock  *scenario.Clock
	start  time.Time
	ntfy   *ntfytest.Server
	base   string // of the links
	front  *httptest.Server
	auth   config.Credentials
	topics map[string]config.Secret
	dir    *people.Directory
	rota   *oncall.Rota
	room   string
	log    *lockedBuffer

	mu     sync.Mutex
	counts map[string]int

	links *oncall.Links
	pager *Pager
	db    *storage.DB
	app   *bot.App
	desk  *incident.Desk
	call  *oncall.Desk
}

// lockedBuffer takes what is logged, so that a test can look for what must not be.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(t *testing.T, o ntfytest.Options) *rig {
	t.Helper()
	start := time.Date(2021, 7, 14, 0, 30, 0, 0, time.UTC)
	r := &rig{T: t, file: filepath.Join(t.TempDir(), "wardroom.db"), clock: scenario.NewClock(start), start: start, log: &lockedBuffer{}, counts: map[string]int{},
		topics: map[string]config.Secret{"joe": config.NewSecret("secret-topic-joe"), "chris": config.NewSecret("secret-topic-chris")}}
	o.Now = r.clock.Now
	var err error
	if r.ntfy, err = ntfytest.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.ntfy.Close() })
	r.auth = config.Credentials{Token: config.NewSecret(o.Token), Username: o.Username, Password: config.NewSecret(o.Password)}
	if r.dir, err = people.NewDirectory([]people.Person{{Name: "joe"}, {Name: "chris"}, {Name: "dana"}}); err != nil {
		t.Fatal(err)
	}
	if r.rota, err = oncall.NewRota(oncall.RotaSpec{People: []string{"joe", "chris"}, Handover: oncall.Handover{Weekday: time.Monday, Hour: 9}, Since: time.Date(2021, 7, 12, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(web.AckPattern, func(w http.ResponseWriter, q *http.Request) {
		web.AckLinks(web.AckOptions{Answerer: r.call}).ServeHTTP(w, q)
	})
	r.front = httptest.NewServer(mux)
	t.Cleanup(r.front.Close)
	r.base = r.front.URL
	r.up()
	t.Cleanup(r.down)
	return r
}

func (r *rig) up() {
	r.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, oncall.Kinds, remediation.Kinds)
	if err != nil {
		r.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.db, err = storage.OpenSQLite(context.Background(), r.file, storage.Options{Codec: codec, Clock: r.clock, Log: log,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, remediation.FreezeFold, remediation.RunFold, timeline.DeliveriesFold}})
	if err != nil {
		r.Fatal(err)
	}
	if r.links, err = oncall.NewLinks([]byte(strings.Repeat("k", oncall.LeastKey)), r.base); err != nil {
		r.Fatal(err)
	}
	address, err := url.Parse(r.ntfy.URL())
	if err != nil {
		r.Fatal(err)
	}
	r.pager = New(Options{URL: address, Auth: r.auth, Topics: r.topics, Store: r.db, Clock: r.clock, Repeat: 2 * time.Minute, Links: r.links, Log: log,
		Room:  func(timeline.Reader, timeline.ID) string { return r.room },
		Count: func(what string) { r.mu.Lock(); defer r.mu.Unlock(); r.counts[what]++ },
		// No connection is kept: what a fault cuts is that request alone.
		HTTP: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}})
	decider := &oncall.Pager{Rota: r.rota, Policy: oncall.DefaultPolicy()}
	r.app = bot.New(r.db, r.clock, log)
	r.app.Runtime.AddDecider(oncall.FollowerName, timeline.ID.IsIncident, decider)
	r.app.Runtime.AddDecider(oncall.ApprovalsName, timeline.ID.IsIncident, &oncall.Approvals{
		Approvers: func(time.Time, remediation.Run) []string { return []string{"chris", "dana"} },
		Reached:   func(person string) bool { return !r.topics[person].IsZero() }})
	r.app.Runtime.AddPoster(FollowerName, func(timeline.ID) bool { return true }, r.pager)
	for what, h := range decider.Handlers() {
		if err := r.app.Runtime.Handle(what, h); err != nil {
			r.Fatal(err)
		}
	}
	if err := r.app.Start(context.Background()); err != nil {
		r.Fatal(err)
	}
	r.desk, r.call = incident.NewDesk(r.db), oncall.NewDesk(r.db, r.links, r.dir)
}

func (r *rig) down() {
	r.Helper()
	if r.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.app.Stop(ctx); err != nil {
		r.Error(err)
	}
	if err := r.db.Close(); err != nil {
		r.Error(err)
	}
	r.app = nil
}

func (r *rig) settle() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	if err := r.app.Settle(ctx); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) until(minute float64) {
	r.Helper()
	end := r.start.Add(time.Duration(minute * float64(time.Minute)))
	for r.settle(); r.clock.Now().Before(end); r.settle() {
		next, waits := r.clock.Next()
		if !waits || next.After(end) {
			next = end
		}
		r.clock.MoveTo(next)
	}
}

func (r *rig) declare(title string) timeline.ID {
	r.Helper()
	i, err := r.desk.Declare(r.Context(), incident.Who{}, incident.Declaration{Title: title, Severity: alert.SEV2})
	if err != nil {
		r.Fatal(err)
	}
	return i.ID
}

func (r *rig) kinds(id timeline.ID, kind timeline.Kind) []timeline.Entry {
	r.Helper()
	var all []timeline.Entry
	if err := r.db.View(r.Context(), func(v timeline.View) (err error) {
		all, err = v.Entries(id, 0, 1000)
		return err
	}); err != nil {
		r.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e timeline.Entry) bool { return e.Kind != kind })
}

// rang are the minutes at which a phone rang.
func (r *rig) rang(topic string) []float64 {
	var minutes []float64
	for _, m := range r.ntfy.Messages(topic) {
		minutes = append(minutes, time.Unix(m.Time, 0).Sub(r.start).Minutes())
	}
	return minutes
}

func (r *rig) wantRang(topic string, want ...float64) {
	r.Helper()
	if got := r.rang(topic); !slices.Equal(got, want) {
		r.Errorf("%s rang at %v, want %v", topic, got, want)
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
