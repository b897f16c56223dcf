package linodetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// paginate filters, orders and cuts a list as X-Filter, page and page_size ask.
// https://techdocs.akamai.com/linode-api/reference/filtering-and-sorting
func (s *Server) paginate(list any, r *http.Request) (any, *Refusal) {
	all, err := s.items(list, r.URL.Path)
	if err != nil {
		return nil, &Refusal{http.StatusInternalServerError, "", err.Error()}
	}
	filter := map[string]any{}
	if text := r.Header.Get("X-Filter"); text != "" {
		if err := json.Unmarshal([]byte(text), &filter); err != nil {
			return nil, &Refusal{http.StatusBadRequest, "", "Invalid X-Filter"}
		}
	}
	all = slices.DeleteFunc(all, func(item map[string]any) bool { return !matches(item, filter) })
	if by, ok := filter["+order_by"].(string); ok {
		slices.SortStableFunc(all, func(a, b map[string]any) int {
			c := compare(a[by], b[by])
			if filter["+order"] == "desc" {
				c = -c
			}
			return c
		})
	}
	page, size := 1, 100
	for name, n := range map[string]*int{"page": &page, "page_size": &size} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		if *n, err = strconv.Atoi(text); err != nil || *n < 1 || name == "page_size" && (*n < 25 || *n > 500) {
			return nil, &Refusal{http.StatusBadRequest, name, "Must be within the allowed range"}
		}
	}
	pages := max((len(all)+size-1)/size, 1)
	if page > pages {
		return nil, notFound
	}
	cut := all[min((page-1)*size, len(all)):min(page*size, len(all))]
	return map[string]any{"data": append([]map[string]any{}, cut...), "page": page, "pages": pages, "results": len(all)}, nil
}

// shown is a list as a client sees it, and its text.
type shown struct {
	text  string
	items []map[string]any
}

// items are a list as a client sees it. They are not changed. Clients ask for the same
// list again and again: one that has not changed is not read anew.
func (s *Server) items(list any, path string) ([]map[string]any, error) {
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	now := shown{text: string(raw)}
	if last, is := s.shown[path]; is && last.text == now.text {
		return slices.Clone(last.items), nil
	}
	if err := json.Unmarshal(raw, &now.items); err != nil {
		return nil, err
	}
	s.shown[path] = now
	return slices.Clone(now.items), nil
}

func matches(item, filter map[string]any) bool {
	for key, want := range filter {
		switch key {
		case "+order", "+order_by":
			continue
		case "+and", "+or":
			if !combined(key, item, want) {
				return false
			}
			continue
		}
		if !holds(field(item, key), want) {
			return false
		}
	}
	return true
}

func combined(how string, item map[string]any, want any) bool {
	list, _ := want.([]any)
	for _, w := range list {
		m, _ := w.(map[string]any)
		if matches(item, m) == (how == "+or") {
			return how == "+or"
		}
	}
	return how == "+and"
}

// field follows a dotted name, as entity.id.
func field(item map[string]any, name string) any {
	first, rest, more := strings.Cut(name, ".")
	inner, ok := item[first].(map[string]any)
	if more && ok {
		return field(inner, rest)
	}
	return item[first]
}

func holds(have, want any) bool {
	ops, ok := want.(map[string]any)
	if !ok {
		return compare(have, want) == 0
	}
	for op, value := range ops {
		c := compare(have, value)
		ok := map[string]bool{"+gt": c > 0, "+gte": c >= 0, "+lt": c < 0, "+lte": c <= 0, "+neq": c != 0,
			"+contains": strings.Contains(fmt.Sprint(have), fmt.Sprint(value))}[op]
		if !ok {
			return false
		}
	}
	return true
}

func compare(a, b any) int {
	x, isX := a.(float64)
	y, isY := b.(float64)
	if isX && isY && !math.IsNaN(x+y) {
		return cmp.Compare(x, y)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
