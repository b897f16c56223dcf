package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wardroom/bot/remediation"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

var done = []remediation.Status{remediation.Done}

const askTicket = "/volume open-ticket volume:" + limboVolume

// kitNights are those of the other repairs, one after the other as [repair.All] has
// them. What is asked to be changed is each one's own, and nothing else.
var kitNights = []deadly{{
	name:    "a node is uncordoned",
	prepare: func(w *mortalWorld) { w.must(w.kube.Cordon(mortalNode, true)) },
	asks:    []string{"/node uncordon node:" + mortalNode}, repairs: []string{repair.NodeUncordon}, ends: done,
	changes: []string{"patch nodes " + mortalNode},
}, {
	name:    "a node is cordoned",
	prepare: func(w *mortalWorld) { w.cordoned = []string{mortalNode} },
	asks:    []string{"/node cordon node:" + mortalNode}, repairs: []string{repair.NodeCordon}, ends: done,
	changes: []string{"patch nodes " + mortalNode},
}, {
	name:    "a workload is scaled, and Argo CD is paused for it",
	prepare: func(w *mortalWorld) { w.worker(1) },
	asks:    []string{"/scale set workload:default/worker replicas:1"}, repairs: []string{repair.WorkloadScale}, ends: done,
	changes: []string{"patch applications.argoproj.io argocd/worker", "patch deployments/scale default/worker"},
	whole:   func(w *mortalWorld) { w.replicas("default/worker", 1) },
}, {
	name:    "a workload is scaled to 0 and put back, and Argo CD resumed",
	prepare: func(w *mortalWorld) { w.worker(3) },
	asks:    []string{"/scale set workload:default/worker replicas:0", "/scale restore workload:default/worker"},
	repairs: []string{repair.WorkloadScale, repair.WorkloadRestore}, ends: []remediation.Status{remediation.Done, remediation.Done},
	changes: []string{"patch applications.argoproj.io argocd/worker", "patch deployments/scale default/worker"},
	whole:   func(w *mortalWorld) { w.replicas("default/worker", 3) },
	from:    "scale restore: ",
}, {
	name:    "the DNS is restarted",
	prepare: (*mortalWorld).core,
	asks:    []string{"/restart coredns"}, repairs: []string{repair.RestartCoreDNS}, ends: done,
	changes: []string{"patch deployments kube-system/coredns"}, whole: rolledOutOnce,
}, {
	name:    "kube-proxy is restarted",
	prepare: (*mortalWorld).core,
	asks:    []string{"/restart kube-proxy"}, repairs: []string{repair.RestartKubeProxy}, ends: done,
	changes: []string{"patch daemonsets kube-system/kube-proxy"}, whole: rolledOutOnce,
}, {
	name:    "the volume driver is restarted",
	prepare: (*mortalWorld).core,
	asks:    []string{"/restart csi"}, repairs: []string{repair.RestartCSI}, ends: done,
	changes: []string{"patch daemonsets kube-system/csi-linode-node"}, whole: rolledOutOnce,
}, {
	name:    "the network is restarted",
	prepare: (*mortalWorld).core,
	asks:    []string{"/restart calico"}, repairs: []string{repair.RestartCalico}, ends: done,
	changes: []string{"patch daemonsets kube-system/calico-node"}, whole: rolledOutOnce,
}, {
	name:    "the core is restarted, and what is not back",
	prepare: (*mortalWorld).core, spoils: "default/site",
	asks: []string{"/restart core"}, repairs: []string{repair.RestartCore}, ends: done,
	changes: []string{"patch daemonsets kube-system/calico-node", "patch daemonsets kube-system/csi-linode-node", "patch daemonsets kube-system/kube-proxy",
		"patch deployments default/site", "patch deployments kube-system/coredns"}, whole: rolledOutOnce,
}, {
	name: "a workload is restarted",
	asks: []string{"/restart workload workload:default/site"}, repairs: []string{repair.WorkloadRestart}, ends: done,
	changes: []string{"patch deployments default/site"}, whole: rolledOutOnce,
}, {
	name:    "a support ticket is opened",
	prepare: func(w *mortalWorld) { w.linode.SetVolumeStatus(limboDisk, "contact_support") },
	after:   func(w *mortalWorld) { w.linode.SetVolumeStatus(limboDisk, "active") },
	asks:    []string{askTicket}, repairs: []string{repair.VolumeTicket}, ends: done,
	changes: []string{"POST /support/tickets"}, whole: oneTicket,
}, {
	name: "a support ticket is opened, and the answer is lost",
	prepare: func(w *mortalWorld) {
		w.linode.Fault(linodetest.Fault{Method: "POST", Path: "/support/tickets", Times: 1, Lost: true})
		w.linode.SetVolumeStatus(limboDisk, "contact_support")
	},
	after: func(w *mortalWorld) { w.linode.SetVolumeStatus(limboDisk, "active") },
	asks:  []string{askTicket}, repairs: []string{repair.VolumeTicket}, ends: done,
	changes: []string{}, whole: oneTicket,
	from: "recorded step.started", until: stepDone,
}, {
	name:    "a pod of a machine that is off is deleted",
	prepare: func(w *mortalWorld) { w.off() },
	after:   func(w *mortalWorld) { w.act(linodetest.Act{Do: "boot", Linode: mortalMachine}) },
	asks:    []string{"/pod force-delete pod:default/postgres-0"}, repairs: []string{repair.PodForceDelete}, ends: done,
	changes: []string{"delete pods default/postgres-0"},
}, {
	name:    "a node is drained",
	prepare: func(w *mortalWorld) { w.cordoned = []string{mortalNode}; w.evicting() },
	asks:    []string{"/node drain node:" + mortalNode}, repairs: []string{repair.NodeDrain}, ends: done,
	whole: func(w *mortalWorld) { w.changed(append(w.did, "patch nodes "+mortalNode)) },
}, {
	name: "a node that answers is rebooted",
	asks: []string{"/node reboot node:" + mortalNode}, repairs: []string{repair.NodeReboot}, ends: done,
	whole: rebootedOnce,
}, {
	name:    "a node that hangs is rebooted",
	prepare: func(w *mortalWorld) { w.hang() },
	asks:    []string{"/node reboot node:" + mortalNode}, repairs: []string{repair.NodeReboot}, ends: done,
	whole: rebootedOnce,
}, {
	name: "every node is rebooted, one after another",
	asks: []string{"/node reboot-all"}, repairs: []string{repair.NodeRebootAll}, ends: done,
	whole: eachRebootedOnce,
}}

