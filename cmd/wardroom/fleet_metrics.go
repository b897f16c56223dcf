package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// ends are the kinds of entries that end a run, and what they are counted as.
var ends = map[timeline.Kind]string{
	"run.done": "done", "run.failed": "failed", "run.aborted": "aborted", "run.taken-over": "taken over",
	"run.rejected": "rejected", "run.expired": "expired", "run.refused": "refused",
}

// machineMetrics are what an operator sees of the machines and their repairs.
type machineMetrics struct {
	*system
	up, active *prometheus.Desc
	ended      *prometheus.CounterVec
}

var _ prometheus.Collector = (*machineMetrics)(nil)

// registerMachines shows them, with how things stand at each scrape.
func (s *system) registerMachines(on interface {
	Register(prometheus.Collector) error
}) error {
	m := &machineMetrics{system: s,
		up:     prometheus.NewDesc("wardroom_system_up", "1 while an outside system can be used, as of the last request; else 0. As the rooms show it.", []string{"system"}, nil),
		active: prometheus.NewDesc("wardroom_runs", "Repairs that are not over, by status: \"asking\" waits for a person.", []string{"status"}, nil),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wardroom_runs_ended_total",
			Help: "Repairs that ended since the start, by how; \"refused\" never began."}, []string{"status"}),
	}
	for _, how := range ends {
		m.ended.WithLabelValues(how) // a rate needs the zero
	}
	s.db.OnCommit(func(c timeline.Commit) {
		for _, g := range c.Gained {
			for _, k := range g.Kinds {
				if how, is := ends[k]; is {
					m.ended.WithLabelValues(how).Inc()
				}
			}
		}
	})
	return errors.Join(on.Register(m), on.Register(m.ended))
}

// Describe implements [prometheus.Collector].
func (m *machineMetrics) Describe(c chan<- *prometheus.Desc) { c <- m.up; c <- m.active }

// Collect implements [prometheus.Collector].
func (m *machineMetrics) Collect(c chan<- prometheus.Metric) {
	for _, w := range m.working() {
		value := 0.0
		if w.OK {
			value = 1
		}
		c <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, value, strings.ToLower(w.Name))
	}
	counts := map[remediation.Status]int{remediation.Requested: 0, remediation.Approved: 0, remediation.Running: 0, remediation.Asking: 0, remediation.Aborting: 0}
	err := m.db.View(context.Background(), func(v timeline.View) error {
		runs, err := remediation.ActiveRuns(v)
		for _, r := range runs {
			counts[r.Status]++
		}
		return err
	})
	if err != nil {
		m.log.Warn("runs cannot be counted", slog.Any("error", err))
		return
	}
	for status, n := range counts {
		c <- prometheus.MustNewConstMetric(m.active, prometheus.GaugeValue, float64(n), string(status))
	}
}
