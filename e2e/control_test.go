package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"wardroom/e2e/internal/process"
)

// control is a cluster that k8sdev runs, and its administrator.
type control struct {
	kubernetes.Interface
	t          *testing.T
	dir        string
	program    string
	kubeconfig string
	etcd       string // its URL
	up         *process.Child
}

// newControl starts a cluster whose machines and volumes are those of the Linode at url.
func newControl(t *testing.T, dir, url, token string, o options) *control {
	t.Helper()
	c := &control{t: t, dir: dir, program: filepath.Join(process.FromEnv(t, "E2E_K8SDEV"), "k8sdev")}
	c.up = process.Launch(t, c.program, []string{"K8SDEV_MAX_WAIT_FOR_UNMOUNT=" + o.unmount},
		"up", "-dir", dir, "-linode-url", url, "-linode-token", token, "-lost-after", cmp.Or(o.lost, "15s"))
	t.Cleanup(func() {
		if t.Failed() {
			process.KeepLogs(t, c.dir)
		}
	})
	process.Await(t, "the control plane is up", process.Patience, func() (bool, string) {
		if c.up.Ended() {
			t.Fatalf("k8sdev ended: %v\n%s", c.up.Err(), c.up.Log)
		}
		c.etcd = c.told("ETCD=")
		c.kubeconfig = c.told("READY KUBECONFIG=")
		return c.kubeconfig != "", c.up.Log.String()
	})
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	if c.Interface, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// told is what k8sdev has said after these words; "" when it has not yet, or not to the
// end of the line.
func (c *control) told(words string) string {
	_, rest, _ := strings.Cut(c.up.Log.String(), words)
	line, _, ended := strings.Cut(rest, "\n")
	if !ended {
		return ""
	}
	return line
}

// kubectl is what the administrator types.
func (c *control) kubectl(args ...string) string {
	c.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(process.Soon(c.t), c.program, append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

// stopAPI stops the API server alone, once.
func (c *control) stopAPI() {
	c.t.Helper()
	c.up.Signal(syscall.SIGUSR1)
	process.Await(c.t, "the API server is stopped", process.Patience, func() (bool, string) {
		return strings.Contains(c.up.Log.String(), "STOPPED kube-apiserver"), c.up.Log.String()
	})
}

// startAPI starts it again, on the same port, and waits until it answers.
func (c *control) startAPI() {
	c.t.Helper()
	c.up.Signal(syscall.SIGUSR2)
	process.Await(c.t, "the API server answers again", process.Patience, func() (bool, string) {
		_, err := c.CoreV1().Nodes().List(process.Soon(c.t), metav1.ListOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// toggleControllers stops the controller manager, and starts it when it is stopped, as
// it then says.
func (c *control) toggleControllers(says string) {
	c.t.Helper()
	says += " kube-controller-manager"
	before := strings.Count(c.up.Log.String(), says)
	c.up.Signal(syscall.SIGHUP)
	process.Await(c.t, says, process.Patience, func() (bool, string) {
		return strings.Count(c.up.Log.String(), says) > before, c.up.Log.String()
	})
}

// accounts applies what deploy/kubernetes has for a Wardroom outside of the cluster and
// writes a kubeconfig for each of its service accounts, as docs/kubernetes.md says.
func (c *control) accounts() (observe, act string) {
	c.t.Helper()
	c.kubectl("apply", "-k", "../deploy/kubernetes/elsewhere")
	return c.kubeconfigOf("observe"), c.kubeconfigOf("act")
}

func (c *control) kubeconfigOf(account string) (path string) {
	c.t.Helper()
	var secret *corev1.Secret
	process.Await(c.t, "the token of "+account, process.Patience, func() (bool, string) {
		var err error
		secret, err = c.CoreV1().Secrets("wardroom").Get(process.Soon(c.t), account, metav1.GetOptions{})
		return err == nil && len(secret.Data["token"]) > 0, fmt.Sprint(err)
	})
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Token = string(secret.Data["token"])
	}
	path = filepath.Join(c.dir, account+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// events are the messages of the events with a reason.
func (c *control) events(ctx context.Context, reason string) (messages []string) {
	c.t.Helper()
	list, err := c.CoreV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "reason=" + reason})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range list.Items {
		messages = append(messages, e.Message)
	}
	return messages
}
