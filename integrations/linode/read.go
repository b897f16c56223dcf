package linode

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/linode/linodego"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

const (
	// pageSize is the largest that Linode gives: 25 to 500.
	pageSize = 500
	// maxPages bounds every list, whatever number of pages an answer claims.
	maxPages = 40
	// maxDuration bounds the duration of an event, in seconds: a day.
	maxDuration = 86400
)

// Slots implements [fleet.Cloud].
func (l *Linode) Slots(ctx context.Context) ([]fleet.Slot, error) {
	pools, err := list(ctx, l, fmt.Sprintf("cluster %d", l.cluster), "", maxPages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]linodego.LKENodePool, error) {
		return c.ListLKENodePools(ctx, l.cluster, o)
	})
	if err != nil {
		return nil, err
	}
	var slots []fleet.Slot
	for _, p := range pools {
		for _, n := range p.Linodes {
			// instance_id is null while the slot is empty, which linodego reads as 0.
			slots = append(slots, fleet.Slot{ID: n.ID, Pool: p.ID, Instance: max(n.InstanceID, 0), Status: string(n.Status)})
		}
	}
	return slots, nil
}

// Instance implements [fleet.Cloud].
func (l *Linode) Instance(ctx context.Context, id int) (fleet.Instance, error) {
	what := fmt.Sprintf("machine %d", id)
	if id <= 0 {
		return fleet.Instance{}, noNumber("machine")
	}
	var got *linodego.Instance
	err := l.read(ctx, what, func(ctx context.Context, c *linodego.Client) (err error) {
		if got, err = c.GetInstance(ctx, id); err == nil && got.ID != id {
			return unavailable("Linode answered about something else than %s", what)
		}
		return err
	})
	if err != nil {
		return fleet.Instance{}, err
	}
	return fleet.Instance{ID: got.ID, Label: got.Label, Status: string(got.Status), Cluster: got.LKEClusterID,
		Region: got.Region, Created: utc(got.Created), Watchdog: got.WatchdogEnabled}, nil
}

// Volumes implements [fleet.Cloud].
func (l *Linode) Volumes(ctx context.Context) ([]fleet.CloudVolume, error) {
	got, err := list(ctx, l, "volumes", "", maxPages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]linodego.Volume, error) {
		return c.ListVolumes(ctx, o)
	})
	if err != nil {
		return nil, err
	}
	volumes := make([]fleet.CloudVolume, len(got))
	for i, v := range got {
		volumes[i] = volumeOf(v)
	}
	return volumes, nil
}

// Volume implements [fleet.Cloud].
func (l *Linode) Volume(ctx context.Context, id int) (fleet.CloudVolume, error) {
	what := fmt.Sprintf("volume %d", id)
	if id <= 0 {
		return fleet.CloudVolume{}, noNumber("volume")
	}
	var got *linodego.Volume
	err := l.read(ctx, what, func(ctx context.Context, c *linodego.Client) (err error) {
		if got, err = c.GetVolume(ctx, id); err == nil && got.ID != id {
			return unavailable("Linode answered about something else than %s", what)
		}
		return err
	})
	if err != nil {
		return fleet.CloudVolume{}, err
	}
	return volumeOf(*got), nil
}

func volumeOf(v linodego.Volume) fleet.CloudVolume {
	c := fleet.CloudVolume{ID: v.ID, Label: v.Label, Status: string(v.Status), Usable: v.IOReady,
		Region: v.Region, SizeGiB: v.Size, Updated: utc(v.Updated)}
	if v.LinodeID != nil {
		c.Instance = max(*v.LinodeID, 0)
	}
	return c
}

// Events implements [fleet.Cloud]. From 0 or less it gives the newest 500 at the
// most: Linode keeps 90 days of them. It never marks an event as seen, which people
// would notice in the Cloud Manager.
func (l *Linode) Events(ctx context.Context, from int64) ([]fleet.CloudEvent, error) {
	filter, pages := fmt.Sprintf(`{"id":{"+gte":%d},"+order_by":"id","+order":"asc"}`, from), maxPages
	if from <= 0 {
		filter, pages = `{"+order_by":"id","+order":"desc"}`, 1
	}
	got, err := list(ctx, l, "events", filter, pages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]linodego.Event, error) {
		return c.ListEvents(ctx, o)
	})
	if err != nil {
		return nil, err
	}
	events := make([]fleet.CloudEvent, 0, len(got))
	for _, e := range got {
		if int64(e.ID) >= from {
			events = append(events, eventOf(e))
		}
	}
	// An event that came in between two pages is on both.
	slices.SortStableFunc(events, func(a, b fleet.CloudEvent) int { return int(min(max(a.ID-b.ID, -1), 1)) })
	return slices.CompactFunc(events, func(a, b fleet.CloudEvent) bool { return a.ID == b.ID }), nil
}

func eventOf(e linodego.Event) fleet.CloudEvent {
	got := fleet.CloudEvent{ID: int64(e.ID), Action: string(e.Action), Status: string(e.Status), Created: utc(e.Created),
		Entity: entityOf(e.Entity), Second: entityOf(e.SecondaryEntity), Percent: e.PercentComplete, By: e.Username, Message: e.Message}
	if got.Over() && !got.Created.IsZero() {
		got.Ended = got.Created.Add(time.Duration(min(max(e.Duration, 0), maxDuration) * float64(time.Second)))
	}
	return got
}

func entityOf(e *linodego.EventEntity) fleet.Entity {
	if e == nil {
		return fleet.Entity{}
	}
	return fleet.Entity{Type: string(e.Type), ID: entityID(e.ID), Label: e.Label}
}

// entityID writes an id, which is a number or text, as text. encoding/json has read
// a number as a float.
func entityID(id any) string {
	switch v := id.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	}
	return ""
}

// utc keeps a time that Linode writes without a zone: it is UTC.
func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func noNumber(what string) error {
	return problem.New(problem.Invalid, "there is no %s without a number", what)
}

// list reads up to limit pages. linodego's own loop would follow whatever number of
// pages an answer claims.
func list[T any](ctx context.Context, l *Linode, what, filter string, limit int, ask func(context.Context, *linodego.Client, *linodego.ListOptions) ([]T, error)) ([]T, error) {
	return listWith(ctx, l, l.reads, what, filter, limit, ask)
}

func listWith[T any](ctx context.Context, l *Linode, c *linodego.Client, what, filter string, limit int, ask func(context.Context, *linodego.Client, *linodego.ListOptions) ([]T, error)) ([]T, error) {
	var all []T
	for page := 1; ; page++ {
		var o *linodego.ListOptions
		var got []T
		err := l.readWith(ctx, c, what, func(ctx context.Context, c *linodego.Client) (err error) {
			o = &linodego.ListOptions{PageOptions: &linodego.PageOptions{Page: page}, PageSize: pageSize, Filter: filter}
			if got, err = ask(ctx, c, o); err == nil && o.Pages < 1 {
				// An answer without pages is not one of this API; to take it for an
				// empty list would be to say that there are no volumes.
				return unavailable("Linode's answer about %s is not a list", what)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
		if page >= o.Pages || len(got) == 0 {
			return all, nil
		}
		if page == limit {
			if limit == 1 {
				return all, nil
			}
			return nil, problem.New(problem.TooLarge, "Linode has more than %d %s", limit*pageSize, what)
		}
	}
}
