// Package spec holds requests to Discord, and what answers them, to Discord's own
// OpenAPI document and to the rules that the document cannot say: those of
// Discord's documentation, and our own for the safety of a room (nobody is notified
// by a text, no code block stays open, nothing runs from right to left).
//
// It is for tests: a [Checker] goes around a simulated Discord. The document is part
// of the package, so no check is ever left out because a file is missing.
//
// Sources of the rules: https://discord.com/developers/docs/resources/message,
// .../components/reference, .../interactions/receiving-and-responding,
// .../interactions/application-commands, .../reference. Lengths are counted in code
// points, as Discord does (https://github.com/discord/discord-api-docs/issues/1315).
package spec

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Count tells what was seen of one operation.
type Count struct {
	Requests int         // that came in, right or wrong
	Refused  int         // of those, the ones with a violation
	Answers  map[int]int // that went out, by status, right or wrong
	Faulty   int         // of those, the ones with a violation
}

// Checker holds what passes through it to the document and the rules. It may be used
// by many requests at once; New makes one.
type Checker struct {
	doc    *document
	prefix string
	report func(format string, args ...any)

	mu     sync.Mutex
	counts map[string]Count
}

// New returns a checker for an API below a prefix, as "/api/v10". Each violation is
// reported once, with all that is wrong with the request or the answer: pass
// t.Errorf (never t.Fatalf: reports come from the server's goroutines).
func New(prefix string, report func(format string, args ...any)) (*Checker, error) {
	doc, err := load()
	if err != nil {
		return nil, err
	}
	return &Checker{doc: doc, prefix: prefix, report: report, counts: map[string]Count{}}, nil
}

// Middleware is Wrap of a checker that nobody asks for its counts.
func Middleware(prefix string, report func(format string, args ...any), next http.Handler) (http.Handler, error) {
	c, err := New(prefix, report)
	if err != nil {
		return nil, err
	}
	return c.Wrap(next), nil
}

// Wrap checks every request below the prefix and its answer. A request that breaks a
// rule is reported and answered 400 with code 50035, and never reaches next. An
// answer that breaks one is reported and sent all the same. Other paths pass
// untouched, such as the gateway's.
func (c *Checker) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.below(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		body, err := readBody(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest) // the client went away
			return
		}
		op, violations := c.request(r, body)
		id := "no such operation"
		if op != nil {
			id = op.ID
		}
		c.note(id, func(n *Count) {
			n.Requests++
			if len(violations) > 0 {
				n.Refused++
			}
		})
		if len(violations) > 0 {
			c.report("%s", describeAll("a request breaks Discord's rules", r, id, violations, body))
			refuse(w, violations)
			return
		}
		c.pass(w, r, op, next)
	})
}

// Counts returns what was seen, by the document's operation ids, as "create_message".
// What no operation fits stands under "no such operation".
func (c *Checker) Counts() map[string]Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := maps.Clone(c.counts)
	for id, n := range counts {
		n.Answers = maps.Clone(n.Answers)
		counts[id] = n
	}
	return counts
}

// Covered are the operations of which at least one right request got a right answer
// that was no error, sorted: what a test has really shown.
func (c *Checker) Covered() []string {
	var covered []string
	for id, n := range c.Counts() {
		good := 0
		for status, times := range n.Answers {
			if status < 300 {
				good += times
			}
		}
		if n.Requests > n.Refused && good > n.Faulty {
			covered = append(covered, id)
		}
	}
	slices.Sort(covered)
	return covered
}

func (c *Checker) note(id string, change func(*Count)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts[id]
	if n.Answers == nil {
		n.Answers = map[int]int{}
	}
	change(&n)
	c.counts[id] = n
}

// Operations are the ids of all operations that the document knows, sorted.
func (c *Checker) Operations() []string { return slices.Sorted(maps.Keys(c.doc.operations)) }

// Callback holds the answer to an interaction to the same rules: for the answers
// that go back over HTTP, which no request carries. Nil when nothing is wrong.
func (c *Checker) Callback(body []byte) error {
	op := c.doc.operations["create_interaction_response"]
	violations := c.body(op, body, nil)
	if len(violations) == 0 {
		return nil
	}
	return fmt.Errorf("the answer to an interaction breaks Discord's rules:%s\n  body: %s", list(violations), cut(string(body), 600))
}

// Component holds a JSON value to a schema of the document by its name there, as
// "MessageResponse": for what arrives over the gateway. Nil when it fits.
func (c *Checker) Component(name string, body []byte) error {
	value, err := decode(body)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	faults, err := c.doc.loose.check("#/components/schemas/"+name, value)
	if err != nil || len(faults) == 0 {
		return err
	}
	return fmt.Errorf("not a %s:%s\n  value: %s", name, list(violationsOf(faults, value)), cut(string(body), 600))
}
