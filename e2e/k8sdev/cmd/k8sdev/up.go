package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is one that is started by up.
type cluster struct {
	supervisor
	self        string        // this program
	linodeURL   string        // with its version, as http://127.0.0.1:4100/v4
	linodeToken string        // of the cluster's own user
	lostAfter   time.Duration // until a node that says nothing is not Ready
	apiServer   []string      // its arguments
	controllers []string      // the controller manager's
	apiURL      string
	began       time.Time
}

const startWithin = 4 * time.Minute // a loaded machine needs more than one

// up starts a cluster in an empty folder and prints a line with etcd's address, and one
// with READY and the administrator's kubeconfig. It runs until SIGTERM or SIGINT, or until a component
// ends. SIGUSR1 stops the API server, SIGUSR2 starts it again; SIGHUP stops the
// controller manager and, when it is stopped, starts it again.
func up(args []string) int {
	flags := flag.NewFlagSet("up", flag.ExitOnError)
	c := &cluster{began: time.Now()}
	c.died = make(chan *process, 16)
	flags.StringVar(&c.dir, "dir", "", "the `folder` for logs, keys, kubeconfig and data; made new")
	flags.StringVar(&c.linodeURL, "linode-url", "", "the Linode API that the cluster's driver and cloud controller ask; none: they are left out")
	flags.StringVar(&c.linodeToken, "linode-token", "", "their token")
	flags.DurationVar(&c.lostAfter, "lost-after", 15*time.Second, "how long a node says nothing until it is not Ready; many nodes need longer")
	_ = flags.Parse(args) // it exits
	// Before anything is started: a signal that comes early still ends it all.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP)
	runtime.LockOSThread()
	defer c.endAll()
	err := c.start(signals)
	if err == nil {
		err = c.supervise(signals)
	}
	if err != nil && !errors.Is(err, errTold) {
		fmt.Fprintln(os.Stderr, "k8sdev:", err)
		return 1
	}
	return 0
}

var errTold = errors.New("told to end")

