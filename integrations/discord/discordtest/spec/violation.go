package spec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// violation is one broken rule.
type violation struct {
	Rule  string // which: "document", or a name of this package, as "content-length"
	At    string // where in the body, or the header's or parameter's name
	Why   string
	Value string // the value that breaks it, cut when shown
}

func (v violation) String() string {
	s := "[" + v.Rule + "]"
	if v.At != "" {
		s += " " + v.At
	}
	s += ": " + v.Why
	if v.Value != "" {
		s += fmt.Sprintf(", got %q", cut(v.Value, 80))
	}
	return s
}

// found collects violations while a body is walked.
type found []violation

func (f *found) add(rule, at, value, why string, args ...any) {
	*f = append(*f, violation{Rule: rule, At: at, Why: fmt.Sprintf(why, args...), Value: value})
}

func list(violations []violation) string {
	const most = 12
	var b strings.Builder
	for i, v := range violations {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(violations)-most)
			break
		}
		b.WriteString("\n  " + v.String())
	}
	return b.String()
}

func describeAll(what string, r *http.Request, id string, violations []violation, body []byte) string {
	return fmt.Sprintf("%s\n%s %s (%s)%s\n  body: %s", what, r.Method, r.URL.RequestURI(), id, list(violations), cut(strings.ToValidUTF8(string(body), "\uFFFD"), 600))
}

// refuse answers as Discord does, and says in the error's message which rules.
func refuse(w http.ResponseWriter, violations []violation) {
	status, code := http.StatusBadRequest, 50035
	for _, v := range violations {
		switch v.Rule {
		case "empty-message":
			code = 50006
		case "path":
			status, code = http.StatusNotFound, 0
		}
	}
	answer, err := json.Marshal(map[string]any{"code": code, "message": "Invalid Form Body:" + list(violations)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // nobody is left to tell
}

// violationsOf turns what a schema refuses into violations.
func violationsOf(faults []fault, value any) []violation {
	vs := make([]violation, len(faults))
	for i, f := range faults {
		vs[i] = violation{Rule: "document", At: path(f.At), Why: f.Why, Value: show(lookup(value, f.At))}
	}
	return vs
}

func show(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