// eachRebootedOnce: the machine of every node was restarted, and none of them twice. A
// pod of a StatefulSet may well be evicted twice, from one node after another.
func eachRebootedOnce(w *mortalWorld) {
	w.t.Helper()
	var restarts []string
	for _, one := range w.asked() {
		if strings.HasSuffix(one, "/reboot") {
			restarts = append(restarts, one)
		}
	}
	if machines := slices.Compact(slices.Clone(restarts)); len(machines) != 3 || len(restarts) != 3 {
		w.t.Errorf("the machines were restarted as %v", restarts)
	}
}

// worker is a workload of three pods that Argo CD keeps; n are to be left.
func (w *mortalWorld) worker(n int) {
	w.add(kubetest.Workload{Name: "default/worker", Argo: "worker"}, 3)
	w.pods["default/worker"] = n
}

// core is what every pod needs, beside the volume driver.
func (w *mortalWorld) core() {
	w.add(kubetest.Workload{Name: "kube-system/calico-node", Kind: "DaemonSet"}, 3)
	w.add(kubetest.Workload{Name: "kube-system/coredns"}, 2)
	w.add(kubetest.Workload{Name: "kube-system/kube-proxy", Kind: "DaemonSet"}, 3)
}

// evicting notes which pods are to be evicted from the node.
func (w *mortalWorld) evicting() {
	for _, p := range w.kube.Pods() {
		if p.Node == mortalNode && strings.HasPrefix(p.Name, "default/") {
			w.did = append(w.did, "create pods/eviction "+p.Name)
		}
	}
}

// asked are the requests that the cluster and the cloud have carried out, as
// "patch nodes lke…" and "POST /linode/instances/28412345/reboot".
func (w *mortalWorld) asked() (all []string) {
	for _, r := range w.kube.Writes() {
		if r.Status/100 == 2 && !r.DryRun {
			all = append(all, r.Verb+" "+r.Resource+" "+r.Object)
		}
	}
	for _, r := range w.linode.Writes() {
		if r.Status/100 == 2 {
			all = append(all, r.Method+" "+strings.TrimPrefix(r.Path, "/v4"))
		}
	}
	slices.Sort(all)
	return all
}

