package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wardroom/bot/scenario"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
	"wardroom/integrations/redis/redistest"
)

// The machines of a night in which the bot is killed.
const (
	mortalNode    = "lke13311-16405-5fafd1b46dcf"
	mortalMachine = 28412345
	limboVolume   = "pvc-bb1d06139b334c1f"
	limboDisk     = 41002
)

// mortalWorkloads are how many pods each workload has, and its volume.
var mortalWorkloads = []struct {
	name, kind, node, volume string
	disk, pods               int
}{
	{name: "kube-system/csi-linode-node", kind: "DaemonSet", pods: 3},
	{name: "default/postgres", kind: "StatefulSet", node: mortalNode, volume: "pvc-a14c0fe2d9b74e60", disk: 41001, pods: 1},
	{name: "default/redis", kind: "Deployment", node: mortalNode, volume: limboVolume, disk: limboDisk, pods: 1},
	{name: "default/site", kind: "Deployment", node: mortalNode, pods: 2},
}

// mortalWorld is the cluster on its cloud, in this process: it outlives the bot. Its
// clock stands still unless the bot moves it.
type mortalWorld struct {
	t       *testing.T
	folder  string
	clock   *scenario.Clock
	linode  *linodetest.Server
	kube    *kubetest.Server
	control *httptest.Server
	redis   *redistest.Server // nil: there is none
	// pods are how many each workload is to have at the end, cordoned the nodes that are
	// to be.
	pods     map[string]int
	cordoned []string
	did      []string // see changes: what a night's preparation was
}

func newMortalWorld(t *testing.T) *mortalWorld {
	t.Helper()
	w := &mortalWorld{t: t, folder: t.TempDir(), clock: scenario.NewClock(time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC)), pods: map[string]int{}}
	var err error
	if w.linode, err = linodetest.New(linodetest.Options{Now: w.clock.Now, Limits: linodetest.Limits{Collections: 1e6, Others: 1e6, Tickets: 1e6}}); err != nil {
		t.Fatal(err)
	}
	if w.kube, err = kubetest.New(kubetest.Options{Now: w.clock.Now, Move: w.clock.MoveTo, Cloud: kubetest.OnLinode(w.linode)}); err != nil {
		t.Fatal(err)
	}
	w.control = httptest.NewServer(w.kube.Control())
	w.must(w.kube.WriteKubeconfig(filepath.Join(w.folder, mortalRead), kubetest.ObserveToken))
	w.must(w.kube.WriteKubeconfig(filepath.Join(w.folder, mortalAct), kubetest.ActToken))
	for n, name := range []string{mortalNode, "lke13311-20304-5ffa4d11faab", "lke13311-20304-60aa4d11fabc"} {
		w.kube.AddNode(kubetest.Node{Name: name, Linode: mortalMachine + n})
	}
	for _, l := range mortalWorkloads {
		w.add(kubetest.Workload{Name: l.name, Kind: l.kind, Node: l.node, Volume: l.volume, Disk: l.disk}, l.pods)
	}
	w.kube.AddBackup(kubetest.Backup{Name: "default/postgres-backup", LastSuccess: w.clock.Now().Add(-2 * time.Hour)})
	return w
}

// add puts a workload there that has so many pods.
func (w *mortalWorld) add(l kubetest.Workload, pods int) {
	if replicas := int32(pods); l.Kind != "DaemonSet" {
		l.Replicas = &replicas
	}
	w.kube.AddWorkload(l)
	w.pods[l.Name] = pods
}

// close ends it: a test has hundreds of them, one after the other.
func (w *mortalWorld) close() {
	w.control.Close()
	w.kube.Close()
	w.linode.Close()
}

func (w *mortalWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time pass.
func (w *mortalWorld) pass(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); ; {
		next, any := w.kube.Next()
		if !any || next.After(end) {
			w.clock.MoveTo(end)
			w.must(w.kube.Settle(w.t.Context()))
			return
		}
		w.clock.MoveTo(next)
		w.must(w.kube.Settle(w.t.Context()))
	}
}

