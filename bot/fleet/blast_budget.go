package fleet

import (
	"slices"
	"strings"
)

// Overlap is a pod that more than one budget covers. Kubernetes evicts no such pod,
// whatever the budgets allow, until all but one are gone:
// https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
type Overlap struct {
	Pod     Object   `json:"pod"`
	Budgets []Object `json:"budgets"`
}

// String is "default/site-1 is under 2 budgets: default/all, default/site".
func (o Overlap) String() string {
	var names []string
	for _, b := range o.Budgets {
		names = append(names, b.String())
	}
	return o.Pod.String() + " is under " + counted(len(o.Budgets), "budget") + ": " + strings.Join(names, ", ")
}

// blocking are the budgets that allow no disruption now and cover a pod that is lost.
func (b *blaster) blocking() (all []Budget) {
	for _, budget := range b.s.Budgets {
		if budget.Allowed <= 0 && slices.ContainsFunc(b.pods, func(p Pod) bool { return slices.Contains(budget.Covers, p.String()) }) {
			all = append(all, budget)
		}
	}
	slices.SortFunc(all, func(x, y Budget) int { return compareObjects(x.Object, y.Object) })
	return all
}

// overlaps are the pods that are lost and that more than one budget covers. What has
// not begun to run, or ends already, is not held up by budgets.
func (b *blaster) overlaps() (all []Overlap) {
	over := map[string][]Object{}
	for _, p := range b.pods {
		if p.Phase != "Pending" && p.Terminating.IsZero() {
			over[p.String()] = nil
		}
	}
	for _, budget := range b.s.Budgets {
		for _, pod := range budget.Covers {
			if budgets, lost := over[pod]; lost {
				over[pod] = append(budgets, budget.Object)
			}
		}
	}
	for _, p := range b.pods {
		if budgets := over[p.String()]; len(budgets) > 1 {
			slices.SortFunc(budgets, compareObjects)
			all = append(all, Overlap{Pod: p.Object, Budgets: budgets})
		}
	}
	slices.SortFunc(all, func(x, y Overlap) int { return compareObjects(x.Pod, y.Pod) })
	return all
}
