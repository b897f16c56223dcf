package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/pkg/controller/volume/attachdetach"
)

// unmountEnv is how long the attach-detach controller waits for a node that is gone
// before it takes its volumes away; there is no flag for it. Left out: six minutes,
// as everywhere.
const unmountEnv = "K8SDEV_MAX_WAIT_FOR_UNMOUNT"

// newControllerManager is the controller manager with the timers that it has no
// flags for. It looks for pods that need volumes each second, where it takes
// minutes to notice what its watches missed.
func newControllerManager() *cobra.Command {
	timers := &attachdetach.DefaultTimerConfig
	if d, err := time.ParseDuration(os.Getenv(unmountEnv)); err == nil {
		timers.ReconcilerMaxWaitForUnmountDuration = d
	}
	timers.DesiredStateOfWorldPopulatorLoopSleepPeriod = time.Second
	timers.DesiredStateOfWorldPopulatorListPodsRetryDuration = 3 * time.Second
	return kcm.NewControllerManagerCommand()
}

// controllerArgs let a node that says nothing be not Ready after a while, which is
// forty seconds and more elsewhere.
func controllerArgs(dir, kubeconfig, caFile string, lostAfter time.Duration) []string {
	return []string{
		"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file=" + filepath.Join(dir, signingKey), "--root-ca-file=" + caFile,
		"--use-service-account-credentials=false", "--profiling=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
		"--flex-volume-plugin-dir=" + filepath.Join(dir, "flex"), // else it writes outside of dir
		"--node-monitor-period=1s", "--node-monitor-grace-period=" + lostAfter.String(), "--node-startup-grace-period=" + (lostAfter + 5*time.Second).String(),
		"--attach-detach-reconcile-sync-period=2s", "--pvclaimbinder-sync-period=1s",
	}
}
