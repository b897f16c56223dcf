package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	checks "wardroom/bot/watch"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/linode"
	"wardroom/integrations/talos"
)

// answeredFleet is the team's cluster and who owns its machines; the zero value is that
// there is neither.
type answeredFleet struct {
	mode config.Mode // as an earlier configuration says; "": observe
	// cluster is what is asked, and what an earlier configuration says besides: that
	// is not asked, and stays.
	cluster kubernetes.Settings
	found   string // a kubeconfig on this machine, to be proposed

	tokenFile string // of the token that reads at Linode; "" where it stands in the configuration, or there is none
	linode    linode.Settings
	url       string // of Linode's API; "": its own

	talos   talos.Settings
	onTalos []string // the addresses of the cluster's nodes that run it
}

// inCluster stands for the service account of a pod where a file is asked for.
const inCluster = "in-cluster"

// adopt takes over the sections that are there; one that cannot be read is asked anew.
func (f *answeredFleet) adopt(cfg *config.Config) {
	f.mode = cfg.Mode
	if s, err := kubernetes.Decode(cfg.Kubernetes); !cfg.Kubernetes.IsZero() && err == nil {
		f.cluster = s
	}
	if s, err := linode.Decode(cfg.Linode); !cfg.Linode.IsZero() && err == nil {
		f.linode, f.tokenFile = s, s.Read.File()
		if s.URL != linode.DefaultURL {
			f.url = s.URL
		}
	}
	if s, err := talos.Decode(cfg.Talos); !cfg.Talos.IsZero() && err == nil {
		f.talos = s
	}
}

func askCluster(ctx context.Context, w *wizard) error {
	f := &w.answers.fleet
	proposed := f.cluster.Observe.Kubeconfig
	switch {
	case f.cluster.Observe.InCluster:
		proposed = inCluster
	case proposed == "" && !w.yes: // nobody is there to say that it is the right one
		proposed = f.found
	}
	path, err := w.ask(ctx, question{text: "The kubeconfig with which Wardroom looks at your cluster", proposed: proposed, optional: true, valid: validKubeconfig,
		help: "The file that kubectl uses. Nothing is changed with it; best is one that may only read, as docs/kubernetes.md makes it.\n" +
			inCluster + " is for Wardroom in a pod. - is for no cluster: then there are no repairs."})
	if err != nil {
		return err
	}
	switch path {
	case "":
		f.cluster = kubernetes.Settings{}
		return nil
	case inCluster:
		f.cluster.Observe = kubernetes.Credential{InCluster: true}
		return nil
	case f.cluster.Observe.Kubeconfig:
	default:
		f.cluster.Observe = kubernetes.Credential{Kubeconfig: path}
	}
	current, all := contextsOf(path)
	if len(all) < 2 {
		return nil
	}
	name := f.cluster.Observe.Context
	if name == "" {
		name = current
	}
	name, err = w.ask(ctx, question{text: "Which of its contexts: " + strings.Join(all, ", "), proposed: name, valid: oneOf(all...),
		help: "The file leads to several clusters. kubectl config get-contexts shows them."})
	f.cluster.Observe.Context = name
	return err
}

// tryCluster reads the cluster, and learns the number of it from its nodes.
func tryCluster(ctx context.Context, w *wizard, cfg *config.Config) error {
	fleet, err := fleetOf(cfg)
	if err != nil {
		return err
	}
	if fleet.cluster == nil {
		w.say("  – nothing to try: without a cluster there are no repairs, and everything else works")
		return nil
	}
	o := *fleet.live().cluster
	o.Clock = w.machine.clock
	c := kubernetes.New(o)
	k := newChecker(cfg, w.folder())
	finding, err := k.cluster(ctx, c)
	if err != nil {
		return err
	}
	if err := w.show("cluster", finding); err != nil {
		return err
	}
	s, err := c.Snapshot(ctx, lastKnown) // the one that was just read
	if err != nil {
		return err
	}
	names := make([]string, len(s.Nodes))
	for i, n := range s.Nodes {
		names[i] = n.Name
	}
	w.answers.fleet.onTalos = onTalos(s.Nodes)
	if id := clusterOf(names); id != 0 && w.answers.fleet.linode.Cluster == 0 {
		w.answers.fleet.linode.Cluster = id
	}
	return nil
}

