// Package process runs the programs of the end-to-end tests, each of which ends with its
// test, and waits for what they do.
package process

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// FromEnv is where `make e2e` has put something, by the name of its variable.
func FromEnv(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: these tests are run by `make e2e`", name)
	}
	return v
}

// FreeAddress is one on loopback on which nothing listens. It stays free until it is used,
// and while its server is away: its port lies below those that the kernel gives to
// outgoing connections.
func FreeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		in, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
		if err == nil {
			defer in.Close()
			return in.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Log is what a process writes. It may be read while it is written.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Child is a process that ends with its test.
type Child struct {
	Log  *Log
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, from then on
}

// grace is how long a process has to end by itself.
const grace = time.Minute

// Launch starts a program; env is added to the environment. It is told to end when the
// test does, also by the kernel when this process is killed.
func Launch(t *testing.T, program string, env []string, args ...string) *Child {
	t.Helper()
	c := &Child{cmd: exec.Command(program, args...), Log: &Log{}, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = c.Log, c.Log
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		c.End(t)
		if t.Failed() {
			keep(t, filepath.Base(program)+"-"+strconv.Itoa(c.cmd.Process.Pid)+".log", []byte(c.Log.String()))
		}
	})
	return c
}

// End tells it to end and waits until it has. It may be called again.
func (c *Child) End(t *testing.T) {
	c.Signal(syscall.SIGTERM)
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-c.done:
	case <-late.C:
		t.Errorf("%s does not end when it is told to:\n%s", c.cmd.Path, c.Log)
		c.Kill()
	}
}

// Kill ends it without a word and waits until it has ended. It may be called again.
func (c *Child) Kill() {
	c.Signal(syscall.SIGKILL)
	<-c.done
}

// Signal is lost when the process has ended.
func (c *Child) Signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

// PID is its number.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Ended reports whether it has ended.
func (c *Child) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Err is how it ended; nil before.
func (c *Child) Err() error {
	if !c.Ended() {
		return nil
	}
	return c.err
}
