package linodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Info is what a bot and a test need to know of a simulator in another process.
type Info struct {
	URL     string `json:"url"`
	Cluster int    `json:"cluster"`
	User    string `json:"user"`
}

// Info describes the simulator.
func (s *Server) Info() Info { return Info{s.URL(), s.opt.Cluster, s.opt.User} }

// order is the body of a control request: what the call of that name takes.
type order struct {
	Node    *Node  `json:"node,omitempty"`
	Disk    *Disk  `json:"disk,omitempty"`
	Act     *Act   `json:"act,omitempty"`
	Fault   *Fault `json:"fault,omitempty"`
	Token   *Token `json:"token,omitempty"`
	Secret  string `json:"secret,omitempty"`
	User    string `json:"user,omitempty"`
	Linode  int    `json:"linode,omitempty"`
	Numbers []int  `json:"numbers,omitempty"`
	After   int    `json:"after,omitempty"`
}

// waitAtMost bounds one long poll for changes.
const waitAtMost = 20 * time.Second

// Control serves the simulator's strings over HTTP, for tests in other processes
// (see Dial) and for curl. It must not be reachable for others.
func (s *Server) Control() http.Handler {
	nothing := func(f func(order)) func(context.Context, order) (any, error) {
		return func(_ context.Context, o order) (any, error) { f(o); return nil, nil }
	}
	calls := map[string]func(context.Context, order) (any, error){
		"info":     func(context.Context, order) (any, error) { return s.Info(), nil },
		"requests": func(context.Context, order) (any, error) { return s.Requests(), nil },
		"dump":     func(context.Context, order) (any, error) { return json.RawMessage(s.Dump()), nil },
		"changes": func(ctx context.Context, o order) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, waitAtMost)
			defer cancel()
			list, err := s.WaitChanges(ctx, o.After)
			if errors.Is(err, context.DeadlineExceeded) {
				return []Change{}, nil
			}
			return list, err
		},
		"act": func(_ context.Context, o order) (any, error) {
			if o.Act == nil {
				return nil, errors.New("no act")
			}
			return nil, s.Act(o.User, *o.Act)
		},
		"fault": func(_ context.Context, o order) (any, error) {
			if o.Fault == nil {
				return nil, errors.New("no fault")
			}
			return s.Fault(*o.Fault), nil
		},
		"node": func(_ context.Context, o order) (any, error) {
			if o.Node == nil {
				return nil, errors.New("no node")
			}
			return s.AddNode(*o.Node), nil
		},
		"volume": func(_ context.Context, o order) (any, error) {
			if o.Disk == nil {
				return nil, errors.New("no disk")
			}
			s.AddVolume(*o.Disk)
			return nil, nil
		},
		"token": func(_ context.Context, o order) (any, error) {
			if o.Token == nil {
				return nil, errors.New("no token")
			}
			s.SetToken(o.Secret, *o.Token)
			return nil, nil
		},
		"clear":       nothing(func(o order) { s.Clear(o.Numbers...) }),
		"forget":      nothing(func(order) { s.Forget() }),
		"power-loss":  nothing(func(o order) { s.PowerLoss(o.Linode) }),
		"host-reboot": nothing(func(o order) { s.HostReboot(o.Linode) }),
	}
	mux := http.NewServeMux()
	for name, do := range calls {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			var o order
			raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err == nil && len(raw) > 0 {
				err = json.Unmarshal(raw, &o)
			}
			var result any
			if err == nil {
				result, err = do(r.Context(), o)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			write(w, http.StatusOK, map[string]any{"result": result, "error": text})
		})
	}
	return mux
}

// Remote drives a simulator in another process (linodesim) through its control
// address. An error is what the simulator said, or that it cannot be reached.
type Remote struct {
	Info
	control string
	ctx     context.Context // ends the calls that take none
}

// Dial asks the simulator at a control address, as "http://127.0.0.1:1235", who it is.
func Dial(ctx context.Context, control string) (*Remote, error) {
	r := &Remote{control: control, ctx: ctx}
	return r, r.call(ctx, "info", order{}, &r.Info)
}

func (r *Remote) call(ctx context.Context, name string, o order, out any) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.control+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var reply struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.NewDecoder(res.Body).Decode(&reply); err != nil {
		return fmt.Errorf("simulator, %s: %s: %w", name, res.Status, err)
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	if out == nil || len(reply.Result) == 0 || string(reply.Result) == "null" {
		return nil
	}
	return json.Unmarshal(reply.Result, out)
}

// AddNode is Server.AddNode.
func (r *Remote) AddNode(n Node) (slot string, err error) {
	return slot, r.call(r.ctx, "node", order{Node: &n}, &slot)
}

// AddVolume is Server.AddVolume.
func (r *Remote) AddVolume(d Disk) error { return r.call(r.ctx, "volume", order{Disk: &d}, nil) }

// SetToken is Server.SetToken.
func (r *Remote) SetToken(secret string, t Token) error {
	return r.call(r.ctx, "token", order{Secret: secret, Token: &t}, nil)
}

// Act is Server.Act.
func (r *Remote) Act(user string, a Act) error {
	return r.call(r.ctx, "act", order{User: user, Act: &a}, nil)
}

// Fault is Server.Fault.
func (r *Remote) Fault(f Fault) (number int, err error) {
	return number, r.call(r.ctx, "fault", order{Fault: &f}, &number)
}

// Clear is Server.Clear.
func (r *Remote) Clear(numbers ...int) error {
	return r.call(r.ctx, "clear", order{Numbers: numbers}, nil)
}

// Requests is Server.Requests.
func (r *Remote) Requests() (list []Request, err error) {
	return list, r.call(r.ctx, "requests", order{}, &list)
}

// Forget is Server.Forget.
func (r *Remote) Forget() error { return r.call(r.ctx, "forget", order{}, nil) }

// Dump is Server.Dump, less its indentation.
func (r *Remote) Dump() (body json.RawMessage, err error) {
	return body, r.call(r.ctx, "dump", order{}, &body)
}

// WaitChanges is Server.WaitChanges; after some 20 s without any it returns none.
func (r *Remote) WaitChanges(ctx context.Context, after int) (list []Change, err error) {
	return list, r.call(ctx, "changes", order{After: after}, &list)
}

// PowerLoss is Server.PowerLoss.
func (r *Remote) PowerLoss(linode int) error {
	return r.call(r.ctx, "power-loss", order{Linode: linode}, nil)
}

// HostReboot is Server.HostReboot.
func (r *Remote) HostReboot(linode int) error {
	return r.call(r.ctx, "host-reboot", order{Linode: linode}, nil)
}
