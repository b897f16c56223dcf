package statuspage_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	port "wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/statuspage"
	"wardroom/integrations/statuspage/statuspagetest"
)

const title = "PostgreSQL is out of connections"

func TestNightReachesStatuspage(t *testing.T) {
	r := newRig(t)
	r.pass("00:42")
	r.post(port.Post{Incident: inc1, Text: "We are investigating", Components: map[string]port.Level{"website": port.MajorOutage, "Python bot": port.Degraded}})
	r.expect(title + " | 00:42 investigating: We are investigating")
	if r.sim.Level("Website") != "major_outage" || r.sim.Level("Python bot") != "degraded_performance" {
		t.Errorf("components: %s, %s", r.sim.Level("Website"), r.sim.Level("Python bot"))
	}
	r.backdate("00:25")
	r.expect(title + " | 00:25 investigating: We are investigating")
	r.pass("00:57")
	r.post(port.Post{Incident: inc1, State: port.Identified, Text: "The node is being replaced", Quiet: true, Title: "Website and bot do not answer"})
	r.pass("01:13")
	r.post(port.Post{Incident: inc1, Text: "Volumes will not attach", At: at("01:05")})
	if _, err := r.desk.SetComponent(t.Context(), joe, inc1, "Python bot", port.MajorOutage); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if r.sim.Level("Python bot") != "major_outage" {
		t.Errorf("a component's change did not arrive: %s", r.sim.Level("Python bot"))
	}
	r.pass("06:50")
	r.post(port.Post{Incident: inc1, State: port.Resolved, Text: "All is well"})
	const name = "Website and bot do not answer | "
	r.expect(name+"00:25 investigating: We are investigating", name+"00:57 identified: The node is being replaced",
		name+"01:05 identified: Volumes will not attach", name+"06:50 resolved: All is well")
	if r.sim.Level("Website") != "operational" || r.sim.Level("Python bot") != "operational" {
		t.Error("resolving did not give the components back")
	}
	if diff := cmp.Diff([]string{"We are investigating", "Volumes will not attach", "All is well"}, r.sim.Announced()); diff != "" {
		t.Errorf("subscribers were sent:\n%s", diff)
	}
	if f := r.failures(); f != nil {
		t.Errorf("failures: %q", f)
	}
}

// Each request in turn is carried out but its answer is lost: nothing is ever
// posted twice, and all arrives.
func TestLostAnswerNeverPostsTwice(t *testing.T) {
	for lost := range 12 {
		t.Run(fmt.Sprintf("request %d", lost+1), func(t *testing.T) {
			r := newRig(t)
			r.sim.Fault(statuspagetest.Fault{Lost: true, Times: 1, After: lost})
			r.pass("00:42")
			r.post(port.Post{Incident: inc1, Text: "Still investigating", Components: map[string]port.Level{"Website": port.MajorOutage}})
			r.backdate("00:25")
			r.pass("01:00")
			r.post(port.Post{Incident: inc1, Text: "Still investigating"})
			r.pass("01:30")
			r.post(port.Post{Incident: inc1, State: port.Resolved, Text: "Over"})
			r.pass("02:00")
			r.expect(title+" | 00:25 investigating: Still investigating", title+" | 01:00 investigating: Still investigating", title+" | 01:30 resolved: Over")
			if n := len(r.sim.Announced()); n != 3 {
				t.Errorf("announced %q", r.sim.Announced())
			}
		})
	}
}

func TestOutageIsCaughtUpInOrder(t *testing.T) {
	for name, fault := range map[string]statuspagetest.Fault{
		"answers 503":        {Status: 503},
		"cuts connections":   {Refused: true},
		"loses every answer": {Lost: true},
		"answers with HTML":  {Status: 200, Body: "<html>"},
		"never less busy":    {Status: 429, RetryAfter: "3600"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.pass("00:42")
			r.sim.Fault(fault)
			r.post(port.Post{Incident: inc1, Text: "A"})
			r.backdate("00:25")
			r.pass("01:00")
			r.post(port.Post{Incident: inc1, State: port.Identified, Text: "B"})
			r.pass("02:00")
			r.post(port.Post{Incident: inc1, State: port.Monitoring, Text: "C"})
			r.pass("02:10")
			r.sim.Heal()
			r.pass("02:30")
			r.expect(title+" | 00:25 investigating: A", title+" | 01:00 identified: B", title+" | 02:00 monitoring: C")
			if f := r.failures(); f != nil {
				t.Errorf("failures: %q", f)
			}
		})
	}
}

