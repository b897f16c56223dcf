// Package scenarios carries the scenarios that come with Wardroom: written
// incidents that it plays through the real bot. docs/scenario-format.md describes
// the files.
package scenarios

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

const extension = ".yaml"

// Demo is what `wardroom demo` plays when it is not told what.
const Demo = "2021-07-11-cascading-node-failures"

// Names are those of all scenarios, in order: the oldest incident first.
func Names() (names []string) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // it is in the binary: this does not happen
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	return names
}

// Open opens the file of a scenario. The error is [fs.ErrNotExist] when there is none
// of that name.
func Open(name string) (fs.File, error) { return files.Open(name + extension) }
