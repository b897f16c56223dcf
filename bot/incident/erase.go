package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Erase deletes what the named entries say, and every copy that is found: what
// was asked to record them, what followed from them along cause, the alerts they
// tell of wherever they are mentioned, and whatever in the same incident repeats
// their text. The entries themselves stay, without content. What the incident
// and the alerts still are is recorded again without the text.
//
// Each timeline that lost something gets a [timeline.Erasure] of its own, so that
// whoever follows it takes back what it made of it; that of the first named entry
// also lists what is out of reach. Erasing what is erased already is a Conflict.
// Only a lead may ask for this.
func (d *Desk) Erase(ctx context.Context, who Who, refs []timeline.Ref, reason string) ([]timeline.Erasure, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, problem.New(problem.Invalid, "say why it is erased").WithHint("reason:\"held a token\": the reason stays, so do not repeat what is erased")
	}
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		s := &search{view: v, erase: map[timeline.Ref]timeline.Entry{}, keys: map[string]bool{}, incidents: map[timeline.ID]bool{}}
		if err := s.run(refs); err != nil {
			return timeline.Decision{}, err
		}
		drafts, err := s.drafts(who, reason)
		return timeline.Decision{Entries: drafts}, err
	})
	if err != nil {
		return nil, err
	}
	var done []timeline.Erasure
	for _, e := range entries {
		if p, ok := e.Payload.(*timeline.Erasure); ok {
			done = append(done, *p)
		}
	}
	return done, nil
}

// search collects the entries that hold what is to be erased.
type search struct {
	view      timeline.View
	first     timeline.ID
	order     []timeline.Ref
	erase     map[timeline.Ref]timeline.Entry
	texts     []string             // what copies repeat
	keys      map[string]bool      // alerts whose text goes, wherever they are mentioned
	incidents map[timeline.ID]bool // timelines to look through
	unreached []string
}

// searchMost bounds how many entries one erasure looks at.
const searchMost = 50_000

func (s *search) run(refs []timeline.Ref) error {
	if len(refs) == 0 {
		return problem.New(problem.Invalid, "say which entries to erase").WithHint("write them as INC-1#17")
	}
	s.first = refs[0].Timeline
	for _, ref := range refs {
		e, err := s.view.Entry(ref)
		if err != nil {
			return err
		}
		if _, gone := e.Payload.(*timeline.Erased); gone {
			return problem.New(problem.Conflict, "%s is erased already", ref)
		}
		if !erasable(e.Kind) {
			return problem.New(problem.Invalid, "%s holds no text that can be erased", ref)
		}
		s.name(e)
	}
	for _, ref := range slices.Clone(s.order) {
		if err := s.around(s.erase[ref]); err != nil {
			return err
		}
	}
	if err := s.ofAlerts(); err != nil {
		return err
	}
	for _, id := range sortedIDs(s.incidents) {
		if err := s.through(id); err != nil {
			return err
		}
	}
	return nil
}

// erasable kinds hold text and belong to folds that can be restated.
func erasable(k timeline.Kind) bool {
	return k == "note" || strings.HasPrefix(string(k), "command.") || strings.HasPrefix(string(k), "incident.") || strings.HasPrefix(string(k), "alert.") ||
		strings.HasPrefix(string(k), messageKind)
}

// messageKind begins the kinds of recorded chat messages, which bot/room owns.
const messageKind = "room.message"

// name takes an entry that the lead asked for: its texts are what copies repeat.
func (s *search) name(e timeline.Entry) {
	s.add(e)
	if keys := alertKeys(e.Payload); len(keys) > 0 {
		for _, key := range keys {
			s.keys[key] = true
		}
	}
	s.texts = append(s.texts, freeTexts(e)...)
	if p, ok := e.Payload.(interface{ StandsAt() string }); ok {
		s.missed("the message itself at " + p.StandsAt())
	}
}

func (s *search) add(e timeline.Entry) {
	if _, have := s.erase[e.Ref]; !have {
		s.erase[e.Ref] = e
		s.order = append(s.order, e.Ref)
	}
	if e.Timeline.IsIncident() {
		s.incidents[e.Timeline] = true
	}
}

// around looks along cause and corrections: the request up, consequences down.
func (s *search) around(e timeline.Entry) error {
	if !e.Cause.IsZero() {
		cause, err := s.view.Entry(e.Cause)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(cause.Kind), "command.") {
			s.consider(cause, true)
		}
	}
	if !e.Supersedes.IsZero() {
		old, err := s.view.Entry(e.Supersedes)
		if err != nil {
			return err
		}
		s.consider(old, false)
	}
	if by, corrected, err := CorrectedBy(s.view, e.Ref); err != nil {
		return err
	} else if corrected {
		newer, err := s.view.Entry(by)
		if err != nil {
			return err
		}
		s.consider(newer, false)
	}
	return s.below(e)
}

