package linodetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// routes are the API's, under /v4 and /v4beta.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, rt := range s.table() {
		method, path, _ := cut(pattern)
		for _, version := range []string{"/v4", "/v4beta"} {
			mux.HandleFunc(method+" "+version+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, rt) })
		}
	}
	unknown := route{do: func(*call) (any, *Refusal) { return nil, notFound }}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, unknown) })
	return mux
}

func cut(pattern string) (method, path string, ok bool) {
	for i := range pattern {
		if pattern[i] == ' ' {
			return pattern[:i], pattern[i+1:], true
		}
	}
	return "", pattern, false
}

func (s *Server) table() map[string]route {
	one := func(scopes string, do handler) route { return route{scopes: scopes, do: do} }
	many := func(scopes string, do handler) route { return route{scopes: scopes, collection: true, do: do} }
	act := func(scopes string, do string) route {
		return one(scopes, func(c *call) (any, *Refusal) { return s.asked(c, do) })
	}
	return map[string]route{
		"GET /profile":                   one("account:read_only", s.profile),
		"GET /account/events":            many("events:read_only", func(*call) (any, *Refusal) { return s.state.Events, nil }),
		"GET /account/events/{id}":       one("events:read_only", s.getEvent),
		"POST /account/events/{id}/seen": one("events:read_write", s.seen),
		"POST /account/events/{id}/read": one("events:read_write", s.seen),

		"GET /lke/clusters":                                 many("lke:read_only", func(*call) (any, *Refusal) { return []cluster{s.state.Cluster}, nil }),
		"GET /lke/clusters/{cluster}":                       one("lke:read_only", s.inCluster(func(*call) (any, *Refusal) { return s.state.Cluster, nil })),
		"GET /lke/clusters/{cluster}/pools":                 many("lke:read_only", s.inCluster(func(*call) (any, *Refusal) { return s.state.Pools, nil })),
		"GET /lke/clusters/{cluster}/pools/{pool}":          one("lke:read_only", s.inCluster(s.getPool)),
		"GET /lke/clusters/{cluster}/nodes/{slot}":          one("lke:read_only", s.inCluster(s.getNode)),
		"POST /lke/clusters/{cluster}/nodes/{slot}/recycle": one("lke:read_write", s.inCluster(func(c *call) (any, *Refusal) { return s.asked(c, "recycle") })),

		"GET /linode/instances":                    many("linodes:read_only", s.instances),
		"GET /linode/instances/{linode}":           one("linodes:read_only", s.getInstance),
		"GET /linode/instances/{linode}/volumes":   many("linodes:read_only", s.instanceVolumes),
		"GET /linode/instances/{linode}/configs":   many("linodes:read_only", s.configs),
		"POST /linode/instances/{linode}/reboot":   act("linodes:read_write", "reboot"),
		"POST /linode/instances/{linode}/boot":     act("linodes:read_write", "boot"),
		"POST /linode/instances/{linode}/shutdown": act("linodes:read_write", "shutdown"),

		"GET /volumes":                  many("volumes:read_only", func(*call) (any, *Refusal) { return s.state.Volumes, nil }),
		"GET /volumes/{volume}":         one("volumes:read_only", s.getVolume),
		"POST /volumes/{volume}/attach": one("volumes:read_write linodes:read_write", s.postAttach),
		"POST /volumes/{volume}/detach": act("volumes:read_write linodes:read_write", "detach"),

		"GET /support/tickets":                   many("account:read_only", func(*call) (any, *Refusal) { return s.state.Tickets, nil }),
		"POST /support/tickets":                  one("account:read_write", s.postTicket),
		"GET /support/tickets/{ticket}":          one("account:read_only", s.getTicket),
		"GET /support/tickets/{ticket}/replies":  many("account:read_only", s.getReplies),
		"POST /support/tickets/{ticket}/replies": one("account:read_write", s.postReply),
	}
}

// number is a number in the path; -1, which nothing has, when it is none.
func (c *call) number(name string) int {
	n, err := strconv.Atoi(c.r.PathValue(name))
	if err != nil {
		return -1
	}
	return n
}

func found[T any](v *T) (any, *Refusal) {
	if v == nil {
		return nil, notFound
	}
	return v, nil
}

