package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
)

// mortal is a serve in a process of its own that can be killed at any of its requests to
// a simulated Discord, which outlives it.
type mortal struct {
	*process
	sim  *discordtest.Server
	port int
	room string // the id of the incident's channel

	mu   sync.Mutex
	trap *trap
}

// trap is sprung by the first request that it is for.
type trap struct {
	method, path, body string // parts of a request
	arrives            bool   // it is carried out before
	do                 func()
	sprung             chan struct{}
}

// newMortal starts both and opens an incident by a webhook.
func newMortal(t *testing.T) *mortal {
	t.Helper()
	m := &mortal{port: freePort(t)}
	var err error
	if m.sim, err = discordtest.New(discordtest.Options{People: []string{"joe"}, Wrap: m.wrap}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.sim.Close)
	data := t.TempDir()
	written := fmt.Sprintf("people: {joe: {roles: lead, discord: %q}}\ndiscord: {token: %s, guild: %q, url: %q}\n",
		m.sim.UserID("joe"), m.sim.Token(), m.sim.GuildID(), m.sim.API())
	if err := os.WriteFile(filepath.Join(data, configName), []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	m.process = startServe(t, data, m.port)
	m.arrived()
	if code, err := post(http.DefaultClient, m.base+webhookPath("alertmanager"), m.token(), firing("a")); err != nil || code/100 != 2 {
		t.Fatal(code, err)
	}
	m.until("the room is open", func() bool {
		for _, c := range m.sim.Channels() {
			if strings.HasPrefix(c.Name, "inc-0001") {
				m.room = c.ID
			}
		}
		return m.room != "" && len(m.sim.Pinned(m.room)) == 1 && len(m.posts("firing")) == 1
	})
	return m
}

func (m *mortal) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	m.t.Cleanup(cancel)
	return ctx
}

func (m *mortal) until(what string, ok func() bool) {
	m.t.Helper()
	if err := m.sim.Wait(m.soon(), ok); err != nil {
		m.t.Fatalf("never: %s\n%s\n%s", what, m.sim.Transcript(), m.log)
	}
}

// arrived waits until the bot is in its guild, with its commands.
func (m *mortal) arrived() {
	m.t.Helper()
	m.until("the bot is connected", func() bool {
		_, _, connected := m.sim.Sessions()
		return connected > 0 && len(m.sim.Commands()) > 0
	})
}

// restart starts it again after its death.
func (m *mortal) restart() {
	m.t.Helper()
	m.until("the dead one is gone", func() bool { _, _, connected := m.sim.Sessions(); return connected == 0 })
	m.process = startServe(m.t, m.data, m.port)
	m.arrived()
}

// wrap springs the trap.
func (m *mortal) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it died while it spoke
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.mu.Lock()
		x := m.trap
		if x != nil && r.Method == x.method && strings.Contains(r.URL.Path, x.path) && strings.Contains(string(body), x.body) {
			m.trap = nil
		} else {
			x = nil
		}
		m.mu.Unlock()
		if x == nil || x.arrives {
			next.ServeHTTP(w, r)
		}
		if x != nil {
			x.do()
			close(x.sprung)
		}
	})
}

// set lays a trap, in place of the one before.
func (m *mortal) set(x trap) (sprung chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x.sprung = make(chan struct{})
	m.trap = &x
	return x.sprung
}

// killAt kills it at a request, which does not arrive.
func (m *mortal) killAt(method, path, body string) (dead chan struct{}) {
	p := m.process
	return m.set(trap{method: method, path: path, body: body, do: p.kill})
}

func (m *mortal) click(label string) discordtest.Seen {
	m.t.Helper()
	seen, err := m.sim.As("joe").Click(m.soon(), m.sim.Pinned(m.room)[0], label)
	if err != nil {
		m.t.Fatal(err)
	}
	return seen
}

func (m *mortal) slash(line string) discordtest.Seen {
	m.t.Helper()
	seen, err := m.sim.As("joe").Slash(m.soon(), m.room, line)
	if err != nil {
		m.t.Fatal(err)
	}
	return seen
}

// posts are the posts of the room that say something.
func (m *mortal) posts(text string) (found []string) {
	for _, x := range m.sim.Messages(m.room) {
		for _, e := range x.Embeds {
			if e.Footer != nil && footer.MatchString(e.Footer.Text) && strings.Contains(e.Description, text) {
				found = append(found, e.Description)
			}
		}
	}
	return found
}

// answers fails unless the answer that joe sees says this.
func (m *mortal) answers(seen discordtest.Seen, text string) {
	m.t.Helper()
	if seen.Failed != "" || seen.Answer == nil || !strings.Contains(seen.Answer.Text(), text) {
		m.t.Errorf("joe does not see %q: %+v\n%s", text, seen, m.log)
	}
}

