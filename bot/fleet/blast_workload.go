package fleet

import "slices"

// BlastOfWorkloads is what is lost while every pod of these workloads goes, at once or
// one after another. It is computed from the snapshot alone. A workload that is not in
// it, and a snapshot that is nil, are unknown and never harmless.
func BlastOfWorkloads(s *Snapshot, all []Object, o BlastOptions) Blast {
	if s == nil {
		return Blast{Unknown: []string{"the cluster"}}
	}
	b := blaster{s: s, o: o}
	for _, one := range all {
		key := one.key()
		if !slices.ContainsFunc(s.Workloads, func(w Workload) bool { return w.Object.key() == key }) {
			b.unknown("workload " + key.String())
		}
		if !slices.Contains(b.owners, key) {
			b.owners = append(b.owners, key)
		}
	}
	for _, p := range s.Pods {
		if p.alive() && p.Owner != (Object{}) && slices.Contains(b.owners, p.Owner.key()) {
			b.pods = append(b.pods, p)
		}
	}
	blast := b.blast()
	blast.Unknown = b.missing()
	return blast
}

// BlastOfPod is what is lost with one pod.
func BlastOfPod(s *Snapshot, pod Object, o BlastOptions) Blast {
	if s == nil {
		return Blast{Unknown: []string{"the cluster"}}
	}
	b := blaster{s: s, o: o}
	for _, p := range s.Pods {
		if p.Object.key() == pod.key() && p.alive() {
			b.pods = append(b.pods, p)
		}
	}
	blast := b.blast()
	blast.Unknown = b.missing()
	return blast
}
