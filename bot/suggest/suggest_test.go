package suggest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/suggest"
)

const (
	sick  = "lke13311-16405-5fafd1b46dcf"
	other = "lke13311-20304-5ffa4d11faab"
)

func object(kind, namespace, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: namespace, Name: name}
}

// cluster is the night of 2021-07-11: one node does not answer, Redis waits for its
// volume, kube-state-metrics and the exporters run on the healthy node.
func cluster() *fleet.Snapshot {
	redis, postgres, site := object("Deployment", "default", "redis"), object("StatefulSet", "default", "postgres"), object("Deployment", "default", "site")
	claim := object("PersistentVolumeClaim", "default", "redis-data")
	return &fleet.Snapshot{
		Nodes: []fleet.Node{{Name: sick, Ready: fleet.Unknown}, {Name: other, Ready: fleet.True}},
		Workloads: []fleet.Workload{{Object: redis, Replicas: 1}, {Object: postgres, Replicas: 1, Ready: 1}, {Object: site, Replicas: 2, Ready: 2},
			{Object: object("Deployment", "monitoring", "postgres-exporter"), Replicas: 1, Ready: 1}, {Object: object("Deployment", "staging", "site"), Replicas: 1, Ready: 1}},
		Pods: []fleet.Pod{{Object: object("Pod", "default", "redis-599887d778-wggbl"), Node: sick, Owner: redis, Phase: "Pending", Reason: "ContainerCreating", Claims: []string{"redis-data"}},
			{Object: object("Pod", "default", "postgres-0"), Node: other, Owner: postgres, Phase: "Running", Ready: true, Claims: []string{"postgres-data"}},
			{Object: object("Pod", "monitoring", "kube-state-metrics-0"), Node: other, Phase: "Running", Ready: true},
			{Object: object("Pod", "default", "twin"), Node: other, Phase: "Running", Ready: true}, {Object: object("Pod", "staging", "twin"), Node: other, Phase: "Running", Ready: true}},
		Claims: []fleet.Claim{{Object: claim, Volume: "pvc-bb1d06139b334c1f"}, {Object: object("PersistentVolumeClaim", "default", "postgres-data"), Volume: "pvc-0a4c2f6e7d8b9a10"},
			{Object: object("PersistentVolumeClaim", "default", "unbound")}},
		Volumes:     []fleet.Volume{{Name: "pvc-bb1d06139b334c1f", Claim: claim}, {Name: "pvc-0a4c2f6e7d8b9a10", Claim: object("PersistentVolumeClaim", "default", "postgres-data")}, {Name: "pv-free"}},
		Attachments: []fleet.Attachment{{Volume: "pvc-0a4c2f6e7d8b9a10", Node: other, Attached: true}},
	}
}

func rules(t *testing.T, own ...suggest.RuleText) suggest.Rules {
	t.Helper()
	list, err := suggest.ParseRules(own)
	if err != nil {
		t.Fatal(err)
	}
	return suggest.Rules{List: append(list, suggest.DefaultRules()...), Exporters: incident.DefaultRules().Exporters}
}

// labels reads "a=b c=d".
func labels(text string) map[string]string {
	m := map[string]string{}
	for pair := range strings.FieldsSeq(text) {
		k, v, _ := strings.Cut(pair, "=")
		m[k] = v
	}
	return m
}

// scraped are the labels that kube-state-metrics' place adds to each of its series.
const (
	scraped   = " job=kube-state-metrics namespace=monitoring pod=kube-state-metrics-0 instance=10.2.0.9:8080 container=kube-state-metrics"
	pyScraped = " kubernetes_node=" + other + " kubernetes_namespace=monitoring kubernetes_pod_name=kube-state-metrics-0 job=kubernetes-pods"
)

