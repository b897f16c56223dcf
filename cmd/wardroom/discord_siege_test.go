package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wardroom/bot/config"
	"wardroom/bot/scenario"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/discord/discordtest/spec"
	"wardroom/integrations/discord/discordtest/spec/hostile"
	"wardroom/integrations/ntfy/ntfytest"
)

const siegeSeed = 20210711 // of every text; the same seed gives the same night

// siege is the whole system, wired as in a rehearsal, that gets hostile text from
// every side. Discord and ntfy are simulated; what goes to Discord is held to its
// own document and to our rules.
type siege struct {
	*stage
	t       *testing.T
	r       *rand.Rand
	checker *spec.Checker
	phones  *ntfytest.Server
	cases   map[string]int // texts that arrived, by where
	crew    []string       // people of the configuration, some with hostile names
	pages   []string       // texts on phones
	alerts  int
}

// besiege starts the system. Reports of the checker fail the test.
func besiege(t *testing.T, seed uint64, checker *spec.Checker) *siege {
	t.Helper()
	f, err := scenario.Read(strings.NewReader("scenario: siege\ntitle: Siege\npeople: {joe: [lead]}\nevents:\n  - {at: \"2021-07-11 00:30\", by: joe, command: \"/incident list\"}\nexpect: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	b := &siege{t: t, r: rand.New(rand.NewPCG(seed, 1)), checker: checker, cases: map[string]int{}}
	b.stage = &stage{file: f, clock: scenario.NewClock(f.Start()), client: &http.Client{Timeout: 30 * time.Second}, dir: t.TempDir(), show: newStageScreen(io.Discard, f.Zone())}
	if b.phones, err = ntfytest.New(ntfytest.Options{Now: b.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.phones.Close() })
	if b.chat, err = newStageChat(f, b.clock, discordtest.Options{Wrap: checker.Wrap, Limits: discordtest.NoLimits}); err != nil {
		t.Fatal(err)
	}
	cfg := b.configure()
	if err := b.open(t.Context(), cfg, rand.NewChaCha8([32]byte{1})); err != nil {
		b.chat.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// configure writes a configuration with every hostile name that it takes.
func (b *siege) configure() *config.Config {
	quote := func(s string) string { q, _ := json.Marshal(s); return string(q) }
	folk, parts := "", ""
	parse := func(folk, parts string) (*config.Config, error) {
		return config.Parse("siege.yaml", "", fmt.Appendf(nil, `
people:
  joe: {roles: lead, ntfy: phone-of-joe, discord: %q}
%soncall: {people: [%s], url: "https://wardroom.example.org", ntfy: {url: %q}}
status_page:
  components:
    - {name: Website}
%s`, b.chat.UserID("joe"), folk, strings.Join(append([]string{"joe"}, inQuotes(b.crew)...), ", "), b.phones.URL(), parts))
	}
	cfg, err := parse("", "")
	if err != nil {
		b.t.Fatal(err)
	}
	for n := range 60 {
		name := b.text()
		more := folk + fmt.Sprintf("  %s: {roles: responder, ntfy: phone-of-%d, discord: %q}\n", quote(name), n, strconv.Itoa(7000000000000000100+n))
		if _, err := parse(more, parts); err == nil && len(b.crew) < 8 && !slices.Contains(b.crew, name) {
			more = folk + fmt.Sprintf("  %s: {roles: responder, ntfy: phone-of-%d, discord: %q}\n", quote(name), n, b.chat.UserID(name))
			b.crew = append(b.crew, name)
			if c, err := parse(more, parts); err == nil {
				cfg, folk = c, more
				b.cases["a person's name in the configuration"]++
			} else {
				b.crew = b.crew[:len(b.crew)-1]
			}
		}
		longer := parts + fmt.Sprintf("    - {name: %s, description: %s, group: %s}\n", quote(b.text()), quote(b.text()), quote(b.text()))
		if c, err := parse(folk, longer); err == nil {
			cfg, parts = c, longer
			b.cases["a component in the configuration"] += 3
		}
	}
	return cfg
}

func inQuotes(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		q, _ := json.Marshal(s)
		out[i] = string(q)
	}
	return out
}

var anybody = regexp.MustCompile(`(<@[!&]?)\d{17,}`)

// text is a hostile one; whom it mentions is mostly there.
func (b *siege) text() string {
	s := hostile.Text(b.r)
	return anybody.ReplaceAllStringFunc(s, func(m string) string {
		head := m[:strings.LastIndexAny(m, "@!&")+1]
		if strings.HasSuffix(head, "&") {
			return head + b.chat.GuildID() // the role of everybody
		}
		return head + b.chat.UserID("joe")
	})
}

// line is one that a client lets a person type: at most so many characters, and some.
func (b *siege) line(most int) string {
	for {
		s := strings.TrimSpace(strings.ToValidUTF8(b.text(), "\ufffd"))
		if r := []rune(s); len(r) > most {
			s = strings.TrimSpace(string(r[:most]))
		}
		if utf8.RuneCountInString(s) > 0 {
			return s
		}
	}
}

func (b *siege) fail(format string, args ...any) {
	b.t.Helper()
	b.t.Errorf("seed %d: %s", uint64(siegeSeed), fmt.Sprintf(format, args...))
}

// pass lets time pass, with a rest wherever something wakes.
func (b *siege) pass(d time.Duration) {
	b.t.Helper()
	for end := b.clock.Now().Add(d); ; {
		comesToRest(b.t, b.stage)
		next, waits := b.clock.Next()
		if !waits || next.After(end) {
			if !b.clock.Now().Before(end) {
				return
			}
			next = end
		}
		b.clock.MoveTo(next)
	}
}

func (b *siege) soon() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	b.t.Cleanup(cancel)
	return ctx
}
