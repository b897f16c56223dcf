package fleet

import (
	"cmp"
	"slices"
	"strings"
)

// BlastOfNode is what is lost while a node is emptied, restarted or replaced. It is
// computed from the snapshot alone. A node that is not in it, and a snapshot that is
// nil, are unknown and never harmless.
func BlastOfNode(s *Snapshot, node string, o BlastOptions) Blast {
	if s == nil {
		return Blast{Unknown: []string{"the cluster"}}
	}
	b := blaster{s: s, o: o}
	i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name == node })
	if i < 0 {
		b.unknown("node " + node)
	}
	for _, p := range s.Pods {
		if p.Node == node && p.moves() {
			b.pods = append(b.pods, p)
		}
	}
	blast := b.blast()
	for _, a := range s.Attachments {
		if a.Node == node && !slices.ContainsFunc(blast.Volumes, func(h Held) bool { return h.Volume == a.Volume }) {
			blast.Volumes = append(blast.Volumes, Held{Volume: a.Volume, Cloud: s.volume(a.Volume).CloudID})
		}
	}
	slices.SortFunc(blast.Volumes, func(x, y Held) int { return strings.Compare(x.Volume, y.Volume) })
	blast.Blocking, blast.Overlaps = b.blocking(), b.overlaps()
	blast.Capacity = b.capacity(node)
	blast.Own = o.Own != "" && o.Own == node
	if i >= 0 {
		blast.Control = s.Nodes[i].ControlPlane
		blast.LastReady = s.Nodes[i].Ready == True && s.ReadyNodes(node) == 0
	}
	blast.Unknown = b.missing()
	return blast
}

// BlastOfVolume is what is lost while the workloads that use a PersistentVolume are
// scaled to nothing: they stop wherever they run.
func BlastOfVolume(s *Snapshot, volume string, o BlastOptions) Blast {
	if s == nil {
		return Blast{Unknown: []string{"the cluster"}}
	}
	b := blaster{s: s, o: o}
	owners := s.UsersOf(volume)
	for _, p := range s.Pods {
		if p.alive() && (slices.Contains(owners, p.Owner.key()) || p.Owner == (Object{}) && s.uses(p, volume)) {
			b.pods = append(b.pods, p)
		}
	}
	b.owners = owners
	blast := b.blast()
	for i := range blast.Workloads {
		blast.Workloads[i].All = true
	}
	blast.Unknown = b.missing()
	return blast
}

// ReadyNodes counts the nodes that are Ready, other than one.
func (s *Snapshot) ReadyNodes(other string) (n int) {
	for _, node := range s.Nodes {
		if node.Name != other && node.Ready == True {
			n++
		}
	}
	return n
}

// UsersOf are the workloads whose pods use a PersistentVolume, without their UIDs.
func (s *Snapshot) UsersOf(volume string) (owners []Object) {
	for _, p := range s.Pods {
		if p.Owner != (Object{}) && p.alive() && s.uses(p, volume) && !slices.Contains(owners, p.Owner.key()) {
			owners = append(owners, p.Owner.key())
		}
	}
	slices.SortFunc(owners, compareObjects)
	return owners
}

// VolumesOf are the exclusive PersistentVolumes that a pod uses.
func (s *Snapshot) VolumesOf(p Pod) (volumes []Volume) {
	for _, name := range p.Claims {
		if c, ok := s.claim(p.Namespace, name); ok && c.Volume != "" {
			if v := s.volume(c.Volume); v.Exclusive() {
				volumes = append(volumes, v)
			}
		}
	}
	return volumes
}

func (s *Snapshot) uses(p Pod, volume string) bool {
	return slices.ContainsFunc(p.Claims, func(name string) bool {
		c, ok := s.claim(p.Namespace, name)
		return ok && c.Volume == volume
	})
}

func (s *Snapshot) claim(namespace, name string) (Claim, bool) {
	i := slices.IndexFunc(s.Claims, func(c Claim) bool { return c.Namespace == namespace && c.Name == name })
	if i < 0 {
		return Claim{}, false
	}
	return s.Claims[i], true
}

