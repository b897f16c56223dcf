package repair

import (
	"context"
	"slices"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// nodeDetachedStep waits until no VolumeAttachment is left on a node, whichever volumes
// have come to it by now.
func nodeDetachedStep(c snapshots) remediation.Step {
	return noneAttachedStep(c, func(snapshot *fleet.Snapshot, args map[string]string) []fleet.Attachment {
		return attachedTo(snapshot, args["node"])
	})
}

func attachedTo(s *fleet.Snapshot, node string) (all []fleet.Attachment) {
	for _, a := range s.Attachments {
		if a.Node == node {
			all = append(all, a)
		}
	}
	return all
}

// releaseLeftStep detaches at the cloud what the cluster has let go of and the machine
// still has: a restart would detach it without telling the cluster. Volumes that are
// not the cluster's are left alone.
// https://github.com/linode/linode-blockstorage-csi-driver/issues/390
func releaseLeftStep(cluster snapshots, c detacher) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 8 * time.Minute,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			left, _, err := stillHeld(ctx, cluster, c, s)
			if err != nil || len(left) == 0 {
				return remediation.Seen{So: err == nil}, err
			}
			return notYet("%s says that instance %s still has %s: %s", cloudName, s.Args["instance"], counted(len(left), "volume"), left[0].Label), nil
		},
		Prove: func(ctx context.Context, s remediation.State) error {
			left, snapshot, err := stillHeld(ctx, cluster, c, s)
			if err != nil {
				return err
			}
			if bound := attachedTo(snapshot, s.Args["node"]); len(bound) > 0 {
				return problem.New(problem.Unavailable, "the cluster attaches %s to %s again", bound[0].Volume, bound[0].Node)
			}
			if err := proveQuiet(ctx, c, snapshot, number(s.Args["instance"])); err != nil {
				return err
			}
			for _, v := range left {
				if err := atVolume(ctx, c, v.ID, s.Now); err != nil {
					return err
				}
			}
			return nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			left, _, err := stillHeld(ctx, cluster, c, s)
			for _, v := range left {
				if err = detached(ctx, c, v.ID); err != nil {
					return nil, err
				}
			}
			return nil, err
		},
	}
}

// stillHeld are the cluster's volumes that the cloud says a machine has.
func stillHeld(ctx context.Context, cluster snapshots, c cloudReader, s remediation.State) (held []fleet.CloudVolume, snapshot *fleet.Snapshot, err error) {
	if snapshot, err = fresh(ctx, cluster, theVolumes, theAttachments, theNodes); err != nil {
		return nil, nil, err
	}
	all, err := c.Volumes(ctx)
	for _, v := range all {
		if v.Instance == number(s.Args["instance"]) && slices.ContainsFunc(snapshot.Volumes, func(p fleet.Volume) bool { return p.CloudID == v.ID }) {
			held = append(held, v)
		}
	}
	return held, snapshot, err
}