// TestWhatAnAlertIsAbout goes through the labels that kube-prometheus' and Python
// Discord's rules really send, and through those of the seeds' nights.
func TestWhatAnAlertIsAbout(t *testing.T) {
	for name, tc := range map[string]struct {
		labels string
		rules  []suggest.RuleText
		want   string // the target; "" when there is none
		state  string
		refuse string // in what is refused, "" when nothing may be
		offers string
	}{
		"node not ready, Python Discord": {labels: "alertname=kubernetes/node-not-ready node=" + sick + pyScraped, want: "node " + sick, state: "readiness UNKNOWN",
			refuse: "kubernetes_node=" + other + " names the node that the exporter runs on", offers: "node show, node cordon, node reboot, node recycle"},
		"node not ready, their older name": {labels: "alertname=KubernetesNodeReady node=" + sick + pyScraped, want: "node " + sick, state: "readiness UNKNOWN",
			refuse: "kubernetes_node=" + other, offers: "node show, node cordon, node reboot, node recycle"},
		"only the exporter's node is named": {labels: "alertname=kubernetes/node-not-ready" + pyScraped,
			refuse: "kubernetes_node=" + other + " names the node that the exporter runs on, not the sick one; it has no label node"},
		"node not ready, kube-prometheus":                {labels: "alertname=KubeNodeNotReady node=" + sick + scraped, want: "node " + sick, state: "readiness UNKNOWN", offers: "node show, node cordon, node reboot, node recycle"},
		"node pressure":                                  {labels: "alertname=KubeNodePressure condition=MemoryPressure node=" + other + scraped, want: "node " + other, state: "Ready", offers: "node show, node cordon, node drain"},
		"the metric's own node is kept as exported_node": {labels: "alertname=KubeNodeNotReady node=" + other + " exported_node=" + sick + scraped, want: "node " + sick, state: "readiness UNKNOWN", offers: "node show, node cordon, node reboot, node recycle"},
		"a node that is gone":                            {labels: "alertname=KubeNodeUnreachable node=lke13311-gone" + scraped, refuse: "node=lke13311-gone is no node of the cluster"},
		"cpu of a node, Python Discord":                  {labels: "alertname=HighNodeCPU kubernetes_node=" + other, want: "node " + other, state: "Ready", offers: "node show, node cordon, node drain"},
		"memory of a node, Python Discord":               {labels: "alertname=NodeHighMemoryUsage job=node-exporter instance=10.2.0.9:9100 kubernetes_node=" + other, want: "node " + other, state: "Ready", offers: "node show, node cordon, node drain"},
		"disk of a node, kube-prometheus":                {labels: "alertname=NodeFilesystemSpaceFillingUp job=node-exporter namespace=monitoring pod=node-exporter-x instance=" + other, want: "node " + other, state: "Ready", offers: "node show, node cordon, node drain"},
		"an instance with a port":                        {labels: "alertname=NodeClockSkewDetected job=node-exporter instance=" + other + ":9100", want: "node " + other, state: "Ready", offers: "node show, node cordon, node drain"},
		"an instance that is an address":                 {labels: "alertname=NodeClockSkewDetected job=node-exporter instance=10.2.0.9:9100", refuse: "is no node of the cluster"},
		"an own-node rule fed by kube-state-metrics":     {labels: "alertname=HighNodeCPU" + pyScraped, refuse: "tells of the whole cluster from one place"},
		"an own-node rule that another label denies":     {labels: "alertname=HighNodeCPU kubernetes_node=" + other + " node=" + sick, refuse: "label node says " + sick},
		"pod not healthy, Python Discord":                {labels: "alertname=kubernetes/pod-not-healthy namespace=default pod=redis-599887d778-wggbl", want: "pod default/redis-599887d778-wggbl", state: "not Ready (ContainerCreating)", offers: "workload show, volume show, node show"},
		"crash looping, kube-prometheus":                 {labels: "alertname=KubePodCrashLooping job=kube-state-metrics namespace=default pod=postgres-0 container=postgres", want: "pod default/postgres-0", state: "Ready", offers: "workload show"},
		"the metric's own pod is kept as exported_pod":   {labels: "alertname=KubePodNotReady exported_namespace=default exported_pod=redis-599887d778-wggbl" + scraped, want: "pod default/redis-599887d778-wggbl", state: "not Ready (ContainerCreating)", offers: "workload show, volume show, node show"},
		"a pod that was replaced":                        {labels: "alertname=KubePodNotReady namespace=default pod=redis-old", refuse: "pod=redis-old is no pod of the cluster"},
		"a pod's name in two namespaces":                 {labels: "alertname=ContainerOOMEvent pod=twin", refuse: "is the name of 2 pods"},
		"a container's alert is not about its node":      {labels: "alertname=CPUThrottlingHigh namespace=default pod=postgres-0 container=postgres node=" + other, want: "pod default/postgres-0", state: "Ready", offers: "workload show"},
		"volume filling up":                              {labels: "alertname=KubePersistentVolumeFillingUp namespace=default persistentvolumeclaim=postgres-data node=" + other + " job=kubelet", want: "volume default/postgres-data", state: "attached to " + other, offers: "volume show"},
		"volume out of space, Python Discord":            {labels: "alertname=kubernetes/volume-out-of-space service=kubernetes-containers namespace=default persistentvolumeclaim=postgres-data instance=default/postgres-data kubernetes_node=" + other, want: "volume default/postgres-data", state: "attached to " + other, refuse: "kubernetes_node", offers: "volume show"},
		"volume that a pod waits for":                    {labels: "alertname=KubePersistentVolumeErrors persistentvolume=pvc-bb1d06139b334c1f phase=Failed" + scraped, want: "volume default/redis-data", state: "attached to no node", offers: "volume show, volume remount"},
		"claim that is bound to nothing":                 {labels: "alertname=x persistentvolumeclaim=unbound namespace=default", want: "volume default/unbound", state: "bound to no volume"},
		"claim without a namespace":                      {labels: "alertname=x persistentvolumeclaim=redis-data", refuse: "whose namespace the alert does not say"},
		"replicas mismatch":                              {labels: "alertname=KubeDeploymentReplicasMismatch deployment=redis job=kube-state-metrics namespace=default pod=kube-state-metrics-0", want: "workload default/redis", state: "0 of 1 Ready", offers: "workload show, volume show, restart workload"},
		"a deployment is not a stateful set":             {labels: "alertname=KubeDeploymentReplicasMismatch deployment=postgres namespace=default", refuse: "is no workload of the cluster"},
		"the exporter's own deployment":                  {labels: "alertname=KubeDeploymentReplicasMismatch deployment=postgres-exporter namespace=monitoring", want: "workload monitoring/postgres-exporter", state: "1 of 1 Ready", offers: "workload show, restart workload"},
		"autoscaler, which names nothing to repair":      {labels: "alertname=KubeHpaMaxedOut horizontalpodautoscaler=site" + scraped, refuse: "pod=kube-state-metrics-0 names the exporter's pod"},
		"connection limit, 2021-07-11":                   {labels: "alertname=postgres/connection-limit severity=page namespace=default service=postgres", want: "workload default/postgres", state: "1 of 1 Ready", offers: "workload show, restart workload"},
		"connection limit from the exporter's place":     {labels: "alertname=postgres/connection-limit node=" + sick + " pod=postgres-exporter-1 kubernetes_node=" + other, refuse: "kubernetes_node=" + other},
		"connection limit of the exporter's service":     {labels: "alertname=PostgresTooManyConnections namespace=monitoring service=postgres-exporter node=" + sick, refuse: "service=postgres-exporter names who measured it"},
		"redis down, without a namespace":                {labels: "alertname=redis/down service=redis kubernetes_namespace=monitoring kubernetes_node=" + other, want: "workload default/redis", state: "0 of 1 Ready", refuse: "kubernetes_node", offers: "workload show, volume show, restart workload"},
		"a service's name in two namespaces":             {labels: "alertname=postgres/table-locks service=site", refuse: "is the name of 2 workloads"},
		"table locks, 2021-07-11":                        {labels: "alertname=postgres/table-locks namespace=default service=site", want: "workload default/site", state: "2 of 2 Ready", offers: "workload show, restart workload"},
		"no labels that name anything":                   {labels: "alertname=Watchdog severity=none"},
		"django errors":                                  {labels: "alertname=django/errors job=site instance=10.2.0.9:8000"},
		"target down":                                    {labels: "alertname=TargetDown job=kubelet namespace=kube-system service=kubelet"},
		"the team's own rule comes first":                {labels: "alertname=django/errors node=" + sick, rules: []suggest.RuleText{{Match: `alertname="django/errors"`, Kind: "workload", Object: "default/site"}}, want: "workload default/site", state: "2 of 2 Ready", offers: "workload show, restart workload"},
		"the team's object is gone":                      {labels: "alertname=django/errors", rules: []suggest.RuleText{{Match: `alertname="django/errors"`, Kind: "workload", Object: "default/web"}}, refuse: "default/web is no workload of the cluster"},
		"the team switches a rule off":                   {labels: "alertname=KubeNodeNotReady node=" + sick, rules: []suggest.RuleText{{Match: `alertname="KubeNodeNotReady"`, Kind: "nothing"}}},
		"the team's exporter stands beside its target":   {labels: "alertname=mysql/slow kubernetes_pod_name=postgres-0 kubernetes_namespace=default", rules: []suggest.RuleText{{Match: `alertname=~"mysql/.*"`, Kind: "pod", Labels: []string{"kubernetes_pod_name"}, Namespace: "kubernetes_namespace", Own: true}}, want: "pod default/postgres-0", state: "Ready", offers: "workload show"},
		"the team names a volume":                        {labels: "alertname=x", rules: []suggest.RuleText{{Match: `alertname="x"`, Kind: "volume", Object: "pv-free"}}, want: "volume pv-free", state: "attached to no node", offers: "volume show"},
	} {
		t.Run(name, func(t *testing.T) {
			s := cluster()
			got := suggest.Resolve(labels(tc.labels), rules(t, tc.rules...), s)
			target, state := "", ""
			var offers []string
			if got.Target != nil {
				target, state = got.Target.String(), got.Target.State
				for _, one := range got.Target.Suggestions(s) {
					offers = append(offers, one.Action.Ask.Path)
				}
			}
			if target != tc.want || state != tc.state {
				t.Errorf("is about %q (%s), want %q (%s); refused: %s", target, state, tc.want, tc.state, refused(got))
			}
			if r := refused(got); !strings.Contains(r, tc.refuse) || tc.refuse == "" && r != "" {
				t.Errorf("refused %q, want %q", r, tc.refuse)
			}
			if o := strings.Join(offers, ", "); o != tc.offers {
				t.Errorf("offers %q, want %q", o, tc.offers)
			}
		})
	}
}