var lkeNode = regexp.MustCompile(`^lke([1-9][0-9]{0,8})-`)

// clusterOf is the number of the LKE cluster that all of these nodes are of, as their
// names say (lke13311-…); 0 when they do not.
func clusterOf(nodes []string) int {
	id := 0
	for _, name := range nodes {
		m := lkeNode.FindStringSubmatch(name)
		if m == nil {
			return 0
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || id != 0 && n != id {
			return 0
		}
		id = n
	}
	return id
}

func askLinode(ctx context.Context, w *wizard) error {
	f := &w.answers.fleet
	const given = "the one that was given"
	proposed := f.tokenFile
	if proposed == "" && !f.linode.Read.IsZero() {
		proposed = given
	}
	file, err := w.ask(ctx, question{text: "The file that holds a Linode token to look with", proposed: proposed, optional: true,
		valid: func(s string) (string, error) {
			if s == given && !f.linode.Read.IsZero() {
				return s, nil
			}
			return validTokenFile(s)
		},
		help: "In the Cloud Manager, API Tokens: Read Only for Events, Linodes, Kubernetes and Volumes, No Access else. Put it into a file\nthat only Wardroom can read; docs/linode.md shows it. - is for no Linode: then nothing is recycled, rebooted or detached."})
	if err != nil {
		return err
	}
	if file == "" {
		f.tokenFile, f.linode = "", linode.Settings{Cluster: f.linode.Cluster}
		return nil
	}
	if file != given {
		f.tokenFile = file
	}
	proposed = ""
	if f.linode.Cluster > 0 {
		proposed = strconv.Itoa(f.linode.Cluster)
	}
	id, err := w.ask(ctx, question{text: "The number of your cluster there", proposed: proposed, valid: validClusterID,
		help: "It stands in the names of its nodes, lke13311-…, and in the address of its page in the Cloud Manager."})
	if err != nil {
		return err
	}
	f.linode.Cluster, err = strconv.Atoi(id)
	return err
}

// tryLinode asks Linode whether the token is good, what it may do, and for the cluster.
func tryLinode(ctx context.Context, w *wizard, cfg *config.Config) error {
	fleet, err := fleetOf(cfg)
	if err != nil {
		return err
	}
	if fleet.cloud == nil {
		w.say("  – nothing to try: without Linode, nodes are cordoned and drained at most")
		return nil
	}
	o := *fleet.cloud
	o.Clock = w.machine.clock
	l, err := linode.New(o)
	if err != nil {
		return err
	}
	for _, c := range l.Checks() {
		finding, err := c.Try(ctx)
		if err != nil {
			return err
		}
		if err := w.show(c.Name, finding); err != nil {
			return err
		}
	}
	return nil
}

// show tells what a check found; what failed comes back as a problem.
func (w *wizard) show(name string, f checks.Finding) error {
	switch f.Level {
	case checks.Failed:
		return problem.New(problem.Unavailable, "%s", f.Sentence).WithHint("%s", f.Hint)
	case checks.Warning:
		w.say("  ! %s: %s", name, sanitize(f.Sentence))
		w.say("    → %s", sanitize(f.Hint))
	default:
		w.works("%s: %s", name, sanitize(f.Sentence))
	}
	return nil
}

// homePath is a whole path: ~/ is the home of whoever answers.
func homePath(s string) (string, error) {
	if rest, is := strings.CutPrefix(s, "~/"); is {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("where your home is is not known: write the whole path")
		}
		s = filepath.Join(home, rest)
	}
	return filepath.Abs(s)
}

func validKubeconfig(s string) (string, error) {
	if s == inCluster {
		return s, nil
	}
	path, err := homePath(s)
	if err != nil {
		return "", err
	}
	if _, all := contextsOf(path); len(all) == 0 {
		return "", fmt.Errorf("%s is no kubeconfig that can be read", path)
	}
	return path, nil
}

