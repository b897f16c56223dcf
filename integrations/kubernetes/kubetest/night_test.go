package kubetest_test

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// A recycle in the right order: the volume is free before the machine goes.
func TestRecycleOfAFreedNode(t *testing.T) {
	n := newNight(t)
	before := n.node(nodeA)
	n.must(n.sim.Cordon(nodeA, true))
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.until("the volume is free", time.Minute, func() bool { return n.disk().Linode == 0 && len(n.sim.Attachments()) == 0 })
	if p := n.redis(); p.Name != "" {
		t.Errorf("the pod is still there: %v", p)
	}
	n.act(linodetest.Act{Do: "recycle", Slot: slotA})
	n.until("the node is NotReady", 2*time.Minute, func() bool { return n.node(nodeA).Name == "" || !n.node(nodeA).Ready })
	n.until("the replacement is Ready", 10*time.Minute, func() bool { return n.node(nodeA).Ready && n.node(nodeA).ProviderID != before.ProviderID })
	after := n.node(nodeA)
	if after.BootID == before.BootID || after.UID == before.UID || after.Unschedulable {
		t.Errorf("the replacement is %+v, the old one was %+v", after, before)
	}
	n.until("the driver is registered", 2*time.Minute, func() bool { return slices.Contains(n.node(nodeA).Drivers, kubetest.Driver) })
	n.must(n.sim.Cordon(nodeB, true)) // so that it goes back to where it was
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("the pod is Ready with its volume", 2*time.Minute, func() bool { return n.redis().Ready })
	d := n.disk()
	if p := n.redis(); p.Node != nodeA || "linode://"+strconv.Itoa(d.Linode) != after.ProviderID || d.Stuck {
		t.Errorf("pod %v, volume %+v", p, d)
	}
	if n.tells("FailedMount", "") {
		t.Errorf("trouble that was none:\n%s", strings.Join(n.events(), "\n"))
	}
}

// The same although Linode puts a volume that was freed first into limbo when it is
// attached again: the case C of the night.
func TestRecycleIntoLimboAlthoughFreed(t *testing.T) {
	n := newNight(t)
	n.cloud.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Limbo, Times: 1, Message: "Volume attach failed"})
	n.must(n.sim.Cordon(nodeB, true))
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.until("the volume is free", time.Minute, func() bool { return n.disk().Linode == 0 })
	n.act(linodetest.Act{Do: "recycle", Slot: slotA})
	old := n.node(nodeA).ProviderID
	n.until("the replacement has its driver", 10*time.Minute, func() bool {
		s := n.node(nodeA)
		return s.Ready && s.ProviderID != old && len(s.Drivers) == 1
	})
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("the kubelet tells that there is no device", 3*time.Minute, func() bool { return n.tells("FailedMount", "Unable to find device path") })
	n.pass(30 * time.Minute)
	if p, d := n.redis(), n.disk(); p.Ready || p.Reason != "ContainerCreating" || !d.Stuck || !n.sim.Attachments()[0].Attached {
		t.Fatalf("half an hour later: pod %v, volume %+v, attachments %+v", p, d, n.sim.Attachments())
	}
	// The saga: nobody wants it, it is detached, it is wanted again.
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.until("the volume is free again", 5*time.Minute, func() bool { return n.disk().Linode == 0 && len(n.sim.Attachments()) == 0 })
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("the pod is Ready with its volume", 3*time.Minute, func() bool { return n.redis().Ready })
}

// 2021: the machine is recycled while it holds the volume, and Linode goes on saying
// that a machine which no longer exists has it.
func TestLimboOfAMachineThatIsNoMore(t *testing.T) {
	n := newNight(t)
	n.cloud.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Limbo, Times: 1})
	n.cloud.Fault(linodetest.Fault{When: "detach", Effect: linodetest.Fail, Times: 1, Message: "locked"}) // what the cluster asks for
	n.act(linodetest.Act{Do: "recycle", Slot: slotA})
	n.until("the old pod is gone and a new one is asked for", 20*time.Minute, func() bool { return n.tells("FailedAttachVolume", "already attached to linode 28412345") })
	n.pass(10 * time.Minute)
	if p := n.redis(); p.Ready || p.Reason != "ContainerCreating" {
		t.Fatalf("the pod is %v", p)
	}
	if d := n.disk(); d.Linode != lateA || !d.Stuck {
		t.Fatalf("the volume is %+v", d)
	}
	n.act(linodetest.Act{Do: "detach", Volume: volRedis})
	n.until("the pod is Ready with its volume", 10*time.Minute, func() bool { return n.redis().Ready })
	if d := n.disk(); d.Linode == lateA || d.Stuck {
		t.Errorf("the volume is %+v", d)
	}
}

