package main

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// onlyIn names the keys of the configuration old that the configuration now has not,
// as oncall or people.joe.ntfy, in order. A secret that moved into a file of its own is
// still there. Nothing comes back for what is no YAML: there is nothing to name.
func onlyIn(old, now []byte) []string {
	var was, is map[string]any
	if yaml.Unmarshal(old, &was) != nil || yaml.Unmarshal(now, &is) != nil {
		return nil
	}
	return lost("", was, is)
}

func lost(path string, was, is map[string]any) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(was)) {
		left, there := is[key]
		if _, moved := is[key+"_file"]; !there && !moved {
			keys = append(keys, path+key)
			continue
		}
		below, deep := was[key].(map[string]any)
		if now, also := left.(map[string]any); deep && also {
			keys = append(keys, lost(path+key+".", below, now)...)
		}
	}
	return keys
}
