// Package talostest is a stand-in for talosctl and the machines behind it, with state:
// it records how it was called, restarts what it is told to restart, and fails where it
// is told to. It runs inside a process, as a function, or as a program of its own that
// asks the process which made it (see [Install] and [Main]).
package talostest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Machine is one that runs Talos.
type Machine struct {
	Address string
	Node    string // the name of its node
	Control bool   // it is of the control plane, and runs a member of etcd
}

// Options are what the stand-in is made from.
type Options struct {
	Role string // of the talosconfig; "": os:operator
	// Restart is what a reboot does; nil: nothing.
	Restart func(node string) error
	// Up reports whether the machine of a node answers now; nil: always.
	Up func(node string) bool
}

// Fault makes calls fail.
type Fault struct {
	Command string // that it is about: "reboot", "get", "etcd status"; "": any
	Times   int    // how often; 0: until [Server.Mend]
	Does    bool   // it is carried out all the same
	Hang    bool   // it gives no answer until it is ended
	Stdout  string // what it prints; "" with an Exit: nothing
	Stderr  string
	Exit    int
}

// Server is the stand-in. Its methods may be called at any time.
type Server struct {
	opt      Options
	listener net.Listener
	http     *http.Server

	mu       sync.Mutex
	machines []Machine
	sick     map[string]string // members of etcd with errors, by node
	learner  map[string]bool
	faults   []*Fault
	calls    [][]string
}

// New starts one. Close it.
func New(o Options) (*Server, error) {
	if o.Role == "" {
		o.Role = "os:operator"
	}
	s := &Server{opt: o, sick: map[string]string{}, learner: map[string]bool{}}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(s.listener) }() // it ends with Close
	return s, nil
}

// Close ends it.
func (s *Server) Close() { _ = s.http.Close() }

// Add adds a machine.
func (s *Server) Add(m Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines = append(s.machines, m)
}

// Sicken gives the member of etcd on a node errors; "" heals it.
func (s *Server) Sicken(node, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sick[node] = why
}

// Learn makes the member of etcd on a node one without a vote.
func (s *Server) Learn(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learner[node] = true
}

// Fault makes calls fail.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Mend takes all faults away.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls are the arguments of every call so far.
func (s *Server) Calls() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Reboots are the addresses that were told to restart, in order.
func (s *Server) Reboots() (addresses []string) {
	for _, args := range s.Calls() {
		if c, err := parse(args); err == nil && c.command == "reboot" {
			addresses = append(addresses, c.nodes...)
		}
	}
	return addresses
}

// WriteConfig writes a talosconfig that leads a program of [Install] to this stand-in.
func (s *Server) WriteConfig(path string) error {
	return os.WriteFile(path, fmt.Appendf(nil, "context: test\ncontexts:\n  test:\n    endpoints:\n      - %s\n", s.listener.Addr()), 0o600)
}

// programName is how a program of [Install] is called.
const programName = "talosctl"

// Install makes a program in a folder that is this stand-in: the running test itself,
// under another name, so that its main must call [IsProgram] first.
func Install(folder string) (binary string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary = filepath.Join(folder, programName)
	return binary, os.Symlink(self, binary)
}

// IsProgram reports whether this process was started as a program of [Install]. Call
// [Main] then, and nothing else.
func IsProgram() bool { return filepath.Base(os.Args[0]) == programName }

// said is an answer on its way to the program.
type said struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Exit   int    `json:"exit"`
}

// Main is the program: it asks the process that its talosconfig leads to. It does not
// return. The race detector, which makes os.Exit take a second, is left out.
func Main() { syscall.Exit(program()) }

func program() (exit int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "error constructing client:", err)
		return 1
	}
	endpoint, err := endpointOf(os.Args[1:])
	if err != nil {
		return fail(err)
	}
	body, err := json.Marshal(os.Args[1:])
	if err != nil {
		return fail(err)
	}
	res, err := http.Post("http://"+endpoint, "application/json", strings.NewReader(string(body)))
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	var a said
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return fail(err)
	}
	fmt.Print(a.Stdout)
	fmt.Fprint(os.Stderr, a.Stderr)
	return a.Exit
}

// endpointOf is the endpoint in the talosconfig that the arguments name.
func endpointOf(args []string) (string, error) {
	c, err := parse(args)
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(c.config)
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(string(raw), "endpoints:\n      - ")
	endpoint, _, _ := strings.Cut(after, "\n")
	return endpoint, nil
}

// ServeHTTP answers a program of [Install].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var args []string
	if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, errs, exit, err := s.Run(r.Context(), args)
	if err != nil {
		return // the program is gone
	}
	_ = json.NewEncoder(w).Encode(said{string(out), string(errs), exit}) // it may have gone
}

// Run is a call of talosctl. The error is ctx's, while it hangs.
func (s *Server) Run(ctx context.Context, args []string) (stdout, stderr []byte, exit int, err error) {
	s.mu.Lock()
	s.calls = append(s.calls, slices.Clone(args))
	c, err := parse(args)
	if err != nil {
		s.mu.Unlock()
		return nil, fmt.Appendln(nil, err), 1, nil
	}
	f := s.meets(c)
	s.mu.Unlock()
	if f == nil || f.Does {
		stdout, stderr, exit = s.obey(c)
	}
	switch {
	case f == nil:
	case f.Hang:
		<-ctx.Done()
		return nil, nil, 0, ctx.Err()
	default:
		stdout, stderr, exit = []byte(f.Stdout), []byte(f.Stderr), f.Exit
	}
	return stdout, stderr, exit, nil
}

// meets is the fault that a call meets, nil for none.
func (s *Server) meets(c call) *Fault {
	for i, f := range s.faults {
		if f.Command != "" && f.Command != c.command {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f
	}
	return nil
}
