// Command k8sdev is a Kubernetes cluster in one binary, for tests: etcd, the API
// server, the controller manager and the scheduler as Kubernetes releases them, kwok
// for the kubelets, and kubectl. `k8sdev up` starts them on loopback.
//
// Beside it, in the same folder, stands k8ssim with what a Linode cluster has besides.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// The components, by the names that their own programs have.
const (
	etcdName       = "etcd"
	apiServerName  = "kube-apiserver"
	controllerName = "kube-controller-manager"
	schedulerName  = "kube-scheduler"
	kwokName       = "kwok"
	kubectlName    = "kubectl"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: k8sdev up|etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok|kubectl ...")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = os.Args[1:] // each component reads them itself
	switch name {
	case "up":
		os.Exit(up(os.Args[1:]))
	case etcdName:
		runEtcd()
	case apiServerName:
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case controllerName:
		os.Exit(cli.Run(newControllerManager()))
	case schedulerName:
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case kubectlName:
		runKubectl(kubectl.NewDefaultKubectlCommand())
	case kwokName:
		runKwok()
	default:
		fmt.Fprintln(os.Stderr, "k8sdev: no component is called", name)
		os.Exit(2)
	}
}

func runKubectl(c *cobra.Command) {
	if err := cli.RunNoErrOutput(c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
