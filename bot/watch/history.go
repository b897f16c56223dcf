package watch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/timeline"
)

const (
	// retention is how long it is kept what was Ready.
	retention = 14 * 24 * time.Hour
	// mostStandings, mostSpans and mostTracks bound what a workload that never comes to
	// rest, a cluster that is hardly ever read and one that makes new workloads all day
	// can take. Of too many standings the newest half stays as it was, and the older ones
	// are thinned out.
	mostStandings = 300
	mostSpans     = 200
	mostTracks    = 5000
	// spanGap is how far two looks may be apart and still count as looking on.
	spanGap = 3 * lookEvery
	// spanSave is how far what is stored may be behind what was seen: what a kill
	// leaves unknown.
	spanSave = 5 * time.Minute

	historyPrefix = "baseline/"
	spansKey      = historyPrefix + "seen"
	trackPrefix   = historyPrefix + "of/"
)

// nodesKind is the kind under which the nodes are tracked, as if they were the
// replicas of one workload: a recycled node may come back under another name.
const nodesKind = "nodes"

// standing is how a workload stood from one moment to the next standing.
type standing struct {
	From   time.Time `json:"from"`           // of the first look that found it so
	After  time.Time `json:"after,omitzero"` // of the look before: it changed in between; zero: there was none
	Ready  int       `json:"ready"`
	Wanted int       `json:"wanted"`
	Gone   bool      `json:"gone,omitempty"` // the cluster holds no such workload
}

func (s standing) same(o standing) bool {
	return s.Ready == o.Ready && s.Wanted == o.Wanted && s.Gone == o.Gone
}

// short reports whether less of it is Ready than was, and than is wanted now: a
// workload that somebody made smaller is not damaged, one scaled to nothing is.
func (s standing) short(was standing) bool {
	return s.Gone || s.Ready == 0 || s.Ready < was.Ready && s.Ready < s.Wanted
}

// less reports whether less of it is Ready than is wanted, or nothing.
func (s standing) less() bool { return s.Gone || s.Ready == 0 || s.Ready < s.Wanted }

// track is what is known of one workload over time.
type track struct {
	Object fleet.Object `json:"object"` // without its UID: it is the same when it was made anew
	UsedBy []string     `json:"used_by,omitempty"`
	Was    []standing   `json:"was"` // the oldest first; never empty, and at most mostStandings
}

func (t *track) last() standing { return t.Was[len(t.Was)-1] }

// at is how it stood at a moment; false when it was not known yet.
func (t *track) at(moment time.Time) (standing, bool) {
	for _, s := range slices.Backward(t.Was) {
		if !s.From.After(moment) {
			return s, true
		}
	}
	return standing{}, false
}

// span is a time in which the cluster was looked at without a gap.
type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// history is what was Ready and when, as changes: a cluster that is left alone takes
// no room.
type history struct {
	tracks map[string]*track
	spans  []span // the oldest first
	saved  time.Time
}

func newHistory() *history { return &history{tracks: map[string]*track{}} }

func trackKey(o fleet.Object) string { return o.Kind + "/" + o.Namespace + "/" + o.Name }

// tracked are the workloads of a snapshot that stay until somebody takes them away,
// and the nodes as if they were one.
func tracked(s *fleet.Snapshot) map[string]fleet.Workload {
	all := map[string]fleet.Workload{}
	for _, w := range s.Workloads {
		switch w.Kind {
		case "Job", "CronJob", "Node", "": // they end by themselves, or are the node's own
			continue
		}
		w.UID = ""
		all[trackKey(w.Object)] = w
	}
	nodes := fleet.Workload{Object: fleet.Object{Kind: nodesKind, Name: "nodes"}}
	for _, n := range s.Nodes {
		nodes.Replicas++
		if n.Ready == fleet.True {
			nodes.Ready++
		}
	}
	if nodes.Replicas > 0 {
		all[trackKey(nodes.Object)] = nodes
	}
	return all
}

// unread are the parts of a snapshot that could not be read and that what is Ready
// is told by, as the cluster names them.
func unread(s *fleet.Snapshot) []string {
	return slices.DeleteFunc(slices.Clone(s.Missing), func(what string) bool {
		return !slices.Contains([]string{"nodes", "pods", "deployments", "statefulsets", "daemonsets", "replicasets"}, what)
	})
}

// legible reports whether a workload can be told from a snapshot with such gaps. What
// is found through its pods alone needs those.
func legible(o fleet.Object, unread []string) bool {
	plural := strings.ToLower(o.Kind) + "s"
	switch o.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	case nodesKind:
		plural = nodesKind
	default:
		plural = "pods"
	}
	return !slices.Contains(unread, plural)
}

