package watch

import (
	"bytes"
	"path"
	"strings"
)

// place is the file and line that panicked, from a stack as debug.Stack gives
// it: enough for a report, where the stack would not fit.
func place(stack []byte) string {
	_, after, found := bytes.Cut(stack, []byte("\npanic("))
	if !found {
		return "no place is known"
	}
	lines := strings.Split(string(after), "\n")
	// The frame of panic itself has two lines; those of the runtime below it, as of
	// a nil pointer, are passed over.
	for _, line := range lines[2:] {
		file, ok := strings.CutPrefix(line, "\t")
		if !ok || strings.Contains(file, "/runtime/") {
			continue
		}
		file, _, _ = strings.Cut(file, " ")
		return path.Base(path.Dir(file)) + "/" + path.Base(file)
	}
	return "no place is known"
}