func refused(r suggest.Resolution) string {
	var all []string
	for _, one := range r.Refused {
		what := one.Value
		if one.Label != "" {
			what = one.Label + "=" + what
		}
		if one.Label == "" && one.Value == "" {
			what = ""
		}
		all = append(all, strings.TrimSpace(what+" "+one.Why))
	}
	return strings.Join(all, "; ")
}

// TestNothingIsTakenFromTheExportersPlace: whatever else an alert says, no rule that
// holds for other exporters ever names the node or the pod that was scraped.
func TestNothingIsTakenFromTheExportersPlace(t *testing.T) {
	all, s := rules(t), cluster()
	rapid.Check(t, func(t *rapid.T) {
		m := map[string]string{"kubernetes_node": other, "kubernetes_pod_name": "postgres-0", "kubernetes_namespace": "default", "instance": other}
		for _, name := range []string{"alertname", "job", "service", "namespace", "severity", "condition"} {
			m[name] = rapid.SampledFrom([]string{"", "KubeNodeNotReady", "kubernetes/node-not-ready", "kubernetes/pod-not-healthy", "redis/down", "kube-state-metrics", "default", sick}).Draw(t, name)
		}
		got := suggest.Resolve(m, all, s)
		if got.Target != nil && (got.Target.Object.Name == other || got.Target.Object.Name == "postgres-0") {
			t.Fatalf("%v is taken to be about %s (%s)", m, got.Target, got.Target.Why())
		}
	})
}

