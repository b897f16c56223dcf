package commands

import (
	"fmt"
	"maps"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

// pageOption turns the pages of a list that may be long.
var pageOption = command.Option{Name: "page", Help: "Which page; 1 is the first", Type: command.Int, Default: "1"}

// paged is one page of a list, and the buttons that turn it. turn holds the options
// that every page has in common. A page behind the last one is an Invalid problem; the
// first page of an empty list is empty.
func paged[T any](r command.Request, all []T, turn map[string]string) (rows []T, where string, acts []command.Action, err error) {
	page, pages := r.Int("page"), max(1, (len(all)+pageSize-1)/pageSize)
	if page < 1 || page > pages {
		return nil, "", nil, problem.New(problem.Invalid, "there is no page %d", page).WithHint("pages count from 1 to %d", pages)
	}
	to := func(label string, page int) {
		options := map[string]string{}
		maps.Copy(options, turn)
		options["page"] = fmt.Sprint(page)
		acts = append(acts, command.Action{Label: label, Ask: command.Ask{Path: r.Command.Path, Options: options}})
	}
	if page < pages {
		to("Next page", page+1)
	}
	if page > 1 {
		to("Previous page", page-1)
	}
	if pages > 1 {
		where = fmt.Sprintf(" Page %d of %d.", page, pages)
	}
	return all[(page-1)*pageSize : min(page*pageSize, len(all))], where, acts, nil
}
