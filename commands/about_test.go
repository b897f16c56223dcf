package commands_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
)

// notReady is what python-discord/infra's Prometheus sends of the sick node: the
// exporter runs on the healthy one.
func notReady() alert.Alert {
	return page("kubernetes/node-not-ready", "00:30", "Kubernetes node is not ready: "+wellNode, "node", sickNode, "kubernetes_node", wellNode, "job", "kubernetes-pods")
}

func hungYard(t *testing.T) *yard {
	y := newYard(t)
	y.ground.s.Nodes[1].Ready = fleet.Unknown
	y.limbo()
	return y
}

func TestWhatAnAlertIsAboutReadsLikeThis(t *testing.T) {
	y := hungYard(t)
	connections := page("postgres/connection-limit", "00:31", "115 of 115", "service", "postgres", "namespace", "default", "node", sickNode)
	y.receive("00:32", notReady(), page("kubernetes/pod-not-healthy", "00:31", "not healthy", "namespace", "default", "pod", "redis-0"), connections)
	y.says("00:33", "vic", "/incident acts")
	y.says("00:33", "joe", "/incident acts")
	y.says("00:34", "joe", "/alert show alert:kubernetes/node-not-ready")
	y.says("00:34", "joe", "/alert show alert:kubernetes/pod-not-healthy")
	y.says("00:35", "joe", "/alert show alert:postgres/connection-limit")
	y.receive("00:36", page("KubePodNotReady", "00:35", "x", "pod", "gone-0", "namespace", "default"), page("KubeNodePressure", "00:35", "x", "kubernetes_node", wellNode))
	y.says("00:36", "joe", "/alert show alert:KubePodNotReady")
	y.says("00:36", "joe", "/alert show alert:KubeNodePressure")
	y.ground.down = true
	y.says("00:37", "joe", "/incident acts")
	y.says("00:37", "joe", "/alert show alert:kubernetes/node-not-ready")
	y.golden("about")
}

// TestEverySuggestionCanBeTapped: each leads to a command that there is; looking
// records nothing, planning asks for approval and carries nothing out.
func TestEverySuggestionCanBeTapped(t *testing.T) {
	y := hungYard(t)
	y.ground.s.Nodes[0].Unschedulable = true
	all := []alert.Alert{notReady(), page("KubernetesNodeCordoned", "00:31", "x", "node", wellNode), page("kubernetes/pod-not-healthy", "00:31", "x", "namespace", "default", "pod", "redis-0"),
		page("KubePersistentVolumeErrors", "00:31", "x", "persistentvolume", redisPV), page("KubeDeploymentReplicasMismatch", "00:31", "x", "namespace", "default", "deployment", "redis")}
	y.receive("00:32", all...)
	tapped := map[string]bool{}
	for _, a := range all {
		reply, err := y.ask("joe", "/alert show alert:"+a.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, offer := range reply.Actions {
			path := offer.Ask.Path
			if strings.HasPrefix(path, "alert ") || strings.HasPrefix(path, "incident ") || tapped[path] {
				continue
			}
			tapped[path] = true
			before := y.entries()
			if _, err := y.press("joe", offer.Ask); err != nil {
				t.Logf("%s: %v", offer.Label, err) // a plan may be refused; a ground that is touched panics
			}
			if strings.HasSuffix(path, " show") && y.entries() != before {
				t.Errorf("%s: looking is recorded", offer.Label)
			}
			if c, err := y.runner.Table.Lookup(path); err != nil {
				t.Errorf("%s: there is no /%s", offer.Label, path)
			} else if want := people.Viewer; strings.HasSuffix(path, " show") && c.Access != want {
				t.Errorf("/%s is for %s", path, c.Access)
			}
		}
	}
	for _, want := range []string{"node show", "node reboot", "node recycle", "node uncordon", "node drain", "volume show", "volume remount", "workload show", "restart workload"} {
		if !tapped[want] {
			t.Errorf("nothing led to /%s: %v", want, tapped)
		}
	}
}

// TestConnectionLimitNeverLeadsToANode, whatever labels of machines it carries.
func TestConnectionLimitNeverLeadsToANode(t *testing.T) {
	for n, labels := range [][]string{{"service", "postgres", "namespace", "default"}, {"node", sickNode}, {"pod", "redis-0", "namespace", "default", "node", sickNode}, {"kubernetes_node", sickNode, "job", "node-exporter", "instance", sickNode}} {
		y := hungYard(t)
		y.receive("00:32", page("postgres/connection-limit", "00:31", "x", labels...))
		for _, line := range []string{"/incident acts", "/alert show alert:postgres/connection-limit"} {
			reply, err := y.ask("joe", line)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range reply.Actions {
				if strings.HasPrefix(a.Ask.Path, "node ") && a.Ask.Path != "node list" {
					t.Errorf("%d: %s offers %s", n, line, a.Label)
				}
			}
		}
	}
}

// TestASuggestedViewComesBeforeEverythingButDecisions, and a crowd of alerts gives
// few buttons, each of them once.
func TestSuggestedViewsStandFirstAndAreFew(t *testing.T) {
	y := hungYard(t)
	var all []alert.Alert
	for n := range 40 {
		name := fmt.Sprintf("extra-%d", n)
		y.ground.s.Nodes = append(y.ground.s.Nodes, fleet.Node{Name: name, Ready: fleet.False})
		one := page("KubeNodeNotReady", "00:31", "x", "node", name)
		one.Fingerprint = name
		all = append(all, one)
	}
	y.receive("00:32", append([]alert.Alert{notReady()}, all...)...)
	reply, err := y.ask("vic", "/incident acts")
	if err != nil {
		t.Fatal(err)
	}
	labels := func(acts []command.Action) (l []string) {
		for _, a := range acts {
			l = append(l, a.Label)
		}
		return l
	}
	got := labels(reply.Actions)
	if want := []string{"Show node " + sickNode, "Show node extra-0", "Show node extra-1"}; !slices.Equal(got[:3], want) || slices.Contains(got, "Show node extra-2") {
		t.Errorf("offers %q, want %q first", got, want)
	}
	if !strings.Contains(reply.Text, "and 38 more: `/alert show` says it of each") {
		t.Errorf("tells %q", reply.Text)
	}
}

func TestAlertShowKeepsItsFieldsForScripts(t *testing.T) {
	y := hungYard(t)
	y.receive("00:32", notReady())
	reply, err := y.ask("vic", "/alert show alert:kubernetes/node-not-ready")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(reply.Data)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Fingerprint string
		Labels      map[string]string
		About       struct{ Target struct{ Kind, Label string } }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Fingerprint == "" || got.Labels["node"] != sickNode || got.About.Target.Kind != "node" || got.About.Target.Label != "node" {
		t.Errorf("%s", body)
	}
}