// once stops it, and fails unless the room and the timeline tell of this exactly once.
func (m *mortal) once(text string) {
	m.t.Helper()
	m.until("told: "+text, func() bool { return len(m.posts(text)) > 0 })
	m.stop()
	if told := m.posts(text); len(told) != 1 {
		m.t.Errorf("the room tells it %d times: %q", len(told), told)
	}
	db, codec, err := record{file: filepath.Join(m.data, databaseFile)}.read(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	recorded := 0
	err = db.View(m.t.Context(), func(v timeline.View) error {
		entries, err := v.Entries("INC-1", 0, 1000)
		for _, e := range entries {
			if codec.Prominence(e.Kind) == timeline.Key && strings.Contains(e.Payload.Text(), text) {
				recorded++
			}
		}
		return err
	})
	if err != nil || recorded != 1 {
		m.t.Errorf("%q is recorded %d times, %v", text, recorded, err)
	}
}

func TestAButtonWorksAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	m.kill()
	if seen := m.click("Acknowledge"); seen.Failed != discordtest.FailedComponent {
		t.Errorf("while nobody is there joe sees %+v", seen)
	}
	m.restart()
	m.answers(m.click("Acknowledge"), "joe is on INC-1")
	m.once("Acknowledged")
}

func TestAClickThatWasTakenUpIsSeenInTheRoomAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	m.killAt("POST", "/callback", `"type":4`)
	if seen := m.click("Acknowledge"); seen.Failed != discordtest.FailedComponent {
		t.Errorf("with the answer joe's bot died, and joe sees %+v", seen)
	}
	m.restart()
	m.until("the room tells it", func() bool { return len(m.posts("Acknowledged")) == 1 })
	m.answers(m.slash("/incident ack"), "You acknowledged INC-1")
	m.once("Acknowledged")
}

func TestAPromisedAnswerIsGivenAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	release := m.lock() // another program holds the database: the work takes long
	m.set(trap{method: "POST", path: "/callback", body: `"type":5`, arrives: true, do: func() {
		m.killAt("PATCH", "/messages/@original", "")
		release()
	}})
	out := make(chan discordtest.Seen, 1)
	go func() {
		seen, err := m.sim.As("joe").Click(m.soon(), m.sim.Pinned(m.room)[0], "Acknowledge")
		if err != nil {
			t.Error(err)
		}
		out <- seen
	}()
	m.restart()
	m.answers(<-out, "This was already taken up")
	m.once("Acknowledged")
}

// lock keeps the database from being written to.
func (m *mortal) lock() (release func()) {
	m.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(m.data, databaseFile)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		m.t.Fatal(err)
	}
	conn, err := db.Conn(m.t.Context())
	if err == nil {
		_, err = conn.ExecContext(m.t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		m.t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		conn.ExecContext(context.Background(), "ROLLBACK")
		conn.Close()
		db.Close()
	})
	m.t.Cleanup(release)
	return release
}

func TestAFormIsSentAcrossARestart(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	m.answers(m.click("Acknowledge"), "joe is on INC-1")
	m.until("the next acts are shown", func() bool { return strings.Contains(m.sim.Pinned(m.room)[0].Text(), "Post status") })
	joe, form := m.sim.As("joe"), m.click("Post status").Answer
	if form == nil {
		t.Fatal("there is no form")
	}
	if _, err := joe.Choose(m.soon(), form, "", "identified"); err != nil {
		t.Fatal(err)
	}
	m.kill() // with a choice made
	m.restart()
	seen, err := joe.Click(m.soon(), form, "Next")
	if err != nil || seen.Modal == nil {
		t.Fatalf("no modal opened: %+v, %v\n%s", seen, err, m.log)
	}
	modal, said := seen.Modal, map[string]string{"text": "A node is being replaced."}
	m.kill() // with a modal open
	if seen, err = joe.Submit(m.soon(), modal, said); err != nil || seen.Failed != discordtest.FailedForm {
		t.Errorf("while nobody is there joe sees %+v, %v", seen, err)
	}
	m.restart()
	if seen, err = joe.Submit(m.soon(), modal, said); err != nil {
		t.Fatal(err)
	}
	m.answers(seen, "A node is being replaced.")
	m.once("identified: A node is being replaced.")
}

func TestAnInteractionThatComesTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	m.answers(m.slash("/timeline add text:Only once"), "Only once")
	refused := m.sim.Requests()["POST 400"]
	m.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayDrop})
	m.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayAgain})
	m.until("it came again", func() bool { return m.sim.Requests()["POST 400"] > refused })
	if _, resumed, _ := m.sim.Sessions(); resumed != 1 {
		t.Errorf("resumed %d times", resumed)
	}
	m.once("Only once")
}

func TestAnInteractionThatComesAgainAfterARestartCountsOnce(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	m.killAt("POST", "/callback", `"type":4`)
	if seen := m.slash("/timeline add text:Only once"); seen.Failed != discordtest.FailedCommand {
		t.Errorf("joe sees %+v", seen)
	}
	m.restart()
	m.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayAgain})
	told, err := m.sim.WaitText(m.soon(), m.room, "To `/timeline add` by joe", "")
	if err != nil || !strings.Contains(told.Content, "This was already taken up") || !strings.Contains(told.Content, "Only once") {
		t.Fatalf("joe is told %+v, %v\n%s", told, err, m.log)
	}
	m.once("Only once")
}
