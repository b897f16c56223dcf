package kubetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// store keeps objects. What it holds is never changed in place.
type store struct {
	kinds   map[string]kind
	objects map[string]map[string]object // by kind's path, by namespace/name
	version int64
	uids    int
	history map[string][]past
	oldest  int64               // versions up to it are forgotten
	sorted  map[string][]object // by kind's path; dropped at every change
	changed chan struct{}       // closed and replaced at every change
	told    int64
}

// past is one change.
type past struct {
	version int64
	what    watch.EventType
	is      object
	was     object // nil when it was added
}

// remembered is how many changes of a kind are kept for watches.
const remembered = 50_000

func newStore() *store {
	return &store{kinds: newKinds(), objects: map[string]map[string]object{}, history: map[string][]past{}, sorted: map[string][]object{}, changed: make(chan struct{}), version: 1000}
}

func keyOf(namespace, name string) string { return namespace + "/" + name }

// byResource finds a kind by the plural that is unique among those served.
func (s *store) byResource(resource string) kind {
	for _, k := range s.kinds {
		if k.resource == resource {
			return k
		}
	}
	panic("kubetest: no resource " + resource) // a mistake in this package
}

func (s *store) get(k kind, namespace, name string) object {
	return s.objects[k.path()][keyOf(namespace, name)]
}

// list returns all objects of a kind by name, in one namespace or in all.
func (s *store) list(k kind, namespace string) []object {
	all, fresh := s.sorted[k.path()]
	if !fresh {
		all = slices.SortedFunc(maps.Values(s.objects[k.path()]), func(a, b object) int {
			return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
		})
		s.sorted[k.path()] = all
	}
	if namespace == "" {
		return all
	}
	var out []object
	for _, o := range all {
		if o.GetNamespace() == namespace {
			out = append(out, o)
		}
	}
	return out
}

func (s *store) put(k kind, o object, at metav1.Time) object {
	o = o.DeepCopyObject().(object)
	o.GetObjectKind().SetGroupVersionKind(k.GroupVersionKind)
	if o.GetUID() == "" {
		s.uids++
		o.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", s.uids)))
	}
	if created := o.GetCreationTimestamp(); created.IsZero() {
		o.SetCreationTimestamp(at)
	}
	s.version++
	o.SetResourceVersion(strconv.FormatInt(s.version, 10))
	key := keyOf(o.GetNamespace(), o.GetName())
	if s.objects[k.path()] == nil {
		s.objects[k.path()] = map[string]object{}
	}
	was := s.objects[k.path()][key]
	what := watch.Modified
	if was == nil {
		what = watch.Added
	}
	s.objects[k.path()][key] = o
	s.remember(k, past{s.version, what, o, was})
	return o
}

func (s *store) remove(k kind, o object) {
	key := keyOf(o.GetNamespace(), o.GetName())
	was := s.objects[k.path()][key]
	if was == nil {
		return
	}
	delete(s.objects[k.path()], key)
	s.version++
	last := was.DeepCopyObject().(object)
	last.SetResourceVersion(strconv.FormatInt(s.version, 10))
	s.remember(k, past{s.version, watch.Deleted, last, was})
}

func (s *store) remember(k kind, p past) {
	delete(s.sorted, k.path())
	h := append(s.history[k.path()], p)
	if len(h) > remembered {
		s.oldest = max(s.oldest, h[len(h)-remembered-1].version)
		h = slices.Clone(h[len(h)-remembered:])
	}
	s.history[k.path()] = h
}

// same reports whether a change changes nothing.
func same(a, b object) bool { return equality.Semantic.DeepEqual(a, b) }

// after are the changes of a kind after a version.
func (s *store) after(k kind, version int64) []past {
	h := s.history[k.path()]
	at, _ := slices.BinarySearchFunc(h, version+1, func(p past, v int64) int { return cmp.Compare(p.version, v) })
	return h[at:]
}

func (s *store) compact() {
	s.oldest = s.version
	clear(s.history)
	s.version++ // a list made now is younger than what is forgotten
}

// tell wakes the watches when something has changed.
func (s *store) tell() {
	if s.told != s.version {
		s.told = s.version
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// paths are the kinds in a fixed order.
func (s *store) paths() []string { return slices.Sorted(maps.Keys(s.kinds)) }
