package scenario

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const small = `
scenario: small
title: Small
timezone: Europe/Berlin
people: {joe: [lead]}
events:
  - {at: "2021-07-11 23:50", by: joe, command: "/incident declare title:x"}
  - {at: "23:58:30", linode: {action: volume_attach, status: failed, volume: pvc-1}}
  - {at: "00:10", alertmanager: {status: firing, labels: {alertname: a/b}, startsAt: "23:59"}}
  - {at: "00:10", generic: {status: resolved, title: It is down, source: ping}}
until: "06:00"
expect:
  - {incident: 1, status: closed}
`

func TestTimesFollowEachOther(t *testing.T) {
	f, err := Read(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range f.Events {
		got = append(got, e.Time().UTC().Format("02 15:04:05"))
	}
	got = append(got, f.End().UTC().Format("02 15:04:05"), f.Events[2].Alertmanager.startsAt.UTC().Format("02 15:04:05"))
	want := "11 21:50:00, 11 21:58:30, 11 22:10:00, 11 22:10:00, 12 04:00:00, 11 21:59:00"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("times are %s\nwant %s", s, want)
	}
	if s := f.Senders(); len(s) != 1 || s[0] != "ping" {
		t.Errorf("senders are %v", s)
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	_, err := Read(strings.NewReader(`
scenario: "Not A Name"
timezone: Mars
people: {joe: [king]}
events:
  - {at: "00:10", by: joe, command: "/x"}
  - {at: "2021-07-11 00:10", by: nobody, command: "/x"}
  - {at: "2021-07-11 00:09", by: joe, command: "/x"}
  - {at: "00:11", by: joe, command: "incident ack"}
  - {at: "00:12", by: joe}
  - {at: "00:13", alertmanager: {status: broken, labels: {a: b}}}
  - {at: "00:13", alertmanager: {status: firing, labels: {}}}
  - {at: "00:13", generic: {status: firing, title: ""}}
  - {at: "00:13", linode: {action: x, status: ""}}
  - {at: "00:13", kubernetes: {reason: x, object: ""}}
  - {at: "00:13", chat: broken}
  - {at: "00:14", by: joe, command: "/x", linode: {action: a, status: b}}
  - {at: "noon", by: joe, command: "/x"}
  - {at: "00:15", by: joe, approve: latest, answers: [yes]}
  - {at: "00:16", by: nobody, tap: Approve}
expect:
  - {status: closed}
  - {incident: 1, started_at: "00:10"}
`))
	if err == nil {
		t.Fatal("a file full of faults was accepted")
	}
	for _, want := range []string{
		"scenario:", "title: is missing", "timezone:", `"king" is not a role`, "needs a date", `"nobody" is not among`, "lies before", "must start with /",
		"there are 0", "neither firing nor resolved", "labels: are missing", "generic: title", "linode: needs", "kubernetes: needs", "there are 2", `"noon"`, "answers: go with command and tap only", `at 00:16: by: "nobody"`, `"broken" is none of down`,
		"expect: number 1: says nothing", "expect: number 2: started_at",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not named: %s\n%v", want, err)
		}
	}
}

func TestUnknownFieldsAreFaults(t *testing.T) {
	if _, err := Read(strings.NewReader(strings.Replace(small, "title: Small", "title: Small\ncolour: red", 1))); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("got %v", err)
	}
}

func TestWebhookIsAlertmanagers(t *testing.T) {
	f, err := Read(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	body, err := f.Events[2].Alertmanager.body()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string
		Alerts  []struct{ Status, Fingerprint, StartsAt, EndsAt string }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "4" || len(got.Alerts) != 1 || got.Alerts[0].EndsAt != "0001-01-01T00:00:00Z" || got.Alerts[0].StartsAt != "2021-07-11T21:59:00Z" || len(got.Alerts[0].Fingerprint) != 16 {
		t.Errorf("%+v", got)
	}
}

func TestClockWakesSleepersInOrder(t *testing.T) {
	start := time.Date(2021, 7, 11, 0, 0, 0, 0, time.UTC)
	c := NewClock(start)
	late, _ := c.At(start.Add(2 * time.Hour))
	early, stop := c.At(start.Add(time.Hour))
	past, _ := c.At(start.Add(-time.Hour))
	if got := <-past; !got.Equal(start) {
		t.Errorf("a time that has passed wakes with %s", got)
	}
	if next, ok := c.Next(); !ok || !next.Equal(start.Add(time.Hour)) {
		t.Errorf("the first sleeper wakes at %s", next)
	}
	stop()
	c.MoveTo(start.Add(90 * time.Minute))
	select {
	case <-early:
		t.Error("a stopped sleeper woke")
	case <-late:
		t.Error("a sleeper woke too early")
	default:
	}
	c.MoveTo(start.Add(3 * time.Hour))
	if got := <-late; !got.Equal(start.Add(3 * time.Hour)) {
		t.Errorf("woke at %s", got)
	}
	c.MoveTo(start)
	if !c.Now().Equal(start.Add(3 * time.Hour)) {
		t.Error("the clock ran backwards")
	}
	if _, ok := c.Next(); ok {
		t.Error("nobody sleeps any more")
	}
}
