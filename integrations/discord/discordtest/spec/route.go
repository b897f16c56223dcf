package spec

import (
	"net/http"
	"net/url"
	"strings"
)

// node is a step of the tree of paths. A literal step goes before a parameter, as
// in OpenAPI: ".../messages/pins" is not the message "pins".
type node struct {
	literal map[string]*node
	any     *node
	methods map[string]*operation // of a path that ends here
}

func (n *node) add(op *operation) {
	for step := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		if strings.HasPrefix(step, "{") {
			if n.any == nil {
				n.any = &node{}
			}
			n = n.any
			continue
		}
		if n.literal == nil {
			n.literal = map[string]*node{}
		}
		if n.literal[step] == nil {
			n.literal[step] = &node{}
		}
		n = n.literal[step]
	}
	if n.methods == nil {
		n.methods = map[string]*operation{}
	}
	n.methods[op.Method] = op
}

// match finds the operation; known tells whether the path exists with other methods.
func (n *node) match(method string, steps []string) (op *operation, known bool) {
	if len(steps) == 0 {
		return n.methods[method], n.methods != nil
	}
	if next := n.literal[steps[0]]; next != nil {
		if op, k := next.match(method, steps[1:]); op != nil {
			return op, true
		} else if k {
			known = true
		}
	}
	if n.any != nil && steps[0] != "" {
		op, k := n.any.match(method, steps[1:])
		return op, k || known
	}
	return nil, known
}

// find returns the operation of a request and the values of its path parameters by
// name; a nil operation comes with what is wrong.
func (d *document) find(prefix string, r *http.Request) (*operation, map[string]string, string) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), strings.TrimSuffix(prefix, "/")+"/")
	if !ok {
		return nil, nil, "the path is not below " + prefix
	}
	steps := strings.Split(rest, "/")
	op, known := d.routes.match(r.Method, steps)
	switch {
	case op == nil && known:
		return nil, nil, "the path has no method " + r.Method
	case op == nil:
		return nil, nil, "the document has no such path"
	}
	values := map[string]string{}
	for i, step := range strings.Split(strings.TrimPrefix(op.Path, "/"), "/") {
		name, isParam := strings.CutPrefix(step, "{")
		if !isParam {
			continue
		}
		value, err := url.PathUnescape(steps[i])
		if err != nil {
			return nil, nil, "the path is not URL-encoded: " + err.Error()
		}
		values[strings.TrimSuffix(name, "}")] = value
	}
	return op, values, ""
}
