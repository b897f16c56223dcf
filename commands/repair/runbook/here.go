package runbook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

const (
	// mostNodes and mostVolumes bound what is asked and written of a large cluster; its
	// other nodes and volumes have their numbers in the overview.
	mostNodes   = 60
	mostVolumes = 100
	// hereAge is how old what the pages are made from may be.
	hereAge = time.Minute
)

// Here are the pages with the cluster's own names: an overview of its nodes, volumes
// and workloads with their numbers, and a page for each node and volume with every
// repair of it. It only reads: the cluster once, the cloud's lists once and each
// machine once. An error says that the cluster cannot be read; what of the cloud
// cannot be read is UNKNOWN in the pages.
func Here(ctx context.Context, ports repair.Ports) ([]File, error) {
	w, err := seen(ctx, ports)
	if err != nil {
		return nil, err
	}
	over := page{name: hereName, title: "This cluster as of " + stamp(w.s.At)}
	over.say("Names and numbers as they were then. Compare them with what kubectl and linode-cli say now.")
	for _, what := range w.s.Missing {
		over.say("UNKNOWN: %s could not be read.", what)
	}
	for _, e := range []struct {
		what string
		err  error
	}{{"slots", w.slots.err}, {"volumes", w.volumes.err}} {
		if e.err != nil {
			over.say("UNKNOWN: the cloud's %s could not be read.", e.what)
		}
	}
	pages := []page{}
	taken := map[string]bool{}
	about := func(kind string, names []string, most int) {
		var links []item
		for _, name := range names[:min(len(names), most)] {
			p := w.about(ctx, kind, name)
			p.name = slug(taken, kind, name)
			pages = append(pages, p)
			links = append(links, item{name, p.name})
		}
		over.heading(2, "Repairs of each %s", kind)
		if over.list(links...); len(names) > most {
			over.say("%d more have no page: use the general one and the numbers below.", len(names)-most)
		}
	}
	var nodes, volumes []string
	for _, n := range w.s.Nodes {
		nodes = append(nodes, n.Name)
	}
	for _, v := range w.s.Volumes {
		if v.CloudID != 0 {
			volumes = append(volumes, v.Name)
		}
	}
	about("node", nodes, mostNodes)
	about("volume", volumes, mostVolumes)
	over.numbers(w)
	return files(append([]page{over}, pages...)), nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// seen reads the world as it is.
func seen(ctx context.Context, ports repair.Ports) (*world, error) {
	s, err := ports.Cluster.Snapshot(ctx, hereAge)
	if err != nil {
		return nil, err
	}
	w := &world{s: *s, blast: ports.Blast, instances: map[int]read[fleet.Instance]{}}
	w.s.Nodes, w.s.Volumes, w.s.Workloads = slices.Clone(s.Nodes), slices.Clone(s.Volumes), slices.Clone(s.Workloads)
	slices.SortFunc(w.s.Nodes, func(x, y fleet.Node) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(w.s.Volumes, func(x, y fleet.Volume) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(w.s.Workloads, func(x, y fleet.Workload) int {
		return cmp.Or(strings.Compare(x.String(), y.String()), strings.Compare(x.Kind, y.Kind))
	})
	w.slots.value, w.slots.err = ports.Cloud.Slots(ctx)
	w.volumes.value, w.volumes.err = ports.Cloud.Volumes(ctx)
	// What is under way today is over in the night that the pages are for: no events.
	for _, n := range w.s.Nodes[:min(len(w.s.Nodes), mostNodes)] {
		if id := n.Identity.Instance; id != 0 {
			var one read[fleet.Instance]
			one.value, one.err = ports.Cloud.Instance(ctx, id)
			w.instances[id] = one
		}
	}
	return w, ctx.Err()
}

// about is the page of one node or volume.
func (w *world) about(ctx context.Context, kind, name string) page {
	p := page{title: strings.ToUpper(kind[:1]) + kind[1:] + " " + name}
	p.say("As of %s. Make sure that it is the one that you mean, and that the numbers are still so.", stamp(w.s.At))
	for _, r := range repair.All(w.ports()) {
		s := r.Spec()
		if examples[s.Name].kind != kind {
			continue
		}
		p.heading(2, "%s", s.Summary)
		p.say("%s. %s", consent(s.Tier), s.When)
		p.list(item{"When to use it, what it breaks, how to undo it", s.Name})
		made, err := shapesOf(ctx, w, s.Name, name)
		if err != nil {
			p.say("No plan could be made: %s. The general page has the steps.", err)
			continue
		}
		for _, m := range made {
			if len(made) > 1 {
				p.heading(3, "%s", m.when)
			}
			var against []item
			for _, f := range m.plan.Findings {
				if f.Code != repair.VolumeNotSick { // nothing is wrong on the day it is written
					against = append(against, item{text: strings.ToUpper(label(f.Strength)) + ": " + f.Sentence})
				}
			}
			if len(against) > 0 {
				p.list(against...)
			}
			p.blocks = append(p.blocks, block{steps: m.steps()})
		}
	}
	return p
}

func label(s remediation.Strength) string {
	if s == remediation.Warning {
		return "know"
	}
	return "against it"
}

// numbers are the overview's tables.
func (p *page) numbers(w *world) {
	slots := map[int]string{}
	for _, s := range w.slots.value {
		slots[s.Instance] = s.ID
	}
	text := func(s string) string { return cmp.Or(s, "UNKNOWN") }
	id := func(n int) string {
		if n == 0 {
			return "none"
		}
		return fmt.Sprint(n)
	}
	rows := [][]string{{"Node", "Ready", "Machine", "Slot", "LKE cluster"}}
	for _, n := range w.s.Nodes {
		cluster := ""
		if i := w.instances[n.Identity.Instance]; i.err == nil && i.value.Cluster != 0 {
			cluster = fmt.Sprint(i.value.Cluster)
		}
		rows = append(rows, []string{n.Name, string(n.Ready), id(n.Identity.Instance), text(slots[n.Identity.Instance]), text(cluster)})
	}
	p.heading(2, "Nodes")
	p.blocks = append(p.blocks, block{table: rows})
	rows = [][]string{{"Volume", "Claim", "Number at the cloud", "Attached to"}}
	for _, v := range w.s.Volumes {
		rows = append(rows, []string{v.Name, v.Claim.String(), id(v.CloudID), cmp.Or(strings.Join(w.holders(v.Name), ", "), "none")})
	}
	if len(rows) > 1 {
		p.heading(2, "Volumes")
		p.blocks = append(p.blocks, block{table: rows})
	}
	rows = [][]string{{"Workload", "Kind", "Replicas", "Needed by"}}
	for _, l := range w.s.Workloads {
		if l.Kind != "Job" {
			rows = append(rows, []string{l.String(), l.Kind, fmt.Sprint(l.Replicas), cmp.Or(strings.Join(l.UsedBy, ", "), "not declared")})
		}
	}
	if len(rows) > 1 {
		p.heading(2, "Workloads")
		p.blocks = append(p.blocks, block{table: rows})
	}
}

// slug is a file's name for something whose name comes from outside; no two are the same.
func slug(taken map[string]bool, kind, name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
		if b.Len() == 80 {
			break
		}
	}
	s := hereName + "-" + kind + "-" + b.String()
	for n, first := 2, s; taken[s]; n++ {
		s = fmt.Sprintf("%s_%d", first, n)
	}
	taken[s] = true
	return s
}
