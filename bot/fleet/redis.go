package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/problem"
)

// Redis is the port to the sets of Redis instances that the team has declared: one
// master with its replicas, watched by Sentinel or by nobody. Everything is asked of
// Redis itself. Nothing is connected before it is asked for, and nothing stays so.
//
// Changes ask once and do not wait for what follows: that is observed with Look. Each
// says how it is to be and may be repeated, but Failover.
//
// A NotFound problem says that no such set or instance is declared, Forbidden that the
// credential may not, Conflict that it was refused as things are. A change that may have
// arrived although no answer came is a [Maybe].
type Redis interface {
	// Sets are those declared, in their order. It asks nobody.
	Sets() []RedisSet
	// Look asks these pods' instances, and every Sentinel of the set, once and at the
	// same time. Without pods it asks those that the declaration names. Who does not
	// answer is in the view with the reason: the error is only that the set is unknown
	// or ctx over.
	Look(ctx context.Context, set string, pods []string) (RedisView, error)
	// Promote makes an instance a master, whatever it was (REPLICAOF NO ONE).
	Promote(ctx context.Context, set, pod string) error
	// Prefer sets how much an instance is preferred when Sentinel chooses a new master:
	// the lowest number wins, 0 is never chosen. It lasts until the instance restarts.
	Prefer(ctx context.Context, set, pod string, priority int) error
	// Failover has one Sentinel, by its address, make a replica the master without
	// asking the others, which follow it.
	Failover(ctx context.Context, set, sentinel string) error
}

// RedisSet is one set, as declared.
type RedisSet struct {
	Name     string `json:"name"`
	Workload Object `json:"workload"`         // the StatefulSet whose pods the instances are
	Master   string `json:"master,omitempty"` // by which name Sentinel knows it; "": no Sentinel watches it
}

// Pod is the pod of an ordinal: "redis-0".
func (s RedisSet) Pod(ordinal int) string { return fmt.Sprintf("%s-%d", s.Workload.Name, ordinal) }

// FindRedis finds a declared set by its name or by that of its workload; the only one
// there is by nothing.
func FindRedis(sets []RedisSet, name string) (RedisSet, error) {
	i := slices.IndexFunc(sets, func(s RedisSet) bool {
		return s.Name == name || s.Workload.String() == name || strings.EqualFold(s.Workload.Kind+"/"+s.Workload.String(), name)
	})
	switch {
	case i >= 0:
		return sets[i], nil
	case len(sets) == 0:
		return RedisSet{}, noRedis()
	case name == "" && len(sets) == 1:
		return sets[0], nil
	}
	var names []string
	for _, s := range sets {
		names = append(names, s.Name)
	}
	if name == "" {
		return RedisSet{}, problem.New(problem.Invalid, "which Redis?").WithHint("%s", problem.OneOf(names))
	}
	return RedisSet{}, problem.New(problem.NotFound, "no Redis %.60q is declared", name).WithHint("%s", problem.OneOf(names))
}

// RedisView is what a set says of itself at one moment. What it holds comes from
// outside: surfaces escape it.
type RedisView struct {
	Set       RedisSet        `json:"set"`
	At        time.Time       `json:"at"`
	Instances []RedisInstance `json:"instances"` // in the order asked for
	Sentinels []RedisSentinel `json:"sentinels,omitempty"`
}

// The roles of an instance.
const (
	RedisMaster  = "master"
	RedisReplica = "replica"
)

// RedisInstance is one Redis.
type RedisInstance struct {
	Pod     string `json:"pod"`
	Address string `json:"address"`       // where it was asked: "10.2.0.7:6379"
	Why     string `json:"why,omitempty"` // it does not answer; the rest is then empty

	Role    string `json:"role,omitempty"`
	Version string `json:"version,omitempty"`
	Run     string `json:"run,omitempty"` // another one after each start of the process
	// History names the writes that it holds, up to Offset, in bytes. Before is the
	// history that it held, up to BeforeTo, before it became a master itself.
	History  string `json:"history,omitempty"`
	Offset   int64  `json:"offset,omitempty"`
	Before   string `json:"before,omitempty"`
	BeforeTo int64  `json:"before_to,omitempty"`
	Keys     int64  `json:"keys"` // in its database 0; -1: it does not tell
	Loading  bool   `json:"loading,omitempty"`

	Replicas int `json:"replicas,omitempty"` // that a master has connected
	// NeedsReplicas: as a master it takes writes only while enough replicas follow it.
	NeedsReplicas bool `json:"needs_replicas,omitempty"`

	Master   string `json:"master,omitempty"` // whom a replica follows: "10.2.0.7:6379"
	Link     bool   `json:"link,omitempty"`   // to it, is up
	Syncing  bool   `json:"syncing,omitempty"`
	Left     int64  `json:"left,omitempty"`     // bytes of a full sync still to come; below 0: not told
	Priority int    `json:"priority,omitempty"` // see [Redis]'s Prefer
}

// RedisSentinel is one Sentinel of a set.
type RedisSentinel struct {
	Address string `json:"address"`
	Why     string `json:"why,omitempty"` // it does not answer, or does not know the set; the rest is then empty

	Master  string `json:"master,omitempty"`  // whom it names: "10.2.0.7:6379"
	Run     string `json:"run,omitempty"`     // of that process; "" while it has not seen it
	Down    bool   `json:"down,omitempty"`    // it holds the master to be down
	Failing bool   `json:"failing,omitempty"` // a failover is under way
	Quorum  int    `json:"quorum,omitempty"`  // how many Sentinels have to agree that a master is down
	Others  int    `json:"others,omitempty"`  // Sentinels that it knows besides itself
	// Priorities are those of the replicas as it knows them, by their run.
	Priorities map[string]int `json:"priorities,omitempty"`
}

