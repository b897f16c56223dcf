package kubernetes

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/remediation"
)

// System is what repairs call a cluster in what they need.
const System = "kubernetes"

// Rule is something that a role allows: verbs on resources of one group.
type Rule struct {
	Group     string
	Resources []string // "nodes", "deployments/scale"
	Verbs     []string
	For       string // what needs it, in words
}

// Each are the rule's parts, as "patch deployments/scale".
func (r Rule) Each() (all []string) {
	for _, resource := range r.Resources {
		for _, verb := range r.Verbs {
			all = append(all, verb+" "+named(resource, r.Group))
		}
	}
	return all
}

// Reads are what this package reads: the one table of it, beside [resources], of which
// the caches list and watch everything.
func Reads() []Rule {
	watched := map[string][]string{}
	var groups []string
	for _, r := range resources() {
		if !slices.Contains(groups, r.group) {
			groups = append(groups, r.group)
		}
		watched[r.group] = append(watched[r.group], r.name)
	}
	var all []Rule
	for _, g := range groups {
		all = append(all, Rule{Group: g, Resources: watched[g], Verbs: []string{"list", "watch"}, For: "what plans are made from"})
	}
	return append(all,
		Rule{Resources: []string{"nodes", "pods"}, Verbs: []string{"get"}, For: "that a change meets the right one"},
		Rule{Resources: []string{"pods/log"}, Verbs: []string{"get"}, For: "/pod logs; without it there are none"},
		Rule{Resources: []string{"events"}, Verbs: []string{"list"}, For: "FailedMount and the like, for the diagnosis"},
		Rule{Group: "argoproj.io", Resources: []string{"applications"}, Verbs: []string{"get", "list"}, For: "whether Argo CD would undo a repair"},
		Rule{Group: "kustomize.toolkit.fluxcd.io", Resources: []string{"kustomizations"}, Verbs: []string{"get"}, For: "how Flux stands before it is paused"},
		Rule{Group: "helm.toolkit.fluxcd.io", Resources: []string{"helmreleases"}, Verbs: []string{"get"}, For: "how Flux stands before it is paused"},
	)
}

// Changes are what repairs need beside it, by their Specs: a rule for each verb and
// resource, and which repairs need it.
func Changes(specs []remediation.Spec) (all []Rule) {
	for _, s := range specs {
		for _, a := range s.Access {
			if a.System != System || !a.Changes() {
				continue
			}
			group, resource := grouped(a.What)
			i := slices.IndexFunc(all, func(r Rule) bool {
				return r.Group == group && r.Resources[0] == resource && r.Verbs[0] == a.Verb
			})
			if i < 0 {
				all = append(all, Rule{Group: group, Resources: []string{resource}, Verbs: []string{a.Verb}})
				i = len(all) - 1
			}
			if !slices.Contains(strings.Split(all[i].For, ", "), s.Name) {
				all[i].For = strings.TrimPrefix(all[i].For+", "+s.Name, ", ")
			}
		}
	}
	slices.SortStableFunc(all, func(x, y Rule) int {
		return slices.Compare([]string{x.Group, x.Resources[0], x.Verbs[0]}, []string{y.Group, y.Resources[0], y.Verbs[0]})
	})
	return all
}

// grouped parts "deployments/scale" and "applications.argoproj.io" into group and
// resource.
func grouped(what string) (group, resource string) {
	if resource, group, dotted := strings.Cut(what, "."); dotted {
		return group, resource
	}
	name, _, _ := strings.Cut(what, "/")
	for _, r := range resources() {
		if r.name == name {
			return r.group, what
		}
	}
	return "", what // events, and what nobody should have
}

// named is what grouped parts: a built-in group stands for itself.
func named(resource, group string) string {
	if got, _ := grouped(resource); got == group {
		return resource
	}
	return resource + "." + group
}

// Role is which credential is asked about.
type Role bool

const (
	Reading Role = false
	Acting  Role = true
)

