package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// reply is an answer in RESP2.
type reply string

func simple(s string) reply  { return reply("+" + s + "\r\n") }
func failure(s string) reply { return reply("-" + s + "\r\n") }
func integer(n int64) reply  { return reply(":" + strconv.FormatInt(n, 10) + "\r\n") }
func bulk(s string) reply    { return reply(fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)) }

func list(all ...reply) reply {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(all))
	for _, r := range all {
		b.WriteString(string(r))
	}
	return reply(b.String())
}

func bulks(all ...string) reply {
	var items []reply
	for _, s := range all {
		items = append(items, bulk(s))
	}
	return list(items...)
}

func unknown(c []string) reply { return failure("ERR unknown command '" + c[0] + "'") }

// instanceAnswers answers one command to an instance, with the state locked.
func (s *Server) instanceAnswers(i *instance, c []string) reply {
	switch strings.Join(c[:min(len(c), 2)], " ") {
	case "CONFIG SET":
		if n, err := strconv.Atoi(c[len(c)-1]); len(c) == 4 && strings.EqualFold(c[2], "replica-priority") && err == nil {
			i.priority = n
			return simple("OK")
		}
		return failure("ERR Unknown option or number of arguments for CONFIG SET")
	case "REPLICAOF NO":
		i.split = false
		s.promote(i)
		return simple("OK")
	}
	switch c[0] {
	case "PING":
		return simple("PONG")
	case "INFO":
		return bulk(s.info(i))
	case "DBSIZE":
		return integer(i.keys)
	case "ROLE":
		if i.master == nil {
			return list(bulk("master"), integer(i.offset), list())
		}
		host, port, _ := net.SplitHostPort(i.master.at)
		number, _ := strconv.ParseInt(port, 10, 64)
		return list(bulk("slave"), bulk(host), integer(number), bulk(map[bool]string{true: "connected", false: "connect"}[i.link]), integer(i.offset))
	case "REPLICAOF", "SLAVEOF":
		for _, o := range s.instances {
			if len(c) == 3 && o.at == net.JoinHostPort(c[1], c[2]) {
				i.split = false
				s.follow(i, o)
				return simple("OK")
			}
		}
		return failure("ERR no such master is simulated")
	}
	return unknown(c)
}

// info is INFO as Redis 7.2 tells it, as far as anybody asked for it.
func (s *Server) info(i *instance) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	flag := map[bool]int{true: 1}
	say("# Server\r\nredis_version:7.2.4\r\nredis_mode:standalone\r\nrun_id:%s", i.run)
	say("\r\n# Persistence\r\nloading:0\r\nasync_loading:0\r\n\r\n# Replication")
	if i.master == nil {
		var with []*instance
		for _, o := range s.instances {
			if o.master == i && o.up && (o.link || o.syncing) {
				with = append(with, o)
			}
		}
		say("role:master\r\nconnected_slaves:%d", len(with))
		for n, o := range with {
			host, port, _ := net.SplitHostPort(o.at)
			say("slave%d:ip=%s,port=%s,state=%s,offset=%d,lag=0", n, host, port, map[bool]string{true: "online", false: "send_bulk"}[o.link], o.offset)
		}
	} else {
		host, port, _ := net.SplitHostPort(i.master.at)
		say("role:slave\r\nmaster_host:%s\r\nmaster_port:%s\r\nmaster_link_status:%s", host, port, map[bool]string{true: "up", false: "down"}[i.link])
		say("master_sync_in_progress:%d\r\nslave_repl_offset:%d", flag[i.syncing], i.offset)
		if i.syncing {
			say("master_sync_left_bytes:%d", max(i.due.Sub(s.last).Milliseconds(), 0)*1024)
		}
		say("slave_priority:%d\r\nslave_read_only:1\r\nconnected_slaves:0", i.priority)
	}
	before, to := strings.Repeat("0", 40), int64(-1)
	if i.before != "" {
		before, to = i.before, i.beforeTo+1
	}
	say("master_replid:%s\r\nmaster_replid2:%s\r\nmaster_repl_offset:%d\r\nsecond_repl_offset:%d", i.history, before, i.offset, to)
	say("\r\n# Keyspace\r\ndb0:keys=%d,expires=0,avg_ttl=0", i.keys)
	return b.String()
}

// sentinelAnswers answers one command to a Sentinel, with the state locked.
func (s *Server) sentinelAnswers(w *sentinel, c []string) reply {
	if c[0] == "PING" {
		return simple("PONG")
	}
	if c[0] != "SENTINEL" || len(c) < 2 {
		return unknown(c)
	}
	what := strings.ToUpper(c[1])
	if what == "MASTERS" {
		return list(s.masterOf(w))
	}
	if len(c) < 3 || c[2] != s.opt.Watch {
		return failure("ERR No such master with that name")
	}
	switch what {
	case "GET-MASTER-ADDR-BY-NAME":
		host, port, _ := net.SplitHostPort(w.names.at)
		return bulks(host, port)
	case "MASTER":
		return s.masterOf(w)
	case "REPLICAS", "SLAVES":
		var all []reply
		for _, i := range s.instances {
			if i != w.names {
				host, port, _ := net.SplitHostPort(i.at)
				all = append(all, bulks("name", net.JoinHostPort(host, port), "ip", host, "port", port, "runid", i.run, "flags", downAs("slave", !i.reachable()),
					"slave-priority", strconv.Itoa(i.priority), "slave-repl-offset", strconv.FormatInt(i.offset, 10)))
			}
		}
		return list(all...)
	case "FAILOVER":
		to := s.best(w)
		switch {
		case w.target != nil:
			return failure("INPROG Failover already in progress")
		case to == nil:
			return failure("NOGOODSLAVE No suitable replica to promote")
		}
		w.target, w.due = to, s.last.Add(s.opt.Timing.Failover)
		return simple("OK")
	}
	return unknown(c)
}

func (s *Server) masterOf(w *sentinel) reply {
	host, port, _ := net.SplitHostPort(w.names.at)
	flags := downAs("master", !w.names.reachable())
	if w.target != nil {
		flags += ",failover_in_progress"
	}
	return bulks("name", s.opt.Watch, "ip", host, "port", port, "runid", w.names.run, "flags", flags,
		"num-slaves", strconv.Itoa(len(s.instances)-1), "num-other-sentinels", strconv.Itoa(len(s.sentinels)-1), "quorum", strconv.Itoa(s.opt.Quorum))
}

func downAs(role string, down bool) string {
	if down {
		return role + ",s_down,disconnected"
	}
	return role
}