// start brings everything up, each when what it needs is there.
func (c *cluster) start(signals <-chan os.Signal) (err error) {
	if c.self, err = os.Executable(); err != nil {
		return err
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd, args := etcdArgs(c.dir, ports[0], ports[1])
	if err := c.supervisor.start(c.self, etcdName, args...); err != nil {
		return err
	}
	token, err := writeCredentials(c.dir)
	if err != nil {
		return err
	}
	if err := c.answers(ctx, signals, etcd+"/health"); err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	if err := writeAuditPolicy(c.dir); err != nil {
		return err
	}
	c.apiURL, c.apiServer = apiServerArgs(c.dir, etcd, ports[2])
	if err := c.supervisor.start(c.self, apiServerName, c.apiServer...); err != nil {
		return err
	}
	if err := c.answers(ctx, signals, c.apiURL+"/readyz"); err != nil {
		return fmt.Errorf("API server: %w", err)
	}
	kubeconfig, err := writeKubeconfig(c.dir, c.apiURL, certificate(c.dir), token)
	if err != nil {
		return err
	}
	if err := c.startRest(ctx, kubeconfig); err != nil {
		return err
	}
	c.say("ETCD=%s", etcd)
	c.say("READY KUBECONFIG=%s", kubeconfig)
	return nil
}

// startRest starts what speaks to the API server.
func (c *cluster) startRest(ctx context.Context, kubeconfig string) error {
	c.controllers = controllerArgs(c.dir, kubeconfig, certificate(c.dir), c.lostAfter)
	if err := c.supervisor.start(c.self, controllerName, c.controllers...); err != nil {
		return err
	}
	if err := c.supervisor.start(c.self, schedulerName, "--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=500", "--kube-api-burst=1000"); err != nil {
		return err
	}
	if err := c.applyStages(ctx, kubeconfig); err != nil {
		return err
	}
	if err := c.supervisor.start(c.self, kwokName, "--kubeconfig="+kubeconfig, "--manage-nodes-with-label-selector=type=kwok", "--manage-all-nodes=false",
		"--node-ip=127.0.0.1", "--enable-crds=Stage", "--node-lease-duration-seconds="+strconv.Itoa(int(c.lostAfter.Seconds()+1)/2)); err != nil {
		return err
	}
	if c.linodeURL == "" {
		return nil
	}
	sim := filepath.Join(filepath.Dir(c.self), "k8ssim")
	for _, name := range []string{"csi-attacher", "kubelet-volumes", "cloud-node-lifecycle"} {
		if err := c.supervisor.start(sim, name, "-kubeconfig="+kubeconfig, "-linode-url="+c.linodeURL, "-linode-token="+c.linodeToken); err != nil {
			return err
		}
	}
	return nil
}

// notServed is how kubectl says that a definition is not served yet: by what the API
// server tells of itself, and by its answer.
var notServed = []string{"no matches for kind", "the server could not find the requested resource"}

// applyStages teaches the cluster what kubelets do. A Stage can be applied when its
// definition is served, a moment after that was applied.
func (c *cluster) applyStages(ctx context.Context, kubeconfig string) error {
	path, err := writeStages(c.dir)
	if err != nil {
		return err
	}
	for {
		said, err := exec.CommandContext(ctx, c.self, kubectlName, "--kubeconfig", kubeconfig, "apply", "--server-side", "-f", path).CombinedOutput()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !slices.ContainsFunc(notServed, func(words string) bool { return strings.Contains(string(said), words) }):
			return fmt.Errorf("stages: %w: %s", err, said)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// supervise does what signals say until one says to end, or a component ends.
func (c *cluster) supervise(signals <-chan os.Signal) error {
	for {
		select {
		case s := <-signals:
			if err := c.obey(s); err != nil {
				return err
			}
		case p := <-c.died:
			if c.running(p.name) == p {
				return fmt.Errorf("%s has ended: %s.log says why", p.name, filepath.Join(c.dir, p.name))
			}
		}
	}
}

// obey does what one signal says.
func (c *cluster) obey(s os.Signal) error {
	api, controllers := c.running(apiServerName), c.running(controllerName)
	switch {
	case s == syscall.SIGTERM || s == syscall.SIGINT:
		return errTold
	case s == syscall.SIGUSR1 && api != nil:
		c.stop(api)
	case s == syscall.SIGUSR2 && api == nil:
		return c.again(apiServerName, c.apiServer)
	case s == syscall.SIGHUP && controllers != nil:
		c.stop(controllers)
	case s == syscall.SIGHUP:
		return c.again(controllerName, c.controllers)
	}
	return nil
}

func (c *cluster) stop(p *process) {
	c.end(p)
	c.say("STOPPED %s", p.name)
}

func (c *cluster) again(name string, args []string) error {
	if err := c.supervisor.start(c.self, name, args...); err != nil {
		return err
	}
	c.say("STARTED %s", name)
	return nil
}

func (c *cluster) say(format string, args ...any) {
	fmt.Printf("%6.2fs  %s\n", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

// freePorts are ports of loopback that nobody has. They lie below those that the kernel
// gives to outgoing connections: one of these would be taken before it is used, or
// while the API server is away.
// https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html (ip_local_port_range)
func freePorts(n int) (ports []int, _ error) {
	for range 1000 {
		in, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
		if err != nil {
			continue // somebody has it
		}
		defer in.Close() // all are held until all are known
		if ports = append(ports, in.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no ports are free")
}

// answers waits until a server answers 200.
func (c *cluster) answers(ctx context.Context, signals <-chan os.Signal, url string) error {
	// The certificate is the one that the server makes itself a moment later.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	last := errors.New("it was not asked")
	for {
		if res, err := client.Get(url); err != nil {
			last = err
		} else {
			said, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("%s: %s", res.Status, said)
		}
		select {
		case p := <-c.died:
			return fmt.Errorf("%s has ended: %s.log says why", p.name, filepath.Join(c.dir, p.name))
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGINT {
				return errTold
			}
		default:
		}
		if err := pause(ctx); err != nil {
			return errors.Join(err, last)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
