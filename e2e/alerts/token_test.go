package alerts

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wardroom/bot/alert"
	"wardroom/e2e/internal/process"
)

// What an Alertmanager was refused for it sends again with the next of its group, so a
// token that is put right loses nothing, without a restart of anything.
func TestAWrongTokenThatIsPutRightLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t, "")
	right := filepath.Join(s.bot.Data, "wardroom.token")
	mine := filepath.Join(s.dir, "alertmanager.token")
	s.write("alertmanager.token", "the one before last")
	s.replicas.reload(strings.ReplaceAll(s.routing, right, mine))
	s.database.grow(100)
	process.Await(t, "every Alertmanager was refused", process.Patience, func() (bool, string) {
		return slices.Min(s.replicas.counts(`alertmanager_notifications_failed_total{integration="webhook"`)) > 0, s.bot.LastLines()
	})
	if a := s.alert(connections); a != nil {
		t.Fatalf("it was taken with a wrong token: %+v", a)
	}
	s.copyOf(right, "alertmanager.token")
	s.becomes(connections, alert.Firing)
	if line := s.once(connections, alert.Firing); strings.Contains(line, "read back") {
		t.Errorf("no webhook brought it: %s", line)
	}
	s.only()
}
