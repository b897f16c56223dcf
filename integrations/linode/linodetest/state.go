package linodetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stamp is a time as Linode writes it: UTC, whole seconds, no zone.
type stamp time.Time

const stampLayout = "2006-01-02T15:04:05"

func (s stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).UTC().Format(stampLayout) + `"`), nil
}

// state is everything that Linode holds.
type state struct {
	Cluster   cluster     `json:"cluster"`
	Pools     []*pool     `json:"pools"`
	Instances []*instance `json:"instances"`
	Volumes   []*volume   `json:"volumes"`
	Events    []*event    `json:"events"`
	Tickets   []*ticket   `json:"tickets"`

	NextInstance int   `json:"next_instance"`
	NextEvent    int64 `json:"next_event"`
	NextTicket   int   `json:"next_ticket"`
}

type cluster struct {
	ID      int            `json:"id"`
	Status  string         `json:"status"`
	Created stamp          `json:"created"`
	Updated stamp          `json:"updated"`
	Label   string         `json:"label"`
	Region  string         `json:"region"`
	Version string         `json:"k8s_version"`
	Tier    string         `json:"tier"`
	Control map[string]any `json:"control_plane"`
	APL     bool           `json:"apl_enabled"`
	Tags    []string       `json:"tags"`
	Locks   []string       `json:"locks"`
}

type pool struct {
	ID         int            `json:"id"`
	Type       string         `json:"type"`
	Label      string         `json:"label"`
	Count      int            `json:"count"`
	Nodes      []*node        `json:"nodes"`
	Disks      []any          `json:"disks"`
	Autoscaler map[string]any `json:"autoscaler"`
	Labels     map[string]any `json:"labels"`
	Taints     []any          `json:"taints"`
	Tags       []string       `json:"tags"`
	Encryption string         `json:"disk_encryption"`
	Locks      []string       `json:"locks"`
}

// node is a slot of a pool.
type node struct {
	ID       string `json:"id"`
	Instance *int   `json:"instance_id"` // null while there is no machine
	Status   string `json:"status"`      // of its creation
	// recycling holds from the request until the new machine runs.
	recycling bool
}