func (s *search) below(e timeline.Entry) error {
	queue := []timeline.Entry{e}
	seen := map[timeline.Ref]bool{e.Ref: true}
	for len(queue) > 0 && len(seen) < searchMost {
		followed, err := s.view.CausedBy(queue[0].Ref)
		if err != nil {
			return err
		}
		root := len(seen) == 1
		queue = queue[1:]
		for _, f := range followed {
			if seen[f.Ref] {
				continue
			}
			seen[f.Ref] = true
			queue = append(queue, f)
			// The title of an incident is made from the alert that opened it.
			made := root && (f.Kind == "incident.declared" || f.Kind == "incident.titled")
			// An edit of a message says it again, in other words.
			made = made || strings.HasPrefix(string(e.Kind), messageKind) && f.Kind == messageKind+"-edited"
			s.consider(f, made)
		}
	}
	return nil
}

// consider takes an entry that repeats what is erased, or is known to.
func (s *search) consider(e timeline.Entry, known bool) {
	if d, ok := e.Payload.(*timeline.Delivered); ok {
		s.delivered(d)
		return
	}
	if _, have := s.erase[e.Ref]; have || (!known && !s.repeats(e)) {
		return
	}
	if !erasable(e.Kind) {
		if known || e.Body != nil && !strings.HasPrefix(string(e.Kind), "timeline.") {
			s.missed(fmt.Sprintf("%s (%s)", e.Ref, e.Kind))
		}
		return
	}
	s.add(e)
}

// delivered notes what stands outside; rooms take their messages back themselves.
func (s *search) delivered(d *timeline.Delivered) {
	if _, gone := s.erase[d.Of]; !gone || isRoom(d.Follower) {
		return
	}
	where := d.URL
	if where == "" {
		where = d.External
	}
	s.missed(fmt.Sprintf("%s at %s", d.Follower, where))
}

// isRoom reports whether a follower shows a room in some chat: "room/…", "discord/room".
func isRoom(follower string) bool {
	return strings.HasPrefix(follower, "room") || strings.HasSuffix(follower, "/room") || strings.HasSuffix(follower, "/living")
}

func (s *search) missed(what string) {
	if !slices.Contains(s.unreached, what) {
		s.unreached = append(s.unreached, what)
	}
}

// repeats reports whether e mentions an alert whose text goes, or repeats a text.
func (s *search) repeats(e timeline.Entry) bool {
	if slices.ContainsFunc(alertKeys(e.Payload), func(k string) bool { return s.keys[k] }) {
		return true
	}
	for _, leaf := range leaves(e.Body) {
		if slices.ContainsFunc(s.texts, func(text string) bool { return copyOf(leaf, text) }) {
			return true
		}
	}
	return false
}

// ofAlerts looks at what the log and the incidents hold of the alerts.
func (s *search) ofAlerts() error {
	for _, key := range sortedKeys(s.keys) {
		row, known, err := alert.Table.Get(s.view, key)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		s.texts = append(s.texts, alertTexts(row.Alert)...)
		for at := row.Received; !at.IsZero(); {
			e, err := s.view.Entry(at)
			if err != nil {
				return err
			}
			s.consider(e, false)
			if err := s.below(e); err != nil {
				return err
			}
			if at = e.Cause; at.Timeline != timeline.Log {
				break
			}
		}
		for _, id := range []timeline.ID{row.Incident, row.Last.Incident} {
			if id != "" {
				s.incidents[id] = true
			}
		}
	}
	return s.merged()
}

// merged adds the incidents that alerts went to or came from.
func (s *search) merged() error {
	for _, id := range sortedIDs(s.incidents) {
		i, known, err := Table.Get(s.view, string(id))
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		for _, other := range append(slices.Clone(i.Merged), i.MergedInto) {
			if other != "" {
				s.incidents[other] = true
			}
		}
	}
	return nil
}

func (s *search) through(id timeline.ID) error {
	const page = 500
	for after := int64(0); after < searchMost; {
		entries, err := s.view.Entries(id, after, page)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			s.consider(e, false)
		}
		after = entries[len(entries)-1].Seq
	}
	s.missed(fmt.Sprintf("what %s holds after entry %d", id, searchMost))
	return nil
}
