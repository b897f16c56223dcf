//go:build !race

package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"wardroom/bot/scenario"
	"wardroom/docs/scenarios"
	"wardroom/integrations/discord/discordtest"
)

// TestAScenarioNeedsItsRepairs leaves the last repair of a scenario out: what it mends
// is not back then, and the scenario's expectations have to see that. Whole nights take
// long under the race detector, which has those of [TestEveryScenarioEndsAsItExpects].
func TestAScenarioNeedsItsRepairs(t *testing.T) {
	for _, name := range scenarios.Names() {
		f, err := scenario.Read(bytes.NewReader(scenarioFile(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		last := -1
		for i, e := range f.Events {
			if e.Approve != "" {
				last = i
			}
		}
		if last < 0 {
			continue // nothing is repaired in it
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Events = slices.Delete(f.Events, last, last+1)
			outcomes := playedFile(t, f)
			for _, o := range outcomes {
				if !o.OK && strings.Contains(o.What, "is back") {
					return
				}
			}
			t.Errorf("nobody misses the last repair: %+v", outcomes)
		})
	}
}

// playedFile plays a scenario and returns what became of its expectations.
func playedFile(t *testing.T, f *scenario.File) []scenario.Outcome {
	t.Helper()
	stage, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := stage.play(t.Context(), pace{}); err != nil {
		t.Error(err)
	}
	outcomes, err := f.Check(t.Context(), stage)
	if err := errors.Join(err, stage.close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return outcomes
}
