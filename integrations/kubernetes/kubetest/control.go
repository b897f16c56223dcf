package kubetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// order is the body of a control request: what the call of that name takes.
type order struct {
	Node     *Node           `json:"node,omitempty"`
	Workload *Workload       `json:"workload,omitempty"`
	Backup   *Backup         `json:"backup,omitempty"`
	Fault    *Fault          `json:"fault,omitempty"`
	Object   json.RawMessage `json:"object,omitempty"`
	Token    string          `json:"token,omitempty"`
	Rule     string          `json:"rule,omitempty"`
	Name     string          `json:"name,omitempty"`
	Key      string          `json:"key,omitempty"`
	Value    string          `json:"value,omitempty"`
	Effect   string          `json:"effect,omitempty"`
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

// calls are what the control can be asked for, by name.
func (s *Server) calls() map[string]func(context.Context, order) (any, error) {
	do := func(f func(order)) func(context.Context, order) (any, error) {
		return func(_ context.Context, o order) (any, error) { f(o); return nil, nil }
	}
	try := func(f func(order) error) func(context.Context, order) (any, error) {
		return func(_ context.Context, o order) (any, error) { return nil, f(o) }
	}
	tell := func(f func(order) any) func(context.Context, order) (any, error) {
		return func(_ context.Context, o order) (any, error) { return f(o), nil }
	}
	return map[string]func(context.Context, order) (any, error){
		"node":     try(func(o order) error { return given(o.Node, s.AddNode) }),
		"workload": try(func(o order) error { return given(o.Workload, s.AddWorkload) }),
		"backup":   try(func(o order) error { return given(o.Backup, s.AddBackup) }),
		"apply":    try(func(o order) error { return s.Apply(o.Object) }),

		"nodes":       tell(func(order) any { return s.Nodes() }),
		"pods":        tell(func(order) any { return s.Pods() }),
		"attachments": tell(func(order) any { return s.Attachments() }),
		"events":      tell(func(order) any { return s.Events() }),
		"dump":        tell(func(o order) any { return json.RawMessage(s.Dump(o.On)) }),
		"kubeconfig":  tell(func(o order) any { return string(s.Kubeconfig(o.Token)) }),
		"requests":    tell(func(order) any { return s.Requests() }),
		"writes":      tell(func(order) any { return s.Writes() }),
		"forget":      do(func(order) { s.Forget() }),

		"fault":   tell(func(o order) any { return s.fault(o.Fault) }),
		"clear":   do(func(o order) { s.Clear(o.Numbers...) }),
		"down":    do(func(o order) { s.Down(o.On) }),
		"deny":    do(func(o order) { s.Deny(o.Token, o.Rule) }),
		"allow":   do(func(o order) { s.Allow(o.Token, o.Rule) }),
		"expire":  do(func(o order) { s.Expire(o.Token, o.On) }),
		"cut":     do(func(order) { s.CutWatches() }),
		"end":     do(func(order) { s.EndWatches() }),
		"compact": do(func(order) { s.Compact() }),

		"hang":   do(func(o order) { s.Hang(o.Name) }),
		"sever":  do(func(o order) { s.Sever(o.Name, o.On) }),
		"break":  do(func(o order) { s.Break(o.Name, o.Why) }),
		"spoil":  do(func(o order) { s.Spoil(o.Name) }),
		"jam":    do(func(o order) { s.Jam(o.Name) }),
		"keep":   do(func(o order) { s.Keep(o.Resource, o.Name, o.Count) }),
		"cordon": try(func(o order) error { return s.Cordon(o.Name, o.On) }),
		"taint":  try(func(o order) error { return s.Taint(o.Name, o.Key, o.Value, o.Effect) }),
		"scale":  try(func(o order) error { return s.Scale(o.Resource, o.Name, o.Count) }),
		"delete": try(func(o order) error { return s.Delete(o.Resource, o.Name, o.On) }),
		"emit":   try(func(o order) error { return s.Emit(o.Resource, o.Name, o.Level, o.Reason, o.Message) }),

		"next": tell(func(order) any {
			next, _ := s.Next()
			return next
		}),
		"advance": func(ctx context.Context, o order) (any, error) { return nil, s.play(ctx, o.To) },
	}
}

func given[T any](v *T, f func(T)) error {
	if v == nil {
		return errors.New("simulated cluster: the call lacks what it is about")
	}
	f(*v)
	return nil
}

func (s *Server) fault(f *Fault) int {
	if f == nil {
		f = &Fault{}
	}
	return s.Fault(*f)
}

// play moves the clock to a time, from one thing that is due to the next.
func (s *Server) play(ctx context.Context, to time.Time) error {
	if to.IsZero() {
		return s.Settle(ctx)
	}
	if s.opt.Move == nil {
		return errors.New("simulated cluster: it lives in real time")
	}
	for next, any := s.Next(); any && !next.After(to); next, any = s.Next() {
		s.opt.Move(next)
		if err := s.Settle(ctx); err != nil {
			return err
		}
	}
	s.opt.Move(to)
	return s.Settle(ctx)
}

// Control serves the simulator's strings over HTTP, for tests in other processes
// (see Dial) and for curl. It must not be reachable for others.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	for name, do := range s.calls() {
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
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "error": text}) // the client may have gone
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("no call %q", r.URL.Path), http.StatusNotFound)
	})
	return mux
}
