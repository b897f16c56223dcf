package alert

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// Fingerprint identifies a set of labels as Prometheus and Alertmanager do:
// FNV-1a over the sorted names and values, each followed by 0xff, as 16
// hexadecimal digits.
// https://pkg.go.dev/github.com/prometheus/common/model#LabelSet.Fingerprint
func Fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		h.Write([]byte(name))
		h.Write([]byte{0xff})
		h.Write([]byte(labels[name]))
		h.Write([]byte{0xff})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
