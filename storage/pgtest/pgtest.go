//go:build linux

// Package pgtest starts PostgreSQL servers for tests, from the binaries of a
// distribution, and holds storage on them to all that is asked of a database. Its
// tests need those binaries, so they are run by `make e2e` (build tag postgres).
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL on the loopback address, with everything in a folder
// of its own.
type Server struct {
	URL  string // of its superuser
	cmd  *exec.Cmd
	log  bytes.Buffer
	done chan struct{}
}

// Binaries are the folders that hold a PostgreSQL: Debian's, and those that the variable
// POSTGRES_BIN names, as PATH does.
func Binaries() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is right
	if more := os.Getenv("POSTGRES_BIN"); more != "" {
		found = append(found, filepath.SplitList(more)...)
	}
	return found
}

// Version is "15.18", of the server in a folder of binaries.
func Version(ctx context.Context, bin string) (string, error) {
	said, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", bin, err)
	}
	words := strings.Fields(string(said)) // postgres (PostgreSQL) 15.18 (Debian …)
	if len(words) < 3 {
		return "", fmt.Errorf("%s says %q of itself", bin, said)
	}
	return words[2], nil
}

// Start makes a cluster below folder and runs it; bin is one of [Binaries]. Settings
// are added to the server's command line: "-c", "max_connections=115". PostgreSQL does
// not run as root: then it is run as nobody.
func Start(ctx context.Context, bin, folder string, settings ...string) (*Server, error) {
	data := filepath.Join(folder, "data")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	who, err := unprivileged(folder)
	if err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "wardroom", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: who}, folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{"-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", ""}, settings...)
	s := &Server{URL: fmt.Sprintf("postgres://wardroom@127.0.0.1:%d/postgres?sslmode=disable", port), done: make(chan struct{}),
		cmd: exec.Command(filepath.Join(bin, "postgres"), args...)}
	// It ends with this process, also when that is killed.
	s.cmd.SysProcAttr, s.cmd.Dir = &syscall.SysProcAttr{Credential: who, Pdeathsig: syscall.SIGINT}, folder
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended stands in its log
		close(s.done)
	}()
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// await waits until it answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			return fmt.Errorf("postgres ended:\n%s", s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Schema is the URL of a schema of the server at url, which is made where it is missing:
// a database of its own for a test. It is used as it is written.
func Schema(ctx context.Context, url, name string) (string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+name)
	return url + "&search_path=" + name, errors.Join(err, conn.Close(ctx))
}

// Stop ends it, and every connection to it.
func (s *Server) Stop() error {
	err := s.cmd.Process.Signal(syscall.SIGINT) // "fast"
	<-s.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// unprivileged gives the folder to whoever the server is run as; nil for ourselves.
func unprivileged(folder string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	const nobody = 65534
	return &syscall.Credential{Uid: nobody, Gid: nobody}, os.Chown(folder, nobody, nobody)
}

// freePort is one that stays free while its server is away: it lies below those that
// the kernel gives to outgoing connections.
func freePort() (int, error) {
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().(*net.TCPAddr).Port, nil
		}
	}
	return 0, errors.New("no port is free")
}
