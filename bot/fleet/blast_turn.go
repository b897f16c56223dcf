package fleet

import (
	"cmp"
	"slices"
	"strings"
)

// BlastInTurn is what is lost while nodes are emptied and restarted one after another:
// the sum of what each loses, since never are two of them away. A workload counts as
// hit in whole where one of the nodes has all of its Ready pods now; where its pods go
// meanwhile is not known.
func BlastInTurn(s *Snapshot, nodes []string, o BlastOptions) Blast {
	var sum Blast
	for i, node := range nodes {
		one := BlastOfNode(s, node, o)
		if i == 0 {
			sum = one
			continue
		}
		sum.add(one)
	}
	slices.SortFunc(sum.Workloads, func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.weight(), x.weight()), compareObjects(x.Object, y.Object))
	})
	slices.SortFunc(sum.Volumes, func(x, y Held) int { return strings.Compare(x.Volume, y.Volume) })
	for _, objects := range [][]Object{sum.Bare, sum.LocalData, sum.Stale, sum.Unbacked} {
		slices.SortFunc(objects, compareObjects)
	}
	slices.Sort(sum.Unknown)
	return sum
}

// add adds what another node loses at another time.
func (b *Blast) add(o Blast) {
	for _, h := range o.Workloads {
		i := slices.IndexFunc(b.Workloads, func(known Hit) bool { return known.Object == h.Object })
		if i < 0 {
			b.Workloads = append(b.Workloads, h)
			continue
		}
		known := &b.Workloads[i]
		known.Pods += h.Pods
		known.All = known.All || h.All
		if len(known.Breaks) == 0 {
			known.Breaks = h.Breaks
		}
	}
	b.Bare = union(b.Bare, o.Bare)
	b.LocalData = union(b.LocalData, o.LocalData)
	b.Stale = union(b.Stale, o.Stale)
	b.Unbacked = union(b.Unbacked, o.Unbacked)
	b.Keepers = union(b.Keepers, o.Keepers)
	b.Unknown = union(b.Unknown, o.Unknown)
	merge(&b.Volumes, o.Volumes, func(v Held) string { return v.Volume })
	merge(&b.Blocking, o.Blocking, func(x Budget) string { return x.Object.String() })
	merge(&b.Overlaps, o.Overlaps, func(x Overlap) string { return x.Pod.String() })
	merge(&b.Backups, o.Backups, func(x Backup) string { return x.Object.String() })
	if b.Capacity.Fits() && (!o.Capacity.Fits() || o.Capacity.Needed.MilliCPU > b.Capacity.Needed.MilliCPU) {
		b.Capacity = o.Capacity // the tightest of them
	}
	b.LastReady, b.Control, b.Own = b.LastReady || o.LastReady, b.Control || o.Control, b.Own || o.Own
}

func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// merge adds to a list what it does not have under its name yet.
func merge[T any](into *[]T, more []T, name func(T) string) {
	for _, x := range more {
		if !slices.ContainsFunc(*into, func(y T) bool { return name(y) == name(x) }) {
			*into = append(*into, x)
		}
	}
}
