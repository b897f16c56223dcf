package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"wardroom/e2e/internal/process"
)

// history is what a watch has seen of the nodes.
type history struct {
	mu     sync.Mutex
	taints map[string][]string // keys by node, as they came
	away   map[string]bool     // not Ready, or closed to pods, now
	most   int                 // nodes that were away at the same time
	order  []string            // nodes as they went away, each time
}

// watched begins a history of the nodes, which ends with the test.
func (r *rig) watched() *history {
	r.Helper()
	h := &history{taints: map[string][]string{}, away: map[string]bool{}}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	f := informers.NewSharedInformerFactory(r.Interface, 0)
	informer := f.Core().V1().Nodes().Informer()
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    h.seen,
		UpdateFunc: func(_, now any) { h.seen(now) },
		DeleteFunc: func(last any) {
			if n, is := last.(*corev1.Node); is {
				h.mu.Lock()
				defer h.mu.Unlock()
				delete(h.away, n.Name)
			}
		},
	}
	if _, err := informer.AddEventHandler(handler); err != nil {
		r.Fatal(err)
	}
	f.Start(ctx.Done())
	r.Cleanup(func() { stop(); f.Shutdown() })
	if !cache.WaitForCacheSync(process.Soon(r.T).Done(), informer.HasSynced) {
		r.Fatal("the nodes cannot be watched")
	}
	return h
}

func (h *history) seen(now any) {
	n, is := now.(*corev1.Node)
	if !is {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range n.Spec.Taints {
		if !slices.Contains(h.taints[n.Name], t.Key) {
			h.taints[n.Name] = append(h.taints[n.Name], t.Key)
		}
	}
	away := n.Spec.Unschedulable || ready(*n) != corev1.ConditionTrue
	if away && !h.away[n.Name] {
		h.order = append(h.order, n.Name)
	}
	if delete(h.away, n.Name); away {
		h.away[n.Name] = true
	}
	h.most = max(h.most, len(h.away))
}

// outOfService fails unless the taint that frees what is stuck was on a node, and is
// on none any more.
func (h *history) outOfService(r *rig, node string) {
	r.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.taints[node], corev1.TaintNodeOutOfService) {
		r.Errorf("%s never had the taint %s, but %s", node, corev1.TaintNodeOutOfService, strings.Join(h.taints[node], ", "))
	}
	for name, all := range h.taints {
		if name != node && slices.Contains(all, corev1.TaintNodeOutOfService) {
			r.Errorf("%s was out of service too", name)
		}
	}
	if left := r.kubectl("get", "nodes", "-o", "jsonpath={.items[*].spec.taints[*].key}"); strings.Contains(left, corev1.TaintNodeOutOfService) {
		r.Errorf("the taint is left on a node: %s", left)
	}
}

// inTurn fails unless the nodes were away one at a time, in the order that it returns.
func (h *history) inTurn(r *rig) []string {
	r.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.most > 1 {
		r.Errorf("%d nodes were away at the same time", h.most)
	}
	return slices.Clone(h.order)
}
