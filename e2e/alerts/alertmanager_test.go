package alerts

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wardroom/e2e/internal/process"
)

// replicas are the Alertmanagers of a cluster.
type replicas struct {
	t         *testing.T
	config    string   // its file
	addresses []string // of the API
	all       []*process.Child
}

// newReplicas starts three with one configuration and waits until they know each other.
// Each sends at once what it has: none waits for another to be the first, and what was
// sent is told to the others too late to keep them from it.
func newReplicas(t *testing.T, dir, config string) *replicas {
	t.Helper()
	r := &replicas{t: t, config: filepath.Join(dir, "alertmanager.yml")}
	r.write(config)
	var args []string
	for i := range 3 {
		listen, peer := process.FreeAddress(t), process.FreeAddress(t)
		r.addresses = append(r.addresses, "http://"+listen)
		own := []string{"--config.file", r.config, "--storage.path", filepath.Join(dir, fmt.Sprintf("alertmanager-%d", i)),
			"--web.listen-address", listen, "--cluster.listen-address", peer, "--cluster.advertise-address", peer,
			"--cluster.peer-timeout", "0s", "--cluster.gossip-interval", "1s", "--cluster.settle-timeout", "5s"}
		r.all = append(r.all, process.Launch(t, "prometheus-alertmanager", nil, append(own, args...)...))
		args = append(args, "--cluster.peer", peer)
	}
	process.Await(t, "the Alertmanagers know each other", process.Patience, func() (bool, string) {
		for i, address := range r.addresses {
			if r.all[i].Ended() {
				t.Fatalf("an Alertmanager ended: %v\n%s", r.all[i].Err(), r.all[i].Log)
			}
			if s, err := status(address); err != nil || s.Cluster.Status != "ready" || len(s.Cluster.Peers) != 3 {
				return false, fmt.Sprintf("%s: %+v %v", address, s, err)
			}
		}
		return true, ""
	})
	return r
}

func (r *replicas) write(config string) {
	r.t.Helper()
	if err := os.WriteFile(r.config, []byte(config), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

type amStatus struct {
	Uptime  time.Time `json:"uptime"` // when it was started
	Cluster struct {
		Status string            `json:"status"`
		Peers  []json.RawMessage `json:"peers"`
	} `json:"cluster"`
	Config struct {
		Original string `json:"original"`
	} `json:"config"`
}

// status is what an Alertmanager says of itself.
func status(address string) (s amStatus, err error) {
	return s, get(address+"/api/v2/status", &s)
}

// started is when the last of them was.
func (r *replicas) started() (last time.Time) {
	r.t.Helper()
	for _, address := range r.addresses {
		s, err := status(address)
		if err != nil {
			r.t.Fatal(err)
		}
		if s.Uptime.After(last) {
			last = s.Uptime
		}
	}
	return last
}

// reload gives them another configuration while they run.
func (r *replicas) reload(config string) {
	r.t.Helper()
	r.write(config)
	before := r.counts("alertmanager_config_last_reload_success_timestamp_seconds")
	for _, c := range r.all {
		c.Signal(syscall.SIGHUP)
	}
	process.Await(r.t, "the Alertmanagers have read their configuration again", process.Patience, func() (bool, string) {
		now := r.counts("alertmanager_config_last_reload_success_timestamp_seconds")
		for i := range now {
			if now[i] <= before[i] {
				return false, r.all[i].Log.String()
			}
		}
		return true, ""
	})
}

// counts is a metric of each replica, with everything that its name and labels begin with.
func (r *replicas) counts(metric string) []float64 {
	r.t.Helper()
	sums := make([]float64, len(r.addresses))
	for i, address := range r.addresses {
		res, err := http.Get(address + "/metrics")
		if err != nil {
			r.t.Fatal(err)
		}
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if at := strings.LastIndexByte(lines.Text(), ' '); at > 0 && strings.HasPrefix(lines.Text(), metric) {
				n, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
				if err != nil {
					r.t.Fatal(err)
				}
				sums[i] += n
			}
		}
	}
	return sums
}

// lists waits until every replica lists an alert as firing, or none does.
func (r *replicas) lists(name string, firing bool) {
	r.t.Helper()
	process.Await(r.t, fmt.Sprintf("the Alertmanagers list %s: %t", name, firing), process.Patience, func() (bool, string) {
		for _, address := range r.addresses {
			states := r.states(address)
			if _, found := states[name]; found != firing {
				return false, fmt.Sprintf("%s: %v", address, states)
			}
		}
		return true, ""
	})
}

// states says of each alert that a replica lists whether it is "active" or "suppressed".
func (r *replicas) states(address string) map[string]string {
	r.t.Helper()
	var all []struct {
		Labels map[string]string `json:"labels"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	}
	if err := get(address+"/api/v2/alerts", &all); err != nil {
		r.t.Fatal(err)
	}
	states := map[string]string{}
	for _, a := range all {
		states[a.Labels["alertname"]] = a.Status.State
	}
	return states
}

func get(url string, into any) error {
	res, err := http.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}
