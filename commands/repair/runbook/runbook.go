// Package runbook writes every repair as pages that are read without Wardroom: what it
// does, when it is the one to choose, what it breaks, each step with its commands,
// how to see that it worked, how to undo it.
//
// The pages are made from the repairs themselves: plans on a cluster that is held in
// memory, so that what people do by hand and what Wardroom does cannot drift apart.
package runbook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

// File is one file of the runbook.
type File struct {
	Name string // without folders: "node-reboot.md"
	Body []byte
}

// The names of pages that are none of a repair.
const (
	indexName = "index"
	hereName  = "here"
)

// Pages are the pages of all repairs with placeholders for names, as Markdown and as
// HTML, and an index. The same repairs give the same bytes. here tells the index that
// there are pages with the cluster's own names beside it, see [Here].
func Pages(ctx context.Context, here bool) ([]File, error) {
	w := example()
	var pages []page
	for _, r := range repair.All(w.ports()) {
		p, err := pageOf(ctx, w, r.Spec())
		if err != nil {
			return nil, fmt.Errorf("the page of %s: %w", r.Spec().Name, err)
		}
		pages = append(pages, p.replaced(placeholders))
	}
	return files(append([]page{index(repair.All(w.ports()), here)}, pages...)), nil
}

func files(pages []page) []File {
	var all []File
	for _, p := range pages {
		all = append(all, File{p.name + ".md", p.markdown()}, File{p.name + ".html", p.html()})
	}
	return all
}

// index is the page that people open first.
func index(all []remediation.Remediation, here bool) page {
	p := page{name: indexName, title: "Repairs by hand"}
	p.say("These pages are for the night when Wardroom does not answer. While it does, leave repairs to it: it locks, asks a second person, verifies and writes down.")
	p.heading(2, "Before you touch anything")
	p.list(
		item{text: "Tell the others what you are about to do, and where you write down what you did."},
		item{text: "Look whether Wardroom, or somebody else, is at it already: two repairs of one node undo each other."},
		item{text: "One node at a time. Never the last Ready one."},
		item{text: "The order of the steps matters: a volume is freed before its machine is touched."},
		item{text: "A name may have moved to another machine since: compare the machine's number before you turn off or replace it."},
	)
	if here {
		p.heading(2, "This cluster")
		p.list(item{"The same with this cluster's own names", hereName})
	}
	p.heading(2, "Repairs, the least disruptive first")
	var list []item
	for _, r := range all {
		s := r.Spec()
		list = append(list, item{fmt.Sprintf("%s (%s: %s)", s.Summary, s.Name, s.Tier), s.Name})
	}
	p.list(list...)
	p.heading(2, "Words to fill in")
	p.blocks = append(p.blocks, block{table: [][]string{
		{"Word", "What it is", "Where it stands"},
		{"NODE", "the node", "kubectl get nodes -o wide"},
		{"INSTANCE-ID", "the number of its machine", "kubectl get node NODE -o jsonpath='{.spec.providerID}'"},
		{"ADDRESS-OF-NODE", "its address, where it runs Talos", "kubectl get node NODE -o wide: INTERNAL-IP"},
		{"LKE-ID", "the number of the cluster", "linode-cli lke clusters-list"},
		{"SLOT-ID", "the node's place in its pool", "linode-cli lke pools-list LKE-ID: the id beside instance_id INSTANCE-ID"},
		{"VOLUME", "the PersistentVolume", "kubectl get pv"},
		{"VOLUME-ID", "its number at Linode", "kubectl get pv VOLUME -o jsonpath='{.spec.csi.volumeHandle}': the number before the dash"},
		{"NAMESPACE, WORKLOAD", "what runs on it", "kubectl get pods -A -o wide --field-selector spec.nodeName=NODE"},
		{"REPLICAS", "how many there were: note it before you scale", "kubectl -n NAMESPACE get deployment/WORKLOAD"},
	}})
	p.say("Where several workloads or volumes are concerned, the steps that name one are done for each. A StatefulSet is scaled as statefulset/WORKLOAD.")
	return p
}

// pageOf is the page of one repair, on w.
func pageOf(ctx context.Context, w *world, s remediation.Spec) (page, error) {
	p := page{name: s.Name, title: s.Summary}
	p.say("%s, version %d. %s.", s.Name, s.Version, consent(s.Tier))
	p.heading(2, "When to use it")
	p.say("%s", s.When)
	p.heading(2, "What it breaks")
	p.say("%s", s.Breaks)
	if len(s.Access) > 0 {
		p.heading(2, "What you need")
		var needs []item
		for _, a := range s.Access {
			if need := (item{text: fmt.Sprintf("%s: %s %s", a.System, a.Verb, a.What)}); !slices.Contains(needs, need) {
				needs = append(needs, need)
			}
		}
		p.list(needs...)
	}
	p.heading(2, "Steps")
	made, err := shapesOf(ctx, w, s.Name, "")
	if err != nil {
		return p, err
	}
	for _, m := range made {
		if len(made) > 1 {
			p.heading(3, "%s", m.when)
		}
		p.blocks = append(p.blocks, block{steps: m.steps()})
	}
	p.verification(s, made)
	p.undo(s, made)
	return p, nil
}

// verification shows the waiting steps at the end of the plans, which are what
// Wardroom itself verifies.
func (p *page) verification(s remediation.Spec, made []plannedShape) {
	p.heading(2, "How to see that it worked")
	var shown []string
	var steps []step
	for _, m := range made {
		for _, one := range m.checks() {
			if !slices.Contains(shown, one.Words) {
				shown = append(shown, one.Words)
				steps = append(steps, step{text: one.Words, code: one.Commands})
			}
		}
	}
	if len(steps) > 0 {
		p.blocks = append(p.blocks, block{steps: steps})
	}
	if len(s.Check) > 0 {
		p.blocks = append(p.blocks, block{code: s.Check})
	}
}

