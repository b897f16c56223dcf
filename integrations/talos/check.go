package talos

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"wardroom/bot/problem"
	"wardroom/bot/watch"
)

// Checks try what the adapter depends on. They only read. addresses are the machines
// that the cluster has; asking for them may fail, and then they are not tried.
func (t *Talos) Checks(addresses func(context.Context) ([]string, error)) []watch.Check {
	return []watch.Check{
		{Name: "talosctl", Try: t.checkProgram},
		{Name: "talos role", Try: t.checkRole},
		{Name: "talos machines", Timeout: 3 * t.Timeout, Try: func(ctx context.Context) (watch.Finding, error) { return t.checkMachines(ctx, addresses) }},
	}
}

var release = regexp.MustCompile(`\bv[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*`)

func (t *Talos) checkProgram(ctx context.Context) (watch.Finding, error) {
	a, err := t.ask(ctx, "version", "--client")
	switch {
	case err != nil:
		return watch.Finding{}, err
	case a.exit != 0:
		return watch.Finding{}, a.failure()
	}
	if v := release.Find(a.out); v != nil {
		return watch.Fine("%s", v), nil
	}
	return watch.Warn("what it says of its version is not understood").WithHint("is talos.binary talosctl?"), nil
}

// What the talosconfig needs, and what is more than that.
// https://docs.siderolabs.com/talos/v1.9/security/rbac
const (
	operator = "os:operator"
	admin    = "os:admin"
	reader   = "os:reader"
)

func (t *Talos) checkRole(ctx context.Context) (watch.Finding, error) {
	a, err := t.ask(ctx, "config", "info")
	switch {
	case err != nil:
		return watch.Finding{}, err
	case a.exit != 0:
		return watch.Finding{}, problem.New(problem.Unavailable, "the talosconfig cannot be used: %s", a.says).WithHint("talos.config is the file, talos.context one of its contexts")
	}
	var roles []string
	for line := range strings.SplitSeq(string(a.out), "\n") {
		if list, is := strings.CutPrefix(strings.TrimSpace(line), "Roles:"); is {
			roles = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	const hint = "talosctl config new --roles os:operator makes one; docs/talos.md"
	switch {
	case slices.Contains(roles, admin):
		return watch.Warn("it has the role %s, which may do more than is needed", admin).WithHint("whoever steals it may, too; %s", hint), nil
	case slices.Contains(roles, operator):
		return watch.Fine("%s", operator), nil
	case slices.Contains(roles, reader) && t.Observe:
		return watch.Fine("%s, which is enough to look", reader), nil
	case len(roles) == 0:
		return watch.Warn("which role it has is not said").WithHint("%s", hint), nil
	}
	return watch.Fail("it has the role %s: that restarts no machine, which disables node reboot and node reboot-all where Talos runs", strings.Join(roles, ", ")).WithHint("%s", hint), nil
}

func (t *Talos) checkMachines(ctx context.Context, addresses func(context.Context) ([]string, error)) (watch.Finding, error) {
	all, err := addresses(ctx)
	switch {
	case err != nil:
		return watch.Warn("which machines there are cannot be read from the cluster").WithHint("see the check of the cluster"), nil
	case len(all) == 0:
		return watch.Warn("no node of the cluster runs Talos").WithHint("leave the section talos out, or look at `kubectl get nodes -o wide`"), nil
	}
	answered, err := t.Machines(ctx, all)
	if err != nil {
		return watch.Finding{}, err
	}
	if len(answered) < len(all) {
		return watch.Warn("%d of %d machines answer", len(answered), len(all)).WithHint("does the network let Wardroom reach their port 50000, or an endpoint of the talosconfig?"), nil
	}
	return watch.Fine("%d of %d machines answer", len(answered), len(all)), nil
}
