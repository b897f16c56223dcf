package linode

import (
	"context"
	"fmt"
	"regexp"

	"github.com/linode/linodego"

	"wardroom/bot/problem"
)

// slotID is what the API calls a node's id: "16405-5fafd1b46dcf".
var slotID = regexp.MustCompile(`^[0-9]+-[0-9A-Za-z]+$`)

// Recycle implements [fleet.Cloud]. Linode answers at once; the machine in the slot
// is deleted and replaced in the minutes that follow.
// https://techdocs.akamai.com/linode-api/reference/post-lke-cluster-node-recycle
func (l *Linode) Recycle(ctx context.Context, slot string) error {
	if !slotID.MatchString(slot) {
		return problem.New(problem.Invalid, "%.60q is not a node of a pool", slot)
	}
	return l.change(ctx, "node "+slot, func(ctx context.Context, c *linodego.Client) error {
		return c.RecycleLKENodePoolNode(ctx, l.cluster, slot)
	})
}

// Reboot implements [fleet.Cloud].
func (l *Linode) Reboot(ctx context.Context, instance int) error {
	return l.power(ctx, instance, func(ctx context.Context, c *linodego.Client) error { return c.RebootInstance(ctx, instance, 0) })
}

// Shutdown implements [fleet.Cloud].
func (l *Linode) Shutdown(ctx context.Context, instance int) error {
	return l.power(ctx, instance, func(ctx context.Context, c *linodego.Client) error { return c.ShutdownInstance(ctx, instance) })
}

// Boot implements [fleet.Cloud].
func (l *Linode) Boot(ctx context.Context, instance int) error {
	return l.power(ctx, instance, func(ctx context.Context, c *linodego.Client) error { return c.BootInstance(ctx, instance, 0) })
}

func (l *Linode) power(ctx context.Context, instance int, ask func(context.Context, *linodego.Client) error) error {
	if instance <= 0 { // an empty slot's: never a machine's
		return noNumber("machine")
	}
	return l.change(ctx, fmt.Sprintf("machine %d", instance), ask)
}

// Detach implements [fleet.Cloud]. What Linode answers for a volume that is attached
// to nothing is not documented: whoever asks looks first.
func (l *Linode) Detach(ctx context.Context, volume int) error {
	if volume <= 0 {
		return noNumber("volume")
	}
	return l.change(ctx, fmt.Sprintf("volume %d", volume), func(ctx context.Context, c *linodego.Client) error {
		return c.DetachVolume(ctx, volume)
	})
}
