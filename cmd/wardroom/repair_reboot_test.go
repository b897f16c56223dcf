package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
)

// talosScenario is the cluster of 2024-04-10 in small: two workers and three
// control-plane nodes that run Talos.
const talosScenario = `
scenario: talos
title: Talos
people: {joe: [responder, lead], chris: [responder], dana: [responder], viv: [viewer]}
world:
  nodes:
    - {name: worker-1, talos: v1.7.0}
    - {name: worker-2, talos: v1.7.0}
    - {name: control-1, talos: v1.7.0, control_plane: true}
    - {name: control-2, talos: v1.7.0, control_plane: true}
    - {name: control-3, talos: v1.7.0, control_plane: true}
  workloads:
    - {name: kube-system/kube-flannel, kind: DaemonSet}
    - {name: default/mastodon, kind: Deployment, replicas: 2, node: worker-1}
events:
  - {at: "2024-04-10 16:40", by: joe, command: "/incident declare title:Pods do not reach each other severity:SEV1"}
expect: []
`

// rebootAll asks for a restart of every node and approves it.
func (r *repairs) rebootAll() remediation.Run {
	r.t.Helper()
	r.says(r.slash("joe", "/node reboot-all"), "node-reboot-all of every node")
	r.wants(remediation.Requested)
	return r.approved()
}

// becomes lets time pass until the run is as it should be.
func (r *repairs) becomes(within time.Duration, status remediation.Status) remediation.Run {
	r.t.Helper()
	for end := r.clock.Now().Add(within); r.run().Status != status && r.clock.Now().Before(end); {
		r.pass(30 * time.Second)
	}
	return r.wants(status)
}

// boots are the boot ids of the nodes; all of them must be Ready and open for pods.
func (r *repairs) boots() map[string]string {
	r.t.Helper()
	all := map[string]string{}
	for _, n := range r.world.kube.Nodes() {
		if all[n.Name] = n.BootID; !n.Ready || n.Unschedulable {
			r.t.Errorf("%+v", n)
		}
	}
	return all
}

// In the middle something does not come back: the run stops, and goes on with the next
// node when a person taps the button.
func TestARestartOfAllNodesStopsWhereSomethingIsWorse(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{})
	before := r.boots()
	r.rebootAll()
	r.world.kube.Break("default/bot", "CrashLoopBackOff")
	run := r.becomes(time.Hour, remediation.Asking)
	if run.Ask.Code != "not-so" || !strings.Contains(run.Ask.Sentence, "default/bot: 0 Ready, 1 before") {
		t.Fatalf("it asks %+v", run.Ask)
	}
	restarted := 0
	for _, n := range r.world.kube.Nodes() {
		if n.BootID != before[n.Name] {
			restarted++
		}
	}
	if restarted == 0 || restarted == len(before) {
		t.Errorf("%d of %d nodes were restarted", restarted, len(before))
	}
	r.press("joe", r.posted("Look again and go on"), "Look again and go on")
	r.wants(remediation.Asking)
	r.press("joe", r.posted("Continue anyway"), "Continue anyway")
	r.becomes(time.Hour, remediation.Done)
	for name, boot := range r.boots() {
		if boot == before[name] {
			t.Errorf("%s was not restarted", name)
		}
	}
	if told := strings.Join(r.told("INC-1"), "\n"); !strings.Contains(told, "it is not so; gone on with all the same") {
		t.Error(told)
	}
}

// Aborted in the middle it leaves one node cordoned, and offers to put that back.
func TestARestartOfAllNodesThatIsAbortedLeavesOneNodeToUncordon(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{})
	r.rebootAll()
	for range 200 {
		if planned, _, is := r.run().Current(); is && planned.Name == "node-restarted" {
			break
		}
		r.pass(5 * time.Second)
	}
	r.slash("joe", "/run abort reason:the wrong night for it")
	run := r.becomes(10*time.Minute, remediation.Aborted)
	if len(run.Left) != 1 || run.Left[0].Planned.Args["node"] != redisNode {
		t.Fatalf("left %+v", run.Left)
	}
	r.pass(10 * time.Minute)
	r.slash("joe", "/run undo run:"+string(run.ID))
	r.slash("joe", approveLine(r.run()))
	r.becomes(10*time.Minute, remediation.Done)
	r.boots()
}

func TestAllNodesThatRunTalosAreRestartedThroughTalosctl(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{scenario: talosScenario})
	before := r.boots()
	r.rebootAll()
	r.becomes(2*time.Hour, remediation.Done)
	for name, boot := range r.boots() {
		if boot == before[name] {
			t.Errorf("%s was not restarted", name)
		}
	}
	if got, want := r.world.talos.Reboots(), []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}; !slices.Equal(got, want) {
		t.Errorf("restarted %v, want %v", got, want)
	}
	r.says(r.slash("viv", "/node show node:control-1"), "control-1")
	r.says(r.slash("joe", "/node reboot node:control-1"), "node-reboot of control-1")
	r.wants(remediation.Requested)
}

// A plan of hundreds of steps is shown, asked for and carried on as any other.
func TestAPlanForManyNodesFitsIntoTheRoom(t *testing.T) {
	t.Parallel()
	nodes := ""
	for i := range 40 {
		nodes += fmt.Sprintf("    - {name: worker-%02d, talos: v1.7.0}\n", i)
	}
	r := newRepairs(t, repairOptions{scenario: strings.Replace(talosScenario, "    - {name: worker-1,", nodes+"    - {name: worker-1,", 1)})
	run := r.rebootAll()
	if len(run.Plan.Steps) < 300 {
		t.Fatalf("%d steps", len(run.Plan.Steps))
	}
	r.pass(10 * time.Minute)
	if run = r.wants(remediation.Running); run.Step < 10 {
		t.Errorf("it is at step %d", run.Step)
	}
	r.says(r.slash("joe", "/run show"), "node-reboot-all of every node")
	r.says(r.shell("joe", "run", "show"), "node-reboot-all of every node")
}