// changed holds what was asked for to what had to be.
func (w *mortalWorld) changed(want []string) {
	w.t.Helper()
	w.once()
	want = slices.Sorted(slices.Values(want))
	if got := slices.Compact(w.asked()); !slices.Equal(got, want) {
		w.t.Errorf("what was changed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// once: what sets something to a value may be asked for again by the next process; what
// deletes, evicts or restarts may not.
func (w *mortalWorld) once() {
	w.t.Helper()
	asked := w.asked()
	for i, one := range asked {
		if i > 0 && one == asked[i-1] && !strings.HasPrefix(one, "patch ") {
			w.t.Errorf("twice: %s", one)
		}
	}
}

// replicas holds a Deployment's to a number, and its Application to what goes with it:
// paused while it is not at the three that it was declared with.
func (w *mortalWorld) replicas(deployment string, want int) {
	w.t.Helper()
	var objects map[string][]struct {
		Metadata struct {
			Namespace, Name string
			Annotations     map[string]string
		}
		Spec struct{ Replicas int }
	}
	w.must(json.Unmarshal(w.kube.Dump(false), &objects))
	found := 0
	for path, all := range objects {
		for _, o := range all {
			switch {
			case strings.HasSuffix(path, "/deployments") && o.Metadata.Namespace+"/"+o.Metadata.Name == deployment:
				found++
				if o.Spec.Replicas != want {
					w.t.Errorf("%s is scaled to %d, want %d", deployment, o.Spec.Replicas, want)
				}
			case strings.HasSuffix(path, "/applications"):
				found++
				if paused := o.Metadata.Annotations["argocd.argoproj.io/skip-reconcile"] == "true"; paused != (want != 3) {
					w.t.Errorf("at %d replicas, Argo CD is paused: %t", want, paused)
				}
			}
		}
	}
	if found != 2 {
		w.t.Errorf("%d of the Deployment and its Application are there", found)
	}
}

var restartedAt = regexp.MustCompile(`restartedAt":"([^"]+)"`)

// rolledOutOnce: of each workload that was restarted one rollout was begun, however
// often it was asked for.
func rolledOutOnce(w *mortalWorld) {
	w.t.Helper()
	begun := map[string][]string{}
	for _, r := range w.kube.Writes() {
		if r.Status/100 != 2 || r.DryRun {
			continue
		}
		at := restartedAt.FindStringSubmatch(r.Body)
		if at == nil {
			w.t.Errorf("no restart: %s %s", r.Path, r.Body)
			continue
		}
		begun[r.Object] = append(begun[r.Object], at[1])
	}
	for o, all := range begun {
		if n := len(slices.Compact(slices.Sorted(slices.Values(all)))); n != 1 {
			w.t.Errorf("%d rollouts of %s were begun: %v", n, o, all)
		}
	}
}

// rebootedOnce: the machine was restarted once, by one request or by turning it off and
// on again, and what was evicted was evicted once.
func rebootedOnce(w *mortalWorld) {
	w.t.Helper()
	w.once()
	restarts := 0
	for _, one := range w.asked() {
		if strings.HasPrefix(one, fmt.Sprintf("POST /linode/instances/%d/", mortalMachine)) && !strings.HasSuffix(one, "/shutdown") {
			restarts++
		}
	}
	boots := 0
	for _, c := range w.linode.Changes(0) {
		if c.What == linodetest.InstanceBooted && c.Linode == mortalMachine {
			boots++
		}
	}
	if restarts != 1 || boots != 1 {
		w.t.Errorf("the machine was booted %d times for %d requests:\n%s", boots, restarts, strings.Join(w.asked(), "\n"))
	}
}

// oneTicket: the people at Linode were asked once, by what was approved.
func oneTicket(w *mortalWorld) {
	w.t.Helper()
	if all := w.linode.Tickets(); len(all) != 1 || all[0].Volume != limboDisk || !strings.Contains(all[0].Description, limboVolume) {
		w.t.Errorf("tickets %+v", all)
	}
}
