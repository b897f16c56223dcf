package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
	"wardroom/integrations/linode/linodetest"
)

// until lets time go by, second by second, until something is so.
func (r *repairs) until(what string, within time.Duration, so func() bool) {
	r.t.Helper()
	for end := r.clock.Now().Add(within); !so(); r.pass(time.Second) {
		if !r.clock.Now().Before(end) {
			r.t.Fatalf("never: %s\n%s", what, strings.Join(r.told("INC-1"), "\n"))
		}
	}
}

// byHand recycles the node in the Cloud Manager.
func (r *repairs) byHand() {
	r.t.Helper()
	if err := r.world.linode.Act(console, linodetest.Act{Do: "recycle", Slot: r.world.linode.SlotOf(redisNode)}); err != nil {
		r.t.Fatal(err)
	}
	r.pass(0)
}

// deleted are the machines of the cluster that were deleted.
func (r *repairs) deleted() (ids []int) {
	for _, c := range r.world.linode.Changes(0) {
		if c.What == linodetest.InstanceDeleted {
			ids = append(ids, c.Linode)
		}
	}
	return ids
}

// TestTheLostAnswer: the answer to the recycle does not come back, or somebody recycles
// the node by hand about then. Whatever became of it, one machine is deleted, once, and
// the run comes to the right end under its one approval.
func TestTheLostAnswer(t *testing.T) {
	asked := func(r *repairs) func() bool { return func() bool { return len(r.recycles()) > 0 } }
	tests := map[string]struct {
		fault     linodetest.Fault
		meanwhile func(r *repairs)
		requests  int // to recycle, of ours
		deleted   int // machines
		is        remediation.Status
		says      []string // in the timeline
	}{
		"it had arrived": {
			fault: linodetest.Fault{Lost: true}, requests: 1, deleted: 1, is: remediation.Done,
			says: []string{"the answer was lost, but the request had arrived"},
		},
		"it had arrived, and half of the answer came": {
			fault: linodetest.Fault{Broken: true}, requests: 1, deleted: 1, is: remediation.Done,
		},
		"it had not arrived": {
			fault: linodetest.Fault{Refused: true}, requests: 2, deleted: 1, is: remediation.Done,
			says: []string{"the answer was lost, and the request had not arrived", "attempt 2"},
		},
		"it never arrives": {
			fault: linodetest.Fault{Refused: true, Times: 2}, requests: 2, is: remediation.Asking,
			says: []string{"it was asked for twice and never arrived"},
		},
		"somebody else recycles the node while nobody knows": {
			fault: linodetest.Fault{Refused: true}, requests: 1, deleted: 1, is: remediation.Done,
			meanwhile: func(r *repairs) { r.until("it is asked for", time.Minute, asked(r)); r.byHand() },
			says:      []string{"the answer was lost, but the request had arrived", console},
		},
		"it had arrived, and somebody else tries, too": {
			fault: linodetest.Fault{Lost: true}, requests: 1, deleted: 1, is: remediation.Done,
			meanwhile: func(r *repairs) {
				r.until("it is asked for", time.Minute, asked(r))
				if err := r.world.linode.Act(console, linodetest.Act{Do: "recycle", Slot: r.world.linode.SlotOf(redisNode)}); err == nil {
					r.t.Error("Linode recycles a node twice at the same time")
				}
			},
			says: []string{"the answer was lost, but the request had arrived"},
		},
		"somebody else recycles the node before it is asked for": {
			requests: 0, deleted: 1, is: remediation.Failed,
			meanwhile: func(r *repairs) { r.pass(5 * time.Second); r.byHand() },
			says:      []string{"28412345"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepairs(t, repairOptions{})
			if f := tt.fault; f.Lost || f.Broken || f.Refused {
				f.Method, f.Path, f.Times = http.MethodPost, "/recycle", max(f.Times, 1)
				r.world.linode.Fault(f)
			}
			r.recycle()
			r.approvedBy("chris")
			if tt.meanwhile != nil {
				tt.meanwhile(r)
			}
			r.pass(40 * time.Minute)
			run := r.wants(tt.is)
			told := strings.Join(r.told("INC-1"), "\n")
			for _, words := range tt.says {
				if !strings.Contains(told, words) {
					t.Errorf("%q is not in the timeline:\n%s", words, told)
				}
			}
			all := r.recycles()
			if len(all) != tt.requests {
				t.Errorf("%d requests, want %d\n%s", len(all), tt.requests, told)
			}
			if got := r.deleted(); len(got) != tt.deleted || len(got) > 0 && got[0] != redisHost {
				t.Errorf("the machines %v are deleted; want %d\n%s", got, tt.deleted, told)
			}
			if len(run.Approvals) != 1 {
				t.Errorf("approved by %v", run.Approvals)
			}
			if tt.is == remediation.Done && !r.redisReady() {
				t.Errorf("Redis is not Ready\n%s", told)
			}
		})
	}
}
