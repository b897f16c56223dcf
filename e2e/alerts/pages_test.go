package alerts

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
	"wardroom/integrations/ntfy/ntfytest"
)

// long is what people write into a title when they paste.
const long = "https://grafana.example.org/d/postgres-overview-of-all-clusters/postgresql-database?orgId=1&refresh=10s&var-datname=pydis"

// newProgram is a Wardroom in a folder of its own.
func newProgram(t *testing.T, config string) *wardroom.Program {
	t.Helper()
	dir, err := os.MkdirTemp("", "pages-") // not TempDir: a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return wardroom.New(t, dir, config)
}

// newSite is a Wardroom with a status page, and an incident that was posted late and
// then put to when it began.
func newSite(t *testing.T) (bot *wardroom.Program, browser *browser) {
	t.Helper()
	bot = newProgram(t, fmt.Sprintf(`timezone: Europe/London
people:
  joe: {full_name: Joe Example, roles: [responder, lead], uid: %d}
status_page:
  title: Python Discord
  components:
    - {name: Website, description: www.pythondiscord.com, group: Public}
    - {name: API, group: Public}
    - {name: Bot, description: answers commands on Discord, group: Discord}
`, os.Getuid()))
	bot.Serve()
	bot.Do("incident", "declare", "PostgreSQL hit max clients", "--severity", "SEV1", "--at", "00:31")
	bot.Do("timeline", "add", "Django opens connections rapidly, see "+long, "--at", "00:27", "--cause")
	bot.Do("status", "post", "We are investigating why the website answers with errors", "--components", "Website=down, API=degraded", "--yes")
	bot.Do("status", "backdate", "--at", "00:25", "--yes")
	bot.Do("status", "post", "The database is out of connections. We have seen it on "+long, "--state", "identified", "--yes")
	return bot, newBrowser(t)
}

// began is 00:25, the last one in London: when the incident of newSite began.
func began(t *testing.T) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(zone)
	at := time.Date(now.Year(), now.Month(), now.Day(), 0, 25, 0, 0, zone)
	if at.After(now) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

// twentyFivePast is how that is written in a page.
func twentyFivePast(t *testing.T) string {
	t.Helper()
	return began(t).UTC().Format("15:04")
}

func TestTheStatusPageInABrowser(t *testing.T) {
	t.Parallel()
	bot, b := newSite(t)
	base := "http://" + bot.Listen + "/status/"
	incident := page{"incident", base + "incidents/INC-1", http.StatusOK,
		[]string{"PostgreSQL hit max clients", "Identified", twentyFivePast(t), "First posted", "Website", "out of connections", long}}
	b.judge(page{"during", base, http.StatusOK,
		[]string{"Python Discord", "PostgreSQL hit max clients", "Identified", twentyFivePast(t), "Website", "Bot", "out of connections", long}})
	b.judge(incident)
	b.judge(page{"month", base + "history/" + began(t).UTC().Format("2006-01"), http.StatusOK, []string{"PostgreSQL hit max clients", twentyFivePast(t)}})
	b.judge(page{"missing", base + "incidents/INC-99", http.StatusNotFound, []string{"no such page"}})

	bot.Do("status", "resolve", "All services are back", "--yes")
	b.judge(page{"after", base, http.StatusOK, []string{"PostgreSQL hit max clients", "Resolved", twentyFivePast(t), "operational"}})
	incident.name, incident.words = "over", append(incident.words, "Lasted", "All services are back")
	incident.words[1] = "Resolved"
	b.judge(incident)
}

func TestThePostMortemInABrowser(t *testing.T) {
	t.Parallel()
	bot, b := newSite(t)
	bot.Do("status", "resolve", "All services are back", "--yes")
	bot.Do("incident", "resolve", "INC-1", "--yes")
	to := filepath.Join(bot.Data, "..", "postmortem")
	said := bot.Do("export", "INC-1", "--format", "html", "--out", to)
	files, err := filepath.Glob(filepath.Join(to, "*.html"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v\n%s", files, err, said)
	}
	b.judge(page{"post-mortem", "file://" + files[0], 0,
		[]string{"PostgreSQL hit max clients", "Django opens connections rapidly", "Joe Example", strings.TrimPrefix(twentyFivePast(t), "0")}})
}

func TestTheFrontPageInABrowser(t *testing.T) {
	t.Parallel()
	bot, b := newSite(t)
	b.judge(page{"front", "http://" + bot.Listen + "/", http.StatusOK, []string{"Wardroom", "Incident response"}})
}

// Whoever is woken opens the link on a phone, half asleep, and presses the only button.
func TestTheAcknowledgePageInABrowser(t *testing.T) {
	t.Parallel()
	phones, err := ntfytest.New(ntfytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phones.Close() })
	const topic = "wardroom-joe-5f2c9a7e"
	bot := newProgram(t, fmt.Sprintf(`people:
  joe: {full_name: Joe Example, roles: [responder, lead], uid: %d, ntfy: %s}
routes: [{open: SEV1}]
oncall: {people: [joe], url: "https://wardroom.example.org", ntfy: {url: %q}}
`, os.Getuid(), topic, phones.URL()))
	bot.Serve()
	token, err := os.ReadFile(filepath.Join(bot.Data, "wardroom.token"))
	if err != nil {
		t.Fatal(err)
	}
	alert, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+bot.Listen+"/webhooks/generic",
		strings.NewReader(`{"title": "PostgreSQL hit max clients", "status": "firing", "summary": "seen on `+long+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	alert.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	alert.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(alert)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	var link string
	process.Await(t, "joe's phone rings", process.Patience, func() (bool, string) {
		rang := phones.Messages(topic)
		if len(rang) > 0 {
			link = strings.Replace(rang[0].Click, "https://wardroom.example.org", "http://"+bot.Listen, 1)
		}
		return link != "", phones.Transcript() + bot.LastLines()
	})
	b := newBrowser(t)
	b.judge(page{"acknowledge", link, http.StatusOK, []string{"SEV1 INC-1", "PostgreSQL hit max clients", "in the name of joe"}})
	b.press("Acknowledge")
	process.Await(t, "the page says that joe is on it", process.Patience, func() (bool, string) {
		said := b.text()
		return strings.Contains(said, "joe is on it since"), said
	})
	b.judge(page{"acknowledged", link, http.StatusOK, []string{"Already acknowledged by joe"}})
	bot.Tells("INC-1", "acknowledged")
}
