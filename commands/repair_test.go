package commands_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

func TestNodesReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "vic", "/node list")
	n := &y.ground.s.Nodes[1]
	n.Ready, n.ReadySince, n.Unschedulable, n.Taints = fleet.Unknown, night("00:25"), true, []fleet.Taint{{Key: "node.kubernetes.io/unreachable", Effect: "NoExecute"}}
	y.ground.k8s = []fleet.Event{{At: night("00:25"), About: fleet.Object{Kind: "Node", Name: sickNode}, Type: "Normal", Reason: "NodeNotReady", Message: "Node *x* status is now: NodeNotReady"}}
	y.says("00:33", "vic", "/node list")
	y.says("00:33", "vic", "/node list page:2")
	y.says("00:33", "vic", "/node show node:"+sickNode)
	y.says("00:33", "vic", "/node show node:nosuch")
	y.heaven.down = true
	y.ground.s.Missing = []string{"pods"}
	y.says("00:34", "vic", "/node list")
	y.says("00:34", "vic", "/node show node:"+wellNode)
	y.golden("node")
}

func TestVolumesReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "vic", "/volume list")
	y.limbo()
	y.says("00:33", "vic", "/volume list")
	y.says("00:33", "vic", "/volume show volume:"+redisPV)
	y.says("00:33", "vic", "/volume show volume:6001")
	y.says("00:33", "vic", "/volume show volume:nosuch")
	y.says("00:34", "joe", "/volume remount volume:redis-data dry-run:yes")
	y.heaven.down = true
	y.says("00:35", "vic", "/volume list")
	y.says("00:35", "vic", "/volume show volume:"+redisPV)
	y.golden("volume")
}

func TestWorkloadsReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.says("00:32", "vic", "/workload list")
	y.limbo()
	y.ground.s.Workloads[0].Ready = 0
	y.ground.s.Nodes[1].Ready = fleet.Unknown
	y.ground.s.Pods = append(y.ground.s.Pods, fleet.Pod{Object: object("Pod", "bot-1"), Owner: object("Deployment", "bot"), Phase: "Pending", Reason: "Unschedulable"})
	y.ground.s.Workloads[2].Replicas = 2
	y.says("00:33", "vic", "/workload list")
	y.says("00:33", "vic", "/workload list namespace:nosuch")
	y.says("00:33", "vic", "/workload show workload:redis")
	y.says("00:33", "vic", "/workload show workload:default/bot")
	y.says("00:33", "vic", "/workload show workload:nosuch")
	y.forms("00:33", "joe", "INC-1", "scale set")
	y.forms("00:33", "joe", "INC-1", "scale set", "workload", "default/postgres")
	y.says("00:34", "joe", "/scale set workload:default/postgres replicas:0 dry-run:yes")
	y.says("00:34", "joe", "/scale set workload:default/bot replicas:3")
	y.says("00:34", "joe", "/scale restore workload:default/bot")
	y.forms("00:34", "joe", "INC-1", "scale restore")
	y.place(func(r *remediation.Run) {
		r.Status, r.StartedAt, r.EndedAt, r.Step = remediation.Done, night("00:35"), night("00:36"), len(r.Plan.Steps)
		r.Steps = make([]remediation.StepState, len(r.Plan.Steps))
		for i := range r.Steps {
			r.Steps[i] = remediation.StepState{Mark: remediation.So, Started: night("00:35"), Learned: map[string]string{"reached Deployment default/bot": "yes"}}
		}
	})
	y.ground.s.Workloads[2].Replicas = 3
	y.says("00:37", "vic", "/workload show workload:bot")
	y.forms("00:37", "joe", "INC-1", "scale restore")
	y.says("00:37", "joe", "/scale restore workload:Deployment/default/bot")
	y.says("00:38", "joe", "/restart workload workload:redis")
	y.says("00:38", "joe", "/restart calico")
	for _, name := range []string{"calico-node", "kube-proxy"} {
		y.ground.s.Workloads = append(y.ground.s.Workloads, fleet.Workload{Object: fleet.Object{Kind: "DaemonSet", Namespace: "kube-system", Name: name}, Replicas: 2, Ready: 1})
	}
	y.says("00:38", "joe", "/restart calico dry-run:yes")
	y.says("00:38", "joe", "/restart core")
	y.ground.s.Missing = []string{"pods"}
	y.says("00:38", "vic", "/workload list")
	y.golden("workload")
}

func TestPodsReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.says("00:32", "vic", "/pod list")
	y.limbo()
	s := &y.ground.s
	s.Nodes[1].Ready = fleet.Unknown
	s.Pods = append(s.Pods, fleet.Pod{Object: object("Pod", "bot-1"), Owner: object("Deployment", "bot"), Phase: "Pending", Reason: "Unschedulable"},
		fleet.Pod{Object: object("Pod", "old-0"), Node: "lke-gone", Owner: object("StatefulSet", "old"), Phase: "Running", Terminating: night("00:10"), Claims: []string{"redis-data"}})
	s.Pods[2].Containers = []string{"bot", "sidecar"}
	y.says("00:33", "vic", "/pod list")
	y.says("00:33", "vic", "/pod list workload:bot")
	y.says("00:33", "vic", "/pod list node:"+sickNode)
	y.says("00:33", "vic", "/pod list workload:nosuch")
	y.says("00:34", "vic", "/pod logs pod:default/bot-0")
	y.ground.logs = "2021-07-11T00:30:00Z connecting to postgres://bot:hunter2@postgres:5432/bot\n2021-07-11T00:30:01Z password=hunter2\n2021-07-11T00:30:02Z ready\n"
	y.says("00:34", "joe", "/pod logs pod:default/bot-0")
	y.says("00:34", "joe", "/pod logs pod:bot-0 container:sidecar previous:yes lines:20")
	if want := (fleet.LogOptions{Container: "sidecar", Previous: true, Lines: 20}); y.ground.last != want {
		t.Errorf("asked for %+v", y.ground.last)
	}
	y.ground.logs = ""
	y.says("00:34", "joe", "/pod logs pod:bot-0")
	y.ground.mute = problem.New(problem.Conflict, "the node of default/redis-0 does not hand out its logs")
	y.says("00:34", "joe", "/pod logs pod:redis-0")
	y.ground.mute = problem.New(problem.Forbidden, "the cluster does not let Wardroom get pods/log")
	for _, line := range []string{"/pod logs pod:redis-0", "/pod logs pod:bot-1", "/pod logs pod:old-0", "/pod logs pod:nosuch", "/pod logs pod:bot-0 lines:0", "/pod logs pod:bot-0 lines:99999"} {
		y.says("00:35", "joe", line)
	}
	y.forms("00:35", "joe", "INC-1", "pod force-delete")
	y.says("00:36", "joe", "/pod force-delete pod:bot-0 dry-run:yes")
	y.says("00:36", "joe", "/pod force-delete pod:old-0")
	s.Missing = []string{"pods"}
	y.says("00:37", "vic", "/pod list")
	y.golden("pod")
}

// What a pod has written never leaves with a secret of known shape in it, whatever
// bytes stand around it.
func TestLogsLeaveWithoutSecrets(t *testing.T) {
	y := newYard(t)
	y.ground.logs = "\xff\xfe postgres://bot:hunter2@postgres/bot\x00\n{\"password\": \"hunter2\"}\nAuthorization: Bearer hunter2hunter2hunter2\n"
	reply, err := y.ask("joe", "/pod logs pod:default/bot-0")
	if err != nil || len(reply.Files) != 1 {
		t.Fatalf("%+v %v", reply, err)
	}
	if body := string(reply.Files[0].Body); strings.Contains(body, "hunter2") || !utf8.ValidString(body) || !strings.Contains(body, "[redacted:") {
		t.Errorf("%q", body)
	}
}

func TestRepairsReadLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "joe", "/node recycle node:"+sickNode)
	y.open("Volumes do not attach", alert.SEV2)
	y.says("00:33", "joe", "/run list")
	y.says("00:33", "joe", "/node cordon node:"+sickNode)
	y.says("00:33", "joe", "/run approve run:INC-1/run-1")
	y.says("00:33", "joe", "/run reject")
	y.says("00:34", "joe", "/node drain node:"+sickNode+" dry-run:yes")
	y.says("00:34", "joe", "/node reboot node:"+sickNode+" dry-run:yes")
	y.says("00:35", "joe", "/node recycle node:"+sickNode)
	y.says("00:36", "joe", "/run show commands:yes")
	y.says("00:36", "chris", "/run approve")
	y.says("00:36", "chris", "/run list")
	y.golden("repair")
}

// began is a run whose first steps were carried out.
func began(done int) func(*remediation.Run) {
	return func(r *remediation.Run) {
		r.Status, r.StartedAt, r.Step = remediation.Running, night("00:40"), done
		r.Approvals = []remediation.Approval{{By: people.Human("chris"), At: night("00:39")}}
		r.Steps = make([]remediation.StepState, len(r.Plan.Steps))
		for i := range r.Steps {
			r.Steps[i].Mark = remediation.Pending
			if i < done {
				r.Steps[i] = remediation.StepState{Mark: remediation.So, Started: night("00:40"), Ended: night("00:41")}
			}
		}
		r.Steps[done] = remediation.StepState{Mark: remediation.Begun, Started: night("00:41")}
	}
}

func TestARunReadsLikeTheNight(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV1)
	y.limbo()
	y.says("00:32", "joe", "/volume remount volume:"+redisPV)
	y.says("00:33", "joe", "/run approve plan:"+remediation.ShortHash(y.run("INC-1/run-1").Hash))
	y.says("00:33", "joe", "/run break-glass reason:nobody else answers")
	y.says("00:38", "joe", "/run break-glass reason:nobody *else* answers")
	y.says("00:39", "chris", "/run approve run:INC-1/run-1 plan:000000000000")
	y.says("00:39", "chris", "/run approve run:INC-1/run-1 plan:"+remediation.ShortHash(y.run("INC-1/run-1").Hash))
	y.place(began(1))
	y.says("00:42", "vic", "/run show")
	y.says("00:42", "vic", "/run show run:inc-1/RUN-1 commands:yes")
	y.place(func(r *remediation.Run) {
		r.Status, r.Steps[1].Mark = remediation.Asking, remediation.Unclear
		r.Ask = &remediation.Question{Code: "unsure", Sentence: "Nobody can tell whether the detach arrived", Answers: []remediation.Answer{remediation.Onward, remediation.GiveUp}}
	})
	y.says("00:43", "joe", "/run show")
	y.forms("00:43", "joe", "INC-1", "run resume")
	y.says("00:43", "joe", "/run resume answer:again")
	y.says("00:44", "joe", "/run take-over")
	y.place(func(r *remediation.Run) {
		r.Status, r.EndedAt, r.By, r.Why = remediation.Aborted, night("00:44"), "joe", "Linode is at it"
		r.Left = []remediation.Leftover{{Step: 5, Planned: r.Plan.Steps[5]}, {Step: 6, Planned: r.Plan.Steps[6], Unknown: true}}
	})
	y.says("00:45", "vic", "/run show run:INC-1/run-1")
	y.says("00:45", "vic", "/run list")
	y.says("00:45", "vic", "/run list all:yes")
	y.says("00:45", "vic", "/run list incident:INC-1")
	y.ground.s.Workloads[0].Replicas = 0
	y.says("00:46", "joe", "/run undo dry-run:yes")
	y.says("00:46", "joe", "/run undo")
	y.says("00:46", "joe", "/run abort reason:it is back")
	y.golden("run")
}