func TestAskedToSlowDownItWaits(t *testing.T) {
	r := newRig(t)
	r.sim.Fault(statuspagetest.Fault{Status: 420, RetryAfter: "0", Times: 2})
	r.sim.Fault(statuspagetest.Fault{Status: 429, RetryAfter: time.Now().UTC().Format(http.TimeFormat), Times: 1})
	r.post(port.Post{Incident: inc1, Text: "A"})
	r.expect(title + " | 00:32 investigating: A")
}

func TestFinalProblemsAreClear(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*statuspage.Options)
		fault  statuspagetest.Fault
		want   string
	}{
		"wrong key":       {change: func(o *statuspage.Options) { o.Key = config.NewSecret("hunter2") }, want: "Statuspage refuses the API key (401)"},
		"wrong page":      {change: func(o *statuspage.Options) { o.PageID = "nobody" }, want: "Statuspage has no such page, incident or component (404)"},
		"forbidden":       {fault: statuspagetest.Fault{Status: 403, Body: `{"message":"not\u0000 yours"}`}, want: "Statuspage forbids this to the API key (403): not yours"},
		"refused request": {fault: statuspagetest.Fault{Status: 422, Body: `{"error":["Name is bad"]}`}, want: "Statuspage refused the request (422): [Name is bad]"},
		"redirected":      {fault: statuspagetest.Fault{Status: 302}, want: "Statuspage refused the request (302)"},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*statuspage.Options) {}
			}
			r := newRig(t, change)
			if c.fault.Status != 0 {
				r.sim.Fault(c.fault)
			}
			r.post(port.Post{Incident: inc1, Text: "A"})
			got := r.failures()
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			before := len(r.sim.Requests())
			r.pass("03:00")
			if len(r.sim.Requests()) != before {
				t.Error("it is tried again although it cannot help")
			}
		})
	}
}

func TestUnknownComponentIsNamedAndTheRestIsPosted(t *testing.T) {
	r := newRig(t)
	r.post(port.Post{Incident: inc1, Text: "A", Components: map[string]port.Level{"Forms": port.Degraded, "Website": port.Degraded}})
	r.expect(title + " | 00:32 investigating: A")
	if f := r.failures(); len(f) != 1 || f[0] != "Statuspage has no component Forms; the rest is there" {
		t.Errorf("failures: %q", f)
	}
	if r.sim.Level("Website") != "degraded_performance" {
		t.Error("the component that is known was left out")
	}
}

func TestConfiguredIDsCountMoreThanNames(t *testing.T) {
	var id string
	r := newRig(t, func(o *statuspage.Options) { o.Components = map[string]string{} })
	id = r.sim.AddComponent("Formulare")
	page := statuspage.New(func() statuspage.Options {
		o := options(r.sim)
		o.Components = map[string]string{"Forms": id}
		return o
	}())
	if err := page.SetComponents(t.Context(), []port.Component{{Name: "Forms", Level: port.PartialOutage}, {Name: "Website", Level: port.Maintenance}}); err != nil {
		t.Fatal(err)
	}
	if r.sim.Level("Formulare") != "partial_outage" || r.sim.Level("Website") != "under_maintenance" {
		t.Errorf("%s, %s", r.sim.Level("Formulare"), r.sim.Level("Website"))
	}
	if err := page.Check(t.Context()); err != nil {
		t.Error(err)
	}
	lacking := options(r.sim)
	lacking.Names = []string{"Website", "Forms", "Shop"}
	if err := statuspage.New(lacking).Check(t.Context()); !problem.Is(err, problem.Invalid) || err.Error() != "Statuspage has no component Forms, Shop" {
		t.Errorf("check: %v", err)
	}
	bad := options(r.sim)
	bad.Components = map[string]string{"Forms": "nope"}
	if err := statuspage.New(bad).Check(t.Context()); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), `"nope", which is configured for Forms`) {
		t.Errorf("check: %v", err)
	}
}

