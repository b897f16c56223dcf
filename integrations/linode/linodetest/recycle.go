package linodetest

import (
	"fmt"
	"strings"
	"time"
)

// recycle deletes the machine in a slot and puts a new one in its place:
// https://techdocs.akamai.com/linode-api/reference/post-lke-cluster-node-recycle
// Its event is a notification about the cluster that names no node, as the Cloud
// Manager's texts have it; the machines' own events are the cluster user's.
func (s *Server) recycle(at time.Time, user, slot string) *Refusal {
	p, n := s.state.slot(slot)
	if n == nil {
		return notFound
	}
	if n.recycling || n.Instance == nil {
		return busy // assumed
	}
	old := s.state.instance(*n.Instance)
	if old != nil && old.Status == "deleting" {
		return busy
	}
	n.recycling, n.Status = true, "not_ready"
	s.emit(at, "lke_node_recycle", "notification", user, s.state.Cluster.entity(), nil)
	f := s.strikes("recycle", *n.Instance, "", slot)
	label := fmt.Sprintf("lke%d-%s", s.opt.Cluster, slot)
	if old != nil {
		label = old.Label
		s.limbo(f, old)
		s.deleteInstance(at, ClusterUser, old)
	}
	if s.opt.Rename {
		label = label[:strings.LastIndexByte(label, '-')+1] + hash(slot, s.state.NextInstance)[:12]
	}
	wait := s.opt.Timing.Delete
	if f != nil && f.Effect == Slow {
		wait += f.By
	}
	if f != nil && f.Effect == Hang {
		f.held = append(f.held, func(at time.Time) { s.create(at, p, n, label) })
		return nil
	}
	// A moment after the old one is gone: the slot is empty in between.
	s.in(at, wait+s.opt.Timing.Create/4, "slot "+slot+" gets a machine", func(at time.Time) { s.create(at, p, n, label) })
	return nil
}

// limbo makes a recycle leave volumes behind as on 2021-07-11. What the old machine
// still holds stays on it; what was freed first comes into limbo when it is
// attached the next time, until it is detached.
func (s *Server) limbo(f *Fault, old *instance) {
	if f == nil || f.Effect != Limbo {
		return
	}
	for _, v := range s.state.Volumes {
		if f.Volume != "" && !sameLabel(f.Volume, v.Label) {
			continue
		}
		next := &Fault{When: "attach", Volume: v.Label, Effect: Limbo, Message: f.Message, left: 1}
		switch v.holder() {
		case old.ID:
			next = &Fault{When: "delete", Volume: v.Label, Effect: Limbo, left: 1}
		case 0:
		default:
			continue // on another machine, which nothing happens to
		}
		s.faults = append(s.faults, next)
	}
}

func (s *Server) create(at time.Time, p *pool, n *node, label string) {
	id := s.state.NextInstance
	s.state.NextInstance++
	i := s.addInstance(at, id, label, "provisioning", p)
	n.Instance = &id
	s.change(at, Change{What: InstanceCreated, Linode: id, Label: label, Slot: n.ID, By: ClusterUser})
	e := s.emit(at, "linode_create", "scheduled", ClusterUser, i.entity(), nil)
	s.follow(at, e, s.opt.Timing.Create*3/4, func(at time.Time) (string, string) {
		i.Status = "booting"
		boot := s.emit(at, "linode_boot", "scheduled", ClusterUser, i.entity(), nil)
		takes := s.opt.Timing.Boot
		if f := s.strikes("boot", id, "", n.ID); f != nil && f.Effect == Slow {
			takes += f.By
		}
		s.follow(at, boot, takes, func(at time.Time) (string, string) {
			n.recycling, n.Status = false, "ready"
			s.booted(at, i, ClusterUser)
			return "finished", ""
		})
		return "finished", ""
	})
}
