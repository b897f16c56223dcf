package kubetest

import (
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
)

// access is what a token may do: rules "verb resource", where either may be "*".
type access struct {
	allow, deny []string
	expired     bool
}

func newAccess() map[string]*access {
	reads := []string{"get *", "list *", "watch *"}
	acts := append(slices.Clone(reads), "patch nodes", "delete pods", "create pods/eviction", "patch deployments", "patch deployments/scale",
		"patch statefulsets", "patch statefulsets/scale", "patch replicasets/scale", "patch daemonsets",
		"patch applications.argoproj.io", "patch kustomizations.kustomize.toolkit.fluxcd.io", "patch helmreleases.helm.toolkit.fluxcd.io")
	secrets := []string{"get secrets", "list secrets", "watch secrets"}
	return map[string]*access{ObserveToken: {allow: reads, deny: secrets}, ActToken: {allow: acts, deny: slices.Clone(secrets)}, AdminToken: {allow: []string{"* *"}}}
}

func (a *access) may(verb, resource string) bool {
	fits := func(rule string) bool {
		v, r, _ := strings.Cut(rule, " ")
		return (v == "*" || v == verb) && (r == "*" || r == resource)
	}
	return slices.ContainsFunc(a.allow, fits) && !slices.ContainsFunc(a.deny, fits)
}

// Deny takes something from a token, as "patch nodes" or "list poddisruptionbudgets";
// Allow gives it back, or more than it had.
func (s *Server) Deny(token, rule string) {
	s.do(func() {
		s.token(token).deny = append(s.token(token).deny, rule)
		s.store.version++ // who reads again only what has changed finds out
	})
}

// Allow undoes Deny, and allows more than the token had.
func (s *Server) Allow(token, rule string) {
	s.do(func() {
		a := s.token(token)
		a.deny = slices.DeleteFunc(a.deny, func(r string) bool { return r == rule })
		a.allow = append(a.allow, rule)
		s.store.version++
	})
}

// Expire makes a token invalid, or valid again.
func (s *Server) Expire(token string, expired bool) {
	s.do(func() { s.token(token).expired = expired })
}

func (s *Server) token(token string) *access {
	if s.access[token] == nil {
		s.access[token] = &access{}
	}
	return s.access[token]
}

// review answers a question about the asker's own access.
func (s *Server) review(a *access, r *authorizationv1.SelfSubjectAccessReview) {
	if at := r.Spec.ResourceAttributes; at != nil {
		resource := at.Resource
		if at.Group != "" && strings.Contains(at.Group, ".") && !builtInGroup(at.Group) {
			resource += "." + at.Group
		}
		if at.Subresource != "" {
			resource += "/" + at.Subresource
		}
		r.Status.Allowed = a.may(at.Verb, resource)
	}
}

func builtInGroup(group string) bool { return strings.HasSuffix(group, ".k8s.io") }
