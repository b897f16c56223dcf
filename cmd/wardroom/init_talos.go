package main

import (
	"context"
	"errors"
	"os"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/integrations/talos"
)

// askMachines asks who can restart the cluster's machines: Linode, and the team's own
// talosctl where nodes of the cluster run Talos.
func askMachines(ctx context.Context, w *wizard) error {
	if err := askLinode(ctx, w); err != nil {
		return err
	}
	f := &w.answers.fleet
	if len(f.onTalos) == 0 {
		return nil
	}
	w.say("  %s Talos", plural(len(f.onTalos), "node of the cluster runs", "nodes of the cluster run"))
	path, err := w.ask(ctx, question{text: "The talosconfig with which Wardroom may restart them", proposed: f.talos.Config, optional: true, valid: validTalosconfig,
		help: "talosctl config new --roles os:operator makes one; docs/talos.md shows it. talosctl itself has to be on this machine.\n- is for none: then they are cordoned and drained at most."})
	if err == nil && path == "" {
		f.talos = talos.Settings{}
	} else if err == nil {
		f.talos.Config = path
	}
	return err
}

func validTalosconfig(s string) (string, error) {
	path, err := homePath(s)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("that is no file that can be read")
	}
	return path, nil
}

// tryMachines asks Linode and the machines.
func tryMachines(ctx context.Context, w *wizard, cfg *config.Config) error {
	settings, err := fleetOf(cfg)
	if err != nil {
		return err
	}
	if settings.cloud != nil || settings.talos == nil {
		if err := tryLinode(ctx, w, cfg); err != nil {
			return err
		}
	}
	if settings.talos == nil {
		return nil
	}
	o := *settings.talos
	o.Clock = w.machine.clock
	addresses := func(context.Context) ([]string, error) { return w.answers.fleet.onTalos, nil }
	for _, c := range talos.New(o).Checks(addresses) {
		finding, err := c.Try(ctx)
		if err != nil {
			return err
		}
		if err := w.show(c.Name, finding); err != nil {
			return err
		}
	}
	return nil
}

// onTalos are the addresses of the nodes that run Talos.
func onTalos(nodes []fleet.Node) (addresses []string) {
	for _, n := range nodes {
		if n.Provider() == fleet.OnTalos && n.Address != "" {
			addresses = append(addresses, n.Address)
		}
	}
	return addresses
}

// talosYAML is the section of the configuration; nothing where there is none.
func (f *answeredFleet) talosYAML(line func(format string, args ...any)) {
	if f.talos.Config == "" {
		return
	}
	line("\n# How machines that run Talos are restarted; docs/talos.md says what it needs.")
	line("talos:\n  config: %s", quoted(f.talos.Config))
	if f.talos.Context != "" {
		line("  context: %s", quoted(f.talos.Context))
	}
	if f.talos.Binary != "" && f.talos.Binary != talos.DefaultBinary {
		line("  binary: %s", quoted(f.talos.Binary))
	}
}
