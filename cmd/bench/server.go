package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a wardroom of its own process.
type server struct {
	cmd         *exec.Cmd
	addr, token string
	dir         string
	ready       time.Duration // from the start of the process to /readyz
}

// serve starts the binary on dir and waits until it is ready.
func serve(ctx context.Context, binary, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{addr: "127.0.0.1:" + strconv.Itoa(port), dir: dir}
	logs, err := os.OpenFile(filepath.Join(dir, "serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--listen", s.addr, "--data", dir)
	s.cmd.Stdout, s.cmd.Stderr = logs, logs
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := begin.Add(2 * time.Minute); ; {
		if res, err := http.Get("http://" + s.addr + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			s.stop()
			return nil, fmt.Errorf("%s was not ready within two minutes; see %s", binary, logs.Name())
		}
		time.Sleep(500 * time.Microsecond)
	}
	s.ready = time.Since(begin)
	token, err := os.ReadFile(filepath.Join(dir, "wardroom.token"))
	if err != nil {
		s.stop()
		return nil, err
	}
	s.token = strings.TrimSpace(string(token))
	return s, nil
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// drained waits until correlation has nothing left to look at, and returns how
// long that took.
func (s *server) drained(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	for time.Since(begin) < 2*time.Minute && ctx.Err() == nil {
		lag, err := s.metric(`wardroom_follower_lag_entries{follower="correlation"}`)
		if err != nil {
			return 0, err
		}
		if lag == 0 {
			return time.Since(begin), nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return 0, fmt.Errorf("correlation had not drained after %s", time.Since(begin))
}

func (s *server) metric(name string) (float64, error) {
	res, err := http.Get("http://" + s.addr + "/metrics")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// rss is the resident memory in MiB.
func (s *server) rss() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// baseline appends 4 KiB and calls fdatasync, over and over, on the disk of dir:
// what one durable write costs on this machine, per second.
func baseline(dir string, window time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fdatasync-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	begin, n := time.Now(), 0
	for time.Since(begin) < window {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}

// onTmpfs reports whether dir is in memory, where fdatasync costs nothing.
func onTmpfs(dir string) bool {
	var st syscall.Statfs_t
	const tmpfs = 0x01021994
	return syscall.Statfs(dir, &st) == nil && st.Type == tmpfs
}
