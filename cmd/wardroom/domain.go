package main

import (
	"fmt"
	"os"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/remediation"
	chat "wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
)

// newCodec composes the kinds of every package. A new package with payloads
// stands here, in folds when it keeps state, and nowhere else.
func newCodec() (*timeline.Codec, error) {
	return timeline.NewCodec(alert.Kinds, incident.Kinds, command.Kinds, statuspage.Kinds, remediation.Kinds, fleet.Kinds, checks.Kinds, chat.PlaceKinds, chat.SaidKinds, oncall.Kinds)
}

// folds keep the tables of current state, in this order.
func folds() []timeline.Fold {
	return []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, remediation.FreezeFold, remediation.RunFold, chat.Fold, timeline.DeliveriesFold}
}

// ruleDelays reads how long each rule waits before it fires.
func ruleDelays(files []string) (map[string]time.Duration, error) {
	delays := map[string]time.Duration{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("intake.alertmanager.rules: %w", err)
		}
		report, err := alert.CheckRules(f, nil)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("intake.alertmanager.rules: %s: %w", name, err)
		}
		for rule, wait := range report.RuleFor() {
			delays[rule] = wait
		}
	}
	return delays, nil
}

// incidents tells the stages of a command which incidents there are.
type incidents struct{}

var _ command.Incidents = incidents{}

func (incidents) OpenIDs(v timeline.View) ([]command.Named, error) {
	open, err := incident.Open(v)
	named := make([]command.Named, len(open))
	for n, i := range open {
		named[n] = command.Named{ID: i.ID, Title: i.Title}
	}
	return named, err
}

func (incidents) Exists(v timeline.View, id timeline.ID) (bool, error) {
	_, exists, err := incident.Table.Get(v, string(id))
	return exists, err
}
