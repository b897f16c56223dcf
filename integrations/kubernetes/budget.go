package kubernetes

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"wardroom/bot/fleet"
)

// budgets are those of the cluster with the pods that each covers. In a large cluster
// nearly every workload has one: not each is held to every pod.
func budgets(e everything, pods []fleet.Pod) []fleet.Budget {
	all := of[budget](e, "poddisruptionbudgets")
	find := finder{pods: pods, by: map[label][]int{}}
	for _, b := range all {
		find.by[b.label()] = nil
	}
	find.index()
	out := make([]fleet.Budget, 0, len(all))
	for _, b := range all {
		made := b.Budget
		made.Covers = []string{}
		for _, i := range find.by[b.label()] {
			if p := &pods[i]; b.selector != nil && b.selector.Matches(labels.Set(p.Labels)) {
				made.Covers = append(made.Covers, p.String())
			}
		}
		out = append(out, made)
	}
	slices.SortFunc(out, func(a, b fleet.Budget) int { return byName(a.Object, b.Object) })
	return out
}

// label is one that pods of a namespace have; with an empty key every pod has it.
type label struct{ namespace, key, value string }

// label is one that every pod has which the budget covers.
func (b budget) label() label {
	if b.selector != nil {
		needs, _ := b.selector.Requirements()
		for _, r := range needs {
			switch r.Operator() {
			case selection.In, selection.Equals, selection.DoubleEquals:
				if values := r.Values().UnsortedList(); len(values) == 1 {
					return label{b.Namespace, r.Key(), values[0]}
				}
			}
		}
	}
	return label{namespace: b.Namespace}
}

// finder finds pods by the labels that are asked for, in their order.
type finder struct {
	pods []fleet.Pod
	by   map[label][]int
}

func (f finder) index() {
	for i := range f.pods {
		p := &f.pods[i]
		add := func(l label) {
			if in, wanted := f.by[l]; wanted {
				f.by[l] = append(in, i)
			}
		}
		add(label{namespace: p.Namespace})
		for k, v := range p.Labels {
			add(label{p.Namespace, k, v})
		}
	}
}
