package remediation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/remediation"
)

// A newer build goes on with what an older one began only where both mean the same.
func TestARunBegunByAnotherBuildStopsAndAsks(t *testing.T) {
	for name, tt := range map[string]struct {
		newer func(*world)
		says  string
	}{
		"the step was renamed":           {func(w *world) { w.rename = "recycle-in-place" }, `does not know the step "recycle" of recycle-node version 1`},
		"the steps mean something else":  {func(w *world) { w.version = 2 }, `does not know the step "recycle" of recycle-node version 1`},
		"a build from before the repair": {func(w *world) { w.version = 0 }, `does not know the step "recycle" of recycle-node version 1`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.open().declare(alert.SEV1)
			// The older build comes to the recycle, which the cloud refuses for now, and is stopped.
			b.world.busy = false
			b.world.before = func(step string) {
				if step == "cordon" {
					b.world.busy = true
				}
			}
			r := b.ask("recycle-node")
			b.must(b.approve("chris", r))
			b.run().pass(time.Minute)
			if r = b.wants(r.ID, remediation.Running); r.Step != 1 {
				t.Fatalf("it is at step %d", r.Step)
			}
			b.close()
			b.world.busy, b.world.before = false, nil
			tt.newer(b.world)

			b.open().run().pass(time.Hour)
			r = b.wants(r.ID, remediation.Asking)
			if b.world.accepted != 0 || r.Ask.Code != "unknown-step" || !strings.Contains(r.Ask.Sentence, tt.says) {
				t.Errorf("%d recycles accepted, it asks %+v", b.world.accepted, r.Ask)
			}
			// "Go on" asks again as long as the step is not known; a person may do it by hand.
			_, err := b.desk.Resume(context.Background(), b.who("joe"), r.ID, remediation.Onward, "")
			b.must(err)
			b.pass(time.Minute)
			b.wants(r.ID, remediation.Asking)
			b.close()
			b.world.rename, b.world.version = "recycle", 1

			// The older build, put back, goes on where it stopped.
			b.open().run()
			_, err = b.desk.Resume(context.Background(), b.who("joe"), r.ID, remediation.Onward, "the older version is back")
			b.must(err)
			b.pass(10 * time.Minute)
			b.wants(r.ID, remediation.Done)
			if b.world.accepted != 1 {
				t.Errorf("%d recycles accepted", b.world.accepted)
			}
			b.sound()
		})
	}
}
