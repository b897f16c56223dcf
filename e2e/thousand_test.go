package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/e2e/internal/process"
)

// What planning a recycle is to take with a thousand nodes, and how many times that
// fails: machines differ. Whether it grows faster than the cluster does not depend on
// the machine.
const (
	planGoal   = 2 * time.Second
	memoryGoal = 150 << 20 // over a Wardroom that looks after three nodes
	tooMuch    = 10
	pageLimit  = 500 // the most that one answer may hold
)

// measured is a Wardroom that looks after a cluster of some size.
type measured struct {
	first time.Duration // of the plan that is made right after the start, when nothing is known yet
	plan  time.Duration // the median of those that follow
	peak  int64         // the most memory that was resident, in bytes
	rests int64         // what is resident in the end
}

// A recycle is planned in a cluster of a thousand nodes and ten thousand pods, in time
// and memory that a person at night and a small machine have.
func TestAThousandNodes(t *testing.T) {
	o := options{lost: "2m"}
	r, dir := newCluster(t, o)
	for _, m := range r.cloud.Machines() {
		if _, err := r.CoreV1().Nodes().Create(process.Soon(t), newNode(m), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	r.populate()
	r.configure(dir, o)
	few := r.measure()
	r.grow(0, 100)
	hundred := r.measure()
	r.grow(100, 1000)
	pods := len(r.pods(""))
	thousand := r.measure()

	t.Logf("counted: 1,000 nodes, %d pods: a recycle is planned in %s (goal %s), the first after a start in %s; 100 nodes: %s and %s",
		pods, ms(thousand.plan), planGoal, ms(thousand.first), ms(hundred.plan), ms(hundred.first))
	over, before := thousand.peak-few.rests, max(hundred.peak-few.rests, 8<<20)
	t.Logf("counted: resident %d MiB with 3 nodes; at most %d MiB more with 1,000 (goal %d MiB), %d MiB more with 100; %d MiB in the end",
		few.rests>>20, over>>20, memoryGoal>>20, (hundred.peak-few.rests)>>20, thousand.rests>>20)
	if most := planGoal * tooMuch; thousand.plan > most || thousand.first > most {
		t.Errorf("a plan takes %s and %s: %d times the goal and more", thousand.plan, thousand.first, tooMuch)
	}
	if over > memoryGoal*tooMuch {
		t.Errorf("it takes %d MiB more: %d times the goal and more", over>>20, tooMuch)
	}
	if most := 10 * max(hundred.plan, 100*time.Millisecond); thousand.plan > most {
		t.Errorf("ten times the nodes take more than ten times as long: %s, and it was %s", thousand.plan, hundred.plan)
	}
	if over > 10*before {
		t.Errorf("ten times the nodes take more than ten times the memory: %d MiB, and it was %d MiB", over>>20, before>>20)
	}
	r.pagedOnly()
}

func ms(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// measure starts Wardroom, lets it plan, and ends it.
func (r *rig) measure() (m measured) {
	r.Helper()
	r.bot.Serve()
	defer r.bot.Child.End(r.T)
	node := r.nodeOf("redis")
	plan := func() time.Duration {
		began := time.Now()
		said := r.bot.Do("node", "recycle", node, "--dry-run")
		took := time.Since(began)
		for _, word := range []string{node, "default/redis", "pvc-bb1d06139b334c1f", "RECYCLE"} {
			if !strings.Contains(said, word) {
				r.Fatalf("the plan does not tell of %s:\n%s", word, said)
			}
		}
		return took
	}
	m.first = plan()
	var all []time.Duration
	for range 7 {
		all = append(all, plan())
	}
	slices.Sort(all)
	m.plan = all[len(all)/2]
	m.rests, m.peak = r.bot.memory("VmRSS"), r.bot.memory("VmHWM")
	return m
}

// memory is a figure of /proc/PID/status, in bytes.
func (b *bot) memory(name string) int64 {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.Child.PID()))
	if err != nil {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, name+":"); is {
			if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err == nil {
				return n << 10
			}
		}
	}
	b.t.Fatalf("/proc has no %s:\n%s", name, text)
	return 0
}

// pagedOnly fails unless each list that Wardroom has asked for was a page, by the API
// server's own record, and pods took more than one.
func (r *rig) pagedOnly() {
	r.Helper()
	f, err := os.Open(filepath.Join(r.dir, "audit.jsonl"))
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	lists, next := 0, 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			RequestURI, Verb, Stage string
			User                    struct{ Username string }
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			r.Fatalf("%v: %s", err, lines.Text())
		}
		at, err := url.Parse(e.RequestURI)
		if err != nil {
			r.Fatal(err)
		}
		if !strings.HasPrefix(e.User.Username, "system:serviceaccount:wardroom:") {
			continue
		}
		if e.Verb == "watch" && at.Query().Get("sendInitialEvents") == "true" {
			r.Errorf("a watch was asked for all there is: %s", e.RequestURI)
		}
		if e.Verb != "list" {
			continue
		}
		lists++
		if n, err := strconv.Atoi(at.Query().Get("limit")); err != nil || n > pageLimit {
			r.Errorf("a list without pages of at most %d: %s", pageLimit, e.RequestURI)
		}
		if strings.HasSuffix(at.Path, "/pods") && at.Query().Get("continue") != "" {
			next++
		}
	}
	if err := lines.Err(); err != nil {
		r.Fatal(err)
	}
	if next < 10 {
		r.Errorf("of %d lists %d were further pages of pods", lists, next)
	}
	r.Logf("counted: %d lists asked for, none of more than %d objects", lists, pageLimit)
}