// volume has only its name when the cluster does not list it.
func (s *Snapshot) volume(name string) Volume {
	for _, v := range s.Volumes {
		if v.Name == name {
			return v
		}
	}
	return Volume{Name: name}
}

// alive: the pod is there and has not come to its end by itself.
func (p Pod) alive() bool { return p.Phase != "Succeeded" && p.Phase != "Failed" }

// moves: an emptied node loses the pod. DaemonSets and static pods belong to nodes.
func (p Pod) moves() bool { return p.alive() && !p.Daemon && !p.Mirror }

// key is the object without its UID, which not every view of it has.
func (o Object) key() Object { o.UID = ""; return o }

func compareObjects(x, y Object) int {
	return cmp.Or(strings.Compare(x.Namespace, y.Namespace), strings.Compare(x.Name, y.Name), strings.Compare(x.Kind, y.Kind))
}

// blaster gathers a blast radius.
type blaster struct {
	s      *Snapshot
	o      BlastOptions
	pods   []Pod    // that are lost
	owners []Object // hit although no pod of theirs is lost
	not    []string // known
}

func (b *blaster) unknown(what string) {
	if !slices.Contains(b.not, what) {
		b.not = append(b.not, what)
	}
}

func (b *blaster) missing() []string {
	all := slices.Concat(b.s.Missing, b.not)
	slices.Sort(all)
	return slices.Compact(all)
}

func (b *blaster) blast() Blast {
	blast := Blast{At: b.s.At, Workloads: b.hits(), Volumes: b.volumes()}
	for _, p := range b.pods {
		if p.Owner == (Object{}) {
			blast.Bare = append(blast.Bare, p.Object)
		}
	}
	slices.SortFunc(blast.Bare, compareObjects)
	for _, p := range b.pods {
		if p.LocalData && p.Phase != "Pending" { // what never ran has none
			blast.LocalData = append(blast.LocalData, p.Object)
		}
	}
	slices.SortFunc(blast.LocalData, compareObjects)
	for _, h := range blast.Workloads {
		for _, k := range h.Keepers {
			if !slices.Contains(blast.Keepers, k) {
				blast.Keepers = append(blast.Keepers, k)
			}
		}
	}
	b.backups(&blast)
	return blast
}

func (b *blaster) hits() []Hit {
	count := map[Object]int{}
	for _, o := range b.owners {
		count[o] = 0
	}
	for _, p := range b.pods {
		if p.Owner != (Object{}) {
			count[p.Owner.key()]++
		}
	}
	var hits []Hit
	for owner, pods := range count {
		hits = append(hits, b.hit(owner, pods))
	}
	slices.SortFunc(hits, func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.weight(), x.weight()), compareObjects(x.Object, y.Object))
	})
	return hits
}

func (b *blaster) hit(owner Object, pods int) Hit {
	h := Hit{Workload: Workload{Object: owner}, Pods: pods}
	ready, there, all := 0, 0, 0
	for _, p := range b.s.Pods {
		if p.Owner.key() != owner || !p.alive() {
			continue
		}
		all++
		if !p.Ready || !p.Terminating.IsZero() {
			continue
		}
		ready++
		if slices.ContainsFunc(b.pods, func(lost Pod) bool { return lost.Object == p.Object }) {
			there++
		}
	}
	i := slices.IndexFunc(b.s.Workloads, func(w Workload) bool { return w.Object.key() == owner })
	if i >= 0 {
		h.Workload = b.s.Workloads[i]
	} else {
		h.Replicas, h.Ready = all, ready // it is kept by something that the snapshot does not list
	}
	h.Single, h.Down = h.Replicas == 1, ready == 0
	h.All = ready > 0 && there == ready
	if h.Single || h.All || h.Down {
		h.Breaks = b.dependants(h.Object.String())
	}
	return h
}

// weight orders hits: what stops and breaks others, what stops, what loses a part,
// what is down already.
func (h Hit) weight() int {
	switch {
	case h.Stops() && len(h.Breaks) > 0:
		return 3
	case h.Stops():
		return 2
	case !h.Down:
		return 1
	}
	return 0
}

