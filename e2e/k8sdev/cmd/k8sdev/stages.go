package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kwok/kustomize/crd"
	node "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	lease "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/yaml"
)

// ownStages are what a kubelet on Linode does besides.
//
//go:embed stages.yaml
var ownStages []byte

// expression selects objects by what jq finds in them. (kwok 0.8.0 panics on CEL
// expressions over the volumes of pods.)
type expression struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values,omitempty"`
}

var (
	// volumesThere: kubelet starts a pod when its volumes are mounted, which k8ssim tells.
	volumesThere = expression{`if any(.spec.volumes[]?; .persistentVolumeClaim) and .metadata.annotations["k8sdev.e2e/volumes-ready"] == null then "wait" else "go" end`, "In", []string{"go"}}
	// mayEnd: a container that does not react to being killed.
	mayEnd = expression{`.metadata.annotations["k8sdev.e2e/stuck-terminating"]`, "DoesNotExist", nil}
)

// writeStages writes kwok's own CRD and its Stages, and ours, as they are applied.
func writeStages(dir string) (path string, err error) {
	ready, err := when(pod.DefaultPodReady, volumesThere)
	if err != nil {
		return "", err
	}
	ends, err := when(pod.DefaultPodDelete, mayEnd)
	if err != nil {
		return "", err
	}
	all := [][]byte{crd.Stage, []byte(node.DefaultNodeInit), []byte(lease.DefaultNodeHeartbeatWithLease),
		ready, []byte(pod.DefaultPodComplete), ends, ownStages}
	path = filepath.Join(dir, "stages.yaml")
	return path, os.WriteFile(path, bytes.Join(all, []byte("\n---\n")), 0o600)
}

// when adds a condition to a Stage.
func when(stage string, more expression) ([]byte, error) {
	var s map[string]any
	if err := yaml.Unmarshal([]byte(stage), &s); err != nil {
		return nil, err
	}
	spec, _ := s["spec"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	list, is := selector["matchExpressions"].([]any)
	if !is {
		return nil, fmt.Errorf("kwok's stage is another one than in v0.8.0:\n%s", stage)
	}
	selector["matchExpressions"] = append(list, more)
	return yaml.Marshal(s)
}
