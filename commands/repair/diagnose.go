package repair

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// Diagnosed is what is wrong with a volume, and what was read to tell.
type Diagnosed struct {
	Diagnosis fleet.Diagnosis
	Facts     fleet.VolumeFacts
}

// mostEvents is for how many pods the cluster's events are asked at the most when
// many volumes are diagnosed: they are evidence, without which most cases are told.
const mostEvents = 50

// few is up to how many volumes are asked for one by one.
const few = 3

// Diagnose reads what the snapshot does not hold and names the case. A cloud that
// cannot be read makes the case unclear; the cluster's events are evidence, without
// which a case can still be named. An error comes back only for what is not foreseen.
func Diagnose(ctx context.Context, c volumeViews, cloud cloudReader, s *fleet.Snapshot, volume string, now time.Time) (fleet.Diagnosis, fleet.VolumeFacts, error) {
	all, err := DiagnoseAll(ctx, c, cloud, s, []string{volume}, now)
	if err != nil {
		return fleet.Diagnosis{}, fleet.VolumeFacts{}, err
	}
	return all[0].Diagnosis, all[0].Facts, nil
}

// DiagnoseAll is [Diagnose] for many volumes, in their order. It asks the cloud once
// for its events, once for all volumes when there are more than a few, once for each
// machine that holds one of them and is not a Ready node's; and the cluster for the
// events of pods that are not Ready, of so many at the most.
func DiagnoseAll(ctx context.Context, c volumeViews, cloud cloudReader, s *fleet.Snapshot, volumes []string, now time.Time) ([]Diagnosed, error) {
	v := newViews(ctx, cloud, s, volumes)
	all := make([]Diagnosed, len(volumes))
	asked := 0
	for i, name := range volumes {
		f := fleet.VolumeFacts{Volume: name, Snapshot: s, Now: now, CloudName: cloudName}
		v.fill(ctx, &f)
		for _, p := range v.users[name] {
			if asked == mostEvents || len(volumes) > few && p.Ready {
				continue
			}
			asked++
			events, err := c.Events(ctx, p.Object, 10)
			if err != nil && problem.CodeOf(err) == problem.Internal {
				return nil, fmt.Errorf("events of %s: %w", p.Object, err)
			}
			f.Events = append(f.Events, events...)
		}
		all[i] = Diagnosed{fleet.DiagnoseVolume(v.only(f)), f}
	}
	return all, nil
}

// views are the cloud's views of volumes, read once.
type views struct {
	pvs    map[string]fleet.Volume
	claims map[string][]fleet.Claim      // of each volume
	onto   map[string][]fleet.Attachment // of each volume
	cloud  cloudReader
	users  map[string][]fleet.Pod    // of each volume
	ready  map[int]bool              // machines of Ready nodes
	listed map[int]fleet.CloudVolume // nil: not listed
	events []fleet.CloudEvent
	unread bool // the events
	many   bool
	held   map[int]holder
}

type holder struct {
	instance *fleet.Instance
	gone     bool
}

func newViews(ctx context.Context, cloud cloudReader, s *fleet.Snapshot, volumes []string) *views {
	v := &views{cloud: cloud, pvs: map[string]fleet.Volume{}, claims: map[string][]fleet.Claim{}, onto: map[string][]fleet.Attachment{}, users: map[string][]fleet.Pod{}, ready: map[int]bool{}, held: map[int]holder{}, many: len(volumes) > few}
	for _, pv := range s.Volumes {
		v.pvs[pv.Name] = pv
	}
	claims := map[string]string{}
	for _, c := range s.Claims {
		claims[c.String()] = c.Volume
		v.claims[c.Volume] = append(v.claims[c.Volume], c)
	}
	for _, a := range s.Attachments {
		v.onto[a.Volume] = append(v.onto[a.Volume], a)
	}
	for _, p := range s.Pods {
		if p.Phase == "Succeeded" || p.Phase == "Failed" {
			continue
		}
		for _, name := range p.Claims {
			if volume := claims[fleet.Object{Namespace: p.Namespace, Name: name}.String()]; volume != "" {
				v.users[volume] = append(v.users[volume], p)
			}
		}
	}
	for _, n := range s.Nodes {
		v.ready[n.Identity.Instance] = n.Ready == fleet.True
	}
	if !slices.ContainsFunc(volumes, func(name string) bool { return v.pvs[name].CloudID != 0 }) {
		return v
	}
	events, err := cloud.Events(ctx, 0)
	v.events, v.unread = events, err != nil
	if !v.many {
		return v
	}
	v.listed = map[int]fleet.CloudVolume{}
	all, err := cloud.Volumes(ctx)
	for _, one := range all {
		if err == nil {
			v.listed[one.ID] = one
		}
	}
	return v
}

// only leaves in the snapshot what concerns the volume: looking through everything
// for each of a thousand takes long.
func (v *views) only(f fleet.VolumeFacts) fleet.VolumeFacts {
	s := *f.Snapshot
	s.Pods, s.Claims, s.Attachments, s.Volumes = v.users[f.Volume], v.claims[f.Volume], v.onto[f.Volume], nil
	if pv, known := v.pvs[f.Volume]; known {
		s.Volumes = []fleet.Volume{pv}
	}
	f.Snapshot = &s
	return f
}

// fill reads the cloud's view of one volume. One that a list lacks is asked for by
// itself: only then is it proven gone.
func (v *views) fill(ctx context.Context, f *fleet.VolumeFacts) {
	id := v.pvs[f.Volume].CloudID
	if id == 0 {
		return
	}
	one, listed := v.listed[id]
	if v.many && len(v.listed) == 0 {
		return // no list could be had, or it is empty, which is not believed
	}
	if !listed {
		var err error
		if one, err = v.cloud.Volume(ctx, id); err != nil {
			f.CloudGone = problem.Is(err, problem.NotFound)
			return
		}
	}
	f.Cloud, f.CloudEvents, f.EventsUnread = &one, v.events, v.unread
	switch {
	case one.Instance == 0:
	case v.many && v.ready[one.Instance]:
		f.HolderUnasked = true
	default:
		h := v.holder(ctx, one.Instance)
		f.Holder, f.HolderGone = h.instance, h.gone
	}
}

// holder is asked for once.
func (v *views) holder(ctx context.Context, id int) holder {
	h, asked := v.held[id]
	if !asked {
		if i, err := v.cloud.Instance(ctx, id); err == nil {
			h.instance = &i
		} else {
			h.gone = problem.Is(err, problem.NotFound)
		}
		v.held[id] = h
	}
	return h
}
