package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// KeepLogs copies the log files of a folder to where they outlive the test, as the log of
// each process that was launched is when its test has failed.
func KeepLogs(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Log(err)
		return
	}
	for _, from := range logs {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Log(err)
			continue
		}
		keep(t, filepath.Base(from), text)
	}
}

// keep writes into the test's folder of $E2E_LOGS; nothing where that is not set.
func keep(t *testing.T, name string, text []byte) {
	t.Helper()
	to := os.Getenv("E2E_LOGS")
	if to == "" {
		return
	}
	to = filepath.Join(to, strings.ReplaceAll(t.Name(), "/", "_"))
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Log(err)
		return
	}
	if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
		t.Log(err)
		return
	}
	t.Logf("kept: %s", filepath.Join(to, name))
}
