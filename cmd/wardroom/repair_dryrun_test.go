package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
)

// dryRuns are all repairs, as they are typed in Discord and in the shell, and what each
// plan says.
func dryRuns(stopped remediation.RunID) []dryRunCase {
	node := func(act, target, step string) dryRunCase {
		return dryRunCase{"node-" + act + " of " + target, "/node " + act + " node:" + target, []string{"node", act, target}, step}
	}
	return []dryRunCase{
		node("cordon", siteNode, "kubectl cordon "+siteNode),
		node("uncordon", redisNode, "kubectl uncordon "+redisNode),
		node("drain", siteNode, "kubectl drain "+siteNode),
		node("reboot", siteNode, "linode-cli linodes reboot 28412346"),
		node("recycle", redisNode, "linode-cli lke node-recycle 13311"),
		{"node-reboot-all of every node", "/node reboot-all", []string{"node", "reboot-all"}, "linode-cli linodes reboot 28412346"},
		{"volume-ticket of " + redisDisk, "/volume open-ticket volume:" + redisDisk, []string{"volume", "open-ticket", redisDisk}, "linode-cli tickets create"},
		{"volume-remount of " + redisDisk, "/volume remount volume:" + redisDisk, []string{"volume", "remount", redisDisk}, "linode-cli volumes view 41001"},
		{"undo of " + string(stopped), "/run undo run:" + string(stopped), []string{"run", "undo", string(stopped)}, "scale deployment/redis --replicas=1"},
	}
}

type dryRunCase struct {
	title, line string
	words       []string
	step        string // one of its commands
}

// atRest is all that a dry run must leave as it is, byte for byte.
type atRest struct {
	cluster, cloud []byte
	entries        string
	runs           int
}

func (r *repairs) atRest() atRest {
	r.t.Helper()
	var heads []timeline.Head
	var runs []remediation.Run
	err := r.View(r.t.Context(), func(v timeline.View) (err error) {
		if heads, err = v.Heads(); err == nil {
			runs, err = remediation.RunsOf(v, "INC-1")
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return atRest{r.world.kube.Dump(true), r.world.linode.Dump(), fmt.Sprint(heads), len(runs)}
}

// TestDryRunsChangeNothing: a run was stopped in its middle, so that there is something to
// put back. Then every repair is tried dry, in Discord and in the shell.
func TestDryRunsChangeNothing(t *testing.T) {
	t.Parallel()
	r := newRepairs(t, repairOptions{})
	r.recycle()
	r.approvedBy("chris")
	r.pass(5 * time.Second)
	r.says(r.slash("joe", "/run abort reason:it answers again"), "is abort")
	stopped := r.wants(remediation.Aborted)
	if len(stopped.Left) == 0 {
		t.Fatal("the run left nothing to put back")
	}
	r.pass(30 * time.Second)

	var tries, asked int
	for _, c := range dryRuns(stopped.ID) {
		surfaces := map[string]func() readOut{
			"Discord":                 func() readOut { return r.slash("dana", c.line+" dry-run:True") },
			"the shell":               func() readOut { return r.shell("dana", append(c.words, "--dry-run")...) },
			"the shell on the socket": func() readOut { return r.shell("joe", append(c.words, "--dry-run")...) },
			"the shell, as JSON":      func() readOut { return r.shell("joe", append(c.words, "--dry-run", "--json")...) },
		}
		for where, try := range surfaces {
			t.Run(c.title+" in "+where, func(t *testing.T) {
				whole := r.t
				r.t = t
				defer func() { r.t = whole }()
				r.pass(20 * time.Second) // what was read before is too old for a plan
				r.world.kube.Forget()
				r.world.linode.Forget()
				before := r.atRest()
				told := try()
				if told.error {
					t.Errorf("it ended with an error: %s", told.text)
				}
				want := []string{"Dry run", c.title, c.step}
				if strings.Contains(where, "JSON") {
					want = []string{`"steps"`, c.step, `"hash"`}
				}
				r.says(told, want...)
				tries++
				if r.readOnly() {
					asked++
				}
				after := r.atRest()
				if !bytes.Equal(before.cluster, after.cluster) {
					t.Error("the cluster is not as it was")
				}
				if !bytes.Equal(before.cloud, after.cloud) {
					t.Error("the cloud is not as it was")
				}
				if before.entries != after.entries || before.runs != after.runs {
					t.Errorf("something was recorded: %s, %d runs; it was %s, %d runs", after.entries, after.runs, before.entries, before.runs)
				}
			})
		}
	}

	if asked < tries*3/4 {
		t.Errorf("the simulators were asked in %d of %d: what they are asked for is not seen", asked, tries)
	}

	// The same in earnest is seen by the same means.
	before := r.atRest()
	r.slash("dana", "/node cordon node:"+siteNode)
	r.slash("dana", fmt.Sprintf("/run approve run:%s plan:%s", r.run().ID, remediation.ShortHash(r.run().Hash)))
	r.pass(5 * time.Second)
	if after := r.atRest(); bytes.Equal(before.cluster, after.cluster) || before.entries == after.entries || before.runs == after.runs || len(r.world.kube.Writes()) == 0 {
		t.Error("a repair that is carried out leaves no trace where dry runs are looked at")
	}
}

// readOnly fails the test if the simulators were asked for anything but to read or to
// validate, and returns whether they were asked at all: what somebody else has just read
// is good enough for a plan.
func (r *repairs) readOnly() (asked bool) {
	r.t.Helper()
	cluster, cloud := r.world.kube.Requests(), r.world.linode.Requests()
	if i := slices.IndexFunc(cluster, func(q kubetest.Request) bool {
		harmless := q.DryRun || q.Resource == "selfsubjectaccessreviews" // asks what the role for changes may
		return !harmless && (q.Method != http.MethodGet || q.Token != kubetest.ObserveToken)
	}); i >= 0 {
		r.t.Errorf("the cluster was asked for %s %s with %s", cluster[i].Method, cluster[i].Path, cluster[i].Token)
	}
	if i := slices.IndexFunc(cloud, func(q linodetest.Request) bool { return q.Method != http.MethodGet || q.Token != linodetest.ReadToken }); i >= 0 {
		r.t.Errorf("the cloud was asked for %s %s with %s", cloud[i].Method, cloud[i].Path, cloud[i].Token)
	}
	return len(cluster)+len(cloud) > 0
}