// A machine that is off: pods stay Terminating until somebody proves that it is off.
func TestDeadNodeHoldsItsPodsUntilItIsOutOfService(t *testing.T) {
	for _, c := range []struct {
		name   string
		taint  bool
		within time.Duration
	}{
		{"taint: at once", true, 2 * time.Minute},
		{"no taint: never, as long as the Node is there", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNight(t)
			n.act(linodetest.Act{Do: "shutdown", Linode: lateA})
			n.until("the node is NotReady", 2*time.Minute, func() bool { return !n.node(nodeA).Ready })
			n.until("the pod is asked to end", 6*time.Minute, func() bool { return n.redis().Terminating })
			n.pass(20 * time.Minute)
			if p := n.redis(); !p.Terminating || p.Node != nodeA {
				t.Fatalf("the pod is %v", p)
			}
			if !c.taint {
				return
			}
			n.must(n.sim.Taint(nodeA, "node.kubernetes.io/out-of-service", "nodeshutdown", "NoExecute"))
			n.until("redis is Ready elsewhere", c.within, func() bool { return n.redis().Ready && n.redis().Node == nodeB })
			if d := n.disk(); d.Linode != lateB {
				t.Errorf("the volume is %+v", d)
			}
		})
	}
}

// A reboot keeps name and machine and changes the boot; Lassie drops the volume, the
// VolumeAttachment survives: the case A.
func TestRebootDropsTheVolumeAndTheClusterDoesNotSee(t *testing.T) {
	n := newNight(t)
	before := n.node(nodeA)
	n.cloud.PowerLoss(lateA)
	n.until("the node is back in another boot", 5*time.Minute, func() bool { return n.node(nodeA).Ready && n.node(nodeA).BootID != before.BootID })
	if after := n.node(nodeA); after.ProviderID != before.ProviderID || after.UID != before.UID {
		t.Errorf("it is another machine: %+v", after)
	}
	n.until("the kubelet tells that there is no device", 5*time.Minute, func() bool { return n.tells("FailedMount", "Unable to find device path") })
	if d, a := n.disk(), n.sim.Attachments(); d.Linode != 0 || len(a) != 1 || !a[0].Attached {
		t.Errorf("volume %+v, attachments %+v", d, a)
	}
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.until("the attachment is gone", 2*time.Minute, func() bool { return len(n.sim.Attachments()) == 0 })
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("the pod is Ready with its volume", 3*time.Minute, func() bool { return n.redis().Ready })
}

// The same acts at the same times give the same state, to the byte.
func TestTheSameNightTwice(t *testing.T) {
	play := func() (string, string) {
		n := newNight(t)
		n.cloud.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Limbo, Times: 1})
		n.act(linodetest.Act{Do: "recycle", Slot: slotA})
		n.pass(30 * time.Minute)
		n.act(linodetest.Act{Do: "detach", Volume: volRedis})
		n.pass(5 * time.Minute)
		return string(n.sim.Dump(true)), string(n.cloud.Dump())
	}
	a, cloudA := play()
	b, cloudB := play()
	if a != b || cloudA != cloudB {
		t.Error("two nights that were the same have different ends")
	}
}

// While Linode refuses, the driver asks again, and not at every breath.
func TestDriverAsksAgainWhenTheCloudRefuses(t *testing.T) {
	n := newNight(t)
	n.cloud.SetVolumeStatus(volRedis, "resizing")
	n.must(n.sim.Cordon(nodeA, true))
	n.must(n.sim.Delete("pods", "default/redis-0", false))
	n.until("it is refused", 2*time.Minute, func() bool { return n.tells("FailedAttachVolume", "Volume must be active, is resizing") })
	n.pass(time.Minute)
	if p := n.redis(); p.Ready || n.sim.Attachments()[0].Error == "" {
		t.Fatalf("pod %v, attachments %+v", p, n.sim.Attachments())
	}
	n.cloud.SetVolumeStatus(volRedis, "active")
	n.until("the pod is Ready with its volume", time.Minute, func() bool { return n.redis().Ready && n.redis().Node == nodeB })
}

