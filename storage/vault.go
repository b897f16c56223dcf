package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wardroom/bot/problem"
	"wardroom/bot/room"
)

// Vault keeps files below a folder by the SHA-256 of what they hold: "ab/cdef…",
// readable by their owner alone. A file appears whole or not at all.
type Vault struct{ folder string }

var _ room.Vault = (*Vault)(nil)

// OpenVault uses folder, as "attachments" in the data folder, and makes it when it
// is not there. What a crash left half-copied in it is deleted: one process at a
// time may use a folder, as with the database beside it.
func OpenVault(folder string) (*Vault, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(folder, halfPattern))
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("attachments: %w", err)
		}
	}
	return &Vault{folder}, nil
}

// halfPattern names files that are being copied.
const halfPattern = "half-*"

// Keep implements [room.Vault].
func (v *Vault) Keep(ctx context.Context, r io.Reader, limit int64) (string, int64, error) {
	half, err := os.CreateTemp(v.folder, halfPattern) // 0600
	if err != nil {
		return "", 0, vaultFault(err)
	}
	defer os.Remove(half.Name()) // gone already where all went well
	defer half.Close()
	hash := sha256.New()
	// One byte more than allowed tells a file that fits exactly from one that does not.
	size, err := io.Copy(io.MultiWriter(half, hash), io.LimitReader(untilDone{ctx, r}, limit+1))
	switch {
	case err != nil:
		return "", 0, vaultFault(err)
	case size > limit:
		return "", 0, problem.New(problem.TooLarge, "the file has more than %d bytes", limit)
	}
	if err := errors.Join(half.Sync(), half.Close()); err != nil {
		return "", 0, vaultFault(err)
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	name := v.name(sum)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", 0, vaultFault(err)
	}
	if err := os.Rename(half.Name(), name); err != nil {
		return "", 0, vaultFault(err)
	}
	if err := errors.Join(syncFolder(filepath.Dir(name)), syncFolder(v.folder)); err != nil {
		return "", 0, vaultFault(err)
	}
	return sum, size, nil
}

// Open implements [room.Vault].
func (v *Vault) Open(sum string) (io.ReadCloser, error) {
	if !isSum(sum) {
		return nil, problem.New(problem.Invalid, "%.80q is not a SHA-256", sum)
	}
	f, err := os.Open(v.name(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.NotFound, "there is no copy %s", sum).WithHint("it may have been erased")
	}
	if err != nil {
		return nil, vaultFault(err)
	}
	return f, nil
}

// Drop implements [room.Vault].
func (v *Vault) Drop(sum string) error {
	if !isSum(sum) {
		return problem.New(problem.Invalid, "%.80q is not a SHA-256", sum)
	}
	name := v.name(sum)
	err := os.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return vaultFault(err)
	}
	return vaultFault(syncFolder(filepath.Dir(name)))
}

func (v *Vault) name(sum string) string { return filepath.Join(v.folder, sum[:2], sum[2:]) }

// isSum keeps paths out of file names.
func isSum(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// untilDone stops reading once ctx has ended.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u untilDone) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(b)
}

// syncFolder makes a name as durable as the file that it names.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func vaultFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem.New(problem.Unavailable, "the disk is full: the file cannot be kept").
			WithHint("free space on the volume of the data folder").Because(err)
	}
	return fmt.Errorf("attachments: %w", err)
}
