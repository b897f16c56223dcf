package ntfy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest/spec/hostile"
	"wardroom/integrations/ntfy/ntfytest"
)

// hostilePages is how many pages with hostile text are sent, each with text in every
// field that somebody outside can reach.
const hostilePages = 2000

// hostilePage makes one of an incident and persons that are named so.
func hostilePage(p *Pager, text func() string, room string, n int) message {
	at := p.Clock.Now()
	paged := &oncall.Paged{Person: text(), Round: 1, Attempt: 1, Why: text(), Then: text(), ThenAt: at.Add(2 * time.Minute)}
	s := scene{room: room, incident: incident.Incident{ID: "INC-7", Title: text(), Severity: alert.SEV1, StartedAt: at.Add(-time.Hour), Alerts: alert.Tally{Total: 9, Firing: 1 + n%9}}}
	for range n % 12 {
		s.incident.AlertNames = append(s.incident.AlertNames, text())
	}
	var folded []timeline.Entry
	for range n % 14 {
		folded = append(folded, timeline.Entry{Payload: &oncall.Paged{Person: text()}, RecordedAt: at})
	}
	entry := timeline.Entry{Ref: timeline.Ref{Timeline: "INC-7", Seq: int64(n + 1)}, Payload: paged}
	if n%10 == 0 {
		entry.Payload = &oncall.TestPaged{Person: text()}
	}
	return p.message(s, entry, folded, config.NewSecret("secret-topic-joe"))
}

// harmlessMessage holds a page to what a harmless one is: as many lines, the same
// buttons, nothing that hides or turns what stands beside it, short enough to push.
func harmlessMessage(t testing.TB, got, plain message) {
	t.Helper()
	if strings.Count(got.Message, "\n") > strings.Count(plain.Message, "\n") || strings.Contains(got.Title, "\n") {
		t.Errorf("outside text makes lines of its own: %q %q", got.Title, got.Message)
	}
	if got.Click != plain.Click || got.Priority != plain.Priority || got.Topic != plain.Topic || !slices.Equal(got.Actions, plain.Actions) {
		t.Errorf("not the same buttons and loudness: %+v", got)
	}
	if len(got.Title) > maxTitle || len(got.Message) > maxText || got.Title == "" || got.Message == "" {
		t.Errorf("%d bytes of title, %d of text", len(got.Title), len(got.Message))
	}
	if head, _, is := strings.Cut(plain.Title, ":"); is && !strings.HasPrefix(got.Title, head+":") {
		t.Errorf("the title does not say which incident: %q", got.Title)
	}
	for _, r := range got.Title + got.Message {
		if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && r != '\n' {
			t.Errorf("%U is on the phone: %q %q", r, got.Title, got.Message)
			return
		}
	}
}

func TestHostileTextOnAPhone(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	texts := 0
	for n := range hostilePages {
		source := rand.New(rand.NewPCG(uint64(n), 9))
		text := func() string { texts++; return hostile.Text(source) }
		room := []string{"", "https://discord.com/channels/1/2"}[n%2]
		harmlessMessage(t, hostilePage(r.pager, text, room, n), hostilePage(r.pager, func() string { return "plain" }, room, n))
		if t.Failed() {
			t.Fatalf("seed %d", n)
		}
	}
	// Some go the whole way: the server takes them, and its link acknowledges.
	source := rand.New(rand.NewPCG(1, 9))
	for n := range 40 {
		id := r.declare(hostile.Text(source) + fmt.Sprint(n))
		texts++
		r.settle()
		rang := r.ntfy.Messages("secret-topic-joe")
		if len(rang) != n+1 || !strings.HasPrefix(rang[n].Title, "SEV2 "+string(id)+": ") {
			t.Fatalf("incident %d: %d pages, %+v", n, len(rang), rang[max(0, len(rang)-1)])
		}
		if status, err := r.ntfy.Press(t.Context(), rang[n].ID, "Acknowledge"); status != 200 || err != nil {
			t.Fatal(status, err)
		}
		r.settle()
		if failed := r.kinds(id, "delivery.failed"); len(failed) > 0 {
			t.Fatal(failed[0].Payload.Text())
		}
	}
	t.Logf("counted: %d hostile texts in %d pages", texts, hostilePages+40)
}

func FuzzPage(f *testing.F) {
	f.Add("@everyone\n\u202e", "joe", 3)
	links, err := oncall.NewLinks([]byte(strings.Repeat("k", oncall.LeastKey)), "https://wardroom.example.org")
	if err != nil {
		f.Fatal(err)
	}
	p := New(Options{Clock: timeline.RealClock{}, Links: links})
	f.Fuzz(func(t *testing.T, a, b string, n int) {
		n = max(n%100, -n%100, 0)
		i := 0
		text := func() string { i++; return []string{a, b}[i%2] }
		harmlessMessage(t, hostilePage(p, text, "", n), hostilePage(p, func() string { return "plain" }, "", n))
	})
}
