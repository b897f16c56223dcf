package talos

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// resource is one that `talosctl get` prints as JSON, one after another.
type resource struct {
	Node string `json:"node"` // the address that was asked
	Spec struct {
		Nodename string `json:"nodename"`
		Stage    string `json:"stage"`
	} `json:"spec"`
}

// Machines implements [fleet.Talos]: which node each is to its kubelet, and how far it
// has come. Of several some may answer; talosctl prints those and fails.
func (t *Talos) Machines(ctx context.Context, addresses []string) ([]fleet.TalosMachine, error) {
	names, err := t.get(ctx, addresses, "nodenames.kubernetes.talos.dev")
	if err != nil {
		return nil, err
	}
	stages, err := t.get(ctx, addresses, "machinestatuses.runtime.talos.dev")
	if err != nil {
		return nil, err
	}
	var all []fleet.TalosMachine
	for _, n := range names {
		m := fleet.TalosMachine{Address: n.Node, Node: n.Spec.Nodename}
		for _, s := range stages {
			if s.Node == n.Node {
				m.Stage = s.Spec.Stage
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// get reads the resources of a type of some machines. It is Unavailable when none of
// them answers.
func (t *Talos) get(ctx context.Context, addresses []string, kind string) (list []resource, err error) {
	defer func() { t.state.note(t.Clock.Now(), err) }()
	at, err := nodes(addresses)
	if err != nil {
		return nil, err
	}
	a, err := t.ask(ctx, "--nodes", at, "get", kind, "--output", "json")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(a.out)); d.More(); {
		var r resource
		if err := d.Decode(&r); err != nil {
			return nil, problem.New(problem.Unavailable, "what talosctl says of %s is not understood", kind).Because(err)
		}
		list = append(list, r)
	}
	if len(list) == 0 && a.exit != 0 {
		return nil, a.failure()
	}
	return list, nil
}

// Etcd implements [fleet.Talos]. Who the members are is told by any machine that
// answers; a member is healthy whose own machine tells its status, without errors.
func (t *Talos) Etcd(ctx context.Context, addresses []string) (members []fleet.EtcdMember, err error) {
	defer func() { t.state.note(t.Clock.Now(), err) }()
	at, err := nodes(addresses)
	if err != nil {
		return nil, err
	}
	listed, err := t.table(ctx, at, "members")
	if err != nil {
		return nil, err
	}
	told, err := t.table(ctx, at, "status")
	if err != nil {
		return nil, err
	}
	healthy := map[string]string{} // by id: its errors
	for _, row := range told {
		if len(row) > statusLearner && memberID.MatchString(row[statusMember]) {
			healthy[row[statusMember]] = errorsOf(row)
		}
	}
	seen := map[string]bool{}
	for _, row := range listed {
		if len(row) < 3 || !memberID.MatchString(row[membersID]) {
			return nil, problem.New(problem.Unavailable, "what talosctl says of etcd's members is not understood")
		}
		id := row[membersID]
		if seen[id] {
			continue // another machine has told of it
		}
		seen[id] = true
		m := fleet.EtcdMember{Learner: row[len(row)-1] == "true"}
		if !strings.Contains(row[membersHost], "://") { // one that has not started has no name
			m.Name = row[membersHost]
		}
		why, answers := healthy[id]
		m.Healthy = answers && why == ""
		if m.Why = why; !answers {
			m.Why = "it does not answer"
		}
		members = append(members, m)
	}
	return members, nil
}

// The columns of the tables that `talosctl etcd members` and `talosctl etcd status`
// print; etcd status prints none of them empty.
const (
	membersID     = 1
	membersHost   = 2
	statusMember  = 1
	statusLearner = 8
)

var (
	memberID = regexp.MustCompile(`^[0-9a-f]{1,16}$`)
	gap      = regexp.MustCompile(` {2,}`) // between columns there are three spaces or more
	version  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)
)

// errorsOf are those that a row of the status ends with, behind the versions that newer
// ones print before them.
func errorsOf(row []string) string {
	rest := row[statusLearner+1:]
	for len(rest) > 0 && version.MatchString(rest[0]) {
		rest = rest[1:]
	}
	return strings.Join(rest, ", ")
}

// table runs one of etcd's commands and returns its rows, without the heading.
func (t *Talos) table(ctx context.Context, at, what string) (rows [][]string, err error) {
	a, err := t.ask(ctx, "--nodes", at, "etcd", what)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(a.out)), "\n")
	if lines[0] != "" && !strings.HasPrefix(lines[0], "NODE ") {
		return nil, problem.New(problem.Unavailable, "what this talosctl says of etcd is not understood").WithHint("it must be 1.3 or newer")
	}
	for _, line := range lines[1:] {
		if line = strings.TrimRight(line, " \r"); line != "" {
			rows = append(rows, gap.Split(line, -1))
		}
	}
	if len(rows) == 0 {
		if a.exit != 0 {
			return nil, a.failure()
		}
		return nil, problem.New(problem.Unavailable, "talosctl says nothing of etcd")
	}
	return rows, nil
}
