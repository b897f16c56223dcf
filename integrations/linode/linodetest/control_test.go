package linodetest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/linode/linodetest"
)

// In another process and in real time: what a test there does and sees.
func TestRemote(t *testing.T) {
	s := world(t, linodetest.Options{Timing: linodetest.Timing{Scale: 0.0005}})
	web := httptest.NewServer(s.Control())
	defer web.Close()
	r, err := linodetest.Dial(t.Context(), web.URL)
	if err != nil || r.URL != s.URL() || r.Cluster != 13311 {
		t.Fatalf("%+v %v", r, err)
	}
	slot, err := r.AddNode(linodetest.Node{Name: "lke13311-16405-aaaaaaaaaaaa", Linode: 28412350})
	if err != nil || slot != "16405-aaaaaaaaaaaa" {
		t.Fatalf("%s %v", slot, err)
	}
	if err := r.Act("chris", linodetest.Act{Do: "recycle", Slot: slot}); err != nil {
		t.Fatal(err)
	}
	if err := r.Act("chris", linodetest.Act{Do: "recycle", Slot: slot}); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("twice at once: %v", err)
	}
	var seen []string
	for after := 0; len(seen) < 4; {
		list, err := r.WaitChanges(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			after = c.Seq
			seen = append(seen, fmt.Sprint(c.What, " ", c.Slot))
		}
	}
	want := "instance-off 16405-aaaaaaaaaaaa, instance-deleted 16405-aaaaaaaaaaaa, instance-created 16405-aaaaaaaaaaaa, instance-booted 16405-aaaaaaaaaaaa"
	if got := strings.Join(seen, ", "); got != want {
		t.Error(got)
	}
	n, err := r.Fault(linodetest.Fault{Status: 503, Times: 1})
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if status, _, _ := ask(t, s, "GET", "/volumes", ""); status != 503 {
		t.Error(status)
	}
	if status, _, _ := ask(t, s, "GET", "/volumes", ""); status != 200 {
		t.Error(status)
	}
	requests, err := r.Requests()
	if err != nil || len(requests) != 2 || requests[0].Status != 503 || requests[1].Path != "/v4/volumes" {
		t.Errorf("%+v %v", requests, err)
	}
	if body, err := r.Dump(); err != nil || !strings.Contains(string(body), "lke_node_recycle") {
		t.Errorf("%v", err)
	}
	if err := r.Clear(); err != nil {
		t.Error(err)
	}
}

func TestListenersHearEverythingInOrderAndMayAct(t *testing.T) {
	now := time.Date(2021, 7, 11, 1, 0, 0, 0, time.UTC)
	s := world(t, linodetest.Options{Now: func() time.Time { return now }})
	var heard []string
	s.OnChange(func(c linodetest.Change) {
		heard = append(heard, fmt.Sprintf("%s %s %d", c.At.Format("15:04:05"), c.What, c.Volume))
		if c.What == linodetest.VolumeDetached { // as a cluster that attaches it elsewhere
			if err := s.Act(linodetest.ClusterUser, linodetest.Act{Do: "attach", Volume: c.Volume, Linode: 28412346}); err != nil {
				t.Error(err)
			}
		}
	})
	if err := s.Act("joe", linodetest.Act{Do: "detach", Volume: 55501}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []time.Duration{time.Minute, time.Minute} {
		now = now.Add(step)
		s.Advance()
	}
	want := []string{"01:00:10 volume-detached 55501", "01:01:10 volume-attached 55501"}
	if fmt.Sprint(heard) != fmt.Sprint(want) {
		t.Errorf("%v", heard)
	}
}

func TestTicketsAreTwoAMinute(t *testing.T) {
	now := time.Date(2021, 7, 11, 1, 0, 0, 0, time.UTC)
	s := world(t, linodetest.Options{Now: func() time.Time { return now }})
	ticket := `{"summary":"a volume does not come off","description":"…","volume_id":55501}`
	for n, want := range []int{200, 200, 429} {
		if status, got, h := ask(t, s, "POST", "/support/tickets", ticket); status != want || want == 429 && h.Get("Retry-After") != "61" {
			t.Errorf("ticket %d: %d %v %v", n+1, status, got, h)
		}
	}
	now = now.Add(time.Minute)
	if status, got, _ := ask(t, s, "POST", "/support/tickets", `{"summary":"x","description":"y","volume_id":55501,"linode_id":28412345}`); status != 400 {
		t.Errorf("two entities: %d %v", status, got)
	}
	if _, got, _ := ask(t, s, "GET", "/support/tickets", ""); !strings.Contains(fmt.Sprint(got), "results:2") {
		t.Errorf("%v", got)
	}
}