// A replacement that keeps the name inherits the VolumeAttachment of the machine
// before it when the pod comes back to that name first: attached, says the cluster,
// and Linode has it on no machine. The case A, without any reboot.
func TestReplacementOfTheSameNameInheritsTheAttachment(t *testing.T) {
	n := newNight(t)
	n.must(n.sim.Cordon(nodeB, true))
	n.act(linodetest.Act{Do: "recycle", Slot: slotA})
	n.until("the pod is back on the name", 10*time.Minute, func() bool { return n.redis().Node == nodeA && n.node(nodeA).Ready && !n.redis().Terminating })
	n.pass(15 * time.Minute)
	if p, d, a := n.redis(), n.disk(), n.sim.Attachments(); p.Ready || d.Linode != 0 || len(a) != 1 || !a[0].Attached {
		t.Fatalf("pod %v, volume %+v, attachments %+v", p, d, a)
	}
	if !n.tells("FailedMount", "Unable to find device path") {
		t.Errorf("events:\n%s", strings.Join(n.events(), "\n"))
	}
}

// Where the cloud gives a replaced machine another name, another Node joins.
func TestReplacementOfAnotherName(t *testing.T) {
	n := newNightWith(t, linodetest.Options{Rename: true})
	n.act(linodetest.Act{Do: "recycle", Slot: slotA})
	n.until("the old Node is removed", 3*time.Minute, func() bool { return n.node(nodeA).Name == "" })
	n.until("another one joins", 5*time.Minute, func() bool { return len(n.sim.Nodes()) == 2 })
	n.until("redis is Ready with its volume", 15*time.Minute, func() bool { return n.redis().Ready })
	if n.node(nodeA).Name != "" {
		t.Error("the old name is back")
	}
}

