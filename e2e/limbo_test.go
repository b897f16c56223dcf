package e2e

import (
	"strings"
	"testing"

	"wardroom/bot/remediation"
	"wardroom/integrations/linode/linodetest"
)

// The limbo of 2021-07-11: after a recycle Linode says attached, and the machine has no
// device. The run says so and does not claim to be done. Linode's support is told, as
// people have approved it word for word, and a remount brings the pod back.
func TestLimboAfterARecycleIsMendedByARemount(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{linode: "ticket_token: " + linodetest.TicketToken})
	r.incident("A machine is broken")
	node := r.nodeOf("redis")
	r.cloud.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Limbo, Volume: "pvcbb1d06139b334c1f", Times: 1, Message: "Volume could not be attached."})
	recycle := r.bot.ends(r.approved("node", "recycle", node).run)
	if recycle.Status != remediation.Failed || !strings.Contains(recycle.Why, "/volume remount") {
		t.Fatalf("the recycle is %s: %s\n%s", recycle.Status, recycle.Why, r.bot.story(recycle))
	}
	ticket := r.approved("volume", "open-ticket", "default/redis").finishes()
	r.bot.Tells(ticket.Incident, "failed", "volume-ticket of pvc-bb1d06139b334c1f", "done in")
	remount := r.approved("volume", "remount", "default/redis").finishes()
	r.whole()
	asked := r.asked()
	for _, once := range []string{"/recycle", "/support/tickets"} {
		if n := count(asked, once); n != 1 {
			t.Errorf("%d times %s: %v", n, once, asked)
		}
	}
	r.bot.Tells(remount.Incident, "failed", "volume-remount of pvc-bb1d06139b334c1f", "done in")
}

func count(all []string, end string) (n int) {
	for _, one := range all {
		if strings.HasSuffix(one, end) {
			n++
		}
	}
	return n
}
