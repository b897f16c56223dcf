package linode

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
)

// servicePrefix begins the names of the users that act for clusters: the volume
// driver, the node pools.
const servicePrefix = "lke-service-account"

// record appends what an incident lacks.
func (w *Watcher) record(ctx context.Context, i incident.Incident) error {
	var events []fleet.CloudEvent
	for _, e := range w.recent {
		if w.ours(e) && !e.Created.Before(i.StartedAt.Add(-leadUp)) && e.Status != "scheduled" {
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		return nil
	}
	slices.SortFunc(events, func(a, b fleet.CloudEvent) int {
		if c := happened(a).Compare(happened(b)); c != 0 {
			return c
		}
		return int(min(max(a.ID-b.ID, -1), 1))
	})
	_, err := w.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		return w.decide(v, i.ID, events)
	})
	return err
}

func (w *Watcher) decide(v timeline.View, id timeline.ID, events []fleet.CloudEvent) (d timeline.Decision, err error) {
	now, err := incident.Get(v, id)
	if err != nil || !now.Open() {
		return d, err
	}
	done, err := readRecorded(v, id)
	if err != nil {
		return d, err
	}
	for _, e := range events {
		if done[e.ID] == e.Status || len(done) >= maxRecorded && done[e.ID] == "" {
			continue
		}
		if w.Concerns != nil && !w.Concerns(v, id, e) {
			continue
		}
		done[e.ID] = e.Status
		at := happened(e)
		if at.After(v.Now()) { // its clock and ours differ
			at = time.Time{}
		}
		d.Entries = append(d.Entries, timeline.Draft{Timeline: id, OccurredAt: at, Actor: people.Provider("linode"), Payload: w.observed(e)})
	}
	if len(d.Entries) == 0 {
		return timeline.Decision{}, nil
	}
	doc, err := json.Marshal(done)
	if err != nil {
		return timeline.Decision{}, err
	}
	d.Scratch = []timeline.ScratchPut{{Key: scratchPrefix + string(id), Doc: doc}}
	return d, nil
}

// happened is when an event came to the status that it has, as far as it tells.
func happened(e fleet.CloudEvent) time.Time {
	if !e.Ended.IsZero() {
		return e.Ended
	}
	return e.Created
}

// observed is what an incident records of an event. What the cluster's own services
// and Wardroom do, and what succeeds, is routine.
func (w *Watcher) observed(e fleet.CloudEvent) timeline.Payload {
	o := w.words(e)
	ours := w.whose(e.By) == "" && e.By != ""
	if ours && e.Status != "failed" && e.Status != "canceled" && e.Status != "notification" {
		return &fleet.Routine{Observed: *o}
	}
	return o
}

func (w *Watcher) words(e fleet.CloudEvent) *fleet.Observed {
	o := &fleet.Observed{What: clip(e.Action), Status: clip(e.Status), Object: clip(w.object(e.Entity)), Message: clip(e.Message)}
	if o.Status == "notification" { // something that is over as soon as it is told
		o.Status = ""
	}
	if by := w.whose(e.By); by != "" {
		o.Message = strings.TrimPrefix(o.Message+"; "+by, "; ")
	}
	return o
}

func (w *Watcher) object(e fleet.Entity) string {
	if e.Type == "" {
		return ""
	}
	for id, name := range w.volumes {
		if e.Type == "volume" && e.ID == strconv.Itoa(id) {
			return "volume " + name
		}
	}
	name := e.Label
	if name == "" {
		name = e.ID
	}
	return e.Type + " " + name
}

// whose says who did it when it was not Wardroom, the cluster or the platform.
func (w *Watcher) whose(user string) string {
	switch {
	case user == "" || user == w.own || strings.HasPrefix(user, servicePrefix):
		return ""
	case w.own == "":
		return "by " + clip(user)
	}
	return clip(user) + " did this at Linode, not Wardroom"
}

func clip(text string) string {
	text = room.Plain(text)
	if r := []rune(text); len(r) > maxReason {
		return string(r[:maxReason]) + "…"
	}
	return text
}
