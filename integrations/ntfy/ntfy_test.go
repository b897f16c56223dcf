package ntfy

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/ntfy/ntfytest"
)

var update = flag.Bool("update", false, "write golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestThirteenSilentMinutesOnThePhones(t *testing.T) {
	for _, restart := range []float64{0, 1, 4, 6, 11.5} {
		t.Run(fmt.Sprintf("restart at minute %g", restart), func(t *testing.T) {
			r := newRig(t, ntfytest.Options{Token: "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"})
			r.room = "https://discord.com/channels/1/2"
			r.declare("PostgreSQL is out of connections")
			r.until(restart)
			r.down()
			r.up()
			r.until(13)
			r.wantRang("secret-topic-joe", 0, 2, 4, 12)
			r.wantRang("secret-topic-chris", 6, 8, 10)
			golden(t, "testdata/night.txt", r.ntfy.Transcript())
			if r.counts["sent"] != 7 || r.counts["failed"] != 0 {
				t.Error(r.counts)
			}
		})
	}
}

func TestTheButtonOnThePhoneAcknowledges(t *testing.T) {
	r := newRig(t, ntfytest.Options{Username: "wardroom", Password: "p"})
	id := r.declare("PostgreSQL is out of connections")
	r.until(7)
	first, second := r.ntfy.Messages("secret-topic-joe")[0], r.ntfy.Messages("secret-topic-chris")[0]
	// A preview of the link looks at it and changes nothing.
	res, err := http.Get(second.Actions[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if page := body(t, res); res.StatusCode != http.StatusOK || !strings.Contains(page, "PostgreSQL is out of connections") {
		t.Error(res.Status, page)
	}
	if status, err := r.ntfy.Press(t.Context(), second.ID, "Acknowledge"); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	i, err := r.desk.Get(t.Context(), id)
	if err != nil || i.AcknowledgedBy != "chris" {
		t.Fatal(i.AcknowledgedBy, err)
	}
	// Joe wakes up and presses, too: his notification goes, nothing else happens.
	if status, err := r.ntfy.Press(t.Context(), first.ID, "Acknowledge"); status != http.StatusOK || err != nil {
		t.Error(status, err)
	}
	r.until(60)
	r.wantRang("secret-topic-joe", 0, 2, 4)
	r.wantRang("secret-topic-chris", 6)
	if n := len(r.kinds(id, "incident.acknowledged")); n != 1 {
		t.Errorf("%d acknowledgements", n)
	}
	if !r.ntfy.Messages("secret-topic-joe")[0].Cleared {
		t.Error("the notification is still there")
	}
}

func TestAnAnswerThatIsLostRingsOnce(t *testing.T) {
	for name, then := range map[string]func(r *rig){
		"the same process": func(*rig) {},
		"a new process":    func(r *rig) { r.down(); r.up() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, ntfytest.Options{})
			r.ntfy.Fault(ntfytest.Fault{Method: "POST", Times: 1, Lost: true})
			id := r.declare("PostgreSQL is out of connections")
			r.settle()
			if ok, _, _ := r.pager.State(); ok {
				t.Error("it says that pages get out")
			}
			then(r)
			r.until(1)
			r.wantRang("secret-topic-joe", 0)
			done := r.kinds(id, "delivery.done")
			if len(done) != 1 || done[0].Payload.(*timeline.Delivered).External != r.ntfy.Messages("secret-topic-joe")[0].ID {
				t.Errorf("%v", done)
			}
			if ok, _, _ := r.pager.State(); !ok {
				t.Error("it says that pages do not get out")
			}
		})
	}
}

func TestWhenWhatItHoldsIsLostItRingsTwiceRatherThanNever(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	r.ntfy.Fault(ntfytest.Fault{Method: "POST", Times: 1, Lost: true})
	r.declare("PostgreSQL is out of connections")
	r.settle()
	r.ntfy.Forget()
	r.until(1)
	if got := r.rang("secret-topic-joe"); len(got) != 2 {
		t.Error(got)
	}
}

