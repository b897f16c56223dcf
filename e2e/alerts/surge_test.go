package alerts

import (
	"slices"
	"strings"
	"testing"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/e2e/internal/process"
)

// The night of 2020-12-11: clients take every connection of the database, and its
// transactions lock each other out. Three Alertmanagers tell of it.
func TestAConnectionSurgeIsOneIncident(t *testing.T) {
	t.Parallel()
	s := newStack(t, "correlation: {self_recovery: 1m}\n")
	s.database.grow(100)
	s.becomes(connections, alert.Firing)
	if said := s.database.saturate(); said != "sorry, too many clients already" {
		t.Errorf("the last client was told %q", said)
	}
	s.database.deadlock()
	s.becomes(deadlocks, alert.Firing)
	process.Await(t, "the peak is known", process.Patience, func() (bool, string) {
		a := s.alert(connections)
		return a.Value != nil && a.Value.Peak == 100, a.Summary
	})
	s.database.shrink(98)
	process.Await(t, "it is known that the worst is over", process.Patience, func() (bool, string) {
		a := s.alert(connections)
		return a.Value.Last < 90, a.Summary
	})
	s.database.shrink(5)
	s.becomes(connections, alert.Resolved)
	i := s.turns(incident.Monitoring)

	if !i.StartedAt.Before(i.DetectedAt) {
		t.Errorf("it began at %s, and was detected at %s", i.StartedAt, i.DetectedAt)
	}
	if i.Severity != alert.SEV2 || i.Alerts.Total != 2 || i.Alerts.Firing != 0 {
		t.Errorf("want SEV2 with two alerts: %+v", i)
	}
	for _, name := range []string{connections, deadlocks} {
		s.once(name, alert.Firing)
		s.once(name, alert.Resolved)
	}
	sent := s.replicas.counts(`alertmanager_notifications_total{integration="webhook"`)
	if slices.Min(sent) < 2 {
		t.Errorf("every Alertmanager should have sent: %v", sent)
	}
	if s.team.Load() == 0 {
		t.Error("the team's own receiver got nothing")
	}
	t.Logf("the Alertmanagers sent %v messages to Wardroom, and %d to the team", sent, s.team.Load())
	s.bot.Tells("INC-1", "incident.declared", connections+" firing", deadlocks+" firing", "(peaked at 100)", "to monitoring")
	for _, words := range []string{"peaked at 100", connections, deadlocks} {
		if text := s.bot.Do("export", "INC-1"); !strings.Contains(text, words) {
			t.Errorf("the post-mortem does not tell %q:\n%s", words, text)
		}
	}
	// Nobody has acknowledged it: it ends by itself.
	if i := s.turns(incident.Resolved); !i.SelfRecovered {
		t.Errorf("it did not end by itself: %+v", i)
	}
	s.bot.Do("verify", "--rebuild")
}