// With a clock that wakes it, nobody has to call: the cluster lives by itself.
func TestLivesByItselfOnAClock(t *testing.T) {
	clock := scenario.NewClock(time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC))
	cloud := kubetest.NewPlain()
	sim, err := kubetest.New(kubetest.Options{Now: clock.Now, Cloud: cloud,
		After: func(d time.Duration) (<-chan time.Time, func()) { return clock.At(clock.Now().Add(d)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	sim.AddNode(kubetest.Node{Name: nodeA, Linode: lateA})
	cloud.SetMachine(kubetest.Machine{ID: lateA, Name: nodeA, Boot: 1}) // off
	late := time.Now().Add(10 * time.Second)
	for clock.Now().Before(time.Date(2021, 7, 11, 0, 25, 40, 0, time.UTC)) {
		if next, any := clock.Next(); any {
			clock.MoveTo(next)
		}
		if time.Now().After(late) {
			t.Fatal("it is not woken")
		}
		runtime.Gosched()
	}
	if err := sim.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := sim.Nodes()[0]; n.Ready {
		t.Errorf("a machine is off, and its node is %+v", n)
	}
}

// A scheduler that finds no room says so, and puts the pod there when there is some.
func TestPodsWaitForRoom(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "default/big", Node: nodeA, CPU: "3"})
	n.sim.AddWorkload(kubetest.Workload{Name: "default/other", Node: nodeB, CPU: "3"})
	big := n.sim.PodsOf("default/big")[0]
	n.must(n.sim.Cordon(nodeA, true))
	n.must(n.sim.Delete("pods", big, false))
	n.until("it is told that there is no room", time.Minute, func() bool { return n.tells("FailedScheduling", "") })
	n.must(n.sim.Scale("deployments", "default/other", 0))
	n.until("it is Ready where there is room", time.Minute, func() bool {
		return slices.ContainsFunc(n.sim.Pods(), func(p kubetest.PodState) bool {
			return strings.HasPrefix(p.Name, "default/big-") && p.Ready && p.Node == nodeB
		})
	})
}

// Without the driver's pod on the node nothing can be mounted there: the case E.
func TestNodeWithoutItsDriver(t *testing.T) {
	n := newNight(t)
	n.sim.Break("kube-system/csi-linode-node", "CrashLoopBackOff")
	n.act(linodetest.Act{Do: "reboot", Linode: lateA})
	n.until("the node is back without its driver", 10*time.Minute, func() bool { return n.node(nodeA).Ready && len(n.node(nodeA).Drivers) == 0 })
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.until("nobody has the volume", 5*time.Minute, func() bool { return len(n.sim.Attachments()) == 0 })
	n.must(n.sim.Cordon(nodeB, true))
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("the cluster tells that there is no driver", 5*time.Minute, func() bool {
		return n.tells("FailedAttachVolume", "does not contain driver "+kubetest.Driver)
	})
	n.sim.Break("kube-system/csi-linode-node", "")
	n.until("redis is Ready with its volume", 5*time.Minute, func() bool { return n.redis().Ready && n.redis().Node == nodeA })
}

// A hung kubelet is silent until the machine is booted; Lassie sees nothing of it.
func TestHungNodeIsMendedByAReboot(t *testing.T) {
	n := newNight(t)
	before := n.node(nodeA)
	n.sim.Hang(nodeA)
	n.pass(20 * time.Minute)
	if now := n.node(nodeA); now.Ready || now.BootID != before.BootID || len(n.cloud.Machines()) != 2 || !n.redis().Terminating {
		t.Fatalf("the node is %+v, redis %v", now, n.redis())
	}
	n.must(n.sim.Scale("statefulsets", "default/redis", 0))
	n.act(linodetest.Act{Do: "reboot", Linode: lateA})
	n.until("the node is Ready in another boot", 10*time.Minute, func() bool { return n.node(nodeA).Ready && n.node(nodeA).BootID != before.BootID })
	n.until("the pod that was stuck is gone, and its attachment", time.Minute, func() bool { return n.redis().Name == "" && len(n.sim.Attachments()) == 0 })
	n.must(n.sim.Scale("statefulsets", "default/redis", 1))
	n.until("redis is Ready", 2*time.Minute, func() bool { return n.redis().Ready })
}

// What nothing happens to takes no time: a whole quiet day is a handful of looks.
func TestAQuietDayHasNothingDue(t *testing.T) {
	n := newNight(t)
	if next, any := n.sim.Next(); any {
		t.Errorf("something is due at %s", next)
	}
	before := string(n.sim.Dump(true))
	n.pass(24 * time.Hour)
	if string(n.sim.Dump(true)) != before {
		t.Error("a quiet day has changed something")
	}
}

// After a boot of its node a frail workload is not back until its pods are made anew.
// What needs it does not start without it, and runs on when it is away.
func TestWhatABootLeavesBroken(t *testing.T) {
	n := newNight(t)
	n.sim.AddWorkload(kubetest.Workload{Name: "kube-system/net", Kind: "DaemonSet", Frail: true})
	n.sim.AddWorkload(kubetest.Workload{Name: "default/site", Node: nodeA, Needs: []string{"kube-system/net"}})
	is := func(when, workload string, want ...string) (pods []kubetest.PodState) {
		t.Helper()
		var got []string
		for _, p := range n.sim.Pods() {
			if strings.HasPrefix(p.Name, workload+"-") {
				pods, got = append(pods, p), append(got, strings.TrimSpace(strconv.FormatBool(p.Ready)+" "+p.Reason))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s the pods of %s are %v, want %v", when, workload, got, want)
		}
		return pods
	}
	anew := func(pods []kubetest.PodState) {
		for _, p := range pods {
			n.must(n.sim.Delete("pods", p.Name, false))
		}
		n.pass(time.Minute)
	}
	n.cloud.HostReboot(lateA)
	n.until("the node is away", 5*time.Minute, func() bool { return !n.node(nodeA).Ready })
	n.until("the node is back", 5*time.Minute, func() bool { return n.node(nodeA).Ready })
	n.pass(10 * time.Minute)
	net := is("after a boot", "kube-system/net", "false CrashLoopBackOff", "true")
	is("with one left", "default/site", "true")
	n.sim.Break("kube-system/net", "Error")
	n.pass(time.Minute)
	anew(is("with none left", "default/site", "true"))
	is("made anew without it", "default/site", "false CrashLoopBackOff")
	n.sim.Break("kube-system/net", "")
	anew(net)
	is("made anew", "kube-system/net", "true", "true")
	is("with what it needs", "default/site", "true")
}

// What is jammed does not end when it is asked to, only by force; what is spoiled runs
// again when it is made anew.
func TestJammedAndSpoiled(t *testing.T) {
	n := newNight(t)
	n.sim.Spoil("default/redis")
	n.sim.Jam("default/redis")
	n.pass(time.Minute)
	old := n.redis()
	n.must(n.sim.Delete("pods", "default/redis-0", false))
	n.pass(10 * time.Minute)
	if is := n.redis(); is.UID != old.UID || is.Ready || !is.Terminating || is.Reason != "CrashLoopBackOff" {
		t.Errorf("asked to end it is %+v", is)
	}
	n.must(n.sim.Delete("pods", "default/redis-0", true))
	n.until("it is made anew and Ready", 5*time.Minute, func() bool { return n.redis().Ready })
	if n.redis().UID == old.UID {
		t.Error("it is the same pod")
	}
	old = n.redis()
	n.sim.Jam("default/redis")
	n.must(n.sim.Delete("pods", "default/redis-0", false))
	n.pass(time.Minute)
	n.cloud.HostReboot(lateA)
	n.until("the boot has ended it", 10*time.Minute, func() bool { return n.redis().UID != old.UID })
}