type instance struct {
	ID          int            `json:"id"`
	Label       string         `json:"label"`
	Group       string         `json:"group"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	Updated     stamp          `json:"updated"`
	Type        string         `json:"type"`
	IPv4        []string       `json:"ipv4"`
	IPv6        string         `json:"ipv6"`
	Image       string         `json:"image"`
	Region      string         `json:"region"`
	Site        string         `json:"site_type"`
	Specs       map[string]int `json:"specs"`
	Alerts      map[string]any `json:"alerts"`
	Backups     map[string]any `json:"backups"`
	Hypervisor  string         `json:"hypervisor"`
	Watchdog    bool           `json:"watchdog_enabled"`
	Tags        []string       `json:"tags"`
	Host        string         `json:"host_uuid"`
	UserData    bool           `json:"has_user_data"`
	Placement   any            `json:"placement_group"`
	Encryption  string         `json:"disk_encryption"`
	Cluster     *int           `json:"lke_cluster_id"`
	Can         []string       `json:"capabilities"`
	Interfaces  string         `json:"interface_generation"`
	Maintenance string         `json:"maintenance_policy"`
	Locks       []string       `json:"locks"`

	lassie []time.Time // when it was booted by the watchdog
}

type volume struct {
	ID         int      `json:"id"`
	Status     string   `json:"status"`
	Label      string   `json:"label"`
	Created    stamp    `json:"created"`
	Updated    stamp    `json:"updated"`
	Path       string   `json:"filesystem_path"`
	Size       int      `json:"size"`
	Instance   *int     `json:"linode_id"`
	InstLabel  *string  `json:"linode_label"`
	Ready      bool     `json:"io_ready"`
	Region     string   `json:"region"`
	Tags       []string `json:"tags"`
	Hardware   string   `json:"hardware_type"`
	Encryption string   `json:"encryption"`
	Locks      []string `json:"locks"`

	persist bool // stays attached across boots; the cluster's driver asks for false
	busy    bool // an attach or detach is under way
}

type event struct {
	ID        int64   `json:"id"`
	Created   stamp   `json:"created"`
	Seen      bool    `json:"seen"`
	Read      bool    `json:"read"`
	Percent   *int    `json:"percent_complete"`
	Remaining *int    `json:"time_remaining"`
	Rate      *string `json:"rate"`
	Duration  float64 `json:"duration"`
	Action    string  `json:"action"`
	User      string  `json:"username"`
	Entity    *entity `json:"entity"`
	Status    string  `json:"status"`
	Second    *entity `json:"secondary_entity"`
	Message   string  `json:"message"`

	Policy      *string `json:"maintenance_policy_set"`
	Description *string `json:"description"`
	Source      string  `json:"source"`
	NotBefore   *stamp  `json:"not_before"`
	Start       *stamp  `json:"start_time"`
	Complete    *stamp  `json:"complete_time"`
}

type entity struct {
	Label string `json:"label"`
	ID    any    `json:"id"` // a number, or text
	Type  string `json:"type"`
	URL   string `json:"url"`
}

func newState(o Options) *state {
	created := stamp(time.Date(2020, 12, 1, 9, 0, 0, 0, time.UTC))
	return &state{
		Cluster: cluster{ID: o.Cluster, Status: "ready", Created: created, Updated: created, Label: "production", Region: o.Region, Version: "1.33",
			Tier: "standard", Control: map[string]any{"high_availability": false}, Tags: []string{}, Locks: []string{}},
		Pools: []*pool{}, Instances: []*instance{}, Volumes: []*volume{}, Events: []*event{}, Tickets: []*ticket{},
		NextInstance: 28500001, NextEvent: 190000001, NextTicket: 15900001,
	}
}

func (st *state) instance(id int) *instance {
	for _, i := range st.Instances {
		if i.ID == id {
			return i
		}
	}
	return nil
}

func (st *state) volume(id int) *volume {
	for _, v := range st.Volumes {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func (st *state) slot(id string) (*pool, *node) {
	for _, p := range st.Pools {
		for _, n := range p.Nodes {
			if n.ID == id {
				return p, n
			}
		}
	}
	return nil, nil
}

// slotOf is the node that a machine is in, or nil.
func (st *state) slotOf(instance int) *node {
	for _, p := range st.Pools {
		for _, n := range p.Nodes {
			if n.Instance != nil && *n.Instance == instance {
				return n
			}
		}
	}
	return nil
}

func (st *state) attachedTo(instance int) []*volume {
	return slices.DeleteFunc(slices.Clone(st.Volumes), func(v *volume) bool { return v.Instance == nil || *v.Instance != instance })
}

func (v *volume) holder() int {
	if v.Instance == nil {
		return 0
	}
	return *v.Instance
}

func (v *volume) set(at time.Time, i *instance, ready bool) {
	v.Instance, v.InstLabel, v.Ready, v.Updated = nil, nil, ready, stamp(at)
	if i != nil {
		id, label := i.ID, i.Label
		v.Instance, v.InstLabel = &id, &label
	}
}

// sameLabel compares without dashes: the volume of pvc-bb1d is labelled pvcbb1d.
func sameLabel(a, b string) bool {
	return strings.ReplaceAll(a, "-", "") == strings.ReplaceAll(b, "-", "")
}

// hash is a number that looks drawn and is not.
func hash(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:])
}

// Dump is all state with the jobs that are pending, as JSON: two that are the same
// mean that nothing has changed. It says nothing of requests.
func (s *Server) Dump() []byte {
	var body []byte
	s.do(func() {
		type pending struct {
			At   time.Time
			What string
		}
		var due []pending
		for _, j := range s.jobs.list {
			due = append(due, pending{j.at, j.what})
		}
		var err error
		if body, err = json.MarshalIndent(map[string]any{"state": s.state, "jobs": due}, "", "  "); err != nil {
			body = []byte(err.Error())
		}
	})
	return body
}
