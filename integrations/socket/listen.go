package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wardroom/bot/problem"
)

// listener knows which file is its own, so that it never removes another's.
type listener struct {
	net.Listener
	path string
	file fs.FileInfo
}

// listen takes the socket at path. It is bound inside a folder that only this
// user may enter, gets its mode there and is then moved into place: at no moment
// can anybody connect who may not.
func listen(path string, mode int) (*listener, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".socket-")
	if err != nil {
		return nil, problem.New(problem.Unavailable, "the socket %s cannot be made", path).
			WithHint("the data folder must exist and be writable by this user").Because(err)
	}
	defer func() { _ = os.RemoveAll(private) }() // empty by then, or of no use to anybody
	inside := filepath.Join(private, "s")
	l, file, err := bind(inside, fs.FileMode(mode))
	if err == nil {
		if err = os.Rename(inside, path); err == nil {
			return &listener{l, path, file}, nil
		}
		l.Close()
	}
	return nil, problem.New(problem.Unavailable, "the socket %s cannot be made", path).Because(err)
}

func bind(path string, mode fs.FileMode) (net.Listener, fs.FileInfo, error) {
	address, release, err := shortened(path)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, nil, err
	}
	file, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return l, file, nil
}

// vacant makes sure that nothing but a deserted socket stands at path.
func vacant(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problem.New(problem.Unavailable, "the socket %s cannot be looked at", path).Because(err)
	}
	if file.Mode().Type() != fs.ModeSocket {
		return problem.New(problem.Invalid, "%s is there and is no socket", path).WithHint("move it away, or name another data folder")
	}
	c, err := connect(context.Background(), path)
	if err == nil {
		c.Close()
		return problem.New(problem.Conflict, "another Wardroom listens on %s", path).WithHint("stop it, or name another data folder")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return problem.New(problem.Unavailable, "it cannot be told whether anybody listens on %s", path).Because(err)
	}
	return nil
}

// remove takes the socket away unless another has taken its place.
func (l *listener) remove() {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path) // a deserted socket is replaced at the next start
	}
}

func connect(ctx context.Context, path string) (net.Conn, error) {
	address, release, err := shortened(path)
	if err != nil {
		return nil, err
	}
	defer release()
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(ctx, "unix", address)
}

// maxAddress is what a Unix address holds, less the closing zero byte: unix(7),
// sun_path. macOS has four bytes less.
const maxAddress = 103

// shortened returns an address for path. One that is too long is named by way of
// its open folder, where the system has /proc. release is called once it was used.
func shortened(path string) (address string, release func(), err error) {
	if len(path) <= maxAddress {
		return path, func() {}, nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	address = fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path))
	return address, func() { folder.Close() }, nil
}