// dependants are all who depend on a workload, directly or through others, the
// nearest first. A circle of declarations ends where it began.
func (b *blaster) dependants(name string) (all []string) {
	for next := []string{name}; len(next) > 0; {
		var found []string
		for _, of := range next {
			for _, d := range b.usedBy(of) {
				if d != name && !slices.Contains(all, d) && !slices.Contains(found, d) {
					found = append(found, d)
				}
			}
		}
		slices.Sort(found)
		all, next = append(all, found...), found
	}
	return all
}

func (b *blaster) usedBy(name string) []string {
	all := slices.Clone(b.o.UsedBy[name])
	for _, w := range b.s.Workloads {
		if w.String() == name {
			all = append(all, w.UsedBy...)
		}
	}
	return all
}

func (b *blaster) volumes() []Held {
	by := map[string][]Object{}
	for _, p := range b.pods {
		for _, name := range p.Claims {
			if _, known := b.s.claim(p.Namespace, name); !known {
				b.unknown("claim " + Object{Namespace: p.Namespace, Name: name}.String())
			}
		}
		user := p.Owner.key()
		if user == (Object{}) {
			user = p.Object.key()
		}
		for _, v := range b.s.VolumesOf(p) {
			if !slices.Contains(by[v.Name], user) {
				by[v.Name] = append(by[v.Name], user)
			}
		}
	}
	var held []Held
	for name, users := range by {
		slices.SortFunc(users, compareObjects)
		held = append(held, Held{Volume: name, Cloud: b.s.volume(name).CloudID, By: users})
	}
	slices.SortFunc(held, func(x, y Held) int { return strings.Compare(x.Volume, y.Volume) })
	return held
}

// capacity leaves out nodes that new pods are kept from: they are cordoned or bear a
// taint, whether or not some pod tolerates it.
func (b *blaster) capacity(target string) (c Capacity) {
	for _, p := range b.pods {
		c.Needed.add(p.Requests)
	}
	used := map[string]Resources{}
	for i := range b.s.Pods {
		if p := &b.s.Pods[i]; p.Node != "" && p.alive() {
			on := used[p.Node]
			on.add(p.Requests)
			used[p.Node] = on
		}
	}
	for _, n := range b.s.Nodes {
		if n.Name == target || n.Ready != True || n.Unschedulable || slices.ContainsFunc(n.Taints, func(t Taint) bool { return t.Effect != "PreferNoSchedule" }) {
			continue
		}
		if n.Allocatable == (Resources{}) {
			b.unknown("capacity of node " + n.Name)
			continue
		}
		on := used[n.Name]
		c.Nodes++
		c.Free.MilliCPU += max(n.Allocatable.MilliCPU-on.MilliCPU, 0)
		c.Free.Memory += max(n.Allocatable.Memory-on.Memory, 0)
		c.Free.Pods += max(n.Allocatable.Pods-on.Pods, 0)
	}
	return c
}

// add adds what one pod asks for: it takes one place.
func (r *Resources) add(pod Resources) {
	r.MilliCPU += pod.MilliCPU
	r.Memory += pod.Memory
	r.Pods++
}

// backups finds those of what is hit: by what they declare, else by the workload's
// name in theirs, as postgres-backup is of postgres in the same namespace.
func (b *blaster) backups(blast *Blast) {
	for _, h := range blast.Workloads {
		stateful := slices.ContainsFunc(blast.Volumes, func(v Held) bool { return slices.Contains(v.By, h.Object.key()) })
		found := false
		for _, backup := range b.s.Backups {
			if !backup.isOf(h.Object) {
				continue
			}
			found = true
			if slices.ContainsFunc(blast.Backups, func(known Backup) bool { return known.Object == backup.Object }) {
				continue
			}
			blast.Backups = append(blast.Backups, backup)
			if !backup.IsFresh(b.s.At, b.o.Fresh) {
				blast.Stale = append(blast.Stale, backup.Object)
			}
		}
		if stateful && !found {
			blast.Unbacked = append(blast.Unbacked, h.Object)
		}
	}
}

func (b Backup) isOf(w Object) bool {
	if len(b.Of) > 0 {
		return slices.Contains(b.Of, w.String())
	}
	return b.Namespace == w.Namespace && slices.Contains(strings.Split(b.Name, "-"), w.Name)
}
