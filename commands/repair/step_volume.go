package repair

import (
	"context"
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
	return noneAttachedStep(c, func(snapshot *fleet.Snapshot, args map[string]string) []fleet.Attachment {
		return attachmentsOf(snapshot, args["volumes"], args["node"])
	})
}

// noneAttachedStep waits until none of the VolumeAttachments that count is left.
func noneAttachedStep(c snapshots, count func(*fleet.Snapshot, map[string]string) []fleet.Attachment) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			snapshot, err := fresh(ctx, c, theAttachments)
			if err != nil {
				return remediation.Seen{}, err
			}
			left := count(snapshot, s.Args)
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
			snapshot, err := fresh(ctx, cluster, theAttachments, theNodes)
			if err != nil {
				return err
			}
			if left := attachmentsOf(snapshot, s.Args["name"], s.Args["node"]); len(left) > 0 {
				return problem.New(problem.Conflict, "the cluster still attaches %s to %s", s.Args["name"], left[0].Node).WithHint("make a new plan")
			}
			if err := proveQuiet(ctx, c, snapshot, number(s.Args["holder"])); err != nil {
				return err
			}
			return atVolume(ctx, c, number(s.Args["volume"]), s.Now)
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			return nil, detached(ctx, c, number(s.Args["volume"]))
		},
	}
}

// detached asks for a volume to be detached.
func detached(ctx context.Context, c detacher, id int) error {
	err := c.Detach(ctx, id)
	if err == nil || problem.Is(err, problem.Unavailable) {
		return err
	}
	// What is answered for a volume that has just been detached is not documented.
	if v, readErr := c.Volume(ctx, id); readErr == nil && v.Instance == 0 {
		return nil
	}
	return err
}

// proveQuiet proves that nothing on a machine writes to a volume that the cluster
// has let go of: a Ready node has unmounted it, or the machine is off or deleted.
func proveQuiet(ctx context.Context, c cloudReader, snapshot *fleet.Snapshot, instance int) error {
	if slices.ContainsFunc(snapshot.Nodes, func(n fleet.Node) bool { return n.Identity.Instance == instance && n.Ready == fleet.True }) {
		return nil
	}
	off, says, err := machineOff(ctx, c, instance)
	if err == nil && !off {
		err = problem.New(problem.Conflict, "instance %d is %s and its node does not answer: it may still be writing", instance, says).WithHint("make a new plan")
	}
	return err
}

// atVolume is Unavailable while the cloud attaches or detaches the volume: an earlier
// request of ours, the driver's, or somebody else's. One that takes too long hinders
// nobody: asking once more may be what it needs.
func atVolume(ctx context.Context, c cloudReader, volume int, now time.Time) error {
	events, err := c.Events(ctx, 0)
	if err != nil {
		return err
	}
	for _, e := range events {
		if !e.Over() && e.Is("volume", volume) && now.Sub(e.Created) < tooLong {
			return problem.New(problem.Unavailable, "%s is at it already: %s is %s", cloudName, e.Action, e.Status)
		}
	}
	return nil
}

// tooLong is how long attaching or detaching takes at the most when all is well.
const tooLong = 8 * time.Minute

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
			all, err := DiagnoseAll(ctx, c, cloud, snapshot, volumes, s.Now)
			if err != nil {
				return remediation.Seen{}, err
			}
			var waiting, sick []string
			var mend []remediation.Suggestion
			for i, name := range volumes {
				d := all[i].Diagnosis
				after, isSick := hopeless[d.Case]
				switch says := name + " " + d.String(); {
				case d.Case == fleet.Healthy:
				case isSick && !s.Started.IsZero() && s.Now.Sub(s.Started) >= after:
					sick = append(sick, says)
					mend = append(mend, remediation.Suggestion{Label: "Remount " + name, Path: "volume remount", Options: map[string]string{"volume": name}})
				default:
					waiting = append(waiting, says)
				}
			}
			switch {
			case len(waiting)+len(sick) == 0:
				return so(), nil
			case len(waiting) == 0:
				seen := failed("%s. Next: /volume remount", strings.Join(sick, "; "))
				seen.Suggest = append(mend, remediation.Suggestion{Label: "Draft a ticket", Path: "volume ticket", Options: mend[0].Options})
				return seen, nil
			}
			return notYet("%d of %s usable; %s", len(volumes)-len(waiting)-len(sick), counted(len(volumes), "volume"), strings.Join(append(sick, waiting...), "; ")), nil
		},
	}
}
