package main

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"wardroom/bot/scenario"
	"wardroom/integrations/discord/discordtest"
)

func TestOperatorsSeeRepairsAndTheSystemsThatTheyNeed(t *testing.T) {
	t.Parallel()
	f, err := scenario.Read(bytes.NewReader(demoFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if err := s.registerMachines(registry); err != nil {
		t.Fatal(err)
	}
	if err := s.play(t.Context(), pace{}); err != nil {
		t.Fatal(err)
	}
	s.world.linode.Close()
	if _, err := s.machines.linode.Slots(t.Context()); err == nil {
		t.Error("a Linode that is gone answers")
	}
	got := map[string]float64{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.Metric {
			got[family.GetName()+" "+m.Label[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"wardroom_runs_ended_total done": 1, "wardroom_runs_ended_total failed": 1, "wardroom_runs_ended_total aborted": 0,
		"wardroom_runs requested": 0, "wardroom_system_up cluster": 1, "wardroom_system_up linode": 0}
	names := []string{}
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if value, is := got[name]; !is || value != want[name] {
			t.Errorf("%s is %v (%t), want %v", name, value, is, want[name])
		}
	}
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
}
