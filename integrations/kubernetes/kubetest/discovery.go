package kubetest

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// discover answers what the API server serves; nil when the path asks for more.
func (s *Server) discover(path []string) any {
	switch {
	case len(path) == 1 && path[0] == "api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case len(path) == 1 && path[0] == "apis":
		return s.groups()
	case len(path) == 2 && path[0] == "api" && path[1] == "v1":
		return s.resources("", "v1")
	case len(path) == 3 && path[0] == "apis":
		return s.resources(path[1], path[2])
	}
	return nil
}

func (s *Server) groups() any {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIGroupList"}}
	var seen []string
	for _, path := range s.store.paths() {
		k := s.store.kinds[path]
		if k.Group == "" || slices.Contains(seen, k.Group) {
			continue
		}
		seen = append(seen, k.Group)
		v := metav1.GroupVersionForDiscovery{GroupVersion: k.GroupVersion().String(), Version: k.Version}
		list.Groups = append(list.Groups, metav1.APIGroup{Name: k.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
	}
	return list
}

func (s *Server) resources(group, version string) any {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}}
	for _, path := range s.store.paths() {
		k := s.store.kinds[path]
		if k.Group != group || k.Version != version {
			continue
		}
		list.GroupVersion = k.GroupVersion().String()
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: k.resource, Kind: k.Kind, Namespaced: k.namespaced,
			Verbs: metav1.Verbs{"create", "delete", "get", "list", "patch", "update", "watch"}})
		for _, sub := range k.subs {
			r := metav1.APIResource{Name: k.resource + "/" + sub, Kind: k.Kind, Namespaced: k.namespaced, Verbs: metav1.Verbs{"get", "patch", "update"}}
			switch sub {
			case "eviction":
				r.Group, r.Version, r.Kind, r.Verbs = "policy", "v1", "Eviction", metav1.Verbs{"create"}
			case "scale":
				r.Group, r.Version, r.Kind = "autoscaling", "v1", "Scale"
			}
			list.APIResources = append(list.APIResources, r)
		}
	}
	if list.GroupVersion == "" {
		return nil
	}
	return list
}
