package redis

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/fleet"
)

// Set is what the configuration says about one set of instances.
type Set struct {
	fleet.RedisSet
	// Address is where the instance of a pod answers, with {pod} for its name; Addresses
	// name it for single pods. One of both knows every pod.
	Address   string
	Addresses map[string]string
	Login     Login
	Sentinels []string // with {pod}, one beside each instance
	Sentry    Login    // of the Sentinels
	TLS       *TLS     // nil: unencrypted; of instances and Sentinels
	// Timeout bounds everything that is asked of one instance or Sentinel at one time,
	// in real time.
	Timeout time.Duration
}

// Login is what is presented; the zero value is nothing.
type Login struct {
	Username string // "": Redis's default user
	Password config.Secret
}

// TLS says how the other side is known.
type TLS struct {
	Roots      *x509.CertPool // nil: the system's
	ServerName string         // "": the host of the address
}

// DefaultTimeout of one instance or Sentinel.
const DefaultTimeout = 3 * time.Second

// mostSets and mostSentinels bound what one look asks.
const (
	mostSets      = 50
	mostSentinels = 20
)

// podPlace stands for a pod's name in an address.
const podPlace = "{pod}"

var setName = regexp.MustCompile(`^[a-z0-9]([a-z0-9./-]{0,60}[a-z0-9])?$`)

// form is one set as it is written.
type form struct {
	Name             string            `yaml:"name"`
	Workload         string            `yaml:"workload"`
	Address          string            `yaml:"address"`
	Addresses        map[string]string `yaml:"addresses"`
	Username         string            `yaml:"username"`
	Password         config.Secret     `yaml:"password"`
	Sentinels        []string          `yaml:"sentinels"`
	Master           string            `yaml:"master"`
	SentinelUsername string            `yaml:"sentinel_username"`
	SentinelPassword config.Secret     `yaml:"sentinel_password"`
	TLS              *struct {
		CA         string `yaml:"ca_file"`
		ServerName string `yaml:"server_name"`
	} `yaml:"tls"`
	Timeout time.Duration `yaml:"timeout"`
}

// Decode reads the configuration's section redis, a list:
//
//	redis:
//	  - workload: default/redis           # a StatefulSet
//	    address: "{pod}.redis-headless.default.svc:6379"
//	    password_file: /run/secrets/redis
//	    sentinels: ["{pod}.redis-headless.default.svc:26379"]
//	    master: mymaster                  # as Sentinel calls it
//
// name, left out, is that of the workload; addresses names single pods where Wardroom
// runs elsewhere and each has an address of its own; tls: {} asks for encryption with
// the system's authorities, ca_file with one's own.
func Decode(s config.Section) ([]Set, error) {
	var list []config.Section
	if err := s.Decode(&list); err != nil {
		return nil, err
	}
	if len(list) > mostSets {
		return nil, s.Fail("", "names %d sets: %d at most", len(list), mostSets)
	}
	var sets []Set
	for _, item := range list {
		f := form{Timeout: DefaultTimeout}
		if err := item.Decode(&f); err != nil {
			return nil, err
		}
		set, err := f.valid(item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(sets, func(o Set) bool { return o.Name == set.Name }) {
			return nil, item.Fail("name", "%q is there twice", set.Name)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (f form) valid(s config.Section) (set Set, err error) {
	namespace, name, _ := strings.Cut(f.Workload, "/")
	if namespace == "" || name == "" || strings.ContainsAny(name, "/ ") {
		return set, s.Fail("workload", "is the StatefulSet whose pods are the instances: write it as default/redis")
	}
	set = Set{RedisSet: fleet.RedisSet{Name: f.Name, Workload: fleet.Object{Kind: "StatefulSet", Namespace: namespace, Name: name}, Master: f.Master},
		Address: f.Address, Addresses: f.Addresses, Login: Login{f.Username, f.Password},
		Sentinels: f.Sentinels, Sentry: Login{f.SentinelUsername, f.SentinelPassword}, Timeout: f.Timeout}
	if set.Name == "" {
		set.Name = f.Workload
	}
	switch {
	case !setName.MatchString(set.Name):
		return set, s.Fail("name", "%.60q is no name: small letters, digits, - . and / between", set.Name)
	case f.Address == "" && len(f.Addresses) == 0:
		return set, s.Fail("address", `is missing: where the instance of a pod answers, as "%s.%s-headless.%s.svc:6379"`, podPlace, name, namespace)
	case f.Address != "" && (!strings.Contains(f.Address, podPlace) || !isAddress(f.Address)):
		return set, s.Fail("address", `is no address with %s and a port: write it as "%s.%s-headless.%s.svc:6379"`, podPlace, podPlace, name, namespace)
	case len(f.Sentinels) > 0 && f.Master == "":
		return set, s.Fail("master", "is missing: by which name the Sentinels know the set, as mymaster")
	case len(f.Sentinels) == 0 && f.Master != "":
		return set, s.Fail("sentinels", "is missing: where the Sentinels answer")
	case len(f.Sentinels) > mostSentinels:
		return set, s.Fail("sentinels", "names %d: %d at most", len(f.Sentinels), mostSentinels)
	case f.Timeout < 100*time.Millisecond || f.Timeout > 20*time.Second:
		return set, s.Fail("timeout", "bounds what is asked of one instance: from 100ms to 20s")
	}
	for pod, address := range f.Addresses {
		if !isAddress(address) || strings.Contains(address, podPlace) {
			return set, s.Fail("addresses."+pod, "%.60q is no address with a port, as 10.0.0.4:6379", address)
		}
	}
	for _, address := range f.Sentinels {
		if !isAddress(address) {
			return set, s.Fail("sentinels", "%.60q is no address with a port, as 10.0.0.4:26379", address)
		}
	}
	if f.TLS != nil {
		set.TLS = &TLS{ServerName: f.TLS.ServerName}
		if f.TLS.CA != "" {
			if set.TLS.Roots, err = roots(f.TLS.CA); err != nil {
				return set, s.Fail("tls.ca_file", "%v", err)
			}
		}
	}
	return set, nil
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	n, wrong := strconv.Atoi(port)
	return err == nil && host != "" && wrong == nil && n > 0 && n < 1<<16 && !strings.ContainsAny(host, " /@")
}

func roots(file string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errNoCertificate
	}
	return pool, nil
}

// pods are those that the declaration itself names; the first of the StatefulSet where
// it only says how they are found.
func (s Set) pods() (all []string) {
	for pod := range s.Addresses {
		all = append(all, pod)
	}
	if len(all) == 0 {
		return []string{s.Pod(0)}
	}
	slices.Sort(all)
	return all
}

// address is where the instance of a pod answers; "" where none is declared.
func (s Set) address(pod string) string {
	if at, named := s.Addresses[pod]; named {
		return at
	}
	return strings.ReplaceAll(s.Address, podPlace, pod)
}

// sentinels are the addresses of the Sentinels, those beside these pods among them.
func (s Set) sentinels(pods []string) (all []string) {
	for _, at := range s.Sentinels {
		if !strings.Contains(at, podPlace) {
			all = append(all, at)
			continue
		}
		for _, pod := range pods {
			all = append(all, strings.ReplaceAll(at, podPlace, pod))
		}
	}
	return all
}
