package alerts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/e2e/internal/process"
)

const (
	// away is how long nobody hears what the Alertmanagers say.
	away = 2 * time.Minute
	// believed is how long an Alertmanager has to run before what it does not list is
	// held to be over.
	believed = 5 * time.Minute
)

// While Wardroom is killed and away, one alert resolves, another fires, and the
// resolution of a third is lost for good: whoever gives it a route of its own makes
// Alertmanager forget that it ever told of it.
func TestNothingIsMissedWhileWardroomIsAway(t *testing.T) {
	t.Parallel()
	s := newStack(t, "")
	s.database.grow(100)
	open := s.database.idle()
	s.becomes(connections, alert.Firing)
	s.becomes(idle, alert.Firing)
	s.bot.Do("incident", "ack", "INC-1")
	before := s.only()

	back := s.replicas.started().Add(believed + 5*time.Second)
	process.Await(t, "the Alertmanagers have run long enough", believed, func() (bool, string) {
		left := time.Until(back.Add(-away))
		return left <= 0, fmt.Sprint(left)
	})
	if s.database.saturate() == "" || s.alert(connections).Status != alert.Firing {
		t.Fatal("the surge is over before it should be")
	}
	s.bot.Child.Kill()
	killed := time.Now()

	s.database.shrink(5)
	open()
	s.replicas.lists(connections, false)
	s.replicas.lists(idle, false)
	s.replicas.reload(strings.Replace(s.routing, "    # Everything else.", `    - receiver: wardroom
      matchers: [alertname="`+idle+`"]
      group_by: [namespace]
    # Everything else.`, 1))
	process.Await(t, "Wardroom was away for two minutes, in which a deadlock lasts", away+time.Minute, func() (bool, string) {
		s.database.deadlock()
		return !time.Now().Before(killed.Add(away)), ""
	})
	s.replicas.lists(deadlocks, true)
	s.bot.Serve()
	t.Logf("Wardroom was away for %s", time.Since(killed).Round(time.Second))

	s.becomes(connections, alert.Resolved)
	s.becomes(idle, alert.Resolved)
	fired := s.becomes(deadlocks, alert.Firing)
	if i := s.only(); fired.Incident != i.ID || fired.StartsAt.Before(killed) || !i.StartedAt.Equal(before.StartedAt) {
		t.Errorf("%+v is not in %+v", fired, i)
	}
	s.becomes(deadlocks, alert.Resolved)
	if i := s.turns(incident.Monitoring); i.Alerts.Total != 3 || i.Alerts.Firing != 0 {
		t.Errorf("want three alerts that are over: %+v", i)
	}
	for _, name := range []string{connections, deadlocks, idle} {
		s.once(name, alert.Firing)
		if line := s.once(name, alert.Resolved); name == idle && !strings.Contains(line, "read back from Alertmanager") {
			t.Errorf("its resolution was not lost: %s", line)
		}
	}
	s.bot.Do("verify", "--rebuild")
}