// People also use Statuspage's own console.
func TestWhatPeopleDoByHandIsLeftAlone(t *testing.T) {
	r := newRig(t)
	r.post(port.Post{Incident: inc1, Text: "A"})
	r.sim.EditUpdate(0, 0, "A, said better")
	r.pass("01:00")
	r.post(port.Post{Incident: inc1, Text: "B"})
	r.expect(title+" | 00:32 investigating: A, said better", title+" | 01:00 investigating: B")

	r.sim.DeleteIncident(0)
	r.post(port.Post{Incident: inc1, Text: "C"})
	r.expect()
	if f := r.failures(); len(f) != 1 || f[0] != "the status incident of INC-1 is gone from Statuspage" {
		t.Errorf("failures: %q", f)
	}
}

func TestErasedTextIsWithdrawn(t *testing.T) {
	r := newRig(t)
	out, err := r.desk.Post(t.Context(), joe, port.Post{Incident: inc1, Title: "hunter2", Text: "the password is hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.record(timeline.Draft{Timeline: inc1, Payload: &timeline.Erasure{Refs: []timeline.Ref{out.Entry}, Reason: "password"},
		Effects: timeline.Effects{Erase: []timeline.Ref{out.Entry}}})
	r.settle()
	r.expect("Incident INC-1 | 00:32 investigating: " + port.WithdrawnText)
}

// Another installation, or this one with a new database, has an INC-1 too.
func TestIncidentOfAnotherInstallationIsNotTaken(t *testing.T) {
	r := newRig(t)
	r.post(port.Post{Incident: inc1, Text: "A"})
	page := statuspage.New(options(r.sim))
	other := port.Notice{Incident: inc1, Title: "Another", State: port.Investigating, StartedAt: at("05:00"), CreatedAt: at("05:00"),
		Updates: []port.Update{{Entry: timeline.Ref{Timeline: inc1, Seq: 2}, State: port.Investigating, Text: "A", At: at("05:00"), PostedAt: at("05:00")}}}
	if _, err := page.Publish(t.Context(), other, port.Links{}, false); err != nil {
		t.Fatal(err)
	}
	if n := len(r.sim.Incidents()); n != 2 {
		t.Errorf("there are %d incidents, want 2", n)
	}
}

// The client gives up first, and the request is carried out after that.
func TestLateRequestIsFoundAndNotRepeated(t *testing.T) {
	r := newRig(t, func(o *statuspage.Options) {
		o.HTTP, o.Settle = &http.Client{Timeout: 200 * time.Millisecond}, 500*time.Millisecond
	})
	r.sim.Fault(statuspagetest.Fault{Method: http.MethodPost, Slow: 400 * time.Millisecond, Times: 1})
	r.post(port.Post{Incident: inc1, Text: "A"})
	r.pass("00:40")
	r.sim.Wait()
	r.expect(title + " | 00:32 investigating: A")
}

func TestSlowStatuspageIsGivenUp(t *testing.T) {
	sim := statuspagetest.New(t, nil)
	sim.Fault(statuspagetest.Fault{Slow: 300 * time.Millisecond})
	o := options(sim)
	o.HTTP = &http.Client{Timeout: 50 * time.Millisecond}
	if err := statuspage.New(o).Check(t.Context()); !problem.Is(err, problem.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestKeyNeverShows(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "OAuth hunter2" {
			t.Error("the key was not sent")
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer server.Close()
	o := statuspage.Options{PageID: "p", Key: config.NewSecret("hunter2"), URL: server.URL}
	err := statuspage.New(o).Check(t.Context())
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "error", err, "options", o)
	text := fmt.Sprintf("%v %+v %#v %+v %s", err, err, o, o, log.String())
	if strings.Contains(text, "hunter2") {
		t.Errorf("the key shows: %s", text)
	}
}

func TestDecodeNamesWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"all there":     {"{page_id: abc, api_key: k, components: {Website: w1}}", ""},
		"no page":       {"{api_key: k}", "page_id: is missing"},
		"no key":        {"{page_id: abc}", "api_key: is missing"},
		"odd page":      {"{page_id: a/b, api_key: k}", "is not a page's id"},
		"odd address":   {"{page_id: abc, api_key: k, url: ftp://x}", "is not an address"},
		"key it has no": {"{page_id: abc, api_key: k, colour: red}", "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := config.Parse("f.yaml", "", []byte("status_page:\n  statuspage: "+c.yaml+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			o, err := statuspage.Decode(file.StatusPage.Statuspage)
			switch {
			case c.want == "" && (err != nil || o.PageID != "abc" || o.Key.Reveal() != "k" || o.Components["Website"] != "w1"):
				t.Errorf("got %+v, %v", o, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
