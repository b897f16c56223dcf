package remediation

import (
	"testing"
	"time"

	"wardroom/bot/timeline"
)

// at is a view that knows nothing but the time.
type at struct {
	timeline.View
	now time.Time
}

func (a at) Now() time.Time { return a.now }

// The clock of the machine may go back while a step is under way.
func TestNothingTakesLessThanNoTime(t *testing.T) {
	began := time.Date(2021, 7, 11, 0, 35, 20, 0, time.UTC)
	for _, tt := range []struct{ passed, want time.Duration }{{20 * time.Second, 20 * time.Second}, {20*time.Second - time.Hour, 0}} {
		if got := since(at{now: began.Add(tt.passed)}, began); got != tt.want {
			t.Errorf("%s later it took %s, want %s", tt.passed, got, tt.want)
		}
	}
	r := Run{Status: Running, Plan: Plan{Steps: []PlannedStep{{Name: "recycle"}}}, Steps: []StepState{{Mark: Begun, Started: began}}}
	if line := ProgressOf(r, "", began.Add(-time.Hour)).Steps[0]; line.Took != 0 {
		t.Errorf("shown as %s", line)
	}
	r.Steps[0] = StepState{}
	if line := ProgressOf(r, "how it is cannot be told now", began).Steps[0].String(); line != "· recycle: how it is cannot be told now" {
		t.Errorf("shown as %s", line)
	}
}