// hang lets the node fall silent, until everybody has noticed.
func (w *mortalWorld) hang() {
	w.t.Helper()
	w.kube.Hang(mortalNode)
	w.pass(2 * time.Minute)
}

// off is a colleague who shuts the node's machine down, until pods are made elsewhere
// that wait for what it still has.
func (w *mortalWorld) off() {
	w.t.Helper()
	w.act(linodetest.Act{Do: "shutdown", Linode: mortalMachine})
	w.pass(6*time.Minute + 10*time.Second)
}

// act is what a colleague does in the cloud's console.
func (w *mortalWorld) act(a linodetest.Act) {
	w.t.Helper()
	w.must(w.linode.Act("oncall-colleague", a))
}

// calm lets what is under way come to its end.
func (w *mortalWorld) calm() {
	w.t.Helper()
	w.pass(10 * time.Minute)
}

// run runs a process of the bot to its end. out is what it complained of.
func (w *mortalWorld) run(told lifetime) (out string, killed bool) {
	w.t.Helper()
	raw, err := json.Marshal(told)
	w.must(err)
	cmd := exec.CommandContext(w.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asMortal+"="+string(raw), "GOGC=400")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if ended && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return said.String(), true
	}
	if err != nil {
		return fmt.Sprintf("%s%v", &said, err), false
	}
	return "", false
}

// check holds the end to what it has to be: another machine in the node's place where
// one was recycled, and everything else as before.
func (w *mortalWorld) check(requests, recycles int) {
	w.t.Helper()
	if came, accepted := w.recycles(); came != requests || accepted != recycles {
		w.t.Errorf("%d recycles were asked for and %d accepted, want %d and %d", came, accepted, requests, recycles)
	}
	machine := map[string]string{}
	for _, n := range w.kube.Nodes() {
		machine[n.Name] = n.ProviderID
		if !n.Ready || n.Unschedulable != slices.Contains(w.cordoned, n.Name) || len(n.Taints) > 0 || len(n.Drivers) != 1 {
			w.t.Errorf("node %+v", n)
		}
	}
	if old := fmt.Sprintf("linode://%d", mortalMachine); len(machine) != 3 || (machine[mortalNode] != old) != (recycles > 0) {
		w.t.Errorf("the machines are %v", machine)
	}
	where := map[string]string{} // pods that are Ready
	for _, p := range w.kube.Pods() {
		if !p.Ready || p.Terminating {
			w.t.Errorf("pod %s", p)
		}
		where[p.Name] = p.Node
	}
	disks := map[int]linodetest.Disk{}
	for _, d := range w.linode.Disks() {
		disks[d.ID] = d
	}
	for name, want := range w.pods {
		if pods := w.kube.PodsOf(name); len(pods) != want {
			w.t.Errorf("%s has the pods %v, want %d", name, pods, want)
		}
	}
	attachments := w.kube.Attachments()
	for _, l := range mortalWorkloads {
		pods := w.kube.PodsOf(l.name)
		if l.disk == 0 || len(pods) == 0 {
			continue
		}
		node := where[pods[0]]
		if d := disks[l.disk]; d.Stuck || fmt.Sprintf("linode://%d", d.Linode) != machine[node] {
			w.t.Errorf("%s on %s (%s) has the volume %+v", pods[0], node, machine[node], d)
		}
		held := false
		for _, a := range attachments {
			held = held || a.Volume == l.volume && a.Node == node && a.Attached && !a.Deleting
		}
		if !held {
			w.t.Errorf("%s on %s has none of %+v", pods[0], node, attachments)
		}
	}
	if w.t.Failed() {
		var told []string
		for _, e := range w.kube.Events() {
			told = append(told, e.At.Format(time.TimeOnly)+" "+e.About+" "+e.Reason+": "+e.Message)
		}
		w.t.Log(strings.Join(told[max(0, len(told)-30):], "\n"))
	}
}