func (p *page) undo(s remediation.Spec, made []plannedShape) {
	p.heading(2, "How to undo it")
	undo := made[0].plan.Undo
	switch {
	case s.NoUndo != "":
		p.say("There is no undo of its own: %s. By hand, the last steps do what a run does by itself.", s.NoUndo)
	case undo != "":
		p.say("By %s.", undo)
	}
	var others []item
	for _, r := range repair.All(example().ports()) {
		if o := r.Spec(); o.Name != s.Name && strings.Contains(undo, "/"+strings.Replace(o.Name, "-", " ", 1)) {
			others = append(others, item{"By hand: " + o.Summary, o.Name})
		}
	}
	if len(others) > 0 {
		p.list(others...)
	}
	var back []step
	var shown []string
	// The order matters: that of the plan with the most steps, which has nearly all of them.
	longest := slices.Clone(made)
	slices.SortStableFunc(longest, func(x, y plannedShape) int { return len(y.plan.Steps) - len(x.plan.Steps) })
	for _, m := range longest {
		for _, one := range m.plan.Steps {
			if how, ok := m.repair.Step(one.Name); ok && how.Restores && how.Do != nil && !slices.Contains(shown, one.Words) && m.acts() > 1 {
				shown = append(shown, one.Words)
				back = append(back, step{text: one.Words, code: one.Commands})
			}
		}
	}
	if len(back) > 0 {
		p.say("If you stop half-way, put back what you have changed:")
		p.blocks = append(p.blocks, block{steps: back})
	}
}

// consent says who has to agree, as Wardroom asks.
func consent(t remediation.Tier) string {
	switch t {
	case remediation.Observe:
		return "It changes nothing"
	case remediation.Routine:
		return "Routine: one person decides"
	case remediation.Disruptive:
		return "Disruptive: ask a second person first"
	}
	return "Destructive: ask a second person first, and read the name of what it hits aloud"
}

// plannedShape is a plan for one way in which the target may be found.
type plannedShape struct {
	when   string
	repair remediation.Remediation
	plan   remediation.Plan
}

// shapesOf plans a repair of one target in each of its shapes, of which those that
// lead to the same steps as an earlier one are left out.
func shapesOf(ctx context.Context, w *world, name, target string) (all []plannedShape, err error) {
	how, known := examples[name]
	if !known {
		return nil, problem.New(problem.NotFound, "there is no example of %s in the runbook", name)
	}
	if target == "" {
		target = how.target
	}
	for _, shape := range how.shapes {
		now := w.copy()
		shape.make(now, target)
		repairs := repair.All(now.ports())
		r := repairs[slices.IndexFunc(repairs, func(r remediation.Remediation) bool { return r.Spec().Name == name })]
		plan, err := r.Plan(ctx, how.params(target))
		if err != nil {
			return nil, err
		}
		made := plannedShape{shape.when, r, plan}
		if !slices.ContainsFunc(all, func(o plannedShape) bool { return made.same(o) }) {
			all = append(all, made)
		}
	}
	return all, nil
}

// Plans are the plans of a repair on the example, one for each way in which its target
// may be found that leads to other steps. change, which may be nil, adds to the
// cluster first. They show what a repair may come to; nobody carries them out.
func Plans(ctx context.Context, name string, change func(*fleet.Snapshot)) (plans []remediation.Plan, err error) {
	w := example()
	if change != nil {
		change(&w.s)
	}
	made, err := shapesOf(ctx, w, name, "")
	for _, m := range made {
		plans = append(plans, m.plan)
	}
	return plans, err
}

func (m plannedShape) same(o plannedShape) bool {
	return slices.EqualFunc(m.plan.Steps, o.plan.Steps, func(x, y remediation.PlannedStep) bool {
		return x.Words == y.Words && slices.Equal(x.Commands, y.Commands)
	})
}

// steps are the plan's, with what a person must know to carry them out.
func (m plannedShape) steps() (all []step) {
	for _, s := range m.plan.Steps {
		one := step{text: s.Words, code: s.Commands}
		if how, ok := m.repair.Step(s.Name); ok {
			one.remark = remark(how)
		}
		all = append(all, one)
	}
	return all
}

func remark(s remediation.Step) string {
	var words []string
	switch {
	case s.Do == nil:
		words = append(words, "wait and look")
	case s.Destructive || !s.Repeatable:
		words = append(words, "once only: if no answer came, look whether it was done before you do it again")
	case s.Repeatable:
		words = append(words, "may be repeated")
	}
	if s.Late > 0 {
		words = append(words, "late after "+minutes(s.Late))
	}
	return strings.Join(words, "; ")
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.String()
}

// checks are the steps at the end that only look.
func (m plannedShape) checks() []remediation.PlannedStep {
	i := len(m.plan.Steps)
	for i > 0 {
		if how, ok := m.repair.Step(m.plan.Steps[i-1].Name); !ok || how.Do != nil {
			break
		}
		i--
	}
	return m.plan.Steps[i:]
}

// acts counts the steps that change something.
func (m plannedShape) acts() (n int) {
	for _, s := range m.plan.Steps {
		if how, ok := m.repair.Step(s.Name); ok && how.Do != nil {
			n++
		}
	}
	return n
}
