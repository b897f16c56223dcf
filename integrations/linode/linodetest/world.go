package linodetest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Node is a machine that is in a node pool from the start.
type Node struct {
	Name   string `json:"name"`             // "lke13311-16405-5fafd1b46dcf": cluster, pool, slot
	Linode int    `json:"linode"`           // its id
	Status string `json:"status,omitempty"` // "": "running"
}

// Disk is a volume that is there from the start.
type Disk struct {
	ID      int    `json:"id"`
	Label   string `json:"label"`            // "pvcbb1d06139b334c1f"
	Linode  int    `json:"linode,omitempty"` // the machine that it is attached to; 0: none
	GiB     int    `json:"gib,omitempty"`    // 0: 10
	Persist bool   `json:"persist,omitempty"`
	// Stuck attaches it without the machine seeing it: io_ready is false.
	Stuck bool `json:"stuck,omitempty"`
}

// Token is a credential.
type Token struct {
	User    string `json:"user"`
	Scopes  string `json:"scopes"` // "*", or as ReadScopes
	Expired bool   `json:"expired,omitempty"`
	Blind   []int  `json:"blind,omitempty"` // machines that its user has no grant for: they are not listed
}

// SlotOf is the id of the slot that a node's name tells: what follows "lke<cluster>-".
func (s *Server) SlotOf(name string) string {
	return strings.TrimPrefix(name, fmt.Sprintf("lke%d-", s.opt.Cluster))
}

// AddNode puts a running machine into its pool, which is made when it is new. It
// returns the slot's id.
func (s *Server) AddNode(n Node) (slot string) {
	s.do(func() {
		slot = s.SlotOf(n.Name)
		number, _, _ := strings.Cut(slot, "-")
		id, err := strconv.Atoi(number)
		if err != nil { // a name of the test's own
			id, slot = 16405, "16405-"+hash(n.Name)[:12]
		}
		p := s.pool(id)
		machine := n.Linode
		p.Nodes = append(p.Nodes, &node{ID: slot, Instance: &machine, Status: "ready"})
		p.Count = len(p.Nodes)
		s.addInstance(s.now().Add(-24*time.Hour), n.Linode, n.Name, cmp.Or(n.Status, "running"), p)
	})
	return slot
}

func (s *Server) pool(id int) *pool {
	for _, p := range s.state.Pools {
		if p.ID == id {
			return p
		}
	}
	p := &pool{ID: id, Type: "g6-standard-4", Nodes: []*node{}, Disks: []any{}, Labels: map[string]any{}, Taints: []any{}, Tags: []string{},
		Autoscaler: map[string]any{"enabled": false, "min": 1, "max": 1}, Encryption: "enabled", Locks: []string{}}
	s.state.Pools = append(s.state.Pools, p)
	return p
}

func (s *Server) addInstance(at time.Time, id int, label, status string, p *pool) *instance {
	cluster := s.opt.Cluster
	i := &instance{ID: id, Label: label, Status: status, Created: stamp(at), Updated: stamp(at), Type: p.Type,
		IPv4: []string{fmt.Sprintf("192.0.2.%d", id%250+1)}, IPv6: "2001:db8::1/128", Image: "linode/debian12", Region: s.opt.Region, Site: "core",
		Specs:      map[string]int{"disk": 163840, "memory": 8192, "vcpus": 4, "gpus": 0, "transfer": 5000, "accelerated_devices": 0},
		Alerts:     map[string]any{"cpu": 90, "network_in": 10, "network_out": 10, "transfer_quota": 80, "io": 10000, "system_alerts": []any{}, "user_alerts": []any{}},
		Backups:    map[string]any{"enabled": false, "available": false, "schedule": map[string]any{"day": nil, "window": nil}, "last_successful": nil},
		Hypervisor: "kvm", Watchdog: true, Tags: []string{}, Host: hash("host", id)[:40], Encryption: "enabled", Cluster: &cluster,
		Can: []string{"Block Storage Encryption", "Maintenance Policy"}, Interfaces: "legacy_config", Maintenance: "linode/migrate", Locks: []string{}}
	s.state.Instances = append(s.state.Instances, i)
	return i
}

// AddOther puts a machine there that is no cluster's.
func (s *Server) AddOther(id int, label string) {
	s.do(func() {
		s.addInstance(s.now().Add(-24*time.Hour), id, label, "running", &pool{Type: "g6-nanode-1"}).Cluster = nil
	})
}

// AddVolume puts a volume there.
func (s *Server) AddVolume(d Disk) {
	s.do(func() {
		at := s.now().Add(-24 * time.Hour)
		v := &volume{ID: d.ID, Status: "active", Label: d.Label, Created: stamp(at), Path: "/dev/disk/by-id/scsi-0Linode_Volume_" + d.Label,
			Size: cmp.Or(d.GiB, 10), Region: s.opt.Region, Tags: []string{}, Hardware: "nvme", Encryption: "enabled", Locks: []string{}, persist: d.Persist}
		v.set(at, s.state.instance(d.Linode), d.Linode != 0 && !d.Stuck)
		s.state.Volumes = append(s.state.Volumes, v)
	})
}

// SetToken makes a token valid with these scopes, or changes it.
func (s *Server) SetToken(secret string, t Token) { s.do(func() { s.tokens[secret] = &t }) }

// SetVolumeStatus gives a volume a status, as "resizing" or "contact_support".
func (s *Server) SetVolumeStatus(id int, status string) {
	s.do(func() {
		if v := s.state.volume(id); v != nil {
			v.Status = status
		}
	})
}

// SetWatchdog switches Lassie on or off for a machine.
func (s *Server) SetWatchdog(linode int, on bool) {
	s.do(func() {
		if i := s.state.instance(linode); i != nil {
			i.Watchdog = on
		}
	})
}
