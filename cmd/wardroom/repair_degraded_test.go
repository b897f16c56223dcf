package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/remediation"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// ailment is an outside system that is not there when the bot starts.
type ailment struct {
	strikes, heals func(w *stageWorld) error
	says, hint     string // what people read, and what they can do
	works          string // of the line in the living message
	blind          bool   // the cluster cannot be read
}

func ailments() map[string]ailment {
	return map[string]ailment{
		"no kubeconfig": {blind: true, says: "he kubeconfig to read", hint: "ut a good one there; it is read again by itself", works: "cluster ✗",
			strikes: func(w *stageWorld) error { return os.Remove(w.kubeconfig("observe")) },
			heals:   func(w *stageWorld) error { return w.kubeconfigs() }},
		"an expired token": {blind: true, says: "he cluster does not accept Wardroom's credential", hint: "put a new kubeconfig in place", works: "cluster ✗",
			strikes: func(w *stageWorld) error { w.kube.Expire(kubetest.ObserveToken, true); return nil },
			heals:   func(w *stageWorld) error { w.kube.Expire(kubetest.ObserveToken, false); return nil }},
		"a dead API server": {blind: true, says: "he cluster does not answer", hint: "ardroom tries again by itself", works: "cluster ✗",
			strikes: func(w *stageWorld) error { w.kube.Down(true); return nil },
			heals:   func(w *stageWorld) error { w.kube.Down(false); return nil }},
		"Linode is down": {says: "inode gave no answer", hint: "t heals by itself once Linode answers", works: "Linode ✗",
			strikes: func(w *stageWorld) error { w.linode.Fault(linodetest.Fault{Refused: true}); return nil },
			heals:   func(w *stageWorld) error { w.linode.Clear(); return nil }},
	}
}

// shows lets a minute or two go by until the living message says something of what works.
func (r *repairs) shows(words string) {
	r.t.Helper()
	r.until("the living message shows "+words, 3*time.Minute, func() bool {
		pinned := r.chat.Pinned(r.room())
		return len(pinned) > 0 && strings.Contains(r.chat.Shown(pinned[0]), words)
	})
}

// TestStartsDegradedAndHeals: the bot starts although something outside is not there,
// says what and what can be done, changes nothing, and needs no restart to go on.
func TestStartsDegradedAndHeals(t *testing.T) {
	t.Parallel()
	for name, a := range ailments() {
		t.Run(name, func(t *testing.T) {
			r := newRepairs(t, repairOptions{world: func(w *stageWorld) {
				if err := a.strikes(w); err != nil {
					t.Fatal(err)
				}
			}})
			r.watchesWorking()
			r.shows(a.works)
			for _, asked := range []readOut{
				r.slash("joe", "/node recycle node:"+redisNode), r.shell("joe", "node", "recycle", redisNode),
				r.slash("joe", "/node recycle dry-run:True node:"+redisNode),
			} {
				r.says(asked, a.says, a.hint)
			}
			lists := []readOut{r.slash("joe", "/node list"), r.slash("joe", "/volume list"), r.shell("joe", "node", "list"), r.shell("joe", "volume", "list")}
			for i, list := range lists {
				switch {
				case a.blind:
					r.says(list, a.says, a.hint)
				case i%2 == 0:
					r.says(list, "3 of 3 nodes are Ready")
				default:
					r.says(list, redisDisk, "UNKNOWN: what the cloud says of them: L"+a.says)
				}
			}
			if run := r.run(); run.ID != "" {
				t.Errorf("%s came of it", run.ID)
			}
			if n := len(r.world.kube.Writes()) + len(r.world.linode.Writes()); n > 0 {
				t.Errorf("%d changes were asked for", n)
			}
			if err := a.heals(r.world); err != nil {
				t.Fatal(err)
			}
			r.shows("cluster ✓ · Linode ✓")
			r.says(r.slash("joe", "/node list"), "3 of 3 nodes are Ready")
			r.says(r.slash("joe", "/volume list"), "1 volume, 0 sick.")
			r.recycle()
		})
	}
}

// watchesWorking keeps the line of what works up to date, as a server does.
func (r *repairs) watchesWorking() {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- r.watchWorking(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			r.t.Error(err)
		}
	})
}

// TestWhatBreaksIsUnknownWhileTheClusterIsSilent: the cluster goes away after it was seen.
// The last that is known is shown with its time, and nothing is done on it.
func TestWhatBreaksIsUnknownWhileTheClusterIsSilent(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{})
	run := r.recycle()
	r.world.kube.Down(true)
	r.pass(5 * time.Minute)
	for _, act := range []string{"recycle", "drain", "reboot"} {
		plan := r.slash("dana", "/node "+act+" dry-run:True node:"+redisNode)
		r.says(plan, "UNKNOWN: the cluster since 00:50 UTC could not be read", "The cluster cannot be read: what is shown is of 00:50 UTC", "Refused, whoever asks", "default/redis goes down")
	}
	r.says(r.slash("dana", "/node drain node:"+siteNode), "he cluster cannot be read", "t heals by itself once the cluster answers")
	// The plan that was seen may be approved; it is not begun before it can be made anew.
	r.slash("chris", approveLine(run))
	r.pass(10 * time.Second)
	if n := len(r.recycles()); n > 0 {
		t.Fatal("it was carried out without a look at the cluster")
	}
	r.world.kube.Down(false)
	r.pass(30 * time.Minute)
	told := strings.Join(r.told("INC-1"), "\n")
	if now := r.run(); now.Status != remediation.Done && now.Status != remediation.Failed || len(r.recycles()) > 1 {
		t.Errorf("%s is %s after %d recycles\n%s", now.ID, now.Status, len(r.recycles()), told)
	}
}

// TestWhoOnlyObservesHoldsNoKey: in mode observe a plan is shown with its commands, the
// request is refused with its reason, and no credential for changes is ever used.
func TestWhoOnlyObservesHoldsNoKey(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{config: func(cfg *config.Config) { cfg.Mode = config.Observe }})
	if r.fleet.cloud.Act.Reveal() != "" || !r.fleet.cluster.Act.IsZero() || r.machines.cluster.CanChange() || r.machines.linode.CanChange() {
		t.Error("it holds a credential for changes")
	}
	const reason = "ardroom only observes: it holds no credential that may change anything in kubernetes"
	for _, act := range []string{"cordon", "drain", "reboot", "recycle"} {
		r.says(r.slash("joe", "/node "+act+" dry-run:True node:"+redisNode), reason, "kubectl cordon "+redisNode)
		r.says(r.slash("joe", "/node "+act+" node:"+redisNode), reason, "`mode: act`")
		r.says(r.shell("joe", "node", act, redisNode), reason, "`mode: act`")
	}
	r.says(r.slash("joe", "/volume remount volume:"+redisDisk), reason)
	if codes := r.refusals(); len(codes) != 9 || codes[0] != "observe-only" {
		t.Errorf("refused: %v", codes)
	}
	for _, q := range r.world.kube.Requests() {
		if q.Token != kubetest.ObserveToken {
			t.Errorf("the cluster was asked %s %s with %q", q.Method, q.Path, q.Token)
		}
	}
	for _, q := range r.world.linode.Requests() {
		if q.Token != linodetest.ReadToken || q.Method != "GET" {
			t.Errorf("Linode was asked %s %s with %q", q.Method, q.Path, q.Token)
		}
	}
}