// TestARuleThatNobodyParsedIsHeldToTheSame: what the configuration refuses is refused
// here, too.
func TestARuleThatNobodyParsedIsHeldToTheSame(t *testing.T) {
	for name, value := range map[string]string{"kubernetes_node": other, "kubernetes_node_name": other, "instance": other + ":8080"} {
		got := suggest.Resolve(map[string]string{name: value}, suggest.Rules{List: []suggest.Rule{{Kind: suggest.Node, Labels: []string{name}}}}, cluster())
		if got.Target != nil || !strings.Contains(refused(got), "not") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestTextIsNeverRead: annotations and odd labels name every object of the cluster.
func TestTextIsNeverRead(t *testing.T) {
	m := labels("alertname=x")
	for _, name := range []string{"summary", "description", "message", "title", "host", "hostname", "target", "name"} {
		m[name] = "Node " + sick + " is down; drain " + other
	}
	if got := suggest.Resolve(m, rules(t), cluster()); got.Target != nil {
		t.Errorf("is taken to be about %s", got.Target)
	}
}

func TestWhatCannotBeReadProvesNothing(t *testing.T) {
	m := labels("alertname=KubeNodeNotReady node=" + sick)
	if got := suggest.Resolve(m, rules(t), nil); got.Target != nil || !strings.Contains(refused(got), "the cluster cannot be read") {
		t.Errorf("without a cluster: %+v", got)
	}
	s := cluster()
	s.Pods, s.Missing = nil, []string{"pods"}
	if got := suggest.Resolve(labels("alertname=KubePodNotReady namespace=default pod=redis-599887d778-wggbl"), rules(t), s); got.Target != nil || !strings.Contains(refused(got), "the cluster's pods could not be read") {
		t.Errorf("without pods: %+v", got)
	}
	r := &suggest.Resolver{Rules: rules(t), Snapshot: func(context.Context, time.Duration) (*fleet.Snapshot, error) { return nil, errors.New("503") }}
	if s := r.Look(t.Context()); s != nil {
		t.Errorf("a cluster that cannot be read is %+v", s)
	}
	var none *suggest.Resolver
	if got := none.Of(none.Look(t.Context()), m); got.Target != nil || got.Refused != nil {
		t.Errorf("no resolver says %+v", got)
	}
}

// TestLeastDisruptiveFirst: views before plans, what is lost for good at the end, and
// what two alerts lead to once.
func TestLeastDisruptiveFirst(t *testing.T) {
	s := cluster()
	var all []suggest.Suggestion
	for _, text := range []string{"alertname=KubeNodeNotReady node=" + sick, "alertname=KubePodNotReady namespace=default pod=redis-599887d778-wggbl", "alertname=KubePersistentVolumeErrors persistentvolume=pvc-bb1d06139b334c1f"} {
		all = append(all, suggest.Resolve(labels(text), rules(t), s).Target.Suggestions(s)...)
	}
	var got []string
	for _, one := range suggest.Ordered(all) {
		got = append(got, one.Action.Label)
	}
	want := []string{"Show node " + sick, "Show workload default/redis", "Show volume default/redis-data", "Cordon " + sick, "Reboot " + sick, "Remount default/redis-data", "Recycle " + sick}
	if !slices.Equal(got, want) {
		t.Errorf("offers %q, want %q", got, want)
	}
}

// TestOutOfConnections: a database whose pods are all Ready is left alone before those
// who use up its connections; a node is never in it.
func TestOutOfConnections(t *testing.T) {
	s := cluster()
	i := slices.IndexFunc(s.Workloads, func(w fleet.Workload) bool { return w.String() == "default/postgres" })
	if i < 0 || !slices.ContainsFunc(s.Workloads, func(w fleet.Workload) bool { return w.String() == "default/site" }) {
		t.Fatal("the cluster has no postgres, or no site")
	}
	s.Workloads[i].UsedBy = []string{"default/site", "default/gone"}
	offers := func() string {
		var got []string
		for _, one := range suggest.Resolve(labels("alertname=postgres/connection-limit namespace=default service=postgres"), rules(t), s).Target.Suggestions(s) {
			got = append(got, one.Action.Label)
		}
		return strings.Join(got, ", ")
	}
	if got, want := offers(), "Show workload default/postgres, Restart default/site, Restart default/postgres"; got != want {
		t.Errorf("offers %q, want %q", got, want)
	}
	s.Pods = append(s.Pods, fleet.Pod{Object: fleet.Object{Kind: "Pod", Namespace: "default", Name: "postgres-x"}, Owner: s.Workloads[i].Object})
	if got := offers(); strings.Contains(got, "site") {
		t.Errorf("a database that does not run is not mended by restarting who uses it: %q", got)
	}
}

func TestCordonedNodes(t *testing.T) {
	for ready, want := range map[fleet.Truth]string{fleet.True: "[node show node uncordon node drain]", fleet.False: "[node show node drain node reboot node recycle]", fleet.Unknown: "[node show node reboot node recycle]"} {
		s := cluster()
		s.Nodes[0].Ready, s.Nodes[0].Unschedulable = ready, true
		var paths []string
		for _, one := range suggest.Resolve(labels("alertname=KubernetesNodeCordoned node="+sick), rules(t), s).Target.Suggestions(s) {
			paths = append(paths, one.Action.Ask.Path)
		}
		if got := fmt.Sprint(paths); got != want {
			t.Errorf("Ready %s: %s, want %s", ready, got, want)
		}
	}
}

func TestRulesThatCannotBeMeant(t *testing.T) {
	for want, text := range map[string]suggest.RuleText{
		"names the node that the exporter runs on":        {Kind: "node", Labels: []string{"kubernetes_node"}},
		"label instance names what was scraped":           {Kind: "node", Labels: []string{"node", "instance"}},
		"label kubernetes_namespace names the exporter's": {Kind: "pod", Labels: []string{"pod"}, Namespace: "kubernetes_namespace"},
		`kind "machine": want node`:                       {Kind: "machine", Labels: []string{"node"}},
		"a node is named either by label or by object":    {Kind: "node"},
		"a pod is named either by label or by object":     {Kind: "pod", Labels: []string{"pod"}, Object: "default/x"},
		"nothing has neither label nor object":            {Kind: "nothing", Labels: []string{"pod"}},
		`"a b" is not the name of a label`:                {Kind: "pod", Labels: []string{"a b"}},
		"a node has no namespace":                         {Kind: "node", Object: "default/x"},
		"want its namespace and name, as default/redis":   {Kind: "workload", Object: "redis"},
		`matchers "a=b=c"`:                                {Match: "a=b=c", Kind: "nothing"},
	} {
		_, err := suggest.ParseRules([]suggest.RuleText{{Kind: "nothing"}, text})
		wrong, ok := errors.AsType[*suggest.RuleError](err)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", text, err, want)
		} else if joined, many := err.(interface{ Unwrap() []error }); !ok && (!many || len(joined.Unwrap()) != 1) || ok && wrong.Index != 1 {
			t.Errorf("%+v: the rule at fault is not told: %v", text, err)
		}
	}
	if len(suggest.DefaultRules()) < 10 {
		t.Error("the defaults do not parse")
	}
}

// TestTheGuideListsWhatWardroomKnows, so that nobody has to read this package at night.
func TestTheGuideListsWhatWardroomKnows(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/repairs.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(guide), `\|`, "|")
	for _, r := range suggest.DefaultRules() {
		if match := strings.Trim(r.Match.String(), "{}"); !strings.Contains(text, "`"+match+"`") {
			t.Errorf("docs/guide/repairs.md does not list %s", r)
		}
	}
}

// TestJSON: scripts rely on the names.
func TestJSON(t *testing.T) {
	got, err := json.Marshal(suggest.Resolve(labels("alertname=KubeNodeNotReady node="+other+" kubernetes_node="+sick), rules(t), cluster()))
	want := `{"target":{"kind":"node","object":{"kind":"Node","name":"` + other + `"},"label":"node","state":"Ready"},"refused":[{"label":"kubernetes_node","value":"` + sick + `","why":"names the node that the exporter runs on, not the sick one"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}
