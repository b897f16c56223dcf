package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Where `make e2e` has put the programs.
const (
	k8sdevEnv   = "E2E_K8SDEV"   // the folder with k8sdev and k8ssim
	wardroomEnv = "E2E_WARDROOM" // the program
)

func fromEnv(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: these tests are run by `make e2e`", name)
	}
	return v
}

// log is what a process writes. It may be read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// child is a process that ends with its test.
type child struct {
	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed when it has ended
	err  error         // how, from then on
}

// grace is how long a process has to end by itself.
const grace = time.Minute

// launch starts a program. It is told to end when the test does, also by the kernel
// when this process is killed.
func launch(t *testing.T, program string, env []string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(program, args...), log: &log{}, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() { c.end(t) })
	return c
}

// end tells it to end and waits until it has. It may be called again.
func (c *child) end(t *testing.T) {
	c.signal(syscall.SIGTERM)
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-c.done:
	case <-late.C:
		t.Errorf("%s does not end when it is told to:\n%s", c.cmd.Path, c.log)
		c.signal(syscall.SIGKILL)
		<-c.done
	}
}

// signal is lost when the process has ended.
func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
