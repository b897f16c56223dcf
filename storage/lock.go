//go:build unix

package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"wardroom/bot/problem"
)

// fileLock says which process owns a database. The kernel gives it back when
// the process dies, however it dies; the file itself stays.
type fileLock struct{ f *os.File }

// ErrOwned is the cause when another process owns the database.
var ErrOwned = errors.New("owned by another process")

// lockFile takes the lock at path, or fails at once with Unavailable and names
// the process that holds it.
func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, problem.New(problem.Unavailable, "the lock file %s cannot be opened", path).
			WithHint("the data folder must exist and be writable by this user").Because(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, problem.New(problem.Unavailable, "the lock file %s cannot be locked", path).Because(err)
		}
		pid := strings.TrimSpace(string(holder))
		if pid == "" {
			pid = "unknown"
		}
		return nil, problem.New(problem.Unavailable, "the database is in use by another process (pid %s)", pid).
			WithHint("one process owns a database: stop that one, or talk to it. It holds %s", path).Because(ErrOwned)
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
		if err != nil { // a full disk must not keep the owner out: the pid is only for people
			_ = f.Truncate(0)
		}
	}
	return &fileLock{f}, nil
}

func (l *fileLock) release() { l.f.Close() }

// writable reports whether this process could make a file in a folder.
func writable(folder string) bool {
	const writeAndEnter = 0o3 // W_OK | X_OK
	return syscall.Access(folder, writeAndEnter) == nil
}
