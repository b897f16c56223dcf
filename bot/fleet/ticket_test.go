package fleet_test

import (
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
)

func TestATicketIsShortPlainAndHoldsNoSecret(t *testing.T) {
	at := time.Date(2021, 7, 11, 1, 13, 0, 0, time.UTC)
	f := fleet.VolumeFacts{Volume: "pvc-bb1d06139b334c1f", CloudName: "Linode", Now: at,
		Cloud: &fleet.CloudVolume{ID: 41002, Label: "pvcbb1d06139b334c1f", Region: "us-east", SizeGiB: 10, Instance: 28500001}}
	for n := range 30 {
		f.CloudEvents = append(f.CloudEvents, fleet.CloudEvent{ID: int64(n), Action: "volume_attach", Status: "failed", Created: at, Entity: fleet.Entity{Type: "volume", ID: "41002"}})
		f.Events = append(f.Events, fleet.Event{At: at, Type: "Warning", Reason: "FailedMount", Message: "line\none password=hunter22hunter22 " + strings.Repeat("x", 5000)})
	}
	f.CloudEvents = append(f.CloudEvents, fleet.CloudEvent{Action: "linode_boot", Entity: fleet.Entity{Type: "linode", ID: "1"}})
	for _, c := range []fleet.Case{fleet.Lost, fleet.Elsewhere, fleet.Limbo, fleet.Locked, fleet.NoDriver, fleet.Gone} {
		ticket := fleet.DraftTicket(f, fleet.Diagnosis{Case: c, Says: "Linode says attached, the machine has no device", Holder: 28500001, Evidence: []string{"a\nb"}}, []string{"01:01 node-recycle: failed"}, at)
		if n := len([]rune(ticket.Summary)); n > 64 || n == 0 {
			t.Errorf("%s: the summary has %d characters", c, n)
		}
		if ticket.Volume != 41002 || !strings.Contains(ticket.Body, "\n\nThank you.") || !strings.Contains(ticket.Body, "What we have tried:\n- 01:01") {
			t.Errorf("%s: %+v", c, ticket)
		}
		if strings.Contains(ticket.Body, "hunter22") || strings.Contains(ticket.Body, "a\nb") || strings.Contains(ticket.Body, "linode_boot") {
			t.Errorf("%s: %s", c, ticket.Body)
		}
		if n := strings.Count(ticket.Body, "volume_attach failed"); n != 10 || len(ticket.Body) > 65000 {
			t.Errorf("%s: %d events, %d characters", c, n, len(ticket.Body))
		}
	}
}
