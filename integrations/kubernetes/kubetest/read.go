package kubetest

import (
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
)

// selector is what of a list or a watch is asked for.
type selector struct {
	labels labels.Selector
	fields fields.Selector
	in     string
}

func (c *call) selector() (selector, *metav1.Status) {
	q := c.r.URL.Query()
	l, err := labels.Parse(q.Get("labelSelector"))
	if err != nil {
		return selector{}, refusal(http.StatusBadRequest, "BadRequest", err.Error())
	}
	f, err := fields.ParseSelector(q.Get("fieldSelector"))
	if err != nil {
		return selector{}, refusal(http.StatusBadRequest, "BadRequest", err.Error())
	}
	return selector{l, f, c.namespace}, nil
}

func (s selector) fits(o object) bool {
	if o == nil || s.in != "" && o.GetNamespace() != s.in || !s.labels.Matches(labels.Set(o.GetLabels())) {
		return false
	}
	return s.fields.Empty() || s.fields.Matches(fieldsOf(o))
}

// fieldsOf are those that a field selector may name.
func fieldsOf(o object) fields.Set {
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	switch o := o.(type) {
	case *corev1.Pod:
		set["spec.nodeName"], set["status.phase"] = o.Spec.NodeName, string(o.Status.Phase)
	case *corev1.Event:
		set["type"], set["reason"] = o.Type, o.Reason
		set["involvedObject.kind"], set["involvedObject.name"] = o.InvolvedObject.Kind, o.InvolvedObject.Name
		set["involvedObject.namespace"], set["involvedObject.uid"] = o.InvolvedObject.Namespace, string(o.InvolvedObject.UID)
	}
	return set
}

// listing is a page of objects.
type listing struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ListMeta `json:"metadata"`
	Items           []object        `json:"items"`
}

// list answers a page. What continues a list names the version that it was begun
// at; one whose version is forgotten gets 410, as the real one after 5 minutes.
func (s *Server) list(c *call) any {
	sel, refused := c.selector()
	if refused != nil {
		return refused
	}
	q := c.r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 0
	}
	from, version := 0, s.store.version
	if token := q.Get("continue"); token != "" {
		v, at, ok := strings.Cut(token, ".")
		began, err1 := strconv.ParseInt(v, 10, 64)
		n, err2 := strconv.Atoi(at)
		if !ok || err1 != nil || err2 != nil {
			return refusal(http.StatusBadRequest, "BadRequest", "invalid continue token")
		}
		if began <= s.store.oldest {
			return refusal(http.StatusGone, "Expired", "The provided continue parameter is too old")
		}
		from, version = n, began
	}
	out := listing{TypeMeta: metav1.TypeMeta{APIVersion: c.kind.GroupVersion().String(), Kind: c.kind.Kind + "List"}, Items: []object{}}
	out.Metadata.ResourceVersion = strconv.FormatInt(version, 10)
	all := s.store.list(c.kind, c.namespace) // of now: simpler than as of that version
	seen := 0
	for _, o := range all {
		if !sel.fits(o) {
			continue
		}
		if seen++; seen <= from {
			continue
		}
		if limit > 0 && len(out.Items) == limit {
			out.Metadata.Continue = strconv.FormatInt(version, 10) + "." + strconv.Itoa(from+limit)
			break
		}
		out.Items = append(out.Items, o)
	}
	return out
}

// seenBy is what a change looks like through a selector: an object that no longer
// fits looks deleted.
func seenBy(sel selector, p past) (watch.EventType, object) {
	is, was := sel.fits(p.is), sel.fits(p.was)
	switch {
	case p.what == watch.Deleted:
		if was {
			return watch.Deleted, p.is
		}
	case is && !was:
		return watch.Added, p.is
	case is:
		return watch.Modified, p.is
	case was:
		return watch.Deleted, p.is
	}
	return "", nil
}
