package storagetest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Disk lets SQLite meet a full disk: below it, where it asks the operating system to
// write. There is one for the process; see [Disks].
type Disk struct {
	mu   sync.RWMutex
	full map[string]bool // folders
}

var (
	disk     Disk
	diskOnce sync.Once
	diskErr  error
	// written is what the system call was before.
	written func(tls *libc.TLS, fd int32, data uintptr, size uint64, offset int64) int64
)

// Disks puts itself between SQLite and the disk, for every database of the process and
// for good. Call it while no database is open.
func Disks() (*Disk, error) {
	diskOnce.Do(func() { diskErr = interpose() })
	return &disk, diskErr
}

// Full lets the files of a folder take nothing more, or again. What stands in them stays.
func (d *Disk) Full(folder string, full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full == nil {
		d.full = map[string]bool{}
	}
	if delete(d.full, folder); full {
		d.full[folder] = true
	}
}

// holds reports whether an open file lies in a full folder.
func (d *Disk) holds(fd int32) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var file syscall.Stat_t
	if len(d.full) == 0 || syscall.Fstat(int(fd), &file) != nil {
		return false
	}
	for folder := range d.full {
		names, _ := filepath.Glob(filepath.Join(folder, "*")) // the pattern is a good one
		for _, name := range names {
			var other syscall.Stat_t
			if syscall.Stat(name, &other) == nil && other.Ino == file.Ino && other.Dev == file.Dev {
				return true
			}
		}
	}
	return false
}

// write stands for pwrite(2). Nothing written and no error is how SQLite is told of a
// disk without room: https://sqlite.org/src/file/src/os_unix.c, unixWrite.
func write(tls *libc.TLS, fd int32, data uintptr, size uint64, offset int64) int64 {
	if disk.holds(fd) {
		return 0
	}
	return written(tls, fd, data, size, offset)
}

// interpose exchanges the system call in SQLite's table of them, which is what that is
// for: https://sqlite.org/c3ref/vfs.html, xSetSystemCall.
func interpose() error {
	tls := libc.NewTLS()
	defer tls.Close()
	name, err := libc.CString("pwrite")
	if err != nil {
		return err
	}
	defer libc.Xfree(tls, name)
	sqlite3.Xsqlite3_initialize(tls)
	at := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if at == 0 {
		return errors.New("SQLite has no file system")
	}
	vfs := (*sqlite3.Tsqlite3_vfs)(pointer(at))
	was := call[func(*libc.TLS, uintptr, uintptr) uintptr](vfs.FxGetSystemCall)(tls, at, name)
	if was == 0 {
		return errors.New("SQLite does not write with pwrite here")
	}
	written = call[func(*libc.TLS, int32, uintptr, uint64, int64) int64](was)
	own := write
	if rc := call[func(*libc.TLS, uintptr, uintptr, uintptr) int32](vfs.FxSetSystemCall)(tls, at, name, *(*uintptr)(unsafe.Pointer(&own))); rc != sqlite3.SQLITE_OK {
		return os.NewSyscallError("xSetSystemCall", errors.New("refused"))
	}
	return nil
}

// call turns what the library holds as the address of a function into the function.
func call[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&address)) }

// pointer is an address of the library's memory, which Go's collector neither owns nor moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
