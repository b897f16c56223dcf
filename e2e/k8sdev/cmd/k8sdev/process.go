package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// process is a component that runs.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// supervisor starts components and ends them all. It must stay on one thread of the
// system: the kernel ends the components when that thread does.
type supervisor struct {
	dir  string
	all  []*process
	died chan *process
}

// grace is how long a component has to end by itself.
const grace = 5 * time.Second

// start runs a program as the component name. Its output goes to NAME.log, its
// number to NAME.pid.
func (s *supervisor) start(program, name string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(s.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, append([]string{name}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "GOGC=200")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p := &process{name, cmd, make(chan struct{})}
	s.all = append(s.all, p)
	go func() {
		cmd.Wait() // how it ended is in its log
		close(p.done)
		s.died <- p
	}()
	return os.WriteFile(filepath.Join(s.dir, name+".pid"), strconv.AppendInt(nil, int64(cmd.Process.Pid), 10), 0o600)
}

// end ends one component and returns when it is gone. It is not told as died.
func (s *supervisor) end(p *process) {
	s.all = slices.DeleteFunc(s.all, func(x *process) bool { return x == p })
	first := syscall.SIGTERM
	if p.name == apiServerName {
		first = syscall.SIGKILL // it would wait for its watches to end
	}
	p.cmd.Process.Signal(first)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// endAll ends all components, the last started first.
func (s *supervisor) endAll() {
	for len(s.all) > 0 {
		s.end(s.all[len(s.all)-1])
	}
}

// running is the component of that name, or nil.
func (s *supervisor) running(name string) *process {
	for _, p := range s.all {
		if p.name == name {
			return p
		}
	}
	return nil
}