// asked carries an act of the API out; Linode answers {} before it is done.
func (s *Server) asked(c *call, do string) (any, *Refusal) {
	a := Act{Do: do, Slot: c.r.PathValue("slot"), Linode: c.number("linode"), Volume: c.number("volume")}
	if r := s.act(c.token.User, a); r != nil {
		return nil, r
	}
	return struct{}{}, nil
}

func (s *Server) inCluster(do handler) handler {
	return func(c *call) (any, *Refusal) {
		if c.number("cluster") != s.state.Cluster.ID {
			return nil, notFound
		}
		return do(c)
	}
}

func (s *Server) profile(c *call) (any, *Refusal) {
	return map[string]any{"uid": 1234, "username": c.token.User, "email": c.token.User + "@example.org", "timezone": "UTC", "email_notifications": true,
		"ip_whitelist_enabled": false, "two_factor_auth": true, "restricted": false, "lish_auth_method": "password_keys", "authorized_keys": []string{},
		"authentication_type": "password", "verified_phone_number": nil,
		"referrals": map[string]any{"total": 0, "completed": 0, "pending": 0, "credit": 0.0, "code": "", "url": ""}}, nil
}

func (s *Server) getEvent(c *call) (any, *Refusal) {
	for _, e := range s.state.Events {
		if e.ID == int64(c.number("id")) {
			return e, nil
		}
	}
	return nil, notFound
}

// seen marks events as people see them in the Cloud Manager: all up to this one.
func (s *Server) seen(c *call) (any, *Refusal) {
	for _, e := range s.state.Events {
		if e.ID <= int64(c.number("id")) {
			e.Seen = true
		}
	}
	return struct{}{}, nil
}

func (s *Server) getPool(c *call) (any, *Refusal) {
	for _, p := range s.state.Pools {
		if p.ID == c.number("pool") {
			return p, nil
		}
	}
	return nil, notFound
}

func (s *Server) getNode(c *call) (any, *Refusal) {
	_, n := s.state.slot(c.r.PathValue("slot"))
	return found(n)
}

// instances are those that the token's user has grants for.
func (s *Server) instances(c *call) (any, *Refusal) {
	return slices.DeleteFunc(slices.Clone(s.state.Instances), func(i *instance) bool { return slices.Contains(c.token.Blind, i.ID) }), nil
}

func (s *Server) getInstance(c *call) (any, *Refusal) {
	return found(s.state.instance(c.number("linode")))
}
func (s *Server) getVolume(c *call) (any, *Refusal) { return found(s.state.volume(c.number("volume"))) }

func (s *Server) instanceVolumes(c *call) (any, *Refusal) {
	if s.state.instance(c.number("linode")) == nil {
		return nil, notFound
	}
	return s.state.attachedTo(c.number("linode")), nil
}

// configs are the boot configurations: one, which holds what is attached for good.
func (s *Server) configs(c *call) (any, *Refusal) {
	i := s.state.instance(c.number("linode"))
	if i == nil {
		return nil, notFound
	}
	devices := map[string]any{"sda": map[string]any{"disk_id": i.ID*10 + 1, "volume_id": nil}}
	for k, v := range s.state.attachedTo(i.ID) {
		if v.persist {
			devices["sd"+string(rune('b'+k))] = map[string]any{"disk_id": nil, "volume_id": v.ID}
		}
	}
	return []any{map[string]any{"id": i.ID*10 + 2, "label": "Boot Config", "kernel": "linode/grub2", "devices": devices}}, nil
}

func (s *Server) postAttach(c *call) (any, *Refusal) {
	want := struct {
		Linode  int   `json:"linode_id"`
		Persist *bool `json:"persist_across_boots"`
	}{}
	if err := json.Unmarshal(c.body, &want); err != nil || want.Linode == 0 {
		return nil, &Refusal{http.StatusBadRequest, "linode_id", "linode_id is required"}
	}
	a := Act{Do: "attach", Volume: c.number("volume"), Linode: want.Linode, Persist: want.Persist == nil || *want.Persist}
	if r := s.act(c.token.User, a); r != nil {
		return nil, r
	}
	return s.getVolume(c)
}
