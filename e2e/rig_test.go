package e2e

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardroom/e2e/internal/process"
	"wardroom/e2e/internal/wardroom"
	"wardroom/integrations/linode/linodetest"
)

// The machines and volumes of the tests' cluster.
const (
	nodeA = "lke13311-16405-5fafd1b46dcf"
	nodeB = "lke13311-16405-5ffa4d11faab"
	nodeC = "lke13311-16405-60a3c2d4e5f6"

	firstLinode    = 28412345
	redisVolume    = 2101
	postgresVolume = 2102
)

// clusterToken is what the cluster itself has for Linode.
const clusterToken = "the-clusters-own-token"

// options are what a test needs another way than usual.
type options struct {
	unmount string  // the force-detach timer; "": six minutes, as for real
	lost    string  // after what time a node that says nothing is not Ready; "": 15 s
	repairs string  // of the configuration, as "cool_down: 0s"
	rename  bool    // a replaced machine has another name
	scale   float64 // of how long Linode takes; 0: a tenth
	linode  string  // of the configuration, as "ticket_token: x"
	more    string  // of the configuration
}

// rig is a cluster at Linode, and a Wardroom that looks after it with joe and chris.
type rig struct {
	*testing.T
	cloud *linodetest.Server
	*control
	machines *machines
	chat     *chat
	bot      *bot
}

// newRig starts everything and waits until every workload is Ready. Wardroom is
// configured and does not run yet.
func newRig(t *testing.T, o options) *rig {
	t.Helper()
	r, dir := newCluster(t, o)
	r.machines = &machines{t: t, cloud: r.cloud, cluster: r.control.Interface, hung: map[string]int{}}
	r.machines.follow()
	r.populate()
	r.configure(dir, o)
	return r
}

// newCluster starts a cluster and what it is at. Its machines have no kubelets yet.
func newCluster(t *testing.T, o options) (r *rig, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-") // not TempDir: a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r = &rig{T: t}
	r.cloud, err = linodetest.New(linodetest.Options{Rename: o.rename, Timing: linodetest.Timing{Scale: cmp.Or(o.scale, 0.1)},
		Limits: linodetest.Limits{Collections: 1e6, Others: 1e6, Tickets: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.cloud.Close)
	r.cloud.SetToken(clusterToken, linodetest.Token{User: linodetest.ClusterUser, Scopes: "*"})
	for i, name := range []string{nodeA, nodeB, nodeC} {
		r.cloud.AddNode(linodetest.Node{Name: name, Linode: firstLinode + i})
	}
	r.cloud.AddVolume(linodetest.Disk{ID: redisVolume, Label: "pvcbb1d06139b334c1f"})
	r.cloud.AddVolume(linodetest.Disk{ID: postgresVolume, Label: "pvca14c0fe2d9b74e60"})
	r.control = newControl(t, filepath.Join(dir, "cluster"), r.cloud.URL(), clusterToken, o)
	return r, dir
}

// populate waits for the first nodes and lets everything run on them.
func (r *rig) populate() {
	r.Helper()
	process.Await(r.T, "three nodes are Ready", process.Journey, func() (bool, string) {
		amiss := strings.Join(r.sickNodes(), "; ")
		return amiss == "", amiss
	})
	r.kubectl("apply", "--server-side", "-f", "testdata/world.yaml")
	r.whole()
}

// configure writes what joe and chris have told Wardroom.
func (r *rig) configure(dir string, o options) {
	r.Helper()
	observe, act := r.accounts()
	r.chat = newChat(r.T)
	r.bot = &bot{t: r.T, Program: wardroom.New(r.T, dir, strings.Join([]string{
		"mode: act",
		fmt.Sprintf("people:\n  joe: {roles: [responder, lead], uid: %d}\n  chris: {roles: responder, discord: %q}", os.Getuid(), r.chat.UserID("chris")),
		fmt.Sprintf("kubernetes: {kubeconfig: %q, act: {kubeconfig: %q}}", observe, act),
		fmt.Sprintf("linode: {cluster: 13311, url: %q, read_token: %s, act_token: %s, %s}", r.cloud.URL(), linodetest.ReadToken, linodetest.ActToken, o.linode),
		"repairs: {" + o.repairs + "}",
		r.chat.config() + o.more,
	}, "\n"))}
}

// incident starts Wardroom, and joe declares an incident.
func (r *rig) incident(title string) {
	r.Helper()
	r.bot.Serve()
	r.bot.Do("incident", "declare", title, "--severity", "SEV1")
	r.cloud.Forget()
}

// approved asks for a repair, which chris approves.
func (r *rig) approved(args ...string) (done finishing) {
	r.Helper()
	run := r.bot.plan(args...)
	r.chat.approve(run)
	return finishing{r, run}
}
