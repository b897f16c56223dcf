package redis

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"

	"wardroom/bot/fleet"
)

// Look implements [fleet.Redis].
func (r *Redis) Look(ctx context.Context, set string, pods []string) (fleet.RedisView, error) {
	s, err := r.set(set)
	if err != nil {
		return fleet.RedisView{}, err
	}
	if len(pods) == 0 {
		pods = s.pods()
	}
	at := s.sentinels(pods)
	v := fleet.RedisView{Set: s.RedisSet, At: r.Clock.Now(), Instances: make([]fleet.RedisInstance, len(pods)), Sentinels: make([]fleet.RedisSentinel, len(at))}
	var all sync.WaitGroup
	for i, pod := range pods {
		all.Go(func() { v.Instances[i] = r.instance(ctx, s, pod) })
	}
	for i, address := range at {
		all.Go(func() { v.Sentinels[i] = r.sentinel(ctx, s, address) })
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return fleet.RedisView{}, err
	}
	r.state.note(r.Clock.Now(), v)
	return v, nil
}

// instance asks one instance for all that is wanted of it.
func (r *Redis) instance(ctx context.Context, s Set, pod string) fleet.RedisInstance {
	i := fleet.RedisInstance{Pod: pod, Address: s.address(pod), Keys: -1}
	if i.Address == "" {
		i.Why = "the configuration names no address of it"
		return i
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c := r.dial(s, i.Address, s.Login)
	defer c.close()
	info, err := c.text(ctx, "INFO")
	if err == nil {
		err = readInstance(&i, info)
	}
	if err != nil {
		return fleet.RedisInstance{Pod: pod, Address: i.Address, Why: why(err), Keys: -1}
	}
	if n, err := c.client.DBSize(ctx).Result(); err == nil && n >= 0 {
		i.Keys = n // while it loads, and without its master, it may refuse to tell
	}
	return i
}

// readInstance takes what INFO says. https://redis.io/docs/latest/commands/info/
func readInstance(i *fleet.RedisInstance, info string) error {
	f := fields(info)
	i.Run, i.Version = token(f["run_id"]), token(f["redis_version"])
	i.Loading = f["loading"] == "1" || f["async_loading"] == "1"
	i.History, i.Offset = token(f["master_replid"]), big(f["master_repl_offset"])
	if before := token(f["master_replid2"]); strings.Trim(before, "0") != "" {
		i.Before, i.BeforeTo = before, big(f["second_repl_offset"])-1 // it counts the first byte of its own
	}
	_, i.NeedsReplicas = f["min_slaves_good_slaves"] // told where min-replicas-to-write is set
	switch f["role"] {
	case "master":
		i.Role, i.Replicas = fleet.RedisMaster, number(f["connected_slaves"])
	case "slave":
		i.Role, i.Master = fleet.RedisReplica, net.JoinHostPort(token(f["master_host"]), token(f["master_port"]))
		i.Link, i.Syncing, i.Left = f["master_link_status"] == "up", f["master_sync_in_progress"] == "1", big(f["master_sync_left_bytes"])
		i.Priority = number(f["slave_priority"])
		if at, told := f["slave_repl_offset"]; told {
			i.Offset = big(at)
		}
	default:
		return errOtherAnswer
	}
	if i.Run == "" {
		return errOtherAnswer
	}
	return nil
}

// sentinel asks one Sentinel whom it holds for the master of the set.
func (r *Redis) sentinel(ctx context.Context, s Set, address string) fleet.RedisSentinel {
	v := fleet.RedisSentinel{Address: address}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c := r.dial(s, address, s.Sentry)
	defer c.close()
	answer, err := c.ask(ctx, "SENTINEL", "MASTER", s.Master)
	if err != nil {
		v.Why = why(err)
		return v
	}
	m := pairs(answer)
	v.Master, v.Run = net.JoinHostPort(token(m["ip"]), token(m["port"])), token(m["runid"])
	if m["ip"] == "" || m["port"] == "" {
		v.Why = why(errOtherAnswer)
		return v
	}
	v.Quorum, v.Others = number(m["quorum"]), number(m["num-other-sentinels"])
	for flag := range strings.SplitSeq(m["flags"], ",") {
		v.Down = v.Down || flag == "s_down" || flag == "o_down"
		v.Failing = v.Failing || flag == "failover_in_progress"
	}
	answer, err = c.ask(ctx, "SENTINEL", "REPLICAS", s.Master)
	list, is := answer.([]any)
	if err != nil || !is {
		return v // priorities stay unknown
	}
	v.Priorities = map[string]int{}
	for _, one := range list {
		if p := pairs(one); token(p["runid"]) != "" {
			v.Priorities[token(p["runid"])] = number(p["slave-priority"])
		}
	}
	return v
}

// fields are the lines "name:value" of an INFO.
func fields(info string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, is := strings.Cut(strings.TrimSpace(line), ":"); is && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	return all
}

// pairs are the names and values that Sentinel lists one after the other.
func pairs(answer any) map[string]string {
	all := map[string]string{}
	list, _ := answer.([]any)
	for i := 0; i+1 < len(list); i += 2 {
		name, isName := list[i].(string)
		value, isValue := list[i+1].(string)
		if isName && isValue {
			all[name] = value
		}
	}
	return all
}

// mostToken is longer than any id, version, host name or number of Redis's.
const mostToken = 255

// token is a value that names something: printable, without spaces, and short; "" else.
func token(s string) string {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return ""
		}
	}
	if len(s) > mostToken {
		return ""
	}
	return s
}

// number and big are 0 for what is no number.
func number(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

func big(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
