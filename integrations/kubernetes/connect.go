package kubernetes

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wardroom/bot/problem"
)

// clients speak to the cluster with one credential.
type clients struct {
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	host    string
}

// connection makes clients from a credential, and makes them anew when its file has
// changed: a kubeconfig that was missing, or whose token had run out, heals when
// somebody puts a good one in its place.
type connection struct {
	credential Credential
	what       string // "to read" or "for changes"
	hurried    bool   // a clock that jumps asks a night's questions in a second
	wrap       func(http.RoundTripper) http.RoundTripper

	mu   sync.Mutex
	made *clients
	from []byte // the file as it was
	seen time.Time
	size int64
}

// maxKubeconfig bounds the file, in bytes.
const maxKubeconfig = 1 << 20

// get returns clients, or an Unavailable problem that says why there are none.
func (c *connection) get() (*clients, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.credential.InCluster {
		if c.made != nil {
			return c.made, nil
		}
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, problem.New(problem.Unavailable, "there is no cluster around this process").Because(err).
				WithHint("in_cluster: true is for Wardroom in a pod with a service account; elsewhere give a kubeconfig")
		}
		return c.make(config)
	}
	info, err := os.Stat(c.credential.Kubeconfig)
	if err != nil {
		return nil, c.unusable("cannot be read", err)
	}
	if c.made != nil && info.ModTime().Equal(c.seen) && info.Size() == c.size {
		return c.made, nil
	}
	if info.Size() > maxKubeconfig {
		return nil, c.unusable("is larger than 1 MiB", nil)
	}
	raw, err := os.ReadFile(c.credential.Kubeconfig)
	if err != nil {
		return nil, c.unusable("cannot be read", err)
	}
	c.seen, c.size = info.ModTime(), info.Size()
	if c.made != nil && bytes.Equal(raw, c.from) {
		return c.made, nil
	}
	loaded, err := clientcmd.Load(raw)
	if err != nil {
		return nil, c.unusable("is not a kubeconfig", nil) // the parser's words may quote the file
	}
	// Paths in the file are relative to it.
	for _, user := range loaded.AuthInfos {
		user.LocationOfOrigin = c.credential.Kubeconfig
	}
	for _, cluster := range loaded.Clusters {
		cluster.LocationOfOrigin = c.credential.Kubeconfig
	}
	if err := clientcmd.ResolveLocalPaths(loaded); err != nil {
		return nil, c.unusable("names files that cannot be found", err)
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*loaded, c.credential.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, c.unusable("does not lead to a cluster", err)
	}
	c.from = raw
	return c.make(config)
}

func (c *connection) unusable(what string, err error) error {
	return problem.New(problem.Unavailable, "the kubeconfig %s, %s, %s", c.what, c.credential.Kubeconfig, what).Because(err).
		WithHint("put a good one there; it is read again by itself")
}

func (c *connection) make(config *rest.Config) (*clients, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "wardroom"
	// A snapshot is some fifteen lists at once; the defaults of 5 a second are meant
	// for a time when servers did not ration by themselves.
	config.QPS, config.Burst = 50, 100
	if c.hurried {
		config.QPS = -1
	}
	config.WarningHandler = rest.NoWarnings{}
	config.ContentType = "application/json"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	// No Timeout here: it would cut watches. Each call has its own.
	config.Timeout = 0
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper { return onceOnly{inner} })
	if c.wrap != nil {
		config.Wrap(c.wrap)
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, c.unusable("has credentials that cannot be used", err)
	}
	typed, err := kubernetes.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, c.unusable("cannot be used", err)
	}
	plain := rest.CopyConfig(config)
	plain.AcceptContentTypes = "application/json" // there is no other form of what has no type
	untyped, err := dynamic.NewForConfigAndClient(plain, httpClient)
	if err != nil {
		return nil, c.unusable("cannot be used", err)
	}
	c.made = &clients{typed: typed, dynamic: untyped, host: strings.TrimPrefix(strings.TrimPrefix(config.Host, "https://"), "http://")}
	return c.made, nil
}

// onceOnly keeps client-go from repeating a request: it does so, up to ten times,
// whenever an answer of 429 or 5xx has a Retry-After, changes included. The engine
// decides what is repeated, on its own clock.
type onceOnly struct{ inner http.RoundTripper }

func (o onceOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.inner.RoundTrip(r)
	if res != nil && (res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500) {
		res.Header.Del("Retry-After")
	}
	return res, err
}

// WrappedRoundTripper lets client-go close idle connections below.
func (o onceOnly) WrappedRoundTripper() http.RoundTripper { return o.inner }