// Answers reports whether the instance was heard.
func (i RedisInstance) Answers() bool { return i.Why == "" }

// Answers reports whether the Sentinel was heard.
func (s RedisSentinel) Answers() bool { return s.Why == "" }

// Instance is the one of a pod.
func (v RedisView) Instance(pod string) (RedisInstance, bool) {
	i := slices.IndexFunc(v.Instances, func(i RedisInstance) bool { return i.Pod == pod })
	if i < 0 {
		return RedisInstance{Pod: pod, Why: "it was not asked", Keys: -1}, false
	}
	return v.Instances[i], true
}

// Masters are the instances that claim to be one.
func (v RedisView) Masters() (all []RedisInstance) {
	for _, i := range v.Instances {
		if i.Answers() && i.Role == RedisMaster {
			all = append(all, i)
		}
	}
	return all
}

// Silent are the instances that do not answer.
func (v RedisView) Silent() (all []RedisInstance) {
	for _, i := range v.Instances {
		if !i.Answers() {
			all = append(all, i)
		}
	}
	return all
}

// Heard are the Sentinels that answer.
func (v RedisView) Heard() (all []RedisSentinel) {
	for _, s := range v.Sentinels {
		if s.Answers() {
			all = append(all, s)
		}
	}
	return all
}

// Names tells whether a Sentinel names this instance the master: by the run of its
// process where it knows one, else by its address.
func (v RedisView) Names(s RedisSentinel, i RedisInstance) bool {
	if s.Run != "" && i.Run != "" && slices.ContainsFunc(v.Instances, func(o RedisInstance) bool { return o.Run == s.Run }) {
		return s.Run == i.Run
	}
	host, _, _ := strings.Cut(s.Master, ":")
	first, _, _ := strings.Cut(host, ".")
	return s.Master == i.Address || first == i.Pod
}

// NamedBy says whom a Sentinel names, in words: a pod where it is one of the set.
func (v RedisView) NamedBy(s RedisSentinel) string {
	for _, i := range v.Instances {
		if v.Names(s, i) {
			return i.Pod
		}
	}
	return s.Master
}

// Disagree are the Sentinels that answer and name another one.
func (v RedisView) Disagree(i RedisInstance) (all []RedisSentinel) {
	for _, s := range v.Heard() {
		if !v.Names(s, i) {
			all = append(all, s)
		}
	}
	return all
}

// closeEnough is how many bytes a replica may be behind its master and still be
// called caught up: both are not asked at the very same moment, and writes go on.
const closeEnough = 64 << 10

// CaughtUp tells whether an instance is a replica of that master which lacks nothing;
// if not, why.
func (i RedisInstance) CaughtUp(m RedisInstance) (is bool, why string) {
	switch behind := m.Offset - i.Offset; {
	case !i.Answers():
		return false, i.Pod + " does not answer: " + i.Why
	case i.Loading:
		return false, i.Pod + " loads its data from disk"
	case i.Role == RedisMaster:
		return false, i.Pod + " claims to be a master itself"
	case i.Syncing && i.Left > 0:
		return false, fmt.Sprintf("%s copies everything from its master, %s left", i.Pod, Bytes(i.Left))
	case i.Syncing:
		return false, i.Pod + " copies everything from its master"
	case !i.Link:
		return false, i.Pod + "'s link to its master is down"
	case i.History != m.History:
		return false, i.Pod + " follows " + i.Master + ", which is not " + m.Pod
	case behind > closeEnough:
		return false, fmt.Sprintf("%s is %s behind %s", i.Pod, Bytes(behind), m.Pod)
	}
	return true, ""
}

// Apart says how far two instances that claim to be masters are apart.
func Apart(x, y RedisInstance) string {
	if x.Offset < y.Offset {
		x, y = y, x
	}
	switch {
	case x.History == y.History:
		return fmt.Sprintf("%s is %s ahead in one history", x.Pod, Bytes(x.Offset-y.Offset))
	case x.Before != "" && x.Before == y.Before:
		return parted(x, y, min(x.BeforeTo, y.BeforeTo))
	case x.Before != "" && x.Before == y.History:
		return parted(x, y, x.BeforeTo)
	case y.Before != "" && y.Before == x.History:
		return parted(x, y, y.BeforeTo)
	}
	return fmt.Sprintf("they share no history; their offsets are %s apart", Bytes(x.Offset-y.Offset))
}

// parted: both had one history up to an offset.
func parted(x, y RedisInstance, at int64) string {
	return fmt.Sprintf("they parted at offset %d: since then %s has taken in %s and %s %s", at, x.Pod, Bytes(max(x.Offset-at, 0)), y.Pod, Bytes(max(y.Offset-at, 0)))
}

// Words say an instance in a line.
func (i RedisInstance) Words() string {
	switch {
	case !i.Answers():
		return i.Pod + " does not answer: " + i.Why
	case i.Role == RedisMaster:
		return fmt.Sprintf("%s is master at offset %d, %s, %s", i.Pod, i.Offset, counted(i.Replicas, "replica"), i.keys())
	}
	state := "link up"
	switch {
	case i.Loading:
		state = "loading"
	case i.Syncing:
		state = "full sync"
	case !i.Link:
		state = "link DOWN"
	}
	return fmt.Sprintf("%s is a replica of %s at offset %d, %s, %s", i.Pod, i.Master, i.Offset, state, i.keys())
}

func (i RedisInstance) keys() string {
	if i.Keys < 0 {
		return "keys UNKNOWN"
	}
	return counted(int(i.Keys), "key")
}

// Bytes writes an amount of data: "12 bytes", "3.4 MiB".
func Bytes(n int64) string {
	switch {
	case n < 10<<10:
		return counted(int(n), "byte")
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
