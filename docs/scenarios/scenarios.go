// Package scenarios carries the scenarios that come with Wardroom: written
// incidents that it plays through the real bot. docs/scenario-format.md describes
// the files.
package scenarios

import "embed"

// Files holds every scenario by its file name.
//
//go:embed *.yaml
var Files embed.FS

// Demo is what `wardroom demo` plays.
const Demo = "2021-07-11-cascading-node-failures.yaml"
