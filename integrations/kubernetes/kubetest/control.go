package kubetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// order is the body of a control request: what the call of that name takes.
type order struct {
	Node     *Node           `json:"node,omitempty"`
	Workload *Workload       `json:"workload,omitempty"`
	Fault    *Fault          `json:"fault,omitempty"`
	Object   json.RawMessage `json:"object,omitempty"`
	Token    string          `json:"token,omitempty"`
	Rule     string          `json:"rule,omitempty"`
	Name     string          `json:"name,omitempty"`
	Why      string          `json:"why,omitempty"`
	Resource string          `json:"resource,omitempty"`
	Level    string          `json:"level,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Message  string          `json:"message,omitempty"`
	Count    int             `json:"count,omitempty"`
	On       bool            `json:"on,omitempty"`
	Numbers  []int           `json:"numbers,omitempty"`
	To       time.Time       `json:"to,omitzero"`
}

// Control serves the simulator's strings over HTTP, for tests in other processes
// (see Dial) and for curl. It must not be reachable for others.
func (s *Server) Control() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var o order
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil && len(raw) > 0 {
			err = json.Unmarshal(raw, &o)
		}
		var out any
		if err == nil {
			out, err = s.obey(strings.TrimPrefix(r.URL.Path, "/"), o)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // the client may have gone
	})
}

func (s *Server) obey(what string, o order) (out any, err error) {
	switch what {
	case "kubeconfig":
		return string(s.Kubeconfig(o.Token)), nil
	case "requests":
		return s.Requests(), nil
	case "writes":
		return s.Writes(), nil
	case "forget":
		s.Forget()
	case "dump":
		return json.RawMessage(s.Dump(o.On)), nil
	case "fault":
		if o.Fault == nil {
			return nil, errors.New("no fault")
		}
		return s.Fault(*o.Fault), nil
	case "clear":
		s.Clear(o.Numbers...)
	case "node":
		if o.Node == nil {
			return nil, errors.New("no node")
		}
		s.AddNode(*o.Node)
	case "workload":
		if o.Workload == nil {
			return nil, errors.New("no workload")
		}
		s.AddWorkload(*o.Workload)
	case "apply":
		return nil, s.Apply(o.Object)
	case "deny":
		s.Deny(o.Token, o.Rule)
	case "allow":
		s.Allow(o.Token, o.Rule)
	case "expire":
		s.Expire(o.Token, o.On)
	case "hang":
		s.Hang(o.Name)
	case "break":
		s.Break(o.Name, o.Why)
	case "keep":
		s.Keep(o.Resource, o.Name, o.Count)
	case "emit":
		return nil, s.Emit(o.Resource, o.Name, o.Level, o.Reason, o.Message)
	case "pods":
		return s.PodsOf(o.Name), nil
	case "cut":
		s.CutWatches()
	case "compact":
		s.Compact()
	case "advance":
		if !o.To.IsZero() {
			if s.opt.Move == nil {
				return nil, errors.New("this cluster lives in real time")
			}
			s.opt.Move(o.To)
		}
		s.Advance()
	default:
		return nil, fmt.Errorf("no call %q", what)
	}
	return nil, nil
}

// Remote is a simulator in another process.
type Remote struct{ url string }

// Dial returns the simulator that is controlled at url.
func Dial(url string) *Remote { return &Remote{strings.TrimSuffix(url, "/")} }

// WriteKubeconfig is Server.WriteKubeconfig.
func (r *Remote) WriteKubeconfig(path, token string) error {
	var text string
	if err := r.call("kubeconfig", order{Token: token}, &text); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func (r *Remote) call(what string, o order, into any) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	res, err := http.Post(r.url+"/"+what, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("simulated cluster: %s: %s", what, strings.TrimSpace(string(raw)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// The methods of Remote are those of [Server], over HTTP.

func (r *Remote) AddNode(n Node) error         { return r.call("node", order{Node: &n}, nil) }
func (r *Remote) AddWorkload(w Workload) error { return r.call("workload", order{Workload: &w}, nil) }
func (r *Remote) Apply(raw []byte) error       { return r.call("apply", order{Object: raw}, nil) }
func (r *Remote) Hang(node string) error       { return r.call("hang", order{Name: node}, nil) }
func (r *Remote) CutWatches() error            { return r.call("cut", order{}, nil) }
func (r *Remote) Compact() error               { return r.call("compact", order{}, nil) }
func (r *Remote) Forget() error                { return r.call("forget", order{}, nil) }
func (r *Remote) Advance(to time.Time) error   { return r.call("advance", order{To: to}, nil) }
func (r *Remote) Deny(token, rule string) error {
	return r.call("deny", order{Token: token, Rule: rule}, nil)
}
func (r *Remote) Allow(token, rule string) error {
	return r.call("allow", order{Token: token, Rule: rule}, nil)
}
func (r *Remote) Expire(token string, expired bool) error {
	return r.call("expire", order{Token: token, On: expired}, nil)
}
func (r *Remote) Break(workload, why string) error {
	return r.call("break", order{Name: workload, Why: why}, nil)
}
func (r *Remote) Keep(resource, workload string, replicas int) error {
	return r.call("keep", order{Resource: resource, Name: workload, Count: replicas}, nil)
}
func (r *Remote) Emit(resource, name, level, reason, message string) error {
	return r.call("emit", order{Resource: resource, Name: name, Level: level, Reason: reason, Message: message}, nil)
}
func (r *Remote) Clear(numbers ...int) error { return r.call("clear", order{Numbers: numbers}, nil) }
func (r *Remote) Fault(f Fault) (number int, err error) {
	err = r.call("fault", order{Fault: &f}, &number)
	return number, err
}
func (r *Remote) Requests() (list []Request, err error) {
	err = r.call("requests", order{}, &list)
	return list, err
}
func (r *Remote) Writes() (list []Request, err error) {
	err = r.call("writes", order{}, &list)
	return list, err
}
func (r *Remote) PodsOf(workload string) (list []string, err error) {
	err = r.call("pods", order{Name: workload}, &list)
	return list, err
}

// Dump is all objects as JSON.
func (r *Remote) Dump(events bool) (raw json.RawMessage, err error) {
	err = r.call("dump", order{On: events}, &raw)
	return raw, err
}
