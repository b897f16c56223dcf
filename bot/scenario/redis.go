package scenario

import (
	"slices"
	"strconv"
	"strings"
)

// Redis is a set of instances at the start: one master that the others follow. An
// instance answers while its pod is Ready.
type Redis struct {
	Master int   `yaml:"master,omitempty"` // the number of its pod; left out: 0
	Keys   int64 `yaml:"keys,omitempty"`   // that it holds; left out: 1000
	// Unwatched: there are no Sentinels.
	Unwatched bool `yaml:"unwatched,omitempty"`
}

// Instances are how many pods it has at the start.
func (w Workload) Instances() int {
	if w.Replicas == nil {
		return 1
	}
	return int(*w.Replicas)
}

// hasRedis reports whether a pod, as "mastodon/redis-0", is an instance at the start.
func (w *World) hasRedis(pod string) bool {
	return slices.ContainsFunc(w.Workloads, func(l Workload) bool {
		if l.Redis == nil {
			return false
		}
		number, is := strings.CutPrefix(pod, l.Name+"-")
		n, err := strconv.Atoi(number)
		return is && err == nil && n >= 0 && n < l.Instances()
	})
}
