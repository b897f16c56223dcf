package repair_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/commands/repair"
)

func (w *world) remediation(t *testing.T, name string) remediation.Remediation {
	t.Helper()
	for _, r := range repair.All(repair.Ports{Cluster: w, Cloud: sky{w}, Redis: pond{w}, Support: office{w}, Clock: w.clock, Past: w.recorded, NotBack: w.notBack, Talos: talos{w}, Blast: w.blast}) {
		if r.Spec().Name == name {
			return r
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func (w *world) plan(t *testing.T, name string, params ...string) remediation.Plan {
	t.Helper()
	p, err := w.remediation(t, name).Plan(t.Context(), asParams(slices.Concat(params, w.extra)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func asParams(list []string) map[string]string {
	params := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		params[list[i]] = list[i+1]
	}
	return params
}

// carrier carries a plan out as the engine does, and may have one step meet a fault.
type carrier struct {
	*testing.T
	w       *world
	r       remediation.Remediation
	plan    remediation.Plan
	learned map[string]string

	at     int       // the step that meets it; -1: none
	broken *breakage // by its requests
	blind  error     // by the first times that it is observed
	anyway bool      // who is asked goes on all the same, where that is offered
}

// carry carries a plan out until a step cannot become so. It returns how far it came
// and why it ended; "" when all is done.
func (w *world) carry(t *testing.T, p remediation.Plan) (at int, why string) {
	t.Helper()
	return (&carrier{T: t, w: w, r: w.remediation(t, p.Remediation), plan: p, learned: map[string]string{}, at: -1}).all()
}

func (c *carrier) all() (at int, why string) {
	c.Helper()
	for i := range c.plan.Steps {
		if why := c.one(i); why != "" {
			return i, c.plan.Steps[i].Name + ": " + why
		}
	}
	return len(c.plan.Steps), ""
}

// progress of one step.
type progress struct {
	step     remediation.Step
	state    remediation.State
	begun    bool
	accepted bool
	refused  bool // for now: it did not arrive
	attempts int
}

const blinks = 3 // how often a step cannot be observed at first

// one takes a step until it is so. why says "failed: …" or "asks: …" otherwise.
func (c *carrier) one(i int) (why string) {
	c.Helper()
	planned := c.plan.Steps[i]
	step, known := c.r.Step(planned.Name)
	if !known {
		c.Fatalf("there is no step %s", planned.Name)
	}
	p := &progress{step: step, state: remediation.State{Run: "INC-1/run-1", Plan: c.plan, Args: planned.Args}}
	for n := range 300 {
		p.state.Now, p.state.Learned = c.w.clock.Now(), map[string]string{}
		maps.Copy(p.state.Learned, c.plan.Learned)
		maps.Copy(p.state.Learned, c.learned)
		if c.at == i && n < blinks {
			c.w.blind = c.blind
		}
		seen, err := step.Observe(c.Context(), p.state)
		c.w.blind = nil
		switch {
		case err != nil && !passes(err):
			return "asks: " + err.Error()
		case seen.Failed != "":
			return "failed: " + seen.Failed
		case seen.So:
			maps.Copy(c.learned, seen.Learned)
			return ""
		case seen.Ask != "" && seen.Anyway != nil && c.anyway:
			maps.Copy(c.learned, seen.Anyway)
			return ""
		case seen.Ask != "":
			return "asks: " + seen.Ask
		case err == nil:
			if c.at == i {
				c.w.broken = c.broken
			}
			why := c.ask(p, seen)
			if c.w.broken = nil; why != "" {
				return why
			}
		}
		c.w.pass(10 * time.Second)
	}
	return "never: " + planned.Words
}

func passes(err error) bool {
	code := problem.CodeOf(err)
	return code == problem.Unavailable || code == problem.Internal
}

// ask asks for a step that is not so, unless it was accepted already.
func (c *carrier) ask(p *progress, seen remediation.Seen) (why string) {
	switch {
	case p.accepted && !seen.Again:
		return ""
	case p.begun && !p.step.Repeatable && !p.refused:
		return c.reconcile(p)
	}
	if p.step.Do != nil && p.step.Prove != nil {
		if err := p.step.Prove(c.Context(), p.state); err != nil && passes(err) {
			return ""
		} else if err != nil {
			return "failed: " + err.Error()
		}
	}
	if !p.begun {
		maps.Copy(c.learned, seen.Learned)
		p.begun, p.state.Started = true, c.w.clock.Now()
		p.attempts++
	}
	if p.step.Do == nil {
		p.accepted = true
		return ""
	}
	learned, err := p.step.Do(c.Context(), p.state)
	_, maybe := errors.AsType[*fleet.Maybe](err)
	p.refused = false
	switch code := problem.CodeOf(err); {
	case err == nil:
		p.accepted = true
		maps.Copy(c.learned, learned)
	case maybe:
	case code == problem.Unavailable:
		p.refused = true
	case code == problem.Internal:
		return "asks: " + err.Error()
	default:
		return "failed: " + err.Error()
	}
	return ""
}

func (c *carrier) reconcile(p *progress) (why string) {
	v, err := p.step.Reconcile(c.Context(), p.state)
	switch {
	case err != nil:
	case v == remediation.Arrived:
		p.accepted = true
	case v == remediation.Foreign:
		return "asks: somebody else has done it"
	case v == remediation.Absent && p.attempts == 2:
		return "asks: it was asked for twice"
	case v == remediation.Absent:
		p.begun, p.state.Started = false, time.Time{}
	}
	return ""
}

// putBack carries out the steps from one on that restore and are not so.
func (c *carrier) putBack(from int) {
	c.Helper()
	for i := from; i < len(c.plan.Steps); i++ {
		if step, _ := c.r.Step(c.plan.Steps[i].Name); step.Restores {
			if why := c.one(i); why != "" {
				c.Errorf("putting back: %s: %s", c.plan.Steps[i].Words, why)
			}
		}
	}
}
