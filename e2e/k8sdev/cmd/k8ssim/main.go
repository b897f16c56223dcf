// Command k8ssim is what a cluster at Linode has besides the control plane and the
// kubelets of k8sdev: the volume driver's attacher and the cloud's node lifecycle
// controller, both as they are released, in front of a Linode API; and the half of
// kubelet that waits for volumes.
//
// It is a program of its own: external-attacher and k8s.io/kubernetes register the
// same feature gate, which panics in one binary.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// parts are the programs, which run until ctx ends.
var parts = map[string]func(ctx context.Context, cluster kubernetes.Interface, cloud *linode) error{
	"csi-attacher":         runAttacher,
	"cloud-node-lifecycle": runNodeLifecycle,
	"kubelet-volumes":      runKubeletVolumes,
}

func main() {
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: k8ssim csi-attacher|cloud-node-lifecycle|kubelet-volumes -kubeconfig FILE -linode-url URL -linode-token TOKEN")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(part string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	flags := flag.NewFlagSet(part, flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "the administrator's `file`")
	cloud := &linode{client: &http.Client{Timeout: 10 * time.Second}}
	flags.StringVar(&cloud.url, "linode-url", "", "of the Linode API, with its version")
	flags.StringVar(&cloud.token, "linode-token", "", "of the cluster's own user")
	_ = flags.Parse(args) // it exits
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	return parts[part](ctx, cluster, cloud)
}
