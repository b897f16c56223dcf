//go:build postgres

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/integrations/linode/linodetest"
	"wardroom/storage/pgtest"
)

// worldSpeed is how much faster the world's time passes than that of the replicas: a
// machine that takes minutes to be made anew takes seconds.
const worldSpeed = 15

// A standby is to record within takeoverGoal; takeoverLimit fails the test.
const (
	takeoverGoal  = 10 * time.Second
	takeoverLimit = 30 * time.Second
)

// replicas are two Wardrooms that share a PostgreSQL, a cluster and a cloud.
type replicas struct {
	t     *testing.T
	world *stageWorld
	way   *pgtest.Wire // of the first one to the server
	both  [2]*process

	mu    sync.Mutex
	acked []string // fingerprints of alerts that were acknowledged
}

// TestReplicas recycles a node with an owner that is killed, hangs, or is cut off from the
// database while it asks for that, and alerts come in: a standby takes over, every alert
// that was acknowledged is recorded, the run is carried to its end, nothing is asked of
// the cloud or the cluster twice, and an owner that comes back does nothing more.
func TestReplicas(t *testing.T) {
	ways := map[string]struct{ fail, mend func(*replicas) error }{
		"the owner is killed": {func(r *replicas) error { return r.both[0].cmd.Process.Kill() }, nil},
		"the owner is stopped": {func(r *replicas) error { return r.both[0].cmd.Process.Signal(syscall.SIGSTOP) },
			func(r *replicas) error { return r.both[0].cmd.Process.Signal(syscall.SIGCONT) }},
		"the owner is cut off": {func(r *replicas) error { r.way.Cut(true); return nil }, func(r *replicas) error { r.way.Cut(false); return nil }},
	}
	bin := pgtest.Binaries()
	if len(bin) == 0 {
		t.Fatal("there is no PostgreSQL: apt-get install postgresql, or name its binaries in POSTGRES_BIN")
	}
	folder, err := os.MkdirTemp("", "replicas")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // the server runs as somebody else
		t.Fatal(err)
	}
	server, err := pgtest.Start(t.Context(), bin[0], filepath.Join(folder, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				newReplicas(t, server.URL).night(way.fail, way.mend)
			})
		}
	})
}

// newReplicas starts the first, which owns the database, and then the second.
func newReplicas(t *testing.T, server string) *replicas {
	t.Helper()
	r := &replicas{t: t}
	folder, err := os.MkdirTemp("", "pair") // a socket's path must be short
	r.must(err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	url, err := pgtest.Schema(t.Context(), server, strings.ReplaceAll(filepath.Base(folder), "-", "_"))
	r.must(err)
	address, err := neturl.Parse(server)
	r.must(err)
	r.way, err = pgtest.NewWire(address.Host)
	r.must(err)
	t.Cleanup(r.way.Close)
	r.startWorld()
	for i, url := range []string{strings.Replace(url, address.Host, r.way.Addr(), 1), url} {
		r.both[i] = r.start(filepath.Join(folder, fmt.Sprint(i)), url)
		r.until(fmt.Sprintf("replica %d answers", i), func() bool {
			status := r.ready(i)
			return i == 0 && status == http.StatusOK || i == 1 && status == http.StatusServiceUnavailable
		})
	}
	return r
}

// startWorld has the machines, whose time passes worldSpeed times as fast as ours.
func (r *replicas) startWorld() {
	r.t.Helper()
	in, err := os.Open(filepath.Join(scriptFolder, worldFile))
	r.must(err)
	defer in.Close()
	file, err := scenario.Read(in)
	r.must(err)
	began := time.Now()
	clock := scenario.NewClock(began)
	r.world, err = newStageWorld(file, clock)
	r.must(err)
	over := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		pass(r.world, clock, over, func(now time.Time) time.Time { return began.Add(now.Sub(began) * worldSpeed) })
	})
	r.t.Cleanup(func() {
		close(over)
		passing.Wait()
		r.world.close()
	})
}

// start starts one and does not wait for it.
func (r *replicas) start(data, url string) *process {
	r.t.Helper()
	r.must(os.MkdirAll(data, 0o700))
	port := freePort(r.t)
	text := fmt.Sprintf("data: %s\nlisten: 127.0.0.1:%d\npeople: {rosa: {roles: [lead], uid: %d}}\ndatabase: {postgres: %q}\nintake: {alertmanager: {token: the-same-for-both}}\n",
		data, port, os.Getuid(), url) + r.world.configuration()
	config := filepath.Join(data, "wardroom.yaml")
	r.must(os.WriteFile(config, []byte(text), 0o600))
	p := &process{t: r.t, base: fmt.Sprintf("http://127.0.0.1:%d", port), data: data, log: &bytes.Buffer{}}
	p.cmd = asProcess(context.Background(), "serve", "--config", config)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	r.must(p.cmd.Start())
	r.t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if r.t.Failed() {
			r.t.Logf("%s:\n%s", data, p.log)
		}
	})
	return p
}

