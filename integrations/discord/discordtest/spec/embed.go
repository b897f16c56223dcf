package spec

import "strings"

// checkEmbeds holds embeds to Discord's limits.
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits
func checkEmbeds(embeds []any, at string) []violation {
	var all found
	if len(embeds) > 10 {
		all.add("embed-count", at, "", "a message has at most 10 embeds, not %d", len(embeds))
	}
	total := 0
	for i, v := range embeds {
		total += all.embed(asObject(v), in(at, i))
	}
	if total > 6000 {
		all.add("embed-total", at, "", "all embeds of a message have at most 6000 characters together, not %d", total)
	}
	return all
}

// embed checks one and returns how many characters count.
func (f *found) embed(e object, at string) int {
	footer, author := e.object("footer"), e.object("author")
	total := 0
	for _, p := range []struct {
		at, text string
		most     int
	}{
		{"title", e.text("title"), 256},
		{"description", e.text("description"), 4096},
		{"footer.text", footer.text("text"), 2048},
		{"author.name", author.text("name"), 256},
	} {
		f.limit("embed-length", join(at, p.at), p.text, 0, p.most)
		total += length(p.text)
	}
	f.openBlock(join(at, "description"), e.text("description"))
	f.openBlock(join(at, "title"), e.text("title"))
	fields := e.list("fields")
	if len(fields) > 25 {
		f.add("embed-fields", join(at, "fields"), "", "an embed has at most 25 fields, not %d", len(fields))
	}
	for i, v := range fields {
		field, where := asObject(v), in(join(at, "fields"), i)
		for _, p := range []struct {
			name string
			most int
		}{{"name", 256}, {"value", 1024}} {
			text := field.text(p.name)
			f.limit("embed-length", join(where, p.name), text, 1, p.most)
			if text != "" && strings.TrimSpace(text) == "" {
				f.add("embed-blank", join(where, p.name), text, "Discord takes blanks away, and it must not be empty")
			}
			f.openBlock(join(where, p.name), text)
			total += length(text)
		}
	}
	if f.blank(e, footer, author) {
		f.add("embed-blank", at, show(map[string]any(e)), "an embed without anything to see is refused")
	}
	return total
}

func (f *found) blank(e, footer, author object) bool {
	text := e.text("title") + e.text("description") + footer.text("text") + author.text("name")
	return strings.TrimSpace(text) == "" && len(e.list("fields")) == 0 && !says(e["image"]) && !says(e["thumbnail"]) && !says(e["video"])
}
