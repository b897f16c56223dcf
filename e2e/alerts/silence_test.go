package alerts

import (
	"fmt"
	"strings"
	"testing"

	"wardroom/bot/alert"
	"wardroom/e2e/internal/process"
)

// In mode act a silence is placed at Alertmanager, for that alert and no other; and the
// check of a configuration that works finds nothing to complain of.
func TestASilenceIsPlacedAtAlertmanager(t *testing.T) {
	t.Parallel()
	s := newStack(t, "mode: act\n")
	if said, clean := s.bot.Check(process.Soon(t)); !clean || !strings.Contains(said, " 0 warnings, 0 failed") || strings.Count(said, "ok    alertmanager 127.0.0.1") != 3 {
		t.Errorf("wardroom check:\n%s", said)
	}
	s.database.grow(100)
	end := s.database.idle()
	s.becomes(connections, alert.Firing)
	s.becomes(idle, alert.Firing)
	if said := s.bot.Do("alert", "silence", connections, "--reason", "known, we are on it", "--for", "2h"); !strings.Contains(said, "silenced until") || strings.Contains(said, "noted only") {
		t.Errorf("wardroom alert silence:\n%s", said)
	}
	process.Await(t, "every Alertmanager keeps quiet of it alone", process.Patience, func() (bool, string) {
		for _, address := range s.replicas.addresses {
			if states := s.replicas.states(address); states[connections] != "suppressed" || states[idle] != "active" {
				return false, fmt.Sprintf("%s: %v", address, states)
			}
		}
		return true, ""
	})
	s.bot.Tells("INC-1", connections+" firing", ": known, we are on it", "holds silence")
	end()
	s.becomes(idle, alert.Resolved)
	if a := s.alert(connections); a.Status != alert.Firing {
		t.Errorf("a silenced alert is held resolved: %+v", a)
	}
}
