package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/commands/repair"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// The credentials of a bot that has the generated roles and nothing else.
const observingToken, actingToken = "token-of-the-observing-role", "token-of-the-acting-role"

// Workloads of [everyRight] that are scaled before the rights are tried, so that there
// is something to put back.
var scaledBefore = []string{"default/web", "default/queue", "ReplicaSet/default/batch-1"}

// collapsedBefore is the Redis of [everyRight] that is on one instance then.
const collapsedBefore = "default/pond"

// kitAsks are what people type for each repair. A plan needs a right only if it uses
// it: together those of a repair use every one that the repair names.
var kitAsks = map[string][][]string{
	repair.NodeUncordon:     {{"node", "uncordon", redisNode}},
	repair.NodeCordon:       {{"node", "cordon", redisNode}},
	repair.NodeDrain:        {{"node", "drain", redisNode}},
	repair.NodeReboot:       {{"node", "reboot", redisNode}},
	repair.NodeRebootAll:    {{"node", "reboot-all"}},
	repair.NodeRecycle:      {{"node", "recycle", redisNode}},
	repair.WorkloadScale:    {{"scale", "set", "default/vault", "0"}, {"scale", "set", "default/ledger", "0"}, {"scale", "set", "ReplicaSet/default/archive-1", "0"}},
	repair.WorkloadRestore:  {{"scale", "restore", scaledBefore[0]}, {"scale", "restore", scaledBefore[1]}, {"scale", "restore", scaledBefore[2]}},
	repair.WorkloadRestart:  {{"restart", "workload", "default/redis"}, {"restart", "workload", "default/ledger"}, {"restart", "workload", "kube-system/calico-node"}},
	repair.RedisCollapse:    {{"redis", "collapse", "default/pool"}},
	repair.RedisExpand:      {{"redis", "expand", collapsedBefore}},
	repair.RestartCoreDNS:   {{"restart", "coredns"}},
	repair.RestartKubeProxy: {{"restart", "kube-proxy"}},
	repair.RestartCSI:       {{"restart", "csi"}},
	repair.RestartCalico:    {{"restart", "calico"}},
	repair.RestartCore:      {{"restart", "core"}},
	repair.VolumeTicket:     {{"volume", "open-ticket", "pvc-vault"}},
	repair.VolumeRemount:    {{"volume", "remount", "pvc-vault"}, {"volume", "remount", "pvc-ledger"}, {"volume", "remount", "pvc-archive"}, {"volume", "remount", "pvc-lost"}},
	repair.PodForceDelete:   {{"pod", "force-delete", "default/ledger-0"}},
}

