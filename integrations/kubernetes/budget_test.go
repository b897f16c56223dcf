package kubernetes

import (
	"fmt"
	"slices"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/fleet"
)

func TestBudgetsCoverWhatTheirSelectorsSay(t *testing.T) {
	pod := func(namespace, name string, labels map[string]string) fleet.Pod {
		return fleet.Pod{Object: fleet.Object{Kind: "Pod", Namespace: namespace, Name: name}, Labels: labels}
	}
	pods := []fleet.Pod{
		pod("default", "a", map[string]string{"app": "site", "tier": "web"}),
		pod("default", "b", map[string]string{"app": "site", "tier": "batch"}),
		pod("default", "c", map[string]string{"app": "bot"}),
		pod("other", "a", map[string]string{"app": "site", "tier": "web"}),
	}
	in := func(key string, values ...string) metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: values}
	}
	not := metav1.LabelSelectorRequirement{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"batch"}}
	for name, c := range map[string]struct {
		selector *metav1.LabelSelector
		covers   []string
	}{
		"one label":                {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "site"}}, []string{"default/a", "default/b"}},
		"two labels":               {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "site", "tier": "web"}}, []string{"default/a"}},
		"a label nobody has":       {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "none"}}, nil},
		"one of several values":    {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in("app", "site", "bot")}}, []string{"default/a", "default/b", "default/c"}},
		"one value, as expression": {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in("app", "bot")}}, []string{"default/c"}},
		"not a value":              {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{not}}, []string{"default/a", "default/c"}},
		"a label and not a value":  {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "site"}, MatchExpressions: []metav1.LabelSelectorRequirement{not}}, []string{"default/a"}},
		"all of the namespace":     {&metav1.LabelSelector{}, []string{"default/a", "default/b", "default/c"}},
		"no selector":              {nil, nil},
	} {
		record := budgetRecord(&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "it"},
			Spec: policyv1.PodDisruptionBudgetSpec{Selector: c.selector}})
		got := budgets(everything{"poddisruptionbudgets": {record}}, pods)
		if len(got) != 1 || !slices.Equal(got[0].Covers, c.covers) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// BenchmarkBudgets is of a cluster of a thousand nodes in which every workload has one.
func BenchmarkBudgets(b *testing.B) {
	e, pods := everything{}, []fleet.Pod{}
	for i := range 700 {
		labels := map[string]string{"app": fmt.Sprintf("service-%d", i), "team": "a", "hash": "b"}
		e["poddisruptionbudgets"] = append(e["poddisruptionbudgets"], budgetRecord(&policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: labels["app"]},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": labels["app"]}}}}))
		for j := range 14 {
			pods = append(pods, fleet.Pod{Object: fleet.Object{Namespace: "default", Name: fmt.Sprint(labels["app"], j)}, Labels: labels})
		}
	}
	for b.Loop() {
		budgets(e, pods)
	}
}
