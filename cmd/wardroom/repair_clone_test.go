package main

import (
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/kubernetes/kubetest"
)

// TestACloneOpensAnIncidentWithinAMinute is how 2024-04-10 began, through the whole bot.
func TestACloneOpensAnIncidentWithinAMinute(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{})
	const clone = "lke13311-20304-clone"
	r.world.kube.AddNode(kubetest.Node{Name: clone, Linode: 28499999, Hostname: siteNode})
	joined := r.clock.Now()
	r.pass(time.Minute)
	err := r.View(t.Context(), func(v timeline.View) error {
		all, err := alert.Table.Select(v, timeline.Query{Where: []timeline.Where{{Column: "name", Value: checks.CloneAlert}}})
		if err != nil || len(all) != 1 {
			t.Fatalf("%d alerts of a clone: %v", len(all), err)
		}
		a := all[0]
		if a.Status != alert.Firing || a.Incident == "" || a.FirstSeen.Sub(joined) > time.Minute || a.Labels["node"] != clone {
			t.Errorf("%+v of %s", a, joined)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.says(r.shell("viv", "node", "audit"), "clone", siteNode+" and "+clone+" have one hostname: one is a clone of the other")
	r.says(r.slash("viv", "/node audit"), siteNode+" and "+clone, "turn the clone off")
}
