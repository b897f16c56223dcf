package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// control is a cluster that k8sdev runs, and its administrator.
type control struct {
	kubernetes.Interface
	t          *testing.T
	dir        string
	program    string
	kubeconfig string
	up         *child
}

// newControl starts a cluster whose machines and volumes are those of the Linode at
// url. The force-detach timer is unmount; "": six minutes, as for real.
func newControl(t *testing.T, dir, url, token, unmount string) *control {
	t.Helper()
	c := &control{t: t, dir: dir, program: filepath.Join(fromEnv(t, k8sdevEnv), "k8sdev")}
	c.up = launch(t, c.program, []string{"K8SDEV_MAX_WAIT_FOR_UNMOUNT=" + unmount}, "up", "-dir", dir, "-linode-url", url, "-linode-token", token)
	t.Cleanup(func() {
		if t.Failed() {
			c.keepLogs()
		}
	})
	await(t, "the control plane is up", patience, func() (bool, string) {
		if c.up.ended() {
			t.Fatalf("k8sdev ended: %v\n%s", c.up.err, c.up.log)
		}
		_, line, ready := strings.Cut(c.up.log.String(), "READY KUBECONFIG=")
		c.kubeconfig, _, _ = strings.Cut(line, "\n")
		return ready, c.up.log.String()
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

// keepLogs copies the components' logs to where they outlive the test.
func (c *control) keepLogs() {
	to := os.Getenv("E2E_LOGS")
	logs, err := filepath.Glob(filepath.Join(c.dir, "*.log"))
	if to == "" || err != nil {
		return
	}
	to = filepath.Join(to, strings.ReplaceAll(c.t.Name(), "/", "_"))
	if err := os.MkdirAll(to, 0o700); err != nil {
		c.t.Log(err)
		return
	}
	for _, from := range logs {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(from)), text, 0o600)
		}
		if err != nil {
			c.t.Log(err)
		}
	}
	c.t.Logf("the components' logs are in %s", to)
}

// kubectl is what the administrator types.
func (c *control) kubectl(args ...string) string {
	c.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(soon(c.t), c.program, append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

// stopAPI stops the API server alone, once.
func (c *control) stopAPI() {
	c.t.Helper()
	c.up.signal(syscall.SIGUSR1)
	await(c.t, "the API server is stopped", patience, func() (bool, string) {
		return strings.Contains(c.up.log.String(), "STOPPED kube-apiserver"), c.up.log.String()
	})
}

// startAPI starts it again, on the same port, and waits until it answers.
func (c *control) startAPI() {
	c.t.Helper()
	c.up.signal(syscall.SIGUSR2)
	await(c.t, "the API server answers again", patience, func() (bool, string) {
		_, err := c.CoreV1().Nodes().List(soon(c.t), metav1.ListOptions{})
		return err == nil, fmt.Sprint(err)
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
	await(c.t, "the token of "+account, patience, func() (bool, string) {
		var err error
		secret, err = c.CoreV1().Secrets("wardroom").Get(soon(c.t), account, metav1.GetOptions{})
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