// everyRight puts into a world something for every right of the roles: on one node a
// Deployment, a StatefulSet and a ReplicaSet with a volume each, which Argo CD, a
// Kustomization and a HelmRelease keep; the same without volumes; what every pod needs;
// two Redis sets that all three keep; and a volume on a node that is to be turned off.
func everyRight(w *stageWorld) error {
	one, none := int32(1), int32(0)
	for n, l := range []kubetest.Workload{
		{Name: "kube-system/calico-node", Kind: "DaemonSet"},
		{Name: "kube-system/calico-kube-controllers"},
		{Name: "kube-system/coredns"},
		{Name: "kube-system/kube-proxy", Kind: "DaemonSet"},
		{Name: "kube-system/csi-linode-plugin"},
		{Name: "kube-system/csi-linode-controller", Kind: "StatefulSet"},
		{Name: "default/vault", Node: redisNode, Volume: "pvc-vault", Argo: "vault"},
		{Name: "default/ledger", Kind: "StatefulSet", Node: redisNode, Volume: "pvc-ledger", Flux: "ledger"},
		{Name: "default/archive", Node: redisNode, Volume: "pvc-archive", Replicas: &none}, // its ReplicaSet follows
		{Name: "default/lost", Node: spareNode, Volume: "pvc-lost"},
		{Name: "default/web", Argo: "web"},
		{Name: "default/queue", Kind: "StatefulSet", Flux: "queue"},
	} {
		if l.Replicas == nil {
			l.Replicas = &one
		}
		if l.Volume != "" {
			l.Disk = firstDisk + 100 + n
		}
		w.kube.AddWorkload(l)
	}
	type object = map[string]any
	var objects []object
	for _, name := range []string{"archive", "batch"} {
		pod := object{"containers": []object{{"name": name, "image": "example.org/" + name + ":1"}}, "nodeSelector": object{"kubernetes.io/hostname": redisNode}}
		if name == "archive" {
			pod["volumes"] = []object{{"name": "data", "persistentVolumeClaim": object{"claimName": name}}}
		}
		objects = append(objects, object{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": object{"namespace": "flux-system", "name": name}, "spec": object{"interval": "1m"}},
			object{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": object{"namespace": "default", "name": name + "-1",
				"labels": object{"app": name, "helm.toolkit.fluxcd.io/name": name, "helm.toolkit.fluxcd.io/namespace": "flux-system"}},
				"spec": object{"replicas": 1, "selector": object{"matchLabels": object{"app": name}}, "template": object{"metadata": object{"labels": object{"app": name}}, "spec": pod}}})
	}
	two := int32(2)
	for _, name := range []string{"pool", "pond"} {
		objects = append(objects, object{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": object{"namespace": "flux-system", "name": name + "-release"}, "spec": object{"interval": "1m"}})
		w.kube.AddWorkload(kubetest.Workload{Name: "default/" + name, Kind: "StatefulSet", Replicas: &two, Node: siteNode, Argo: name, Flux: name,
			Labels: map[string]string{"helm.toolkit.fluxcd.io/name": name + "-release", "helm.toolkit.fluxcd.io/namespace": "flux-system"}})
		if err := w.ponds.add(scenario.Workload{Name: "default/" + name, Kind: "StatefulSet", Replicas: &two, Redis: &scenario.Redis{}}); err != nil {
			return err
		}
	}
	for _, o := range objects {
		raw, err := json.Marshal(o)
		if err == nil {
			err = w.kube.Apply(raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restricted is a bot that has the generated roles alone, in a world that holds
// something for every right.
func restricted(t *testing.T) *repairs {
	t.Helper()
	return newRepairs(t, repairOptions{world: func(w *stageWorld) {
		if err := everyRight(w); err != nil {
			t.Fatal(err)
		}
		for file, role := range map[string]struct {
			token string
			rules []kubernetes.Rule
		}{"observe": {observingToken, kubernetes.Reads()}, "act": {actingToken, kubernetes.Changes(kitSpecs())}} {
			for _, rule := range role.rules {
				for _, right := range rule.Each() {
					w.kube.Allow(role.token, right)
				}
			}
			if err := w.kube.WriteKubeconfig(w.kubeconfig(file), role.token); err != nil {
				t.Fatal(err)
			}
		}
	}})
}

func kitSpecs() []remediation.Spec {
	return kubernetes.Specs(repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}))
}

// asks types what a repair is asked for with.
func (r *repairs) asks(words []string, more ...string) readOut {
	r.t.Helper()
	release := r.app.Runtime.Hold()
	a := r.typed("dana", slices.Concat(words, []string{"--incident", "INC-1"}, more)...)
	release()
	r.pass(0)
	return a
}

// TestWithoutARuleExactlyItsRepairsCannotBeHad takes each rule of the generated role
// from a bot that has that role and nothing else, and lets people ask for every repair:
// those that the role names are refused with a sentence, and none of the others.
func TestWithoutARuleExactlyItsRepairsCannotBeHad(t *testing.T) {
	t.Parallel()
	r := restricted(t)
	before := [][]string{{"redis", "collapse", collapsedBefore}}
	for _, name := range scaledBefore {
		before = append(before, []string{"scale", "set", name, "0"})
	}
	for _, words := range before {
		r.asks(words)
		r.slash("chris", approveLine(r.run()))
		r.pass(time.Minute)
		r.wants(remediation.Done)
	}
	if err := r.world.linode.Act(console, linodetest.Act{Do: "shutdown", Linode: r.world.nodes[spareNode]}); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * time.Minute)
	// without is which repairs are refused for want of a right.
	without := func(right string) (names []string) {
		for _, spec := range kitSpecs() {
			if len(kitAsks[spec.Name]) == 0 {
				t.Errorf("nobody asks for %s: kitAsks lacks it", spec.Name)
			}
			refused := 0
			for _, words := range kitAsks[spec.Name] {
				told := r.asks(words, "--dry-run")
				if !strings.Contains(told.text, "Dry run") {
					t.Errorf("%v has no plan:\n%s", words, told.text)
				}
				if !strings.Contains(told.text, "Wardroom's role in kubernetes may not ") {
					continue
				}
				refused++
				sentence := "Wardroom's role in kubernetes may not " + right + ", which the step "
				r.says(told, "Refused, whoever asks", sentence, "deploy/kubernetes/act has the role")
				if refused > 1 {
					continue
				}
				before := r.run()
				if told = r.says(r.asks(words), sentence); !told.error || r.run().ID != before.ID {
					t.Errorf("%v without %s is not refused:\n%s", words, right, told.text)
				}
			}
			if refused > 0 {
				names = append(names, spec.Name)
			}
		}
		return names
	}
	if names := without("nothing"); len(names) > 0 {
		t.Fatalf("with the whole role %v cannot be had", names)
	}
	rules := kubernetes.Changes(kitSpecs())
	for _, rule := range rules {
		for _, right := range rule.Each() {
			r.world.kube.Deny(actingToken, right)
			r.pass(time.Minute) // an answer is believed for a while
			if got := without(right); !slices.Equal(got, strings.Split(rule.For, ", ")) {
				t.Errorf("without %q cannot be had\n%v, the role names\n%s", right, got, rule.For)
			}
			r.world.kube.Allow(actingToken, right)
		}
	}
	if len(rules) < 10 {
		t.Errorf("%d rules: the test does not look", len(rules))
	}
}

// TestARightThatIsTakenAwayMeanwhile: the plan was made while the role allowed it. It is
// approved before anybody asks again: the step meets the refusal, and the run fails with
// that sentence and has changed nothing.
func TestARightThatIsTakenAwayMeanwhile(t *testing.T) {
	t.Parallel()
	r := restricted(t)
	for _, c := range []struct {
		right string
		words []string
	}{
		{"patch nodes", []string{"node", "cordon", redisNode}},
		{"patch deployments/scale", []string{"scale", "set", "default/bot", "0"}},
		{"patch deployments", []string{"restart", "workload", "default/bot"}},
	} {
		r.asks(c.words)
		r.wants(remediation.Requested)
		r.world.kube.Deny(actingToken, c.right)
		before := r.world.kube.Dump(false)
		r.slash("chris", approveLine(r.run()))
		r.pass(10 * time.Second)
		if run := r.wants(remediation.Failed); !strings.Contains(run.Why, "does not let Wardroom "+c.right) {
			t.Errorf("it failed with %q", run.Why)
		}
		if after := r.world.kube.Dump(false); !bytes.Equal(before, after) {
			t.Errorf("without %s the cluster is not as it was", c.right)
		}
	}
}
