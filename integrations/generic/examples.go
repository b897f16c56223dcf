package generic

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed examples/*.yaml
var examples embed.FS

// Example is a mapping for a well-known sender, with what to set there in its
// first comment.
type Example struct {
	Name string // "uptime-kuma"
	YAML string // as it stands under `map:` of a sender in intake.generic
}

// Examples are tried in this package's tests with messages of these senders.
func Examples() ([]Example, error) {
	names, err := fs.Glob(examples, "examples/*.yaml")
	if err != nil {
		return nil, err
	}
	var list []Example
	for _, name := range names {
		text, err := examples.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, Example{Name: strings.TrimSuffix(strings.TrimPrefix(name, "examples/"), ".yaml"), YAML: string(text)})
	}
	return list, nil
}
