package talos_test

import (
	"cmp"
	"context"
	"strings"
	"testing"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/watch"
	"wardroom/integrations/talos"
	"wardroom/integrations/talos/talostest"
)

// found is what the checks say, a line each.
func (r *rig) found(addresses func(context.Context) ([]string, error)) string {
	var lines []string
	for _, c := range r.it.Checks(addresses) {
		f, err := c.Try(r.Context())
		if err != nil {
			f = watch.Fail("%v", err)
		}
		lines = append(lines, c.Name+": "+string(cmp.Or(f.Level, watch.OK))+" "+f.Sentence)
	}
	return strings.Join(lines, "\n")
}

func TestChecks(t *testing.T) {
	all := func(context.Context) ([]string, error) { return control, nil }
	tests := map[string]struct {
		prepare   func(*rig)
		addresses func(context.Context) ([]string, error)
		says      string
	}{
		"all is well":              {nil, all, "talosctl: ok v1.13.2\ntalos role: ok os:operator\ntalos machines: ok 3 of 3 machines answer"},
		"a machine is down":        {func(r *rig) { r.falls("control-1") }, all, "warning 2 of 3 machines answer"},
		"all machines are down":    {func(r *rig) { r.falls("control-1", "control-2", "control-3") }, all, "connection refused"},
		"the cluster has none":     {nil, func(context.Context) ([]string, error) { return nil, nil }, "no node of the cluster runs Talos"},
		"the cluster is not read":  {nil, func(context.Context) ([]string, error) { return nil, problem.New(problem.Unavailable, "503") }, "cannot be read from the cluster"},
		"an admin":                 {role("os:admin"), all, "warning it has the role os:admin, which may do more"},
		"a reader":                 {role("os:reader"), all, "failed it has the role os:reader: that restarts no machine"},
		"a reader that only looks": {func(r *rig) { role("os:reader")(r); r.o.Observe = true; r.it = talos.New(r.o) }, all, "ok os:reader, which is enough to look"},
		"no role":                  {role(""), all, "warning which role it has is not said"},
		"the context is not there": {func(r *rig) {
			r.ctl.Fault(talostest.Fault{Command: "config info", Exit: 1, Stderr: "warning\ncontext \x1b[31m\"prod\" is not defined\n"})
		}, all, `the talosconfig cannot be used: context [31m"prod" is not defined`},
		"another program":           {func(r *rig) { r.ctl.Fault(talostest.Fault{Command: "version", Stdout: "hello\n"}) }, all, "warning what it says of its version is not understood"},
		"the program is not there":  {func(r *rig) { r.o.Binary = "/nowhere/talosctl"; r.it = talos.New(r.o) }, all, "there is no /nowhere/talosctl on this machine"},
		"what is said is not JSON":  {func(r *rig) { r.ctl.Fault(talostest.Fault{Command: "get", Stdout: "{\"node\": 1"}) }, all, "is not understood"},
		"it says no more than that": {func(r *rig) { r.ctl.Fault(talostest.Fault{Command: "version", Exit: 1}) }, all, "it does not say why"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tt.prepare != nil {
				tt.prepare(r)
			}
			if got := r.found(tt.addresses); !strings.Contains(got, tt.says) {
				t.Errorf("%s\nwant %q", got, tt.says)
			}
		})
	}
}

// role lets the talosconfig be of a role.
func role(name string) func(*rig) {
	return func(r *rig) {
		r.ctl.Fault(talostest.Fault{Command: "config info", Stdout: "Current context:     test\nRoles:               " + name + "\n"})
	}
}

func TestSettings(t *testing.T) {
	tests := map[string]struct {
		text string
		want talos.Settings
		says string // of the mistake
	}{
		"the file alone":         {"{config: /etc/talosconfig}", talos.Settings{Config: "/etc/talosconfig", Binary: "talosctl"}, ""},
		"all of it":              {"{config: /etc/talosconfig, context: prod, binary: /opt/talosctl}", talos.Settings{Config: "/etc/talosconfig", Context: "prod", Binary: "/opt/talosctl"}, ""},
		"no file":                {"{context: prod}", talos.Settings{}, "talos.config: is missing"},
		"a path from here":       {"{config: talosconfig}", talos.Settings{}, "is not a whole path"},
		"an option as a context": {"{config: /c, context: --insecure}", talos.Settings{}, "is no name of a context"},
		"a binary from here":     {"{config: /c, binary: ./talosctl}", talos.Settings{}, "neither a name to be found in PATH nor a whole path"},
		"an option as a binary":  {"{config: /c, binary: -x}", talos.Settings{}, "neither a name"},
		"a key that is none":     {"{config: /c, token: x}", talos.Settings{}, "token"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Parse("test.yaml", t.TempDir(), []byte("talos: "+tt.text+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := talos.Decode(cfg.Talos)
			if tt.says == "" && (err != nil || got != tt.want) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
