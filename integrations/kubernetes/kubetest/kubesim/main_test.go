package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// begin runs the command and returns what drives it.
func begin(t *testing.T, args ...string) (*kubetest.Remote, *linodetest.Remote) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, write, io.Discard)
		write.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	line, err := bufio.NewReader(read).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ready Ready
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	cloud, err := linodetest.Dial(t.Context(), ready.Linode.Control)
	if err != nil {
		t.Fatal(err)
	}
	return kubetest.Dial(t.Context(), ready.Control), cloud
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestClusterAndCloudAreDrivenFromOutside(t *testing.T) {
	cluster, cloud := begin(t, "--at", "2021-07-11T00:25:00Z")
	must(t, cluster.AddNode(kubetest.Node{Name: "lke13311-16405-5fafd1b46dcf", Linode: 28412345}),
		cluster.AddNode(kubetest.Node{Name: "lke13311-20304-5ffa4d11faab", Linode: 28412346}),
		cluster.AddWorkload(kubetest.Workload{Name: "default/redis", Volume: "pvc-bb1d06139b334c1f", Disk: 55501}),
		cluster.AddBackup(kubetest.Backup{Name: "default/backup"}))
	before, err := cluster.Nodes()
	must(t, err)
	pods, err := cluster.Pods()
	must(t, err)
	if len(before) != 2 || len(pods) != 1 || !pods[0].Ready {
		t.Fatalf("nodes %v, pods %v", before, pods)
	}
	must(t, cloud.Act("chris", linodetest.Act{Do: "recycle", Slot: "16405-5fafd1b46dcf"}),
		cluster.Advance(time.Date(2021, 7, 11, 0, 45, 0, 0, time.UTC)))
	after, err := cluster.Nodes()
	must(t, err)
	pods, err = cluster.Pods()
	must(t, err)
	if len(after) != 2 || !after[0].Ready || after[0].ProviderID == before[0].ProviderID || len(pods) != 1 || !pods[0].Ready {
		t.Errorf("twenty minutes later: nodes %v, pods %v", after, pods)
	}
	if next, err := cluster.Next(); err != nil || !next.IsZero() {
		t.Errorf("something is still due at %s, %v", next, err)
	}
}

// In real time everything happens by itself, as fast as it is told to.
func TestLivesInRealTime(t *testing.T) {
	cluster, cloud := begin(t, "--scale", "0.001")
	must(t, cluster.AddNode(kubetest.Node{Name: "lke13311-16405-5fafd1b46dcf", Linode: 28412345}),
		cluster.AddNode(kubetest.Node{Name: "lke13311-20304-5ffa4d11faab", Linode: 28412346}),
		cluster.AddWorkload(kubetest.Workload{Name: "default/redis", Volume: "pvc-bb1d06139b334c1f", Disk: 55501}))
	before, err := cluster.Pods()
	must(t, err)
	must(t, cloud.Act("chris", linodetest.Act{Do: "recycle", Slot: strings.TrimPrefix(before[0].Node, "lke13311-")}))
	look, late := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer look.Stop()
	defer late.Stop()
	for {
		now, err := cluster.Pods()
		must(t, err)
		nodes, err := cluster.Nodes()
		must(t, err)
		if len(nodes) == 2 && nodes[0].Ready && nodes[1].Ready && len(now) == 1 && now[0].UID != before[0].UID && now[0].Ready {
			return
		}
		select {
		case <-look.C:
		case <-late.C:
			events, err := cluster.Events()
			must(t, err)
			t.Fatalf("nodes %v, pods %v, events %v", nodes, now, events)
		}
	}
}

func TestTheControlSaysWhatIsWrong(t *testing.T) {
	cluster, _ := begin(t)
	for what, err := range map[string]error{
		"no such node":   cluster.Cordon("lke1", true),
		"no such kind":   cluster.Apply([]byte(`{"apiVersion":"v2","kind":"Pod"}`)),
		"no such folder": cluster.WriteKubeconfig("/nowhere/at/all", kubetest.ActToken),
		"real time only": cluster.Advance(time.Now().Add(time.Hour)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
