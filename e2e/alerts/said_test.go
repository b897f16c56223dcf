package alerts

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/timeline"
	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
)

// The alerts of testdata/rules.yml.
const (
	connections = "postgres/connection-limit"
	deadlocks   = "postgres/deadlocks"
	idle        = "postgres/idle-in-transaction"
)

// shownAlert is one of `wardroom alert list --json`.
type shownAlert struct {
	Name     string       `json:"name"`
	Status   alert.Status `json:"status"`
	Incident timeline.ID  `json:"incident"`
	StartsAt time.Time    `json:"starts_at"`
	Value    *alert.Value `json:"value"`
	Summary  string       `json:"summary"`
}

// alert is what is known of one; nil when nothing is.
func (s *stack) alert(name string) *shownAlert {
	s.Helper()
	for _, a := range wardroom.Decode[[]shownAlert](s.bot, "alert", "list", "--all") {
		if a.Name == name {
			return &a
		}
	}
	return nil
}

// becomes waits until an alert has a status.
func (s *stack) becomes(name string, status alert.Status) (a *shownAlert) {
	s.Helper()
	process.Await(s.T, name+" is "+string(status), process.Patience, func() (bool, string) {
		a = s.alert(name)
		return a != nil && a.Status == status, fmt.Sprintf("%+v\n%s", a, s.bot.LastLines())
	})
	return a
}

// incidents are all, also those that are over.
func (s *stack) incidents() []incident.Incident {
	s.Helper()
	return wardroom.Decode[[]incident.Incident](s.bot, "incident", "list", "--all")
}

// only is the one incident that there is.
func (s *stack) only() incident.Incident {
	s.Helper()
	all := s.incidents()
	if len(all) != 1 || all[0].ID != "INC-1" {
		s.Fatalf("want INC-1 alone, got %+v", all)
	}
	return all[0]
}

// turns waits until the one incident has a status.
func (s *stack) turns(status incident.Status) (i incident.Incident) {
	s.Helper()
	process.Await(s.T, "INC-1 is "+string(status), process.Patience, func() (bool, string) {
		i = s.only()
		return i.Status == status, strings.Join(s.bot.Timeline("INC-1"), "\n")
	})
	return i
}

// once is the only line of the log that tells that an alert became so. It fails when
// there is another, or none.
func (s *stack) once(name string, status alert.Status) string {
	s.Helper()
	words := fmt.Sprintf("alert.received: Alert %s %s", name, status)
	var told []string
	log := s.bot.Timeline(timeline.Log)
	for _, line := range log {
		if strings.Contains(line, words) {
			told = append(told, line)
		}
	}
	if len(told) != 1 {
		s.Errorf("%q stands in the log %d times:\n%s", words, len(told), strings.Join(log, "\n"))
		return ""
	}
	return told[0]
}