// note takes a snapshot in. It returns what has to be stored: nil when nothing has
// changed. A snapshot older than the last one is passed over.
func (h *history) note(s *fleet.Snapshot) ([]timeline.ScratchPut, error) {
	at := timeline.Stamp(s.At)
	before := h.looked()
	if !at.After(before) {
		return nil, nil
	}
	if before.IsZero() || at.Sub(before) > spanGap {
		h.spans = append(h.spans, span{From: at, To: at})
		h.saved = time.Time{}
	} else {
		h.spans[len(h.spans)-1].To = at
	}
	now, gaps := tracked(s), unread(s)
	changed := map[string]bool{}
	for key, w := range now {
		if legible(w.Object, gaps) && h.stands(key, w, standing{From: at, After: before, Ready: w.Ready, Wanted: w.Replicas}) {
			changed[key] = true
		}
	}
	for key, t := range h.tracks {
		if _, there := now[key]; !there && legible(t.Object, gaps) && !t.last().Gone {
			t.Was = append(t.Was, standing{From: at, After: before, Gone: true})
			changed[key] = true
		}
	}
	return h.puts(at, changed)
}

// stands takes in how a workload stands, and reports whether that is new.
func (h *history) stands(key string, w fleet.Workload, now standing) bool {
	t := h.tracks[key]
	switch {
	case t == nil && len(h.tracks) >= mostTracks:
		return false
	case t == nil:
		h.tracks[key] = &track{Object: w.Object, UsedBy: w.UsedBy, Was: []standing{now}}
		return true
	case t.last().same(now) && slices.Equal(t.UsedBy, w.UsedBy):
		return false
	}
	t.UsedBy = w.UsedBy
	if !t.last().same(now) {
		t.Was = append(t.Was, now)
	}
	return true
}

// puts drops what is too old and writes what has changed.
func (h *history) puts(at time.Time, changed map[string]bool) ([]timeline.ScratchPut, error) {
	cutoff := at.Add(-retention)
	var puts []timeline.ScratchPut
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		t := h.tracks[key]
		t.Was = thinned(since(t.Was, cutoff))
		doc, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("baseline of %s: %w", key, err)
		}
		puts = append(puts, timeline.ScratchPut{Key: trackPrefix + key, Doc: doc})
	}
	for _, key := range slices.Sorted(maps.Keys(h.tracks)) {
		if s := h.tracks[key].last(); s.Gone && s.From.Before(cutoff) {
			delete(h.tracks, key)
			puts = append(puts, timeline.ScratchPut{Key: trackPrefix + key})
		}
	}
	if len(puts) == 0 && at.Sub(h.saved) < spanSave {
		return nil, nil
	}
	h.spans = slices.DeleteFunc(h.spans, func(s span) bool { return s.To.Before(cutoff) })
	h.spans = h.spans[max(0, len(h.spans)-mostSpans):]
	doc, err := json.Marshal(h.spans)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	h.saved = at
	return append(puts, timeline.ScratchPut{Key: spansKey, Doc: doc}), nil
}

// looked is when the cluster was last looked at; zero: never.
func (h *history) looked() time.Time {
	if len(h.spans) == 0 {
		return time.Time{}
	}
	return h.spans[len(h.spans)-1].To
}

// before is the last moment before t at which it is known how the cluster stood.
func (h *history) before(t time.Time) (moment time.Time, known bool) {
	for _, s := range slices.Backward(h.spans) {
		if !s.From.Before(t) {
			continue
		}
		if s.To.Before(t) {
			return s.To, true
		}
		return t.Add(-time.Microsecond), true
	}
	return time.Time{}, false
}

// dependants are all who depend on a workload as declared, directly or through
// others, the nearest first.
func (h *history) dependants(name string) (all []string) {
	usedBy := map[string][]string{}
	for _, t := range h.tracks {
		usedBy[t.Object.String()] = append(usedBy[t.Object.String()], t.UsedBy...)
	}
	for next := []string{name}; len(next) > 0; {
		var found []string
		for _, of := range next {
			for _, d := range usedBy[of] {
				if d != name && !slices.Contains(all, d) && !slices.Contains(found, d) {
					found = append(found, d)
				}
			}
		}
		slices.Sort(found)
		all, next = append(all, found...), found
	}
	return all
}

// loadHistory reads what an earlier process has stored. Notes that this version
// cannot read are passed over: the next look writes them anew.
func loadHistory(v timeline.View) (*history, error) {
	notes, err := v.Scratch(historyPrefix)
	if err != nil {
		return nil, err
	}
	h := newHistory()
	for key, doc := range notes {
		if key == spansKey {
			if json.Unmarshal(doc, &h.spans) != nil {
				h.spans = nil
			}
			continue
		}
		var t track
		if json.Unmarshal(doc, &t) == nil && len(t.Was) > 0 {
			h.tracks[strings.TrimPrefix(key, trackPrefix)] = &t
		}
	}
	slices.SortFunc(h.spans, func(a, b span) int { return cmp.Compare(a.From.UnixMicro(), b.From.UnixMicro()) })
	return h, nil
}
