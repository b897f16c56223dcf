package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/remediation"
)

// Manifest is a generated file of deploy/kubernetes.
type Manifest struct {
	Path string // below deploy/kubernetes
	Body string
}

const generated = "# Made from what Wardroom reads and what its repairs need; \"make docs\" writes it anew.\n"

// Manifests are the roles of deploy/kubernetes: the one that observes has what this
// package reads, the one that acts what the Specs name. Neither has a *, secrets or
// pods/exec. The same specs give the same bytes.
func Manifests(specs []remediation.Spec) []Manifest {
	return []Manifest{
		{"observe/rbac.yaml", account("observe") + role("observe", Reads())},
		{"act/rbac.yaml", account("act") + role("act", Changes(specs))},
	}
}

func account(name string) string {
	return generated + fmt.Sprintf(`apiVersion: v1
kind: ServiceAccount
metadata:
  name: %[1]s
  namespace: wardroom
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: wardroom-%[1]s
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: wardroom-%[1]s}
subjects:
  - {kind: ServiceAccount, name: %[1]s, namespace: wardroom}
---
`, name)
}

func role(name string, rules []Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: wardroom-%s\nrules:\n", name)
	for _, r := range rules {
		group := r.Group
		if group == "" {
			group = `""`
		}
		fmt.Fprintf(&b, "  # %s\n  - apiGroups: [%s]\n    resources: [%s]\n    verbs: [%s]\n", r.For, group, strings.Join(r.Resources, ", "), strings.Join(r.Verbs, ", "))
	}
	return b.String()
}

// Specs are those of repairs.
func Specs(all []remediation.Remediation) []remediation.Spec {
	specs := make([]remediation.Spec, len(all))
	for i, r := range all {
		specs[i] = r.Spec()
	}
	return slices.Clip(specs)
}
