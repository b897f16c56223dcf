package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// attachmentsGoneStep waits until no VolumeAttachment of the volumes is left, on the
// node that is named or on any. That is the cluster's only word that a volume is
// fully detached. https://github.com/kubernetes-csi/external-attacher/issues/215
func attachmentsGoneStep(c snapshots) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theAttachments)
			if err != nil {
				return remediation.Seen{}, err
			}
			left := attachmentsOf(snapshot, s.Args["volumes"], s.Args["node"])
			if len(left) == 0 {
				return so(), nil
			}
			seen := notYet("%s left: %s", counted(len(left), "VolumeAttachment"), left[0].Volume)
			if left[0].Error != "" {
				seen.Progress += ": " + left[0].Error
			}
			return seen, nil
		},
	}
}

// attachmentsOf are those of the volumes, "a,b"; on any node when none is named.
func attachmentsOf(s *fleet.Snapshot, volumes, node string) (all []fleet.Attachment) {
	for _, a := range s.Attachments {
		if slices.Contains(strings.Split(volumes, ","), a.Volume) && (node == "" || node == a.Node) {
			all = append(all, a)
		}
	}
	return all
}

// detacher is what detaching needs of a cloud.
type detacher interface {
	cloudReader
	Detach(ctx context.Context, volume int) error
}

// detachStep takes a volume from the machine that the plan named, if that machine
// still has it. It is proven just before that the cluster has let go of it: on the
// node that is named, or anywhere when none is.
func detachStep(cluster snapshots, c detacher) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			return seeDetached(ctx, c, s, func(v fleet.CloudVolume) remediation.Seen {
				return notYet("%s says attached to instance %d", cloudName, v.Instance)
			})
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			snapshot, err := fresh(ctx, cluster, theAttachments)
			if err != nil {
				return err
			}
			if left := attachmentsOf(snapshot, s.Args["name"], s.Args["node"]); len(left) > 0 {
				return problem.New(problem.Conflict, "the cluster still attaches %s to %s", s.Args["name"], left[0].Node).WithHint("make a new plan")
			}
			return nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, c.Detach(ctx, number(s.Args["volume"]))
		},
	}
}

// volumeFreeStep waits until the cloud itself says that no machine has the volume and
// that no machine can write to it.
func volumeFreeStep(c cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			return seeDetached(ctx, c, s, func(v fleet.CloudVolume) remediation.Seen {
				return notYet("%s says attached to instance %d, status %s", cloudName, v.Instance, v.Status)
			})
		},
	}
}

// seeDetached: it is so when no machine has the volume. Another machine than the
// planned one is somebody else's doing, and nothing that waiting mends.
func seeDetached(ctx context.Context, c cloudReader, s remediation.State, attached func(fleet.CloudVolume) remediation.Seen) (remediation.Seen, error) {
	v, err := c.Volume(ctx, number(s.Args["volume"]))
	switch {
	case problem.Is(err, problem.NotFound):
		return failed("%s has no volume %s any more", cloudName, s.Args["volume"]), nil
	case err != nil:
		return remediation.Seen{}, err
	case v.Instance == 0:
		return so(), nil
	case v.Instance != number(s.Args["holder"]) && s.Args["node"] != "":
		return so(), nil // it has moved on to another node: this one is free of it
	case v.Instance != number(s.Args["holder"]):
		return failed("volume %s is attached to instance %d by now, not %s: somebody else is at it", s.Args["name"], v.Instance, s.Args["holder"]), nil
	}
	return attached(v), nil
}

// hopeless is for how long each sort of sickness is watched before it is called one:
// what no retry mends soon, what the driver retries later.
var hopeless = map[fleet.Case]time.Duration{
	fleet.Lost: 2 * time.Minute, fleet.Elsewhere: 2 * time.Minute, fleet.Limbo: 2 * time.Minute, fleet.Gone: 0,
	fleet.Locked: 8 * time.Minute, fleet.NoDriver: 8 * time.Minute,
}

// volumesUsableStep waits until each volume is attached and its machine has the
// device. It fails with the names of the cases once waiting mends none of those that
// are left.
func volumesUsableStep(c volumeViews, cloud cloudReader) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute, Every: 10 * time.Second,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theAttachments, thePods)
			if err != nil {
				return remediation.Seen{}, err
			}
			volumes := strings.Split(s.Args["volumes"], ",")
			var waiting, sick []string
			for _, name := range volumes {
				d, _, err := Diagnose(ctx, c, cloud, snapshot, name, s.Now)
				if err != nil {
					return remediation.Seen{}, err
				}
				after, isSick := hopeless[d.Case]
				switch says := name + " " + d.String(); {
				case d.Case == fleet.Healthy:
				case isSick && !s.Started.IsZero() && s.Now.Sub(s.Started) >= after:
					sick = append(sick, says)
				default:
					waiting = append(waiting, says)
				}
			}
			switch {
			case len(waiting)+len(sick) == 0:
				return so(), nil
			case len(waiting) == 0:
				return failed("%s. Next: /volume remount", strings.Join(sick, "; ")), nil
			}
			return notYet("%d of %s usable; %s", len(volumes)-len(waiting)-len(sick), counted(len(volumes), "volume"), strings.Join(append(sick, waiting...), "; ")), nil
		},
	}
}

// Diagnose reads what the snapshot does not hold and names the case. A cloud that
// cannot be read makes the case unclear; the cluster's events are evidence, without
// which a case can still be named. An error comes back only for what is not foreseen.
func Diagnose(ctx context.Context, c volumeViews, cloud cloudReader, s *fleet.Snapshot, volume string, now time.Time) (fleet.Diagnosis, fleet.VolumeFacts, error) {
	f := fleet.VolumeFacts{Volume: volume, Snapshot: s, Now: now, CloudName: cloudName}
	readCloud(ctx, cloud, &f)
	for _, p := range s.Pods {
		if p.Phase == "Succeeded" || p.Phase == "Failed" || !slices.ContainsFunc(s.VolumesOf(p), func(v fleet.Volume) bool { return v.Name == volume }) {
			continue
		}
		events, err := c.Events(ctx, p.Object, 10)
		if err != nil && problem.CodeOf(err) == problem.Internal {
			return fleet.Diagnosis{}, f, fmt.Errorf("events of %s: %w", p.Object, err)
		}
		f.Events = append(f.Events, events...)
	}
	return fleet.DiagnoseVolume(f), f, nil
}

func readCloud(ctx context.Context, cloud cloudReader, f *fleet.VolumeFacts) {
	i := slices.IndexFunc(f.Snapshot.Volumes, func(v fleet.Volume) bool { return v.Name == f.Volume })
	if i < 0 || f.Snapshot.Volumes[i].CloudID == 0 {
		return
	}
	v, err := cloud.Volume(ctx, f.Snapshot.Volumes[i].CloudID)
	if err != nil {
		f.CloudGone = problem.Is(err, problem.NotFound)
		return
	}
	f.Cloud = &v
	if v.Instance != 0 {
		holder, err := cloud.Instance(ctx, v.Instance)
		switch {
		case err == nil:
			f.Holder = &holder
		case problem.Is(err, problem.NotFound):
			f.HolderGone = true
		}
	}
	events, err := cloud.Events(ctx, 0)
	f.CloudEvents, f.EventsUnread = events, err != nil
}
