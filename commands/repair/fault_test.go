package repair_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/commands/repair"
)

// nights are the repairs, each in a world where every step of it has something to do.
var nights = map[string]struct {
	repair, param, value string
	before               func(*world)
}{
	"recycle":                         {repair.NodeRecycle, "node", sick, func(w *world) { w.stuck["detach"], w.stuck["stays cordoned"] = true, true }},
	"recycle, hung":                   {repair.NodeRecycle, "node", sick, func(w *world) { w.hang(); w.stuck["detach"], w.stuck["stays cordoned"] = true, true }},
	"recycle, kept by Flux":           {repair.NodeRecycle, "node", sick, kept},
	"reboot":                          {repair.NodeReboot, "node", sick, func(w *world) { w.stuck["detach"] = true }},
	"reboot, hung":                    {repair.NodeReboot, "node", sick, func(w *world) { w.hang(); w.stuck["detach"] = true }},
	"reboot all":                      {repair.NodeRebootAll, "x", "", func(w *world) { w.stuck["detach"] = true }},
	"reboot all, Talos":               {repair.NodeRebootAll, "x", "", (*world).onTalos},
	"reboot, Talos":                   {repair.NodeReboot, "node", sick, (*world).onTalos},
	"recycle, a pod bears the cordon": {repair.NodeRecycle, "node", sick, func(w *world) { w.typha(); w.stuck["detach"], w.stuck["stays cordoned"] = true, true }},
	"drain, a pod bears the cordon":   {repair.NodeDrain, "node", sick, (*world).typha},
	"drain":                           {repair.NodeDrain, "node", sick, nil},
	"cordon":                          {repair.NodeCordon, "node", sick, nil},
	"uncordon":                        {repair.NodeUncordon, "node", sick, func(w *world) { w.nodeOf(sick).Unschedulable = true }},
	"remount":                         {repair.VolumeRemount, "volume", redisPV, func(w *world) { limbo(w); kept(w); w.stuck["detach"] = true }},
	"remount, off, taint ignored": {repair.VolumeRemount, "volume", redisPV, func(w *world) {
		w.hang()
		w.inst[28312345].Status = "offline"
		w.stuck["detach"], w.stuck["taint"] = true, true
	}},
	"scale to 0":              {repair.WorkloadScale, "workload", "default/redis", func(w *world) { kept(w); w.scaling("redis", 0) }},
	"scale up":                {repair.WorkloadScale, "workload", "default/site", func(w *world) { w.scaling("site", 3) }},
	"force-delete":            {repair.PodForceDelete, "pod", "default/site-0", func(w *world) { w.hang(); w.inst[28312345].Status = "offline"; w.stuck["pods"] = true }},
	"ticket":                  {repair.VolumeTicket, "volume", redisPV, limbo},
	"restart":                 {repair.WorkloadRestart, "workload", "default/site", nil},
	"restart coredns":         {repair.RestartCoreDNS, "x", "", (*world).core},
	"restart coredns, probed": {repair.RestartCoreDNS, "x", "", (*world).probed},
	"restart calico, probed":  {repair.RestartCalico, "x", "", (*world).probed},
	"restart csi":             {repair.RestartCSI, "x", "", (*world).core},
	"restart core":            {repair.RestartCore, "incident", "INC-1", (*world).outage},
	"restart core, probed":    {repair.RestartCore, "incident", "INC-1", func(w *world) { w.probed(); w.stuck["ready site"] = true; w.pass(time.Minute) }},
	"restore":                 {repair.WorkloadRestore, "workload", "default/redis", func(w *world) { kept(w); w.scaled("redis", 0) }},
	"remount, off":            {repair.VolumeRemount, "volume", redisPV, func(w *world) { w.hang(); w.inst[28312345].Status = "offline"; w.stuck["detach"] = true }},
	"collapse, kept by Flux": {repair.RedisCollapse, "redis", "cache", func(w *world) {
		w.cache()
		w.s.Workloads[4].Keepers = flux()
		w.want = map[string]int{"cache": 1}
	}},
	"collapse, another is the master": {repair.RedisCollapse, "redis", "cache", func(w *world) {
		w.cache()
		w.mastered("cache-1")()
		w.want = map[string]int{"cache": 1}
	}},
	"collapse, nobody is the master": {repair.RedisCollapse, "redis", "cache", func(w *world) {
		w.cache()
		w.orphaned()
		w.want = map[string]int{"cache": 1}
	}},
	"expand": {repair.RedisExpand, "redis", "cache", func(w *world) { w.collapsed(); w.want = map[string]int{"cache": cachePods} }},
}

// kept has Flux keep Redis.
func kept(w *world) {
	w.stuck["detach"], w.stuck["stays cordoned"] = true, true
	w.s.Workloads[1].Keepers = flux()
}

func flux() []fleet.Keeper {
	return []fleet.Keeper{{How: "Flux", Object: fleet.Object{Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}, Pause: true}}
}

