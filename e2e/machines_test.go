package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"wardroom/integrations/linode/linodetest"
)

// Labels by which kwok and k8ssim know the nodes whose kubelet lives.
const (
	kubeletLabel = "type"
	kubeletLives = "kwok"
	kubeletDead  = "dead"
)

// machines let kubelets live and die with their machines at Linode: a node joins when
// its machine has booted, says nothing while that is off, and reports another boot
// after a restart. Deleting nodes is left to the cloud's controller.
type machines struct {
	t       *testing.T
	cloud   *linodetest.Server
	cluster kubernetes.Interface

	mu   sync.Mutex
	hung map[string]int // nodes whose kubelet has hung, with the boot in which it has
}

// follow lets them live until the test ends.
func (m *machines) follow() {
	ctx, stop := context.WithCancel(context.WithoutCancel(m.t.Context()))
	var done sync.WaitGroup
	m.t.Cleanup(func() { stop(); done.Wait() })
	done.Go(func() {
		look := time.NewTicker(250 * time.Millisecond)
		defer look.Stop()
		last := ""
		for {
			if err := m.sync(ctx); err != nil && ctx.Err() == nil && err.Error() != last {
				last = err.Error() // the API server may be stopped: it is tried again
				m.t.Logf("kubelets: %v", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
		}
	})
}

// hang lets the kubelet of a node hang until its machine boots again.
func (m *machines) hang(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, machine := range m.cloud.Machines() {
		if machine.Name == node {
			m.hung[node] = machine.Boots
		}
	}
}

func (m *machines) lives(machine linodetest.Machine) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	boot, hangs := m.hung[machine.Name]
	return machine.Running && (!hangs || boot != machine.Boots)
}

func (m *machines) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := m.cluster.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	nodes, by := map[string]*corev1.Node{}, map[string]bool{}
	for i, n := range list.Items {
		nodes[n.Name] = &list.Items[i]
	}
	for _, machine := range m.cloud.Machines() {
		n, there := nodes[machine.Name]
		switch own := there && n.Spec.ProviderID == providerID(machine); {
		case own && m.lives(machine):
			err = m.live(ctx, n, machine)
			by[n.Name] = true
		case !there && m.lives(machine):
			_, err = m.cluster.CoreV1().Nodes().Create(ctx, newNode(machine), metav1.CreateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	for name, n := range nodes {
		if !by[name] && n.Labels[kubeletLabel] != kubeletDead {
			if err := m.patch(ctx, n, "", map[string]any{"metadata": map[string]any{"labels": map[string]string{kubeletLabel: kubeletDead}}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// live lets a kubelet report its boot. One that has restarted starts its pods anew:
// those with volumes wait for these again.
func (m *machines) live(ctx context.Context, n *corev1.Node, machine linodetest.Machine) error {
	if n.Labels[kubeletLabel] == kubeletLives {
		return nil
	}
	if boot := bootID(machine); n.Status.NodeInfo.BootID != boot {
		if err := m.restartPods(ctx, n.Name); err != nil {
			return err
		}
		if err := m.patch(ctx, n, "status", map[string]any{"status": map[string]any{"nodeInfo": map[string]string{"bootID": boot}}}); err != nil {
			return err
		}
	}
	return m.patch(ctx, n, "", map[string]any{"metadata": map[string]any{"labels": map[string]string{kubeletLabel: kubeletLives}}})
}

func (m *machines) restartPods(ctx context.Context, node string) error {
	pods, err := m.cluster.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return err
	}
	for _, p := range pods.Items {
		if p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning {
			continue
		}
		change := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"k8sdev.e2e/volumes-ready": nil}}}
		if err := m.patchPod(ctx, p, "", change); err != nil {
			return err
		}
		// kwok starts what is Pending.
		change = map[string]any{"status": map[string]any{"phase": corev1.PodPending, "containerStatuses": nil, "conditions": nil, "podIP": nil, "podIPs": nil}}
		if err := m.patchPod(ctx, p, "status", change); err != nil {
			return err
		}
	}
	return nil
}

func (m *machines) patch(ctx context.Context, n *corev1.Node, sub string, change map[string]any) error {
	body, err := json.Marshal(change)
	if err == nil {
		_, err = m.cluster.CoreV1().Nodes().Patch(ctx, n.Name, types.MergePatchType, body, metav1.PatchOptions{}, subs(sub)...)
	}
	return gone(err)
}

func (m *machines) patchPod(ctx context.Context, p corev1.Pod, sub string, change map[string]any) error {
	body, err := json.Marshal(change)
	if err == nil {
		_, err = m.cluster.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, body, metav1.PatchOptions{}, subs(sub)...)
	}
	return gone(err)
}

func subs(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}

// gone is no error: what was to be changed is not there any more.
func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func providerID(m linodetest.Machine) string { return "linode://" + strconv.Itoa(m.ID) }

func bootID(m linodetest.Machine) string {
	return fmt.Sprintf("%08d-0000-4000-8000-%012d", m.ID, m.Boots)
}

// newNode is how a kubelet of LKE registers.
func newNode(m linodetest.Machine) *corev1.Node {
	room := corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("110")}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: map[string]string{
			kubeletLabel: kubeletLives, corev1.LabelHostname: m.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			corev1.LabelInstanceTypeStable: "g6-standard-4", corev1.LabelTopologyRegion: "us-east", "topology.linode.com/region": "us-east",
			"lke.linode.com/pool-id": "16405",
		}, Annotations: map[string]string{
			"volumes.kubernetes.io/controller-managed-attach-detach": "true", // else no volume is attached
			"csi.volume.kubernetes.io/nodeid":                        fmt.Sprintf(`{"linodebs.csi.linode.com":"%d"}`, m.ID),
		}},
		Spec: corev1.NodeSpec{ProviderID: providerID(m)},
		Status: corev1.NodeStatus{
			Capacity: room, Allocatable: room,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.%d.%d", m.ID/250%250, m.ID%250+1)}, {Type: corev1.NodeHostName, Address: m.Name}},
			NodeInfo:  corev1.NodeSystemInfo{BootID: bootID(m), SystemUUID: fmt.Sprintf("%032x", m.ID), MachineID: fmt.Sprintf("%032x", m.ID), OSImage: "Debian GNU/Linux 12 (bookworm)"},
		},
	}
}
