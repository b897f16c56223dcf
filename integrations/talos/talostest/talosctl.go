package talostest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// call is a command line of talosctl, as far as Wardroom uses it.
type call struct {
	config, context string
	nodes           []string
	command         string // "reboot", "get", "etcd status", "version", "config info"
	rest            []string
}

// parse reads a command line. What the real one would not understand is an error, and
// so is what the real one would wait for.
func parse(args []string) (c call, err error) {
	value := func(i int) (string, error) {
		if i+1 >= len(args) || strings.HasPrefix(args[i+1], "-") {
			return "", fmt.Errorf("flag needs an argument: %s", args[i])
		}
		return args[i+1], nil
	}
	var words []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "--talosconfig", "--context", "--nodes":
			v, err := value(i)
			if err != nil {
				return c, err
			}
			i++
			switch a {
			case "--talosconfig":
				c.config = v
			case "--context":
				c.context = v
			default:
				c.nodes = strings.Split(v, ",")
			}
		case "--wait=false", "--client", "--output", "json":
			c.rest = append(c.rest, a)
		default:
			if strings.HasPrefix(a, "-") {
				return c, fmt.Errorf("unknown flag: %s", a)
			}
			words = append(words, a)
		}
	}
	switch {
	case len(words) == 1 && words[0] == "reboot" && !slices.Contains(c.rest, "--wait=false"):
		return c, fmt.Errorf("it would wait")
	case len(words) == 2 && words[0] == "get":
		c.command = "get"
		c.rest = append(c.rest, words[1])
	case len(words) > 0 && slices.Contains([]string{"reboot", "version", "etcd members", "etcd status", "config info"}, strings.Join(words, " ")):
		c.command = strings.Join(words, " ")
	default:
		return c, fmt.Errorf("unknown command %q for \"talosctl\"", strings.Join(words, " "))
	}
	return c, nil
}

// obey carries a call out.
func (s *Server) obey(c call) (stdout, stderr []byte, exit int) {
	switch c.command {
	case "version":
		return []byte("Client:\n\tTag:         v1.13.2\n\tSHA:         0000000\n"), nil, 0
	case "config info":
		return fmt.Appendf(nil, "Current context:     test\nNodes:               not defined\nEndpoints:           %s\nRoles:               %s\nCertificate expires: 1 year from now (2027-11-21)\n", s.listener.Addr(), s.opt.Role), nil, 0
	}
	var out, errs bytes.Buffer
	asked := s.asked(c.nodes, &errs)
	switch c.command {
	case "reboot":
		if !strings.Contains(s.opt.Role, "operator") && !strings.Contains(s.opt.Role, "admin") {
			return nil, []byte("error executing reboot: rpc error: code = PermissionDenied desc = not authorized\n"), 1
		}
		for _, m := range asked {
			if s.opt.Restart != nil {
				if err := s.opt.Restart(m.Node); err != nil {
					fmt.Fprintf(&errs, "error executing reboot: %v\n", err)
				}
			}
		}
	case "get":
		for _, m := range asked {
			s.get(&out, m, c.rest[len(c.rest)-1])
		}
	case "etcd members":
		s.members(&out, asked)
	case "etcd status":
		s.status(&out, asked)
	}
	if errs.Len() > 0 {
		exit = 1
	}
	return out.Bytes(), errs.Bytes(), exit
}

// asked are the machines at addresses that answer.
func (s *Server) asked(addresses []string, errs io.Writer) (all []Machine) {
	for _, a := range addresses {
		m, known := s.machine(a)
		if !known || s.opt.Up != nil && !s.opt.Up(m.Node) {
			fmt.Fprintf(errs, "error from node %s: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp %s:50000: connect: connection refused\"\n", a, a)
			continue
		}
		all = append(all, m)
	}
	return all
}

func (s *Server) machine(address string) (Machine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		if m.Address == address {
			return m, true
		}
	}
	return Machine{}, false
}

func (s *Server) get(out io.Writer, m Machine, kind string) {
	spec := map[string]any{}
	switch kind {
	case "nodenames.kubernetes.talos.dev":
		spec = map[string]any{"nodename": m.Node, "hostnameVersion": "2"}
	case "machinestatuses.runtime.talos.dev":
		spec = map[string]any{"stage": "running", "status": map[string]any{"ready": true, "unmetConditions": []string{}}}
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "    ")
	_ = e.Encode(map[string]any{"metadata": map[string]any{"type": kind, "version": "1"}, "node": m.Address, "spec": spec}) // a buffer takes it
}

// table is how talosctl prints its tables.
func table(out io.Writer, rows ...string) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, r)
	}
	_ = w.Flush() // a buffer takes it
}

func id(node string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, node) // a hash takes it
	return fmt.Sprintf("%016x", h.Sum64())
}

func (s *Server) members(out io.Writer, asked []Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []string{"NODE\tID\tHOSTNAME\tPEER URLS\tCLIENT URLS\tLEARNER"}
	for _, at := range asked {
		for _, m := range s.machines {
			if m.Control {
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\thttps://%s:2380\thttps://%s:2379\t%t", at.Address, id(m.Node), m.Node, m.Address, m.Address, s.learner[m.Node]))
			}
		}
	}
	table(out, rows...)
}

func (s *Server) status(out io.Writer, asked []Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []string{"NODE\tMEMBER\tDB SIZE\tIN USE\tLEADER\tRAFT INDEX\tRAFT TERM\tRAFT APPLIED INDEX\tLEARNER\tPROTOCOL\tSTORAGE\tERRORS"}
	for _, m := range asked {
		if m.Control {
			rows = append(rows, fmt.Sprintf("%s\t%s\t25 MB\t18 MB (72.00%%)\t%s\t1234\t7\t1234\t%t\t3.6.5\t3.6.0\t%s", m.Address, id(m.Node), id(m.Node), s.learner[m.Node], s.sick[m.Node]))
		}
	}
	table(out, rows...)
}