func TestATicketIsDraftedFromWhatIsKnown(t *testing.T) {
	y := newYard(t)
	y.says("00:31", "joe", "/volume ticket volume:"+redisPV)
	y.open("Volumes do not attach", alert.SEV1)
	y.limbo()
	y.says("00:32", "joe", "/volume ticket volume:"+redisPV)
	y.says("00:33", "joe", "/volume remount volume:"+redisPV)
	y.place(began(1))
	y.place(func(r *remediation.Run) { r.Status, r.EndedAt = remediation.Failed, night("00:45") })
	y.says("00:46", "joe", "/volume ticket volume:"+redisPV)
	y.says("00:46", "vic", "/volume ticket volume:"+redisPV)
	y.says("00:46", "joe", "/volume open-ticket volume:"+redisPV+" subject:\"Please look at our volume\" dry-run:yes")
	y.heaven.tickets = []fleet.SupportTicket{{Number: 15900001, Volume: 6002, Status: "open", Opened: night("00:40"), URL: "https://cloud.linode.com/support/tickets/15900001"}}
	y.says("00:46", "joe", "/volume open-ticket volume:"+redisPV+" dry-run:yes")
	y.heaven.tickets = nil
	y.says("00:46", "joe", "/volume open-ticket volume:"+redisPV)
	y.says("00:46", "vic", "/volume open-ticket volume:"+redisPV)
	y.heaven.down = true
	y.says("00:47", "joe", "/volume ticket volume:"+redisPV)
	y.golden("ticket")
}

func TestRepairFormsAskWithOneTap(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.ground.s.Nodes[1].Ready = fleet.False
	y.limbo()
	for _, path := range []string{"node recycle", "node show", "volume remount", "volume show"} {
		y.forms("00:33", "joe", "INC-1", path)
	}
	y.forms("00:33", "vic", "INC-1", "node recycle")
	y.forms("00:34", "joe", "INC-1", "run approve")
	y.says("00:34", "joe", "/node recycle node:"+sickNode)
	for _, path := range []string{"run approve", "run reject", "run break-glass", "run abort", "run resume"} {
		y.forms("00:35", "chris", "INC-1", path, "run", "INC-1/run-1")
	}
	y.golden("repair_forms")
}

func TestWhatIsNotToBeHadIsSaid(t *testing.T) {
	y := newYard(t)
	y.open("Volumes do not attach", alert.SEV2)
	y.ground.down = true
	for _, line := range []string{"/node list", "/node show node:x", "/node recycle node:x", "/node reboot-all", "/node cordon node:x dry-run:yes", "/volume list", "/volume show volume:x", "/volume remount volume:x", "/volume open-ticket volume:x", "/workload list", "/workload show workload:x", "/scale set workload:x replicas:0", "/scale restore workload:x", "/restart workload workload:x", "/restart csi", "/restart core dry-run:yes", "/pod list", "/pod logs pod:x", "/pod force-delete pod:x"} {
		_, err := y.ask("joe", line)
		p, ok := err.(*problem.Error)
		if !ok || p.Code != problem.Unavailable || !strings.Contains(p.Message, "knows no cluster") || p.Hint == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
	joe := y.caller("joe", "")
	for _, o := range [][2]string{{"node show", "node"}, {"volume show", "volume"}, {"workload show", "workload"}} {
		if found, err := y.runner.Complete(t.Context(), joe, o[0], o[1], ""); err != nil || len(found) != 0 {
			t.Errorf("%v %v", found, err)
		}
		if view, err := y.runner.Form(t.Context(), joe, command.Ask{Path: o[0]}); err != nil || len(view.Fields) != 1 || !view.Fields[0].Typed() {
			t.Errorf("%+v %v", view, err)
		}
	}
}
