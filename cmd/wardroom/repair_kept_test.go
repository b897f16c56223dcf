package main

import (
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
)

// TestWhatRepairsLeaveIsListedWhenItIsOver: a node that was cordoned and a workload that
// was scaled are named when the incident is resolved, in the answer and in the room, each
// with what puts it back, until it is back.
func TestWhatRepairsLeaveIsListedWhenItIsOver(t *testing.T) {
	r := newRepairs(t, repairOptions{})
	approved := func() {
		t.Helper()
		r.slash("chris", approveLine(r.run()))
		r.until("the run is done", 10*time.Minute, func() bool { return !r.run().Status.Active() })
		r.wants(remediation.Done)
	}
	carried := func(line string) {
		t.Helper()
		r.slash("joe", line)
		approved()
	}
	const cordoned, scaled = "left " + siteNode + " cordoned", "left default/redis at 0, it was 1"

	carried("/node cordon node:" + siteNode)
	carried("/scale set workload:default/redis replicas:0")
	r.says(r.slash("dana", "/incident resolve anyway:True"), "INC-1/run-1 "+cordoned, "INC-1/run-2 "+scaled)
	r.pass(30 * time.Second)
	post := r.posted("Uncordon " + siteNode)
	if said := r.chat.Shown(post); !strings.Contains(said, cordoned) || !strings.Contains(said, scaled) {
		t.Errorf("the room is told:\n%s", said)
	}

	r.slash("dana", "/incident reopen")
	r.pass(10 * time.Second)
	r.press("joe", post, "Uncordon "+siteNode)
	approved()
	if over := r.slash("dana", "/incident resolve anyway:True"); strings.Contains(over.text, "cordoned") || !strings.Contains(over.text, scaled) {
		t.Errorf("with the node back it says:\n%s", over.text)
	}
	r.slash("dana", "/incident reopen")
	carried("/scale restore workload:default/redis")
	if over := r.slash("dana", "/incident resolve anyway:True"); strings.Contains(over.text, "left") {
		t.Errorf("with all back it says:\n%s", over.text)
	}
}
