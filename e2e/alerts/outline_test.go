package alerts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
)

// outline says what a screen reader's user would miss in a page: one main part, one
// heading of the first level, no level left out, and a name for everything that needs
// one.
func outline(nodes []*accessibility.Node) (amiss []string) {
	count := map[string]int{}
	level := 0
	for _, n := range nodes {
		role, name := text(n.Role), text(n.Name)
		if n.Ignored {
			continue
		}
		count[role]++
		if name == "" && slices.Contains([]string{"heading", "link", "button", "image", "img", "RootWebArea", "region"}, role) {
			amiss = append(amiss, role+" without a name")
		}
		if role != "heading" {
			continue
		}
		next := property(n, "level")
		if next == 1 {
			count["first"]++
		}
		if next > level+1 {
			amiss = append(amiss, fmt.Sprintf("the heading %q of level %d follows one of level %d", name, next, level))
		}
		level = next
	}
	for what, name := range map[string]string{"main": "main part", "first": "heading of the first level"} {
		if count[what] != 1 {
			amiss = append(amiss, fmt.Sprintf("%d × %s: want one", count[what], name))
		}
	}
	return amiss
}

func text(v *accessibility.Value) (s string) {
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

func property(n *accessibility.Node, name string) (value int) {
	for _, p := range n.Properties {
		if string(p.Name) == name && json.Unmarshal(p.Value.Value, &value) == nil {
			return value
		}
	}
	return 0
}