func TestAnOutageIsToldByTheNewestPage(t *testing.T) {
	for name, fault := range map[string]ntfytest.Fault{
		"out of order": {Status: 503}, "no connection": {Refused: true}, "asked to slow down": {Status: 429}, "for a time": {Status: 429, RetryAfter: "45"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, ntfytest.Options{})
			r.ntfy.Fault(fault)
			id := r.declare("PostgreSQL is out of connections")
			r.until(9.1)
			if got := r.ntfy.All(); len(got) != 0 {
				t.Fatal(got)
			}
			if n := len(r.ntfy.Requests()); n > 40 {
				t.Errorf("asked %d times in nine minutes", n)
			}
			r.ntfy.Heal()
			r.until(9.9)
			r.wantRang("secret-topic-joe") // what was meant for joe is long over
			got := r.ntfy.Messages("secret-topic-chris")
			if len(got) != 1 || !strings.HasSuffix(got[0].Message, "Did not get out in time: 00:30 UTC to joe, 00:32 UTC to joe, 00:34 UTC to joe, 00:36 UTC to chris.") {
				t.Fatalf("%+v", got)
			}
			if done := r.kinds(id, "delivery.done"); len(done) != 1 {
				t.Errorf("%v", done)
			}
			r.until(11)
			r.wantRang("secret-topic-joe")
			if got := r.rang("secret-topic-chris"); len(got) != 2 || got[1] != 10 {
				t.Error(got)
			}
		})
	}
}

func TestNobodyIsWokenForWhatIsOver(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	r.ntfy.Fault(ntfytest.Fault{Status: 503})
	id := r.declare("PostgreSQL is out of connections")
	r.until(3)
	if _, _, err := r.desk.Acknowledge(t.Context(), incident.Who{Actor: people.Human("dana")}, id); err != nil {
		t.Fatal(err)
	}
	r.ntfy.Heal()
	r.until(20)
	if got := r.ntfy.All(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatCannotBeMendedIsSaidAndDoesNotHoldUp(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(r *rig)
		want   string
	}{
		"a wrong credential": {func(r *rig) { r.ntfy.Fault(ntfytest.Fault{Status: 401, Times: 1}) }, "refuses the credential (401)"},
		"a topic of others":  {func(r *rig) { r.ntfy.Seal("secret-topic-joe") }, "forbids this topic to the credential (403)"},
		"another server":     {func(r *rig) { r.ntfy.Fault(ntfytest.Fault{Status: 404, Times: 1}) }, "there is no ntfy at"},
		"a redirection":      {func(r *rig) { r.ntfy.Fault(ntfytest.Fault{Status: 301, Times: 1}) }, "sends us elsewhere (301)"},
		"no topic":           {func(r *rig) { delete(r.topics, "joe") }, "joe has no ntfy topic: this page reaches them in the room alone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, ntfytest.Options{})
			c.break_(r)
			id := r.declare("PostgreSQL is out of connections")
			r.until(6)
			failed := r.kinds(id, "delivery.failed")
			if len(failed) == 0 || !strings.Contains(failed[0].Payload.Text(), c.want) {
				t.Errorf("%v", failed)
			}
			r.wantRang("secret-topic-chris", 6)
		})
	}
}

func TestATestPageRingsLikeARealOne(t *testing.T) {
	r := newRig(t, ntfytest.Options{})
	page, err := r.call.Test(t.Context(), incident.Who{Actor: people.Human("joe")}, "chris")
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	got := r.ntfy.Messages("secret-topic-chris")
	if len(got) != 1 || got[0].Priority != 5 {
		t.Fatalf("%+v", got)
	}
	golden(t, "testdata/test.txt", r.ntfy.Transcript())
	if status, err := r.ntfy.Press(t.Context(), got[0].ID, "Received"); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	answered := r.kinds(timeline.Log, "oncall.test-answered")
	if len(answered) != 1 || answered[0].Actor != people.Human("chris") || answered[0].Cause != page {
		t.Errorf("%+v", answered)
	}
}