// contextsOf are the current context of a kubeconfig and all of them; none for what is
// no kubeconfig.
func contextsOf(path string) (current string, all []string) {
	const most = 1 << 20
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", nil
	}
	var file struct {
		Current  string `yaml:"current-context"`
		Contexts []struct {
			Name string `yaml:"name"`
		} `yaml:"contexts"`
	}
	if yaml.Unmarshal(b, &file) != nil {
		return "", nil
	}
	for _, c := range file.Contexts {
		all = append(all, c.Name)
	}
	return file.Current, all
}

// validTokenFile never repeats what was typed: it may be the token itself.
func validTokenFile(s string) (string, error) {
	path, err := homePath(s)
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	switch {
	case err != nil:
		return "", errors.New("that is no file that can be read; a token itself goes into one first")
	case !tokenShape.Match(bytes.TrimSpace(b)):
		return "", errors.New("that file does not hold a token")
	}
	return path, nil
}

func validClusterID(s string) (string, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "lke"), 10, 31)
	if err != nil || n == 0 {
		return "", fmt.Errorf("%q is no number of a cluster", s)
	}
	return strconv.FormatUint(n, 10), nil
}

// has reports whether there is anything that repairs could act on.
func (f *answeredFleet) has() bool { return !f.cluster.Observe.IsZero() }

// yaml is the sections of the configuration.
func (f *answeredFleet) yaml(line func(format string, args ...any)) {
	line("\n# The cluster that repairs are about; docs/guide/repairs.md says how to let them act.")
	if c := f.cluster; c.Observe.IsZero() {
		line("# kubernetes:\n#   kubeconfig: /etc/wardroom/observe.kubeconfig")
	} else {
		line("kubernetes:")
		credentialYAML(line, "  ", c.Observe)
		if !c.Act.IsZero() {
			line("  act:")
			credentialYAML(line, "    ", c.Act)
		}
		if c.Timeout != 0 && c.Timeout != kubernetes.DefaultTimeout {
			line("  timeout: %s", c.Timeout)
		}
		if c.ArgoNamespace != "" && c.ArgoNamespace != "argocd" {
			line("  argocd_namespace: %s", quoted(c.ArgoNamespace))
		}
		if len(c.UsedBy) > 0 {
			line("  used_by:")
			for _, of := range slices.Sorted(maps.Keys(c.UsedBy)) {
				line("    %s: [%s]", quoted(of), quotedList(c.UsedBy[of]))
			}
		}
		if len(c.Backups) > 0 {
			line("  backups: [%s]", quotedList(c.Backups))
		}
	}
	line("\n# Who owns its machines and volumes; docs/linode.md says what the tokens need.")
	l := f.linode
	if f.tokenFile == "" && l.Read.IsZero() {
		line("# linode:\n#   cluster: 13311\n#   read_token_file: /etc/wardroom/linode-read")
		f.talosYAML(line)
		return
	}
	line("linode:\n  cluster: %d", l.Cluster)
	tokenYAML(line, "read_token", f.tokenFile, l.Read)
	if !l.Act.IsZero() {
		tokenYAML(line, "act_token", l.Act.File(), l.Act)
	}
	if f.url != "" {
		line("  url: %s", quoted(f.url))
	}
	f.talosYAML(line)
}

func credentialYAML(line func(format string, args ...any), margin string, c kubernetes.Credential) {
	if c.InCluster {
		line("%sin_cluster: true", margin)
		return
	}
	line("%skubeconfig: %s", margin, quoted(c.Kubeconfig))
	if c.Context != "" {
		line("%scontext: %s", margin, quoted(c.Context))
	}
}

func tokenYAML(line func(format string, args ...any), key, file string, secret config.Secret) {
	if file != "" {
		line("  %s_file: %s", key, quoted(file))
		return
	}
	line("  %s: %s", key, quoted(secret.Reveal()))
}

// kubeconfigHere is the file that kubectl would use on this machine; "" when there is
// none, or are several.
func kubeconfigHere() string {
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		path = filepath.Join(home, ".kube", "config")
	}
	if _, all := contextsOf(path); len(all) == 0 {
		return ""
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	return whole
}
