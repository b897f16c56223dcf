package talos_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/integrations/talos"
	"wardroom/integrations/talos/talostest"
)

func TestMain(m *testing.M) {
	if talostest.IsProgram() {
		talostest.Main()
	}
	os.Exit(m.Run())
}

// rig is the adapter and a stand-in for talosctl that is a program of its own.
type rig struct {
	*testing.T
	ctl *talostest.Server
	it  *talos.Talos
	o   talos.Options

	mu   sync.Mutex
	down map[string]bool // machines, by node
}

// falls takes the power from machines.
func (r *rig) falls(nodes ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, node := range nodes {
		r.down[node] = true
	}
}

func (r *rig) isUp(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.down[node]
}

func newRig(t *testing.T, change ...func(*talos.Options)) *rig {
	t.Helper()
	r := &rig{T: t, down: map[string]bool{}}
	var err error
	r.ctl, err = talostest.New(talostest.Options{Up: r.isUp})
	r.must(err)
	t.Cleanup(r.ctl.Close)
	for i, node := range []string{"control-1", "control-2", "control-3", "worker-1"} {
		r.ctl.Add(talostest.Machine{Address: address(i + 1), Node: node, Control: i < 3})
	}
	dir := t.TempDir()
	binary, err := talostest.Install(dir)
	r.must(err)
	r.o = talos.Options{Timeout: time.Minute, Settings: talos.Settings{Config: filepath.Join(dir, "talosconfig"), Context: "test", Binary: binary}}
	r.must(r.ctl.WriteConfig(r.o.Config))
	for _, f := range change {
		f(&r.o)
	}
	r.it = talos.New(r.o)
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func address(n int) string { return "10.0.0." + string(rune('0'+n)) }

var control = []string{address(1), address(2), address(3)}

func TestTalosctlIsCalledWithTheseArguments(t *testing.T) {
	r := newRig(t)
	_, err := r.it.Machines(t.Context(), []string{address(1), "fd00::1", "node.example.org"})
	r.must(err)
	_, err = r.it.Etcd(t.Context(), control)
	r.must(err)
	r.must(r.it.Reboot(t.Context(), address(4)))
	var got []string
	for _, args := range r.ctl.Calls() {
		got = append(got, strings.ReplaceAll(strings.Join(args, " "), r.o.Config, "CONFIG"))
	}
	const common = "--talosconfig CONFIG --context test --nodes "
	want := []string{
		common + "10.0.0.1,fd00::1,node.example.org get nodenames.kubernetes.talos.dev --output json",
		common + "10.0.0.1,fd00::1,node.example.org get machinestatuses.runtime.talos.dev --output json",
		common + "10.0.0.1,10.0.0.2,10.0.0.3 etcd members",
		common + "10.0.0.1,10.0.0.2,10.0.0.3 etcd status",
		common + "10.0.0.4 reboot --wait=false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOnlyAddressesAndHostsAreArguments(t *testing.T) {
	r := newRig(t)
	for _, a := range []string{"", "-n", "--insecure", "10.0.0.1,10.0.0.2", "10.0.0.1;reboot", "$(reboot)", "a b", "a\nb", "fe80::1%eth0", "node_1", "-a.example.org", strings.Repeat("a.", 127) + "org", "10.0.0.1:50000", "/etc/passwd"} {
		if err := r.it.Reboot(t.Context(), a); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", a, err)
		}
		if _, err := r.it.Machines(t.Context(), []string{address(1), a}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", a, err)
		}
	}
	if calls := r.ctl.Calls(); len(calls) > 0 {
		t.Errorf("it was called: %v", calls)
	}
}

func TestMachinesThatAnswerAreTold(t *testing.T) {
	r := newRig(t)
	if _, asked := r.it.Working(); asked {
		t.Error("it was never asked")
	}
	r.falls("control-2")
	got, err := r.it.Machines(t.Context(), append([]string{address(9)}, control...))
	r.must(err)
	want := []fleet.TalosMachine{{Address: address(1), Node: "control-1", Stage: "running"}, {Address: address(3), Node: "control-3", Stage: "running"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if w, asked := r.it.Working(); !w.OK || !asked {
		t.Errorf("%+v", w)
	}
	if _, err := r.it.Machines(t.Context(), []string{address(9)}); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("none answers: %v", err)
	}
	if w, _ := r.it.Working(); w.OK || !strings.Contains(w.Means, "no reboot") {
		t.Errorf("%+v", w)
	}
}

func TestEtcdIsHealthyWhereItsOwnMachineSaysSo(t *testing.T) {
	r := newRig(t)
	r.falls("control-2")
	r.ctl.Sicken("control-3", "alarm: NOSPACE, no leader")
	r.ctl.Learn("control-1")
	got, err := r.it.Etcd(t.Context(), control)
	r.must(err)
	want := []fleet.EtcdMember{{Name: "control-1", Learner: true, Healthy: true}, {Name: "control-2", Why: "it does not answer"}, {Name: "control-3", Why: "alarm: NOSPACE, no leader"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What talosctl was seen to print, in several versions, and what it never should.
func TestTablesOfEtcd(t *testing.T) {
	const members = "NODE       ID                 HOSTNAME   PEER URLS               CLIENT URLS             LEARNER\n" +
		"10.0.0.1   00000000000000aa   a          https://10.0.0.1:2380   https://10.0.0.1:2379   false\n" +
		"10.0.0.1   00000000000000bb              https://10.0.0.2:2380                           true\n"
	const status = "NODE       MEMBER             DB SIZE   IN USE           LEADER             RAFT INDEX   RAFT TERM   RAFT APPLIED INDEX   LEARNER"
	const row = "10.0.0.1   00000000000000aa   25 MB     18 MB (72.00%)   00000000000000aa   1234         7           1234                 false"
	tests := map[string]struct {
		members, status string
		want            []fleet.EtcdMember // nil: an Unavailable problem
	}{
		"with versions":            {members, status + "   PROTOCOL   STORAGE   ERRORS\n" + row + "     3.6.5      3.6.0     \n", []fleet.EtcdMember{{Name: "a", Healthy: true}, {Learner: true, Why: "it does not answer"}}},
		"without a storage":        {members, status + "   PROTOCOL   STORAGE   ERRORS\n" + row + "     3.5.21               \n", []fleet.EtcdMember{{Name: "a", Healthy: true}, {Learner: true, Why: "it does not answer"}}},
		"without versions":         {members, status + "   ERRORS\n" + row + "     \n", []fleet.EtcdMember{{Name: "a", Healthy: true}, {Learner: true, Why: "it does not answer"}}},
		"errors without versions":  {members, status + "   ERRORS\n" + row + "     memberID:170 alarm:NOSPACE\n", []fleet.EtcdMember{{Name: "a", Why: "memberID:170 alarm:NOSPACE"}, {Learner: true, Why: "it does not answer"}}},
		"a row that is cut off":    {members, status + "   ERRORS\n10.0.0.1   00000000000000aa   25 MB\n", []fleet.EtcdMember{{Name: "a", Why: "it does not answer"}, {Learner: true, Why: "it does not answer"}}},
		"no members":               {"NODE   ID   HOSTNAME\n", status + "\n", nil},
		"nothing at all":           {"", "", nil},
		"something else":           {"etcd is fine\n", "etcd is fine\n", nil},
		"members of another shape": {"NODE   NAME\n10.0.0.1   node   b   c\n", status + "\n" + row + "\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ctl.Fault(talostest.Fault{Command: "etcd members", Stdout: tt.members})
			r.ctl.Fault(talostest.Fault{Command: "etcd status", Stdout: tt.status})
			got, err := r.it.Etcd(t.Context(), control)
			if tt.want == nil {
				if !problem.Is(err, problem.Unavailable) {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v -want +got\n%s", err, diff)
			}
		})
	}
}

func TestHowARebootEnds(t *testing.T) {
	const dial = `error executing reboot: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.4:50000: connect: connection refused"`
	tests := map[string]struct {
		fault   *talostest.Fault
		change  func(*talos.Options)
		code    problem.Code // "": it was accepted
		maybe   bool
		reaches bool // a machine was told
	}{
		"accepted":                      {reaches: true},
		"may not":                       {fault: &talostest.Fault{Exit: 1, Stderr: "error executing reboot: rpc error: code = PermissionDenied desc = not authorized"}, code: problem.Forbidden},
		"nobody there":                  {fault: &talostest.Fault{Exit: 1, Stderr: dial}, code: problem.Unavailable},
		"cut off, it had arrived":       {fault: &talostest.Fault{Does: true, Exit: 1, Stderr: "error executing reboot: rpc error: code = Unavailable desc = error reading from server: EOF"}, maybe: true, reaches: true},
		"ends without a word":           {fault: &talostest.Fault{Exit: 2}, maybe: true},
		"gives no answer":               {fault: &talostest.Fault{Hang: true}, change: func(o *talos.Options) { o.Timeout = 300 * time.Millisecond }, maybe: true},
		"there is no talosctl":          {change: func(o *talos.Options) { o.Binary = "/nowhere/talosctl" }, code: problem.Unavailable},
		"none of that name in the PATH": {change: func(o *talos.Options) { o.Binary = "talosctl-that-nobody-has" }, code: problem.Unavailable},
		"it is no program":              {change: func(o *talos.Options) { o.Binary = o.Config }, code: problem.Unavailable},
		"Wardroom only observes":        {change: func(o *talos.Options) { o.Observe = true }, code: problem.Forbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tt.change != nil {
				tt.change(&r.o)
				r.it = talos.New(r.o)
			}
			if tt.fault != nil {
				r.ctl.Fault(*tt.fault)
			}
			err := r.it.Reboot(t.Context(), address(4))
			_, maybe := errors.AsType[*fleet.Maybe](err)
			switch {
			case maybe != tt.maybe:
				t.Errorf("it may have been carried out: %t, %v", maybe, err)
			case tt.maybe:
			case tt.code == "" && err != nil, tt.code != "" && !problem.Is(err, tt.code):
				t.Errorf("%v, want %q", err, tt.code)
			}
			if reached := slices.Contains(r.ctl.Reboots(), address(4)); tt.reaches && !reached {
				t.Error("no machine was told")
			}
		})
	}
}

func TestWhatTalosctlPrintsIsBoundedAndNoSecretGoesToIt(t *testing.T) {
	dir := t.TempDir()
	// Not a stand-in: what the program gets and how much is read of what it prints.
	script := filepath.Join(dir, "chatty")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nenv >&2\nhead -c 3000000 /dev/zero | tr '\\0' 'x'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WARDROOM_TOKEN", "hunter2")
	var out, errs []byte
	o := talos.Options{Settings: talos.Settings{Config: "/c", Binary: script}, Timeout: time.Minute}
	run := talos.New(o).Run
	out, errs, exit, err := run(t.Context(), []string{"version"})
	if err != nil || exit != 0 || len(out) != 1<<20 {
		t.Errorf("read %d bytes, exit %d, %v", len(out), exit, err)
	}
	if strings.Contains(string(errs), "hunter2") || !strings.Contains(string(errs), "PATH=") {
		t.Errorf("its environment:\n%s", errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
