package kubernetes

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wardroom/bot/config"
)

// Credential says where a credential for the cluster is.
type Credential struct {
	Kubeconfig string // the file
	Context    string // one of it; "": its current one
	InCluster  bool   // that of the pod that this process runs in
}

// IsZero reports whether there is none.
func (c Credential) IsZero() bool { return c.Kubeconfig == "" && !c.InCluster }

// Settings are what the configuration says about the cluster.
type Settings struct {
	Observe Credential // for everything that only reads
	Act     Credential // for changes; zero: there are none
	// Timeout bounds each request, in real time.
	Timeout time.Duration
	// ArgoNamespace is where Argo CD keeps its Applications.
	ArgoNamespace string
	// UsedBy is who depends on a workload, beside its annotation [UsedByAnnotation]:
	// "default/redis": ["default/bot"].
	UsedBy map[string][]string
	// Backups are the CronJobs that make backups, as "default/postgres-backup", beside
	// those with the label [BackupLabel] or with backup in their name.
	Backups []string
}

// What teams write on their objects to tell Wardroom about them.
const (
	UsedByAnnotation = "wardroom/used-by" // on a workload: "default/bot, default/site"
	BackupLabel      = "wardroom/backup"  // on a CronJob: "true", or "false" for one that only sounds like a backup
)

// DefaultTimeout of a request.
const DefaultTimeout = 10 * time.Second

// Decode reads the configuration's section kubernetes:
//
//	kubernetes:
//	  kubeconfig: /run/secrets/observe.kubeconfig   # get, list, watch
//	  act: {kubeconfig: /run/secrets/act.kubeconfig} # changes; left out: there are none
//	  used_by: {default/redis: [default/bot]}
//	  backups: [default/postgres-backup]
//
// in_cluster: true stands for a kubeconfig where Wardroom runs in a cluster.
func Decode(s config.Section) (Settings, error) {
	type credential struct {
		Kubeconfig string `yaml:"kubeconfig"`
		Context    string `yaml:"context"`
		InCluster  bool   `yaml:"in_cluster"`
	}
	form := struct {
		Kubeconfig string              `yaml:"kubeconfig"`
		Context    string              `yaml:"context"`
		InCluster  bool                `yaml:"in_cluster"`
		Act        *credential         `yaml:"act"`
		Timeout    time.Duration       `yaml:"timeout"`
		Argo       string              `yaml:"argocd_namespace"`
		UsedBy     map[string][]string `yaml:"used_by"`
		Backups    []string            `yaml:"backups"`
	}{Timeout: DefaultTimeout, Argo: "argocd"}
	if err := s.Decode(&form); err != nil {
		return Settings{}, err
	}
	o := Settings{Observe: Credential{form.Kubeconfig, form.Context, form.InCluster}, Timeout: form.Timeout,
		ArgoNamespace: form.Argo, UsedBy: form.UsedBy, Backups: form.Backups}
	if err := proper(s, "", o.Observe); err != nil {
		return Settings{}, err
	}
	if form.Act != nil {
		o.Act = Credential{form.Act.Kubeconfig, form.Act.Context, form.Act.InCluster}
		if err := proper(s, "act.", o.Act); err != nil {
			return Settings{}, err
		}
	}
	if o.Timeout < time.Second || o.Timeout > time.Minute {
		return Settings{}, s.Fail("timeout", "is how long one request may take: from 1s to 1m")
	}
	for _, of := range slices.Sorted(maps.Keys(o.UsedBy)) {
		for _, name := range append([]string{of}, o.UsedBy[of]...) {
			if !qualified(name) {
				return Settings{}, s.Fail("used_by."+of, "%.60q does not name a workload: write it as default/redis", name)
			}
		}
	}
	for _, name := range o.Backups {
		if !qualified(name) {
			return Settings{}, s.Fail("backups", "%.60q does not name a CronJob: write it as default/postgres-backup", name)
		}
	}
	return o, nil
}

func proper(s config.Section, prefix string, c Credential) error {
	switch {
	case c.IsZero():
		return s.Fail(prefix+"kubeconfig", "is missing: the file that kubectl uses, as Linode's Cloud Manager gives it; or in_cluster: true where Wardroom runs in a cluster")
	case c.InCluster && c.Kubeconfig != "":
		return s.Fail(prefix+"in_cluster", "and kubeconfig exclude each other")
	case c.InCluster && c.Context != "":
		return s.Fail(prefix+"context", "is one of a kubeconfig; in_cluster has none")
	case c.Kubeconfig != "" && !filepath.IsAbs(c.Kubeconfig):
		return s.Fail(prefix+"kubeconfig", "%.80q is not a whole path: begin it with a slash, so that it does not depend on where Wardroom is started", c.Kubeconfig)
	}
	return nil
}

func qualified(name string) bool {
	namespace, rest, ok := strings.Cut(name, "/")
	return ok && namespace != "" && rest != "" && !strings.Contains(rest, "/")
}