func (r *replicas) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// ready is what /readyz of a replica answers; 0: nothing.
func (r *replicas) ready(i int) int {
	client := http.Client{Timeout: time.Second}
	res, err := client.Get(r.both[i].base + "/readyz")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

func (r *replicas) until(what string, so func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			r.t.Fatalf("never: %s", what)
		case <-poll.C:
		}
	}
}

// ask types in the data folder of a replica.
func (r *replicas) ask(i int, args ...string) string {
	r.t.Helper()
	return mustRun(r.t, append(args, "--config", filepath.Join(r.both[i].data, "wardroom.yaml"))...)
}

func (r *replicas) run(i int) (run remediation.Run) {
	r.t.Helper()
	r.must(json.Unmarshal([]byte(r.ask(i, "run", "show", "INC-1/run-1", "--json")), &run))
	return run
}

// alerts sends one alert after the other, each until one of both has acknowledged it.
func (r *replicas) alerts(ctx context.Context) {
	client := &http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		fingerprint := fmt.Sprintf("%016x", n)
		for at := n; ; at++ {
			status, err := post(client, r.both[at%2].base+"/webhooks/alertmanager", "the-same-for-both", firing(fingerprint))
			if err == nil && status == http.StatusOK {
				break
			}
			if ctx.Err() != nil {
				return
			}
		}
		r.mu.Lock()
		r.acked = append(r.acked, fingerprint)
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// night recycles a node, lets the owner fail as soon as the cloud is asked for that, and
// brings it back when the other one has taken over.
func (r *replicas) night(fail, mend func(*replicas) error) {
	r.ask(0, "incident", "declare", "node-a hangs", "--severity", "SEV1")
	r.ask(0, "node", "recycle", "node-a", "--incident", "INC-1")
	r.ask(0, "run", "break-glass", "INC-1/run-1", "--reason", "nobody else is on the rota")
	r.ask(0, approveWords(r.run(0))...)
	ctx, enough := context.WithCancel(r.t.Context())
	var sending sync.WaitGroup
	sending.Go(func() { r.alerts(ctx) })
	defer sending.Wait()
	defer enough()

	r.until("the recycle is asked for", func() bool { return len(r.recycles()) > 0 })
	r.must(fail(r))
	began := time.Now()
	r.until("the standby has taken over", func() bool { return r.ready(1) == http.StatusOK })
	took := time.Since(began)
	r.t.Logf("counted: the standby is ready %.1f s after the owner is gone; the goal is %s", took.Seconds(), takeoverGoal)
	if took > takeoverLimit {
		r.t.Errorf("it took %s", took)
	}
	if mend != nil {
		r.must(mend(r))
		var left *exec.ExitError
		if err := r.both[0].cmd.Wait(); !errors.As(err, &left) || left.ExitCode() != exitUnavailable {
			r.t.Errorf("the owner that comes back ends with %v, not with %d", err, exitUnavailable)
		}
	}
	r.until("the run is over", func() bool { return !r.run(1).Status.Active() || r.run(1).Ask != nil })
	enough()
	sending.Wait()
	r.sound()
}

func (r *replicas) recycles() (list []linodetest.Request) {
	for _, q := range r.world.linode.Writes() {
		if strings.HasSuffix(q.Path, "/recycle") {
			list = append(list, q)
		}
	}
	return list
}

// sound holds the end to what was asked for, acknowledged and recorded.
func (r *replicas) sound() {
	r.t.Helper()
	if run := r.run(1); run.Status != remediation.Done {
		r.t.Errorf("the run is %s: %s %+v", run.Status, run.Why, run.Ask)
	}
	var asked []string
	for _, q := range r.world.linode.Writes() {
		asked = append(asked, q.Method+" "+q.Path)
	}
	for _, q := range r.world.kube.Writes() {
		if !q.DryRun && !strings.Contains(q.Path, "reviews") {
			asked = append(asked, q.Method+" "+q.Path+" "+q.Body)
		}
	}
	slices.Sort(asked)
	if once := slices.Compact(slices.Clone(asked)); len(once) != len(asked) {
		r.t.Errorf("something was asked for twice:\n%s", strings.Join(asked, "\n"))
	}
	var known []struct{ Fingerprint string }
	r.must(json.Unmarshal([]byte(r.ask(1, "alert", "list", "--json", "--all")), &known))
	count := map[string]int{}
	for _, a := range known {
		count[a.Fingerprint]++
	}
	for _, fingerprint := range r.acked {
		if count[fingerprint] != 1 {
			r.t.Errorf("alert %s was acknowledged and is listed %d times", fingerprint, count[fingerprint])
		}
	}
	r.t.Logf("counted: %d alerts acknowledged, none lost; %d changes asked for, none twice", len(r.acked), len(asked))
	if said := r.ask(1, "verify", "--rebuild"); !strings.Contains(said, "every chain is whole") {
		r.t.Error(said)
	}
}
