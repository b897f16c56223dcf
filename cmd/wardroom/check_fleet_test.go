package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	checks "wardroom/bot/watch"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// setupWorld is a cluster on a Linode, as somebody has it before Wardroom, with the
// files that lead there.
type setupWorld struct {
	t      *testing.T
	kube   *kubetest.Server
	linode *linodetest.Server
	folder string
}

func newSetupWorld(t *testing.T) *setupWorld {
	t.Helper()
	w := &setupWorld{t: t, folder: t.TempDir()}
	var err error
	if w.linode, err = linodetest.New(linodetest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.linode.Close)
	if w.kube, err = kubetest.New(kubetest.Options{Cloud: kubetest.OnLinode(w.linode)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kube.Close)
	w.kube.AddNode(kubetest.Node{Name: "lke13311-16405-5fafd1b46dcf", Linode: 28412345})
	w.kube.AddNode(kubetest.Node{Name: "lke13311-20304-5ffa4d11faab", Linode: 28412346})
	w.kube.AddWorkload(kubetest.Workload{Name: "default/redis", Volume: "pvc-bb1d06139b334c1f", Disk: 55501})
	err = errors.Join(w.kube.WriteKubeconfig(w.file("observe.kubeconfig"), kubetest.ObserveToken), w.kube.WriteKubeconfig(w.file("act.kubeconfig"), kubetest.ActToken),
		os.WriteFile(w.file("linode-read"), []byte(linodetest.ReadToken+"\n"), 0o600), os.WriteFile(w.file("linode-act"), []byte(linodetest.ActToken+"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *setupWorld) file(name string) string { return filepath.Join(w.folder, name) }

// config is a configuration that leads there; act holds the credentials for changes.
func (w *setupWorld) config(mode string, act bool) string {
	kube, linode := "", ""
	if act {
		kube = fmt.Sprintf(", act: {kubeconfig: %q}", w.file("act.kubeconfig"))
		linode = fmt.Sprintf(", act_token_file: %q", w.file("linode-act"))
	}
	return somebody + fmt.Sprintf("mode: %s\nkubernetes: {kubeconfig: %q%s}\nlinode: {cluster: 13311, read_token_file: %q, url: %q%s}\n",
		mode, w.file("observe.kubeconfig"), kube, w.file("linode-read"), w.linode.URL(), linode)
}

func TestClusterAndCloudAreTried(t *testing.T) {
	t.Parallel()
	type want struct {
		check    string
		level    checks.Level
		sentence string
	}
	const pods = "2 of 2 nodes Ready, 1 pod, 1 volume"
	for name, c := range map[string]struct {
		mode  string
		act   bool
		world func(*setupWorld)
		want  []want
	}{
		"observing, all is well": {mode: "observe", want: []want{{"kubernetes", checks.OK, pods},
			{"linode token", checks.OK, "accepted, that of wardroom"}, {"linode scopes", checks.OK, "enough to read; there is no act_token, so nothing can be changed"},
			{"linode cluster", checks.OK, "cluster 13311 (production) with 2 nodes"}}},
		"acting, all is well": {mode: "act", act: true, want: []want{{"kubernetes", checks.OK, pods}, {"linode scopes", checks.OK, "enough to read and to act, and no more"}}},
		// What is not used is not tried: where it observes it does not even hold it.
		"observing with what acts": {mode: "observe", act: true, world: func(w *setupWorld) {
			w.kube.Expire(kubetest.ActToken, true)
			w.linode.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ActScopes, Expired: true})
		}, want: []want{{"kubernetes", checks.OK, pods}, {"linode scopes", checks.OK, "enough to read; there is no act_token, so nothing can be changed"}}},
		"acting without what acts": {mode: "act", want: []want{{"kubernetes", checks.Warning, pods + "; there is no credential for changes"},
			{"linode changes", checks.Warning, "there is no token for changes"}}},
		"tokens have run out": {mode: "observe", world: func(w *setupWorld) {
			w.kube.Expire(kubetest.ObserveToken, true)
			w.linode.SetToken(linodetest.ReadToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ReadScopes, Expired: true})
		}, want: []want{{"kubernetes", checks.Failed, "the cluster does not accept Wardroom's credential: Unauthorized"}, {"linode token", checks.Failed, "read_token: Linode refuses the token (401): Invalid Token"}}},
		"something may not be listed": {mode: "observe", world: func(w *setupWorld) { w.kube.Deny(kubetest.ObserveToken, "list poddisruptionbudgets") },
			want: []want{{"kubernetes", checks.Warning, pods + "; what cannot be read: poddisruptionbudgets"}}},
		"nodes may not be listed": {mode: "observe", world: func(w *setupWorld) { w.kube.Deny(kubetest.ObserveToken, "list nodes") },
			want: []want{{"kubernetes", checks.Failed, "nodes may not be listed: no repair can be planned"}}},
		"no kubeconfig": {mode: "observe", world: func(w *setupWorld) { os.Remove(w.file("observe.kubeconfig")) },
			want: []want{{"kubernetes", checks.Failed, "the kubeconfig to read, FOLDER/observe.kubeconfig, cannot be read: stat FOLDER/observe.kubeconfig: no such file or directory"}, {"linode token", checks.OK, "accepted, that of wardroom"}}},
		"both are away": {mode: "observe", world: func(w *setupWorld) {
			w.kube.Fault(kubetest.Fault{Status: 503})
			w.linode.Fault(linodetest.Fault{Status: 503})
		}, want: []want{{"kubernetes", checks.Failed, "the cluster answers with an error: simulated"}, {"linode cluster", checks.Failed, "Linode is out of order (503): Service Unavailable"}}},
		"the credential for changes has run out": {mode: "act", act: true, world: func(w *setupWorld) { w.kube.Expire(kubetest.ActToken, true) },
			want: []want{{"kubernetes", checks.Failed, "the credential for changes: the cluster does not accept Wardroom's credential: Unauthorized"}}},
		"the role to act lacks a verb and has one too many": {mode: "act", act: true, world: func(w *setupWorld) {
			w.kube.Deny(kubetest.ActToken, "create pods/eviction")
			w.kube.Allow(kubetest.ActToken, "create pods/exec")
		}, want: []want{{"kubernetes", checks.OK, pods}, {"kubernetes role to read", checks.OK, "all that is needed, and nothing that does harm besides"},
			{"kubernetes role to act", checks.Warning, "it may not create pods/eviction, which disables: node-drain, node-reboot, node-reboot-all, node-recycle; and it may do more than is needed: create pods/exec"}}},
		"the role to read may do everything": {mode: "observe", world: func(w *setupWorld) {
			w.kube.Allow(kubetest.ObserveToken, "* *")
		}, want: []want{{"kubernetes role to read", checks.Warning, "it may do more than is needed: * *"}}},
		"the role to read lacks events": {mode: "observe", world: func(w *setupWorld) { w.kube.Deny(kubetest.ObserveToken, "list events") },
			want: []want{{"kubernetes role to read", checks.Warning, "it may not list events, without which is UNKNOWN: FailedMount and the like, for the diagnosis"}}},
		"the credential for changes may change nothing": {mode: "act", act: true, world: func(w *setupWorld) { w.kube.Deny(kubetest.ActToken, "patch nodes") },
			want: []want{{"kubernetes", checks.Failed, "the credential for changes: the cluster does not let Wardroom patch nodes lke13311-16405-5fafd1b46dcf: nodes is forbidden: User \"wardroom\" cannot patch resource \"nodes\" in API group \"\""}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSetupWorld(t)
			if c.world != nil {
				c.world(w)
			}
			r, before := newCheckRig(t), w.kube.Nodes()
			found := map[string]checks.Result{}
			for _, one := range checks.Run(t.Context(), r.checker(w.config(c.mode, c.act)).machines()) {
				found[one.Name] = one
			}
			for _, want := range c.want {
				got := found[want.check]
				if text := strings.ReplaceAll(got.Sentence, w.folder, "FOLDER"); got.Level != want.level || text != want.sentence {
					t.Errorf("%s: %s %q\nwant %s %q", want.check, got.Level, text, want.level, want.sentence)
				}
				if got.Level != checks.OK && got.Hint == "" {
					t.Errorf("%s: nobody is told what to do about %q", want.check, got.Sentence)
				}
			}
			if writes := w.kube.Writes(); len(writes) > 0 {
				t.Errorf("trying it wrote %v", writes)
			}
			if after := w.kube.Nodes(); !reflect.DeepEqual(before, after) {
				t.Errorf("trying it made of %+v\n%+v", before, after)
			}
		})
	}
}
