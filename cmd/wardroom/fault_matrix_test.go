package main

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/remediation"
	"wardroom/bot/statuspage"
	"wardroom/storage"
	"wardroom/storage/storagetest"
)

// reliabilityPage says what the fault matrix has shown.
const reliabilityPage = "../../docs/reliability.md"

// TestFaultMatrixIsFresh plays a night for every way in which every system breaks while
// an incident and a repair run. Whatever breaks: the record verifies, nothing that was
// acknowledged is missing, nothing outside is done twice, and the run comes to its end.
// What people saw is docs/reliability.md.
func TestFaultMatrixIsFresh(t *testing.T) {
	disk, err := storagetest.Disks() // before any of its databases is open
	if err != nil {
		t.Fatal(err)
	}
	calm := newFaultNight(t, disk)
	calm.play(never, fault{"nothing", none, none})
	calm.holds()

	var mu sync.Mutex
	cells := map[string]cell{}
	systems := outsides()
	t.Run("broken", func(t *testing.T) {
		for _, o := range systems {
			for _, f := range o.faults {
				if underRace && len(o.faults) > 1 && f.name != "slow" {
					continue // .ci/run plays them all without it
				}
				t.Run(title(o.name, f.name), func(t *testing.T) {
					t.Parallel()
					n := newFaultNight(t, disk)
					n.play(o.when, f)
					n.holds()
					c := n.cell(calm)
					mu.Lock()
					defer mu.Unlock()
					cells[title(o.name, f.name)] = c
				})
			}
		}
	})
	for _, o := range systems {
		for _, f := range o.faults {
			if _, played := cells[title(o.name, f.name)]; !played {
				t.Logf("%s was not played: the page is not compared", title(o.name, f.name))
				return
			}
		}
	}
	got := reliability(systems, cells)
	if *update {
		if err := os.WriteFile(reliabilityPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(reliabilityPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; `make docs` writes it anew (-file +now):\n%s", reliabilityPage, diff)
	}
}

// underRace: a night takes several times as long under the race detector.
const underRace = deadlyStep > 1

// holds fails the test unless nothing is lost and nothing is done twice.
func (n *faultNight) holds() {
	n.t.Helper()
	report, err := n.db.Verify(n.t.Context(), storage.VerifyOptions{Rebuild: true})
	if err != nil || !report.OK() {
		n.t.Errorf("the record: %v %v", report.Faults, err)
	}
	told := strings.Join(n.told("INC-1"), "\n")
	acknowledged := map[string]int{"alert RedisSlow": 1, "alert SiteErrors": 1, "approval": 1, "update": 1, "note": 1}
	if got := n.recorded(); !cmp.Equal(got, acknowledged) {
		n.t.Errorf("in the record stand %v, want %v\n%s", got, acknowledged, told)
	}
	if len(n.refused()) > 0 {
		n.t.Errorf("still refused: %v", n.refused())
	}
	if got := n.deleted(); !slices.Equal(got, []int{redisHost}) {
		n.t.Errorf("the machines %v are deleted\n%s", got, told)
	}
	if public := n.public.Incidents(); len(public) != 1 || len(public[0].Updates) != 1 || public[0].Updates[0].Body != publicText {
		n.t.Errorf("the public reads %+v", public)
	}
	if refs := n.posted(); len(slices.Compact(slices.Clone(refs))) != len(refs) || !slices.IsSorted(refs) {
		n.t.Errorf("the room was told of %v", refs)
	}
	if run := n.run(); run.Status != remediation.Done || !n.redisReady() {
		n.t.Errorf("%s is %s: %s; Redis is Ready: %v\n%s", run.ID, run.Status, run.Why, n.redisReady(), told)
	}
	if strings.Contains(told, "in -") {
		n.t.Errorf("something took less than no time\n%s", told)
	}
	lag, err := n.app.Runtime.Lag(n.t.Context())
	for follower, behind := range lag {
		if behind > 0 || err != nil {
			n.t.Errorf("%s is %d entries behind, %v", follower, behind, err)
		}
	}
}

// recorded are what people and senders were told is taken, as the record has it.
func (n *faultNight) recorded() map[string]int {
	count := map[string]int{}
	for _, e := range n.entries("log") {
		if p, is := e.Payload.(*alert.Received); is {
			count["alert "+p.Alert.Labels["alertname"]]++
		}
	}
	count["approval"] = len(n.run().Approvals)
	for _, e := range n.entries("INC-1") {
		switch p := e.Payload.(type) {
		case *statuspage.Posted:
			count["update"]++
		default:
			if p.Text() == noteOfDana {
				count["note"]++
			}
		}
	}
	return count
}

var ofEntry = regexp.MustCompile(`^INC-1#(\d+) · `)

// posted are the entries that the room's posts tell of.
func (n *faultNight) posted() (refs []int) {
	n.t.Helper()
	for _, m := range n.chat.Messages(n.room()) {
		for _, e := range m.Embeds {
			if e.Footer == nil || !ofEntry.MatchString(e.Footer.Text) {
				continue
			}
			seq, err := strconv.Atoi(ofEntry.FindStringSubmatch(e.Footer.Text)[1])
			if err != nil {
				n.t.Fatal(err)
			}
			refs = append(refs, seq)
		}
	}
	return refs
}
