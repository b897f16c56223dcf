package kubetest

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A workload of this name has the label of Wardroom's probes, and its pods are them: they are Ready while a pod of
// coredns is and their node's network works. See deploy/kubernetes/probe.
const probeApp = "wardroom-probe"

// probeFalls is how long a probe sees trouble before it says so: three rounds of five
// seconds, the last of which has to end.
const probeFalls = 15 * time.Second

// networkApp is the label app of the network's own pods. A new one of them on a node
// mends its network.
const networkApp = "calico-node"

// severance is what a node's pod network broke in.
type severance struct {
	pod  types.UID // of the network; "" where there is none
	boot int
}

// Sever breaks the pod network of a node, until it is mended by another Sever, by a new
// pod of calico-node there or by a boot. The node itself stays Ready.
func (s *Server) Sever(node string, on bool) {
	s.do(func() {
		delete(s.life.severed, node)
		if on {
			broke := severance{pod: s.networkOn(node)}
			if l, _, _ := s.alive(node); l != nil {
				broke.boot = l.boot
			}
			s.life.severed[node] = broke
		}
	})
}

// networkOn is the pod of the network on a node; "" where it has none.
func (s *Server) networkOn(node string) types.UID {
	for _, p := range s.podsOn(node) {
		if p.Labels["app"] == networkApp {
			return p.UID
		}
	}
	return ""
}

// suffers lets a probe that runs say what it sees, and reports whether that keeps it
// from being Ready.
func (s *Server) suffers(p *corev1.Pod, pl *podLife) bool {
	if s.resolves() && !s.isSevered(p.Spec.NodeName) {
		pl.troubled = time.Time{}
		return false
	}
	if pl.troubled.IsZero() {
		pl.troubled = s.now()
	}
	if ready(p) && s.due(pl.troubled.Add(probeFalls)) {
		s.unready(p, "ContainersNotReady")
	}
	pl.at = s.now() // it takes as long to be Ready again as to start
	return true
}

func (s *Server) isSevered(node string) bool {
	was, is := s.life.severed[node]
	if !is {
		return false
	}
	now := s.networkOn(node)
	l, _, alive := s.alive(node)
	if now != was.pod && s.isReadyPod(now) || alive && l.boot != was.boot {
		delete(s.life.severed, node)
		return false
	}
	return true
}

// resolves reports whether DNS answers. A cluster without coredns has another one,
// which always does.
func (s *Server) resolves() bool {
	if _, is := s.store.get(s.store.byResource("deployments"), "kube-system", "coredns").(*appsv1.Deployment); !is {
		return true
	}
	for _, p := range s.pods() {
		if p.Namespace == "kube-system" && p.Labels["app"] == "coredns" && p.DeletionTimestamp == nil && ready(p) {
			return true
		}
	}
	return false
}

func (s *Server) isReadyPod(uid types.UID) bool {
	for _, p := range s.pods() {
		if p.UID == uid {
			return ready(p)
		}
	}
	return false
}
