package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// TestWhatIsApprovedWithoutAServerWaitsForOne: the shell records an approval while no
// server runs, and says that nobody carries it out; the next server does.
func TestWhatIsApprovedWithoutAServerWaitsForOne(t *testing.T) {
	t.Parallel()
	cloud, err := linodetest.New(linodetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	cluster, err := kubetest.New(kubetest.Options{Cloud: kubetest.OnLinode(cloud)})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for i, name := range []string{redisNode, siteNode, spareNode} {
		cluster.AddNode(kubetest.Node{Name: name, Linode: redisHost + i})
	}
	data := t.TempDir()
	kubeconfig := filepath.Join(data, "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, kubetest.ActToken); err != nil {
		t.Fatal(err)
	}
	written := fmt.Sprintf("mode: act\nkubernetes: {kubeconfig: %s, act: {kubeconfig: %s}}\nlinode: {cluster: 13311, token: %s, url: %s}\n",
		kubeconfig, kubeconfig, linodetest.ActToken, cloud.URL())
	cloud.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ReadScopes + " " + linodetest.ActScopes})
	if err := os.WriteFile(filepath.Join(data, configName), []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	cordoned := func() bool {
		for _, n := range cluster.Nodes() {
			if n.Name == siteNode {
				return n.Unschedulable
			}
		}
		return false
	}

	mustRun(t, "incident", "declare", "Redis is slow", "--data", data)
	out, errs, err := wardroom(t, "node", "cordon", siteNode, "--yes", "--data", data)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	for _, words := range []string{"no server is running: INC-1/run-1 is requested", "no server is running: INC-1/run-1 is approved", "`wardroom serve`", "it expires at "} {
		if !strings.Contains(errs, words) {
			t.Errorf("%q is not said:\n%s%s", words, out, errs)
		}
	}
	if _, errs, err := wardroom(t, "run", "list", "--data", data); err != nil || strings.Contains(errs, "no server is running") {
		t.Errorf("what only looks says it again: %v\n%s", err, errs)
	}
	if cordoned() {
		t.Error("it was carried out by the shell")
	}

	p := startServe(t, data, freePort(t))
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !cordoned() {
		select {
		case <-deadline:
			t.Fatalf("the server did not carry it out\n%s\n%s", mustRun(t, "run", "show", "INC-1/run-1", "--data", data), p.log)
		case <-poll.C:
		}
	}
	if _, errs, err := wardroom(t, "node", "uncordon", siteNode, "--yes", "--data", data); err != nil || strings.Contains(errs, "no server is running") {
		t.Errorf("beside a server: %v\n%s", err, errs)
	}
	p.stop()
}