// TestTopicsAndCredentialsAreNeverTold looks for them in the log and in all that
// was recorded.
func TestTopicsAndCredentialsAreNeverTold(t *testing.T) {
	r := newRig(t, ntfytest.Options{Token: "tk_secret"})
	for _, f := range []ntfytest.Fault{{Times: 1, Lost: true}, {Times: 1, Refused: true}, {Method: "GET", Times: 1, Refused: true}, {Times: 1, Status: 502}, {Times: 1, Status: 429}} {
		r.ntfy.Fault(f)
	}
	id := r.declare("PostgreSQL is out of connections")
	r.until(3)
	r.ntfy.Seal("secret-topic-joe")
	r.until(5)
	r.ntfy.Close()
	r.until(9)
	if err := r.pager.Check(t.Context()); err == nil {
		t.Error("a server that is gone works")
	} else {
		fmt.Fprintln(r.log, err)
	}
	told := r.log.String()
	for _, kind := range []timeline.Kind{"delivery.failed", "delivery.done", "oncall.paged"} {
		for _, e := range r.kinds(id, kind) {
			told += string(e.Body)
		}
	}
	if strings.Contains(told, "secret-topic") || strings.Contains(told, "tk_secret") {
		t.Error(told)
	}
	if !strings.Contains(told, "pages do not get out") {
		t.Error("an outage is not logged")
	}
}

func TestCheckTriesTheServerAndEachTopic(t *testing.T) {
	r := newRig(t, ntfytest.Options{Token: "tk_secret"})
	if err := r.pager.Check(t.Context()); err != nil {
		t.Error(err)
	}
	r.ntfy.Seal("secret-topic-chris")
	if err := r.pager.Check(t.Context()); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "chris: ") || strings.Contains(err.Error(), "joe") {
		t.Error(err)
	}
	r.auth.Token = config.NewSecret("tk_old")
	r.down()
	r.up()
	if err := r.pager.Check(t.Context()); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
	if n := len(r.ntfy.All()); n != 0 {
		t.Errorf("checking sent %d messages", n)
	}
}

// TestWhateverComesFromOutsideFits holds the message to ntfy's limits whatever an
// incident is called.
func TestWhateverComesFromOutsideFits(t *testing.T) {
	p := New(Options{Clock: timeline.RealClock{}})
	rapid.Check(t, func(t *rapid.T) {
		outside := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("a<\"\\\u0300\u202e\n\r\x00\x1b[\u200b🚨語\ufeff")), 0, 3000, -1))
		i := incident.Incident{ID: "INC-1", Severity: alert.SEV2, Title: outside.Draw(t, "title"), StartedAt: time.Now()}
		i.AlertNames = rapid.SliceOfN(outside, 0, 50).Draw(t, "names")
		i.Alerts.Firing = len(i.AlertNames)
		page := timeline.Entry{Ref: timeline.Ref{Timeline: "INC-1", Seq: 2}, Kind: oncall.KindPaged, Payload: &oncall.Paged{Person: "joe", Why: "a new SEV2", Then: "chris", ThenAt: time.Now().Add(time.Hour)}}
		var folded []timeline.Entry
		for range rapid.IntRange(0, 200).Draw(t, "folded") {
			folded = append(folded, page)
		}
		m := p.message(scene{incident: i, room: "https://discord.com/channels/1/2"}, page, folded, config.NewSecret("topic"))
		if len(m.Message) > maxText || len(m.Title) > maxTitle || !utf8.ValidString(m.Message) || !utf8.ValidString(m.Title) {
			t.Fatalf("%d and %d bytes", len(m.Message), len(m.Title))
		}
		if sent, err := encode(m); err != nil || len(sent) > 8192 {
			t.Fatalf("%d bytes to send, %v", len(sent), err)
		}
		if strings.ContainsAny(m.Title, "\n\r\x00\x1b\u202e\u200b") || strings.ContainsAny(m.Message, "\r\x00\x1b\u202e\u200b") {
			t.Fatalf("untamed: %q %q", m.Title, m.Message)
		}
		if !strings.HasPrefix(m.Message, "joe, nobody is on it yet: a new SEV2.\nBegan ") {
			t.Fatalf("%q", m.Message)
		}
	})
}

func TestStoppingWhileItSendsIsNoOutage(t *testing.T) {
	p := New(Options{Clock: timeline.RealClock{}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.later(ctx, context.Canceled); err != context.Canceled {
		t.Error(err)
	}
	if ok, _, _ := p.State(); !ok {
		t.Error("an outage is told")
	}
}