// Every step of every repair meets every sort of failure: what is away for a while is
// waited for, what was lost is found out, what is refused ends the run with the
// refusal's sentence, what says nothing certain asks. And from wherever it ended, the
// steps that restore put everything back.
func TestEveryStepMeetsEveryFailure(t *testing.T) {
	may := errors.New("connection reset")
	faults := map[string]struct {
		broken breakage
		blind  error
		want   string // how it ends; "" well
		but    map[string]string
	}{
		"away for a while":           {broken: breakage{err: problem.New(problem.Unavailable, "503"), times: 2}},
		"answer lost, arrived":       {broken: breakage{err: &fleet.Maybe{Err: may}, arrives: true, times: 1}},
		"answer lost, not arrived":   {broken: breakage{err: &fleet.Maybe{Err: may}, times: 1}},
		"forbidden":                  {broken: breakage{err: problem.New(problem.Forbidden, "the token may not"), times: 9}, want: "failed: the token may not"},
		"conflict":                   {broken: breakage{err: problem.New(problem.Conflict, "it is another one"), times: 1}, want: "failed: it is another one", but: map[string]string{"evict-pods": ""}},
		"not there":                  {broken: breakage{err: problem.New(problem.NotFound, "there is none"), times: 1}, want: "failed: there is none", but: map[string]string{"evict-pods": "", "force-delete-left": "", "force-delete-pod": ""}},
		"says nothing":               {broken: breakage{err: may, times: 1}, want: "asks: connection reset"},
		"cannot be seen for a while": {blind: problem.New(problem.Unavailable, "503")},
		"may not be seen":            {blind: problem.New(problem.Forbidden, "the token may not look"), want: "asks: the token may not look", but: map[string]string{"pause-keeper": "", "resume-keeper": "", "scale-back-unless-reached": "", "resume-keeper-unless-reached": ""}},
	}
	for name, night := range nights {
		t.Run(name, func(t *testing.T) {
			reached := map[string]bool{}
			for fault, f := range faults {
				for at := 0; ; at++ {
					w := newWorld()
					if night.before != nil {
						night.before(w)
					}
					p := w.plan(t, night.repair, night.param, night.value)
					if at == len(p.Steps) {
						break
					}
					broken := f.broken
					c := &carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: at, blind: f.blind}
					if broken.err != nil {
						c.broken = &broken
					}
					step := p.Steps[at].Name
					where := fmt.Sprintf("%s, step %d %s, %s", name, at+1, step, fault)
					end, why := c.all()
					want := f.want
					if but, is := f.but[step]; is {
						want = but
					}
					if broken.hit {
						reached[step] = true
					}
					if broken.err != nil && !broken.hit {
						want = "" // it asks for nothing, or it was so already
					}
					switch {
					case want == "" && why != "":
						t.Errorf("%s: %s\n%s", where, why, strings.Join(w.calls, "\n"))
					case want != "" && (end != at || !strings.HasSuffix(why, step+": "+want)):
						t.Errorf("%s: ended at %d, %q, want %q", where, end+1, why, want)
					}
					most := 1
					if night.repair == repair.NodeRebootAll {
						most = len(w.s.Nodes)
					}
					if n := w.accepted["recycle"] + w.accepted["reboot"] + w.accepted["reboot talos"] + w.accepted["open-ticket"]; n > most {
						t.Errorf("%s: %d destructive requests accepted", where, n)
					}
					if why == "" && (strings.HasPrefix(name, "remount, off") || name == "force-delete" || name == "ticket") {
						continue // what else ran on the node that is off is down; a ticket mends nothing
					}
					if why == "" {
						w.whole(t, night.repair != repair.NodeDrain && night.repair != repair.NodeCordon)
						continue
					}
					c.at = -1
					c.putBack(end)
					if night.repair == repair.WorkloadScale && c.learned["reached Deployment "+night.value] != "" ||
						night.repair == repair.RedisCollapse && c.learned["reached StatefulSet default/cache"] != "" {
						w.whole(t, true) // it is as it was asked for, and stays so
						continue
					}
					if night.repair == repair.RedisExpand {
						continue // what has come back stays, and the rest is not brought back at once
					}
					w.restored(t, where, night.repair)
				}
			}
			for _, step := range asking(t, name) {
				switch {
				case reached[step]:
				case name == "remount, off" && step == "force-delete-left": // the taint did it
				case strings.HasSuffix(step, "-unless-reached"): // it came to that
				case step == "boot-unless-replaced": // it was replaced
				case step == "redis-sentinels-agree" && name != "collapse, nobody is the master": // they do already
				default:
					t.Errorf("%s: no failure ever met %s", name, step)
				}
			}
		})
	}
}

// asking are the steps of a night that ask for something.
func asking(t *testing.T, name string) (steps []string) {
	w := newWorld()
	night := nights[name]
	if night.before != nil {
		night.before(w)
	}
	p := w.plan(t, night.repair, night.param, night.value)
	for _, s := range p.Steps {
		if step, _ := w.remediation(t, p.Remediation).Step(s.Name); step.Do != nil {
			steps = append(steps, s.Name)
		}
	}
	return steps
}

// restored checks that nothing that the run changed for its own purposes is left.
func (w *world) restored(t *testing.T, where, name string) {
	t.Helper()
	for _, wl := range w.s.Workloads {
		want := 1
		switch {
		case wl.Name == "site" || wl.Kind == "DaemonSet":
			want = 2
		case wl.Name == "cache":
			want = cachePods
		}
		if wl.Replicas != want {
			t.Errorf("%s: %s is left at %d replicas", where, wl.Object, wl.Replicas)
		}
	}
	for _, n := range w.s.Nodes {
		if len(n.Taints) > 0 {
			t.Errorf("%s: %s is left tainted", where, n.Name)
		}
		// A replacement that nobody has recognised yet was not cordoned by the run.
		if n.Unschedulable && n.Identity.Instance < w.next && (name == repair.NodeRecycle || name == repair.NodeReboot || name == repair.NodeRebootAll) {
			t.Errorf("%s: %s is left cordoned", where, n.Name)
		}
	}
	for _, f := range w.fish {
		if f.Run != "" && f.Priority != 100 {
			t.Errorf("%s: %s is left at priority %d", where, f.Pod, f.Priority)
		}
	}
	if len(w.paused) > 0 {
		t.Errorf("%s: left paused: %v", where, w.paused)
	}
	for id, i := range w.inst {
		if i.Off() && w.accepted["shutdown"] > 0 {
			t.Errorf("%s: instance %d is left %s", where, id, i.Status)
		}
	}
}
