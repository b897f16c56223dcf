package fleet

import (
	"fmt"
	"slices"
	"strings"
)

// Flaw is something about nodes that is not as it should be, whether or not it hurts
// already.
type Flaw struct {
	Kind     string   `json:"kind"`  // "clone", "pressure", "version", "cordoned", "taint", "unknown"
	Nodes    []string `json:"nodes"` // by name; a clone has several
	Sentence string   `json:"sentence"`
	Hint     string   `json:"hint,omitempty"`
}

// The kinds of flaws.
const (
	FlawClone    = "clone"    // nodes that share what is any machine's own
	FlawPressure = "pressure" // memory, disk or process ids run out
	FlawVersion  = "version"  // kubelets of several versions
	FlawCordoned = "cordoned" // closed to new pods, perhaps left behind
	FlawTaint    = "taint"    // the taint out-of-service, left behind
	FlawUnknown  = "unknown"  // the cluster does not say which machine it is
)

// Audit names what is not as it should be about the nodes of a snapshot, the worst
// first. It is empty for a snapshot whose nodes are missing: whoever shows it says so.
func Audit(s *Snapshot) []Flaw {
	nodes := slices.Clone(s.Nodes)
	slices.SortFunc(nodes, func(x, y Node) int { return strings.Compare(x.Name, y.Name) })
	all := Clones(nodes)
	for _, n := range nodes {
		if len(n.Pressure) > 0 {
			all = append(all, Flaw{FlawPressure, []string{n.Name}, fmt.Sprintf("%s reports %s", n.Name, strings.Join(n.Pressure, ", ")), "/node show says what runs there; pods are evicted soon"})
		}
	}
	for _, n := range nodes {
		if slices.ContainsFunc(n.Taints, func(t Taint) bool { return t.Key == OutOfService.Key }) {
			all = append(all, Flaw{FlawTaint, []string{n.Name}, n.Name + " is tainted out of service: no pod may run there", "take it off once its machine is well: kubectl taint nodes " + n.Name + " " + OutOfService.Key + "-"})
		}
	}
	for _, n := range nodes {
		if n.Unschedulable {
			all = append(all, Flaw{FlawCordoned, []string{n.Name}, n.Name + " is cordoned: no new pods go there", "/node uncordon when nobody is at it any more"})
		}
	}
	all = append(all, versions(nodes)...)
	for _, n := range nodes {
		// A machine that runs Talos is known by its address, and often nobody provides it.
		known := n.Identity.ProviderID != "" || n.Provider() == OnTalos
		if !known || n.Identity.MachineID == "" {
			all = append(all, Flaw{FlawUnknown, []string{n.Name}, "the cluster does not say which machine " + n.Name + " is", "it has just joined, or its cloud controller does not work; no repair can prove whom it hits"})
		}
	}
	return all
}

// own are the parts of a node that are any machine's own.
var own = []struct {
	name string
	of   func(Node) string
}{
	{"machine-id", func(n Node) string { return n.Identity.MachineID }},
	{"systemUUID", func(n Node) string { return strings.ToLower(n.SystemUUID) }},
	{"providerID", func(n Node) string { return n.Identity.ProviderID }},
	{"boot id", func(n Node) string { return n.Identity.BootID }},
	{"hostname", func(n Node) string { return strings.ToLower(n.Hostname) }},
}

// Clones are the groups of nodes that share a part of what is any machine's own: a
// machine that was cloned with its identity, which confuses the control plane and the
// network (2024-04-10). A group is named once, with all that it shares.
func Clones(nodes []Node) []Flaw {
	type group struct {
		nodes  []string
		shared []string
	}
	var groups []group
	for _, part := range own {
		by := map[string][]string{}
		for _, n := range nodes {
			if v := part.of(n); v != "" {
				by[v] = append(by[v], n.Name)
			}
		}
		var values []string
		for v, names := range by {
			if len(names) > 1 {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		for _, v := range values {
			names := by[v]
			slices.Sort(names)
			i := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.nodes, names) })
			if i < 0 {
				groups = append(groups, group{nodes: names})
				i = len(groups) - 1
			}
			groups[i].shared = append(groups[i].shared, part.name)
		}
	}
	var all []Flaw
	for _, g := range groups {
		last := len(g.nodes) - 1
		all = append(all, Flaw{FlawClone, g.nodes, fmt.Sprintf("%s and %s have one %s: one is a clone of the other", strings.Join(g.nodes[:last], ", "), g.nodes[last], strings.Join(g.shared, ", one ")),
			"turn the clone off now and delete it; make new nodes from the pool or the image, never from a node"})
	}
	return all
}

// versions tells of kubelets that are not of the version that most have; of several
// that as many have, the one that sorts last counts as theirs.
func versions(nodes []Node) []Flaw {
	by := map[string][]string{}
	var most string
	for _, n := range nodes {
		if n.Version != "" {
			by[n.Version] = append(by[n.Version], n.Name)
		}
	}
	for v, names := range by {
		if len(names) > len(by[most]) || len(names) == len(by[most]) && v > most {
			most = v
		}
	}
	var others []string
	for v := range by {
		if v != most {
			others = append(others, v)
		}
	}
	slices.Sort(others)
	var all []Flaw
	for _, v := range others {
		are := "is"
		if len(by[v]) > 1 {
			are = "are"
		}
		all = append(all, Flaw{FlawVersion, by[v], fmt.Sprintf("%s %s of version %s, the others of %s", strings.Join(by[v], ", "), are, v, most), "fine while an upgrade is under way"})
	}
	return all
}
