package alert

import (
	"fmt"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Matchers select alerts by their labels, all of which must match. They are
// written as in Alertmanager's configuration: `severity=~"page|critical",
// namespace!="test"`, with or without braces; regular expressions are anchored;
// a label that an alert does not have counts as empty. No matchers match all.
// https://prometheus.io/docs/alerting/latest/configuration/#matcher
type Matchers []*labels.Matcher

// ParseMatchers reads Alertmanager's matcher syntax. "" and "{}" match all.
func ParseMatchers(s string) (Matchers, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	ms, err := parse.Matchers(s)
	if err != nil {
		return nil, fmt.Errorf(`matchers %q: %w (write them as severity="page", namespace!~"test|dev")`, s, err)
	}
	return Matchers(ms), nil
}

// Match reports whether all matchers hold for labels.
func (m Matchers) Match(labels map[string]string) bool {
	for _, one := range m {
		if !one.Matches(labels[one.Name]) {
			return false
		}
	}
	return true
}

// String is what [ParseMatchers] reads: "{}" when all match.
func (m Matchers) String() string { return labels.Matchers(m).String() }

// names are the labels that are looked at.
func (m Matchers) names() []string {
	names := make([]string, len(m))
	for i, one := range m {
		names[i] = one.Name
	}
	return names
}

func (m Matchers) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m *Matchers) UnmarshalText(b []byte) error {
	v, err := ParseMatchers(string(b))
	if err == nil {
		*m = v
	}
	return err
}
