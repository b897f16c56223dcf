package commands

import (
	"context"

	"wardroom/bot/fleet"
)

// cloudOnce answers what a list of volumes needs from one look at the cloud: a
// thousand volumes are not a thousand requests. It serves one request of one person.
type cloudOnce struct {
	fleet.Cloud
	snapshot  *fleet.Snapshot
	volumes   map[int]fleet.CloudVolume
	events    []fleet.CloudEvent
	instances map[int]fleet.Instance
	asked     bool  // for the volumes
	heard     bool  // of the events
	broken    error // why the cloud is not asked again
	deaf      error // why its events are not
}

func newCloudOnce(c fleet.Cloud, s *fleet.Snapshot) *cloudOnce {
	return &cloudOnce{Cloud: c, snapshot: s, volumes: map[int]fleet.CloudVolume{}, instances: map[int]fleet.Instance{}}
}

// Volume implements [fleet.Cloud]. That one is not in the list proves nothing, so it
// is asked for by itself: only that answer says that it is gone.
func (c *cloudOnce) Volume(ctx context.Context, id int) (fleet.CloudVolume, error) {
	if !c.asked {
		c.asked = true
		var all []fleet.CloudVolume
		all, c.broken = c.Cloud.Volumes(ctx)
		for _, v := range all {
			c.volumes[v.ID] = v
		}
	}
	if c.broken != nil {
		return fleet.CloudVolume{}, c.broken
	}
	if v, known := c.volumes[id]; known {
		return v, nil
	}
	return c.Cloud.Volume(ctx, id)
}

// Instance implements [fleet.Cloud]. A machine whose node is Ready runs: only the
// others are asked for.
func (c *cloudOnce) Instance(ctx context.Context, id int) (fleet.Instance, error) {
	if i, known := c.instances[id]; known {
		return i, nil
	}
	for _, n := range c.snapshot.Nodes {
		if n.Identity.Instance == id && n.Ready == fleet.True {
			c.instances[id] = fleet.Instance{ID: id, Status: "running"}
			return c.instances[id], nil
		}
	}
	i, err := c.Cloud.Instance(ctx, id)
	if err == nil {
		c.instances[id] = i
	}
	return i, err
}

// Events implements [fleet.Cloud].
func (c *cloudOnce) Events(ctx context.Context, from int64) ([]fleet.CloudEvent, error) {
	if !c.heard {
		c.heard = true
		c.events, c.deaf = c.Cloud.Events(ctx, from)
	}
	return c.events, c.deaf
}

// eventless is a cluster whose events are not asked for.
type eventless struct{ clusterViews }

func (eventless) Events(context.Context, fleet.Object, int) ([]fleet.Event, error) { return nil, nil }

// volumeIndex finds what of a snapshot is about one volume: a diagnosis looks at all
// that it is given, which for a thousand volumes with a thousand pods is too much.
type volumeIndex struct {
	whole       *fleet.Snapshot
	claims      map[string][]fleet.Claim // by volume
	pods        map[string][]fleet.Pod   // by claim, "default/redis-data"
	attachments map[string][]fleet.Attachment
}

func newVolumeIndex(s *fleet.Snapshot) volumeIndex {
	x := volumeIndex{s, map[string][]fleet.Claim{}, map[string][]fleet.Pod{}, map[string][]fleet.Attachment{}}
	for _, c := range s.Claims {
		x.claims[c.Volume] = append(x.claims[c.Volume], c)
	}
	for _, p := range s.Pods {
		for _, claim := range p.Claims {
			key := fleet.Object{Namespace: p.Namespace, Name: claim}.String()
			x.pods[key] = append(x.pods[key], p)
		}
	}
	for _, a := range s.Attachments {
		x.attachments[a.Volume] = append(x.attachments[a.Volume], a)
	}
	return x
}

// snapshot is the whole one without the volumes, claims, pods and attachments of others.
func (x volumeIndex) snapshot(v fleet.Volume) *fleet.Snapshot {
	own := *x.whole
	own.Volumes, own.Claims, own.Attachments, own.Pods = []fleet.Volume{v}, x.claims[v.Name], x.attachments[v.Name], nil
	for _, c := range own.Claims {
		own.Pods = append(own.Pods, x.pods[c.String()]...)
	}
	return &own
}