// reviewFor is how long an answer stands: a role that was mended is believed soon.
const reviewFor = 30 * time.Second

// reviewWithin bounds one question in real time: plans wait for it.
const reviewWithin = 4 * time.Second

// reviews are answers that were given already.
type reviews struct {
	mu    sync.Mutex
	known map[string]review
}

type review struct {
	allowed bool
	at      time.Time
}

// May asks the cluster whether one of Wardroom's credentials may do something, as
// "patch", "deployments/scale", in every namespace. Nothing is changed by asking.
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
func (c *Cluster) May(ctx context.Context, as Role, verb, what string) (bool, error) {
	from, key := c.reads, verb+" "+what
	if as == Acting {
		from, key = c.acts, key+" acting"
	}
	c.reviews.mu.Lock()
	known, is := c.reviews.known[key]
	c.reviews.mu.Unlock()
	if now := c.Clock.Now(); is && now.Sub(known.at) < reviewFor {
		return known.allowed, nil
	}
	group, resource := grouped(what)
	resource, sub, _ := strings.Cut(resource, "/")
	question := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Subresource: sub}}}
	ctx, cancel := context.WithTimeout(ctx, reviewWithin)
	defer cancel()
	var answer *authorizationv1.SelfSubjectAccessReview
	err := c.ask(ctx, asked{"create", "selfsubjectaccessreviews", ""}, from, func(ctx context.Context, with *clients) (err error) {
		answer, err = with.typed.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, question, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return false, err
	}
	c.reviews.mu.Lock()
	defer c.reviews.mu.Unlock()
	if c.reviews.known == nil {
		c.reviews.known = map[string]review{}
	}
	c.reviews.known[key] = review{answer.Status.Allowed, c.Clock.Now()}
	return answer.Status.Allowed, nil
}

// excess are rights with which whoever steals a credential of Wardroom's owns the
// cluster, or its data; no repair needs one.
var excess = []string{"* *", "get secrets", "list secrets", "create pods/exec", "create pods", "delete nodes", "delete persistentvolumes", "delete persistentvolumeclaims",
	"delete deployments", "delete statefulsets", "delete namespaces", "impersonate users", "escalate clusterroles.rbac.authorization.k8s.io", "create clusterrolebindings.rbac.authorization.k8s.io"}

// Excess are the rights beyond need that a credential has, of those that do harm; for
// the one that reads, whatever the repairs of specs change with the other. It only asks.
func (c *Cluster) Excess(ctx context.Context, as Role, specs []remediation.Spec) (all []string, err error) {
	asks := slices.Clone(excess)
	for _, r := range Changes(specs) {
		if as == Reading {
			asks = append(asks, r.Each()...)
		} else {
			asks = slices.DeleteFunc(asks, func(e string) bool { return slices.Contains(r.Each(), e) })
		}
	}
	for _, a := range asks {
		verb, what, _ := strings.Cut(a, " ")
		allowed, err := c.May(ctx, as, verb, what)
		if err != nil {
			return all, err
		}
		if allowed {
			if all = append(all, a); a == "* *" {
				return all, nil // it may do the rest as well
			}
		}
	}
	return all, nil
}

// Lacking is a right that a credential needs and has not.
type Lacking struct {
	Right string // "patch nodes"
	For   string // the repairs that it disables, or what is UNKNOWN without it
}

// Lacks are the needed rights that a credential has not: of the one that reads, what
// [Reads] says; of the other, what the repairs of specs change. It only asks.
func (c *Cluster) Lacks(ctx context.Context, as Role, specs []remediation.Spec) (all []Lacking, err error) {
	rules := Reads()
	if as == Acting {
		rules = Changes(specs)
	}
	for _, r := range rules {
		for _, right := range r.Each() {
			verb, what, _ := strings.Cut(right, " ")
			allowed, err := c.May(ctx, as, verb, what)
			if err != nil {
				return all, err
			}
			if !allowed {
				all = append(all, Lacking{right, r.For})
			}
		}
	}
	return all, nil
}
