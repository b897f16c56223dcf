package kubetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Remote drives a simulator in another process (kubesim) through its control address.
// Its methods are those of [Server]; an error is what the simulator said, or that it
// cannot be reached.
type Remote struct {
	control string
	ctx     context.Context // ends the calls
}

// Dial returns the simulator that is controlled at an address, as
// "http://127.0.0.1:4103". It asks nothing yet.
func Dial(ctx context.Context, control string) *Remote { return &Remote{control, ctx} }

func (r *Remote) call(name string, o order, out any) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.control+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var reply struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return fmt.Errorf("simulated cluster, %s: %s: %w", name, res.Status, err)
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	if out == nil || string(reply.Result) == "null" {
		return nil
	}
	return json.Unmarshal(reply.Result, out)
}

func ask[T any](r *Remote, name string, o order) (out T, err error) {
	err = r.call(name, o, &out)
	return out, err
}

// What the cluster begins with.

func (r *Remote) AddNode(n Node) error         { return r.call("node", order{Node: &n}, nil) }
func (r *Remote) AddWorkload(w Workload) error { return r.call("workload", order{Workload: &w}, nil) }
func (r *Remote) AddBackup(b Backup) error     { return r.call("backup", order{Backup: &b}, nil) }
func (r *Remote) Apply(raw []byte) error       { return r.call("apply", order{Object: raw}, nil) }

// WriteKubeconfig is Server.WriteKubeconfig.
func (r *Remote) WriteKubeconfig(path, token string) error {
	text, err := ask[string](r, "kubeconfig", order{Token: token})
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// How it is now.

func (r *Remote) Nodes() ([]NodeState, error) { return ask[[]NodeState](r, "nodes", order{}) }
func (r *Remote) Pods() ([]PodState, error)   { return ask[[]PodState](r, "pods", order{}) }
func (r *Remote) Attachments() ([]AttachmentState, error) {
	return ask[[]AttachmentState](r, "attachments", order{})
}
func (r *Remote) Events() ([]EventState, error) { return ask[[]EventState](r, "events", order{}) }
func (r *Remote) Requests() ([]Request, error)  { return ask[[]Request](r, "requests", order{}) }
func (r *Remote) Writes() ([]Request, error)    { return ask[[]Request](r, "writes", order{}) }
func (r *Remote) Forget() error                 { return r.call("forget", order{}, nil) }

// Dump is Server.Dump, less its indentation.
func (r *Remote) Dump(events bool) (json.RawMessage, error) {
	return ask[json.RawMessage](r, "dump", order{On: events})
}

// What goes wrong.

func (r *Remote) Fault(f Fault) (number int, err error) {
	return ask[int](r, "fault", order{Fault: &f})
}
func (r *Remote) Clear(numbers ...int) error { return r.call("clear", order{Numbers: numbers}, nil) }
func (r *Remote) Down(down bool) error       { return r.call("down", order{On: down}, nil) }
func (r *Remote) CutWatches() error          { return r.call("cut", order{}, nil) }
func (r *Remote) EndWatches() error          { return r.call("end", order{}, nil) }
func (r *Remote) Compact() error             { return r.call("compact", order{}, nil) }
func (r *Remote) Hang(node string) error     { return r.call("hang", order{Name: node}, nil) }
func (r *Remote) Sever(node string, on bool) error {
	return r.call("sever", order{Name: node, On: on}, nil)
}
func (r *Remote) Break(workload, why string) error {
	return r.call("break", order{Name: workload, Why: why}, nil)
}
func (r *Remote) Spoil(workload string) error { return r.call("spoil", order{Name: workload}, nil) }
func (r *Remote) Jam(workload string) error   { return r.call("jam", order{Name: workload}, nil) }
func (r *Remote) Deny(token, rule string) error {
	return r.call("deny", order{Token: token, Rule: rule}, nil)
}
func (r *Remote) Allow(token, rule string) error {
	return r.call("allow", order{Token: token, Rule: rule}, nil)
}
func (r *Remote) Expire(token string, expired bool) error {
	return r.call("expire", order{Token: token, On: expired}, nil)
}

// What others do.

func (r *Remote) Keep(resource, workload string, replicas int) error {
	return r.call("keep", order{Resource: resource, Name: workload, Count: replicas}, nil)
}
func (r *Remote) Emit(resource, name, level, reason, message string) error {
	return r.call("emit", order{Resource: resource, Name: name, Level: level, Reason: reason, Message: message}, nil)
}
func (r *Remote) Cordon(node string, on bool) error {
	return r.call("cordon", order{Name: node, On: on}, nil)
}
func (r *Remote) Taint(node, key, value, effect string) error {
	return r.call("taint", order{Name: node, Key: key, Value: value, Effect: effect}, nil)
}
func (r *Remote) Scale(resource, name string, n int) error {
	return r.call("scale", order{Resource: resource, Name: name, Count: n}, nil)
}
func (r *Remote) Delete(resource, name string, force bool) error {
	return r.call("delete", order{Resource: resource, Name: name, On: force}, nil)
}

// Next is Server.Next; the zero time says that nothing is due.
func (r *Remote) Next() (time.Time, error) { return ask[time.Time](r, "next", order{}) }

// Advance moves the simulator's clock to a time, from one thing that is due to the
// next, and settles; the zero time only settles. It is an error where the simulator
// lives in real time.
func (r *Remote) Advance(to time.Time) error { return r.call("advance", order{To: to}, nil) }
