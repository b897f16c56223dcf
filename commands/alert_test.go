package commands_test

import (
	"encoding/json"
	"slices"
	"testing"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

func TestAlertCommandsReadLikeTheNight(t *testing.T) {
	w := newWatch(t)
	w.says("00:30", "joe", "/alert list")
	w.says("00:30", "joe", "/alert list all:yes")
	locks := page("postgres/locks", "00:33", "34 dangerous locks")
	w.receive("00:33", page("postgres/connection-limit", "00:31", "no connections left", "namespace", "default"), locks)
	w.says("00:34", "joe", "/alert list")
	w.says("00:34", "joe", "/alert show alert:postgres/connection-limit")
	w.says("00:35", "joe", "/alert ack alert:postgres/connection-limit")
	w.says("00:35", "joe", "/alert ack alert:postgres/connection-limit")
	w.says("00:35", "chris", "/alert ack alert:postgres/connection-limit")
	w.says("00:36", "chris", "/alert silence alert:postgres/locks reason:known for:1d")
	w.silencer.fail = problem.New(problem.Unsupported, "no")
	w.says("00:36", "chris", "/alert silence alert:postgres/locks reason:known for:1d")
	w.silencer.fail = problem.New(problem.Unavailable, "it is down")
	w.says("00:36", "chris", "/alert silence alert:postgres/locks reason:known for:1d")
	w.says("00:37", "chris", "/alert silence alert:postgres/locks reason:known for:90d")
	w.says("00:37", "chris", "/alert ack alert:nosuch")
	w.says("00:38", "joe", "/alert list")
	w.says("00:38", "joe", "/alert show alert:postgres/locks")
	w.says("00:38", "joe", "/alert show alert:postgres/connection-limit")
	locks.Status, locks.EndsAt = alert.Resolved, night("00:40")
	w.receive("00:41", locks)
	w.says("00:42", "joe", "/alert list")
	w.says("00:42", "joe", "/alert list incident:INC-1 all:yes")
	w.says("00:42", "joe", "/incident show")
	w.golden("alert")
}

// Scripts rely on these names.
func TestAlertListPrintsExactlyTheseFields(t *testing.T) {
	w := newWatch(t)
	w.receive("00:33", page("a", "00:31", "x"))
	reply, err := w.ask("vic", "/alert list")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(reply.Data)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range rows[0] {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"ends_at", "fingerprint", "incident", "name", "source", "starts_at", "status", "summary", "value"}
	if !slices.Equal(names, want) || rows[0]["incident"] != "INC-1" || rows[0]["status"] != "firing" {
		t.Errorf("%s", body)
	}
}
