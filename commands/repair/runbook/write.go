package runbook

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wardroom/bot/problem"
	"wardroom/commands/repair"
)

// Export writes all pages into a folder, which is made where it is missing. With ports
// it also writes those with the cluster's own names, in place of older ones; while the
// cluster cannot be read the older ones stay, they say of when they are, and the error
// is an Unavailable problem that comes back with what was written. Files that are not
// ours are left alone. It may be repeated; a file is never seen half written.
func Export(ctx context.Context, dir string, ports *repair.Ports) (written int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, problem.New(problem.Unavailable, "cannot make the folder %s", dir).Because(err)
	}
	var own []File
	var unread error
	if ports != nil {
		own, unread = Here(ctx, *ports)
	}
	pages, err := Pages(ctx, len(own) > 0 || isOurs(filepath.Join(dir, hereName+".md")))
	if err != nil {
		return 0, err
	}
	for _, f := range append(pages, own...) {
		if err := write(dir, f); err != nil {
			return written, err
		}
		written++
	}
	if len(own) > 0 {
		if err := forget(dir, own); err != nil {
			return written, err
		}
	}
	if unread != nil {
		unread = problem.New(problem.Unavailable, "the pages have no names of the cluster of now: it cannot be read").Because(unread)
	}
	return written, unread
}

func write(dir string, f File) error {
	path := filepath.Join(dir, f.Name)
	if _, err := os.Lstat(path); err == nil && !isOurs(path) {
		return problem.New(problem.Conflict, "%s is there already and no page of a runbook", path).WithHint("move it away, or export into another folder")
	}
	tmp, err := os.CreateTemp(dir, ".runbook-*")
	if err == nil {
		_, err = tmp.Write(f.Body)
		err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
		if err == nil {
			err = os.Rename(tmp.Name(), path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}
	if err != nil {
		return problem.New(problem.Unavailable, "cannot write %s", path).Because(err)
	}
	return nil
}

// forget removes pages of nodes and volumes that the cluster has no more.
func forget(dir string, own []File) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return problem.New(problem.Unavailable, "cannot read the folder %s", dir).Because(err)
	}
	for _, e := range entries {
		known := slices.ContainsFunc(own, func(f File) bool { return f.Name == e.Name() })
		path := filepath.Join(dir, e.Name())
		if known || !strings.HasPrefix(e.Name(), hereName+"-") || !isOurs(path) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return problem.New(problem.Unavailable, "cannot remove %s, which is out of date", path).Because(err)
		}
	}
	return nil
}

// isOurs reports whether a file is a page of a runbook.
func isOurs(path string) bool {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	return bytes.Contains(head[:n], []byte(mark))
}
