package web

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/problem"
	"wardroom/integrations/discord/discordtest/spec/hostile"
)

// hostileStandings is how many pages with hostile text are shown.
const hostileStandings = 3000

var elements = regexp.MustCompile(`<[^>]*>`)

// skeleton is the elements of a page without what stands between them.
func skeleton(page string) string { return strings.Join(elements.FindAllString(page, -1), "") }

// harmlessPage holds a page to the elements of a page that tells of nothing hostile,
// and to characters that stay where they stand.
func harmlessPage(t testing.TB, page, want string) {
	t.Helper()
	if got := skeleton(page); got != want {
		t.Errorf("other elements than a harmless page has:\n%.600s\n%.600s", got, want)
	}
	if !utf8.ValidString(page) {
		t.Errorf("no UTF-8: %.300q", page)
	}
	for _, r := range page {
		if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && r != '\n' {
			t.Errorf("%U is on the page: %.300q", r, page)
			return
		}
	}
}

func hostileStanding(text func() string, outcome oncall.Outcome, test, now bool) oncall.Standing {
	return oncall.Standing{Outcome: outcome, Person: text(), By: text(), Test: test, Now: now, At: time.Date(2021, 7, 11, 0, 40, 0, 0, time.UTC),
		Incident: incident.Incident{ID: "INC-1", Title: text(), Severity: alert.SEV1, Status: incident.Investigating, StartedAt: time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC)}}
}

func TestHostileTextChangesNoAckPage(t *testing.T) {
	s := &standing{}
	ask, _ := ackServer(t, s)
	get := func() string { return ask(http.MethodGet, "/ack/right", "", "").Body.String() }
	outcomes := []oncall.Outcome{oncall.CanAnswer, oncall.Acknowledged, oncall.Over, oncall.Superseded, oncall.Expired, oncall.TestReceived}
	plain := func() string { return "plain" }
	for n := range hostileStandings {
		r := rand.New(rand.NewPCG(uint64(n), 5))
		outcome, test, now := outcomes[n%len(outcomes)], r.IntN(4) == 0, r.IntN(2) == 0
		s.Standing, s.err = hostileStanding(plain, outcome, test, now), nil
		want := skeleton(get())
		s.Standing = hostileStanding(func() string { return hostile.Text(r) }, outcome, test, now)
		harmlessPage(t, get(), want)

		s.err = problem.New(problem.NotFound, "%s", "plain").WithHint("plain")
		want = skeleton(get())
		s.err = problem.New(problem.NotFound, "%s", hostile.Text(r)).WithHint("%s", hostile.Text(r)+"x").Because(errors.New(hostile.Text(r)))
		harmlessPage(t, get(), want)
		if t.Failed() {
			t.Fatalf("seed %d", n)
		}
	}
	t.Logf("counted: %d pages of acknowledge links with hostile text", 2*hostileStandings)
}

func FuzzAckPage(f *testing.F) {
	f.Add("<script>", "\u202e", 0)
	f.Fuzz(func(t *testing.T, title, person string, n int) {
		a := &ackLinks{AckOptions: AckOptions{}}
		s := hostileStanding(func() string { return person }, oncall.CanAnswer, n%2 == 0, n%3 == 0)
		s.Incident.Title = title
		_, v := a.view(s)
		var b strings.Builder
		if err := ackPage.Execute(&b, v.tamed()); err != nil {
			t.Fatal(err)
		}
		_, v = a.view(hostileStanding(func() string { return "plain" }, oncall.CanAnswer, n%2 == 0, n%3 == 0))
		var plain strings.Builder
		if err := ackPage.Execute(&plain, v.tamed()); err != nil {
			t.Fatal(err)
		}
		harmlessPage(t, b.String(), skeleton(plain.String()))
	})
}
