package runbook_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/commands/repair"
	"wardroom/commands/repair/runbook"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestPages holds every page to its golden file; -update also removes those of repairs
// that there are no more.
func TestPages(t *testing.T) {
	pages, err := runbook.Pages(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "pages", pages)
}

func golden(t *testing.T, folder string, pages []runbook.File) {
	t.Helper()
	dir := filepath.Join("testdata", folder)
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range pages {
		path := filepath.Join(dir, p.Name)
		if *update {
			if err := os.WriteFile(path, p.Body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(want), string(p.Body)); diff != "" {
			t.Errorf("%s (-golden +now):\n%s", path, diff)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(pages) {
		t.Errorf("%d golden files for %d pages: %v", len(entries), len(pages), err)
	}
}

// TestEveryRepairIsThereWhole is what makes the pages fit to be read alone.
func TestEveryRepairIsThereWhole(t *testing.T) {
	pages, err := runbook.Pages(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repair.All(repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}}) {
		s := r.Spec()
		i := slices.IndexFunc(pages, func(f runbook.File) bool { return f.Name == s.Name+".md" })
		if i < 0 {
			t.Errorf("%s has no page", s.Name)
			continue
		}
		if s.When == "" || s.Breaks == "" {
			t.Errorf("%s does not say when to use it and what it breaks", s.Name)
		}
		text := string(pages[i].Body)
		for _, heading := range []string{"When to use it", "What it breaks", "Steps", "How to see that it worked", "How to undo it"} {
			_, after, found := strings.Cut(text, "## "+heading+"\n\n")
			if !found || after == "" || strings.HasPrefix(after, "## ") {
				t.Errorf("%s: nothing under %q", s.Name, heading)
			}
		}
		if strings.Contains(text, "9999") || strings.Contains(text, "example") {
			t.Errorf("%s: a name of the example shows:\n%s", s.Name, text)
		}
	}
}

// cluster is one that can be read or not.
type cluster struct {
	fleet.NoCluster
	s    fleet.Snapshot
	down bool
}

func (c *cluster) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	if c.down {
		return nil, problem.New(problem.Unavailable, "the cluster does not answer")
	}
	s := c.s
	return &s, nil
}

// cloud has the machines of the night of 2021-07-11.
type cloud struct {
	fleet.NoCloud
	down error
}

func (c cloud) Slots(context.Context) ([]fleet.Slot, error) {
	return []fleet.Slot{{ID: "16405-5fafd1b46dcf", Instance: 28312345}, {ID: "20304-5ffa4d11faab", Instance: 28312346}}, c.down
}

func (c cloud) Volumes(context.Context) ([]fleet.CloudVolume, error) {
	return []fleet.CloudVolume{{ID: 6002, Status: "active", Instance: 28312345, Usable: true}}, c.down
}

func (c cloud) Instance(_ context.Context, id int) (fleet.Instance, error) {
	return fleet.Instance{ID: id, Label: "lke13311", Status: "running", Cluster: 13311}, c.down
}

const sick, well = "lke13311-16405-5fafd1b46dcf", "lke13311-20304-5ffa4d11faab"

func newCluster() *cluster {
	at := time.Date(2021, 7, 10, 3, 0, 0, 0, time.UTC)
	redis, claim := fleet.Object{Kind: "Deployment", Namespace: "default", Name: "redis"}, fleet.Object{Kind: "PersistentVolumeClaim", Namespace: "default", Name: "redis-data"}
	node := func(name string, id int) fleet.Node {
		return fleet.Node{Name: name, Ready: fleet.True, Drivers: []string{"linodebs.csi.linode.com"}, Identity: fleet.Identity{ProviderID: "linode://" + name, BootID: "boot-" + name, Instance: id}}
	}
	return &cluster{s: fleet.Snapshot{At: at, Nodes: []fleet.Node{node(well, 28312346), node(sick, 28312345)},
		Workloads:   []fleet.Workload{{Object: redis, Replicas: 1, Ready: 1, Scalable: true, UsedBy: []string{"default/bot"}}},
		Pods:        []fleet.Pod{{Object: fleet.Object{Kind: "Pod", Namespace: "default", Name: "redis-0"}, Node: sick, Owner: redis, Phase: "Running", Ready: true, Claims: []string{"redis-data"}}},
		Claims:      []fleet.Claim{{Object: claim, Volume: "pvc-bb1d06139b334c1f"}},
		Volumes:     []fleet.Volume{{Name: "pvc-bb1d06139b334c1f", Claim: claim, Driver: "linodebs.csi.linode.com", Handle: "6002-pvcbb1d06139b334c1f", CloudID: 6002, Modes: []string{"ReadWriteOnce"}}},
		Attachments: []fleet.Attachment{{Name: "csi-1", Volume: "pvc-bb1d06139b334c1f", Node: sick, Attached: true}},
	}}
}

func TestPagesOfACluster(t *testing.T) {
	pages, err := runbook.Here(t.Context(), repair.Ports{Cluster: newCluster(), Cloud: cloud{}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "here", pages)
}

// TestALostCloudLeavesWhatTheClusterSays: the numbers are known to the cluster, too.
func TestALostCloudLeavesWhatTheClusterSays(t *testing.T) {
	pages, err := runbook.Here(t.Context(), repair.Ports{Cluster: newCluster(), Cloud: cloud{down: problem.New(problem.Unavailable, "503")}})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, p := range pages {
		all += string(p.Body)
	}
	for _, want := range []string{"UNKNOWN: the cloud's slots could not be read.", "28312345", "kubectl cordon " + sick, "AGAINST IT: Linode cannot be asked which machine it is"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is nowhere", want)
		}
	}
}

func TestExportKeepsOldNamesAndTouchesNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "runbook")
	c := newCluster()
	ports := &repair.Ports{Cluster: c, Cloud: cloud{}}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	export := func(want problem.Code) {
		t.Helper()
		if _, err := runbook.Export(t.Context(), dir, ports); want == "" && err != nil || want != "" && !problem.Is(err, want) {
			t.Fatalf("%v", err)
		}
	}
	export("")
	if err := os.WriteFile(filepath.Join(dir, "here-is-my-own.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.down = true
	export(problem.Unavailable)
	if !there("index.md") || !there("here.html") || !there("here-node-"+sick+".md") {
		t.Error("what was known is gone")
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "index.md")); !strings.Contains(string(b), "(here.md)") {
		t.Error("the index does not lead to the last names")
	}
	c.down = false
	c.s.Nodes = c.s.Nodes[:1]
	c.s.Attachments = nil
	export("")
	if there("here-node-"+sick+".md") || there("here-node-"+sick+".html") || !there("here-node-"+well+".md") || !there("here-is-my-own.md") {
		t.Error("old names are there still, or more is gone")
	}
	if err := os.WriteFile(filepath.Join(dir, "node-cordon.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	export(problem.Conflict)
}

// TestHostileNamesStayText: names of a cluster come from outside.
func TestHostileNamesStayText(t *testing.T) {
	c := newCluster()
	hostile := "../../<script>alert(1)</script>\x1b[2J`]( $(rm -rf ~)\n# x"
	c.s.Nodes[0].Name = hostile
	c.s.Nodes = append(c.s.Nodes, fleet.Node{Name: strings.ReplaceAll(hostile, "<", "(")})
	pages, err := runbook.Here(t.Context(), repair.Ports{Cluster: c, Cloud: cloud{}})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range pages {
		if names[p.Name] || p.Name != filepath.Base(p.Name) || strings.ContainsAny(p.Name, "<\n\x1b/") {
			t.Errorf("name %q", p.Name)
		}
		names[p.Name] = true
		text := string(p.Body)
		if strings.Contains(text, "\x1b") || strings.HasSuffix(p.Name, ".html") && strings.Contains(text, "<script") {
			t.Errorf("%s:\n%s", p.Name, text)
		}
		for l := range strings.Lines(text) {
			if strings.Contains(l, "rm -rf") && strings.Contains(l, "kubectl") && !strings.Contains(l, "'") && !strings.Contains(l, "&#39;") {
				t.Errorf("%s: unquoted: %s", p.Name, l)
			}
		}
	}
}
