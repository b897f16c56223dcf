package spec

// Types of components. https://discord.com/developers/docs/components/reference#component-object-component-types
const (
	actionRow     = 1
	button        = 2
	stringSelect  = 3
	textInput     = 4
	lastSelect    = 8 // user, role, mentionable, channel: 5 to 8
	section       = 9
	textDisplay   = 10
	container     = 17
	label         = 18
	linkButton    = 5 // a button's style
	premiumButton = 6
)

func isSelect(kind int64) bool { return kind == stringSelect || kind > textInput && kind <= lastSelect }

// walk collects what holds for all components of a message or a modal together.
type walk struct {
	found
	customIDs []string
	ids       []string
	count     int
	text      int // characters of text displays
}

// checkComponents holds the components of a message to the rules.
func checkComponents(components []any, at string, isV2 bool) []violation {
	var w walk
	if !isV2 && len(components) > 5 {
		w.add("component-rows", at, "", "a message has at most 5 rows, not %d", len(components))
	}
	for i, v := range components {
		c := asObject(v)
		if kind := c.int("type"); !isV2 && kind != actionRow {
			w.add("components-v2", in(at, i), show(v), "without the flag IS_COMPONENTS_V2 a message has action rows only")
		}
		w.component(c, in(at, i))
	}
	if isV2 && w.count > 40 {
		w.add("components-v2", at, "", "a message has at most 40 components, not %d", w.count)
	}
	if w.text > 4000 {
		w.add("components-v2", at, "", "all text displays of a message have at most 4000 characters together, not %d", w.text)
	}
	w.unique("custom-id", at, w.customIDs)
	w.unique("component-id", at, w.ids)
	return w.found
}

func (w *walk) component(c object, at string) {
	w.count++
	if id, ok := c.number("id"); ok && id != 0 {
		w.ids = append(w.ids, show(c["id"]))
	}
	switch kind := c.int("type"); {
	case kind == actionRow:
		w.row(c, at)
		return
	case kind == button:
		w.button(c, at)
	case isSelect(kind):
		w.selects(c, at)
	case kind == textDisplay:
		w.text += length(c.text("content"))
		w.openBlock(join(at, "content"), c.text("content"))
	}
	for i, inner := range c.list("components") {
		w.component(asObject(inner), in(join(at, "components"), i))
	}
	if accessory := c.object("accessory"); accessory != nil {
		w.component(accessory, join(at, "accessory"))
	}
}

// row: up to five buttons, or one select alone.
func (w *walk) row(c object, at string) {
	inner := c.list("components")
	if len(inner) < 1 || len(inner) > 5 {
		w.add("action-row", at, "", "a row has 1 to 5 components, not %d", len(inner))
	}
	for i, v := range inner {
		child := asObject(v)
		where := in(join(at, "components"), i)
		switch kind := child.int("type"); {
		case isSelect(kind) && len(inner) > 1:
			w.add("action-row", where, "", "a select stands alone in its row")
		case kind != button && !isSelect(kind):
			w.add("action-row", where, show(child["type"]), "a row of a message has buttons or a select")
		}
		w.component(child, where)
	}
}

func (w *walk) custom(c object, at string) {
	id := c.text("custom_id")
	w.limit("custom-id", join(at, "custom_id"), id, 1, 100)
	w.customIDs = append(w.customIDs, id)
}

func (w *walk) button(c object, at string) {
	style := c.int("style")
	switch style {
	case linkButton:
		w.limit("button", join(at, "url"), c.text("url"), 1, 512)
		if says(c["custom_id"]) {
			w.add("button", join(at, "custom_id"), c.text("custom_id"), "a link has a url and no custom_id")
		}
	case premiumButton:
		if says(c["custom_id"]) || says(c["label"]) || says(c["url"]) || !says(c["sku_id"]) {
			w.add("button", at, "", "a premium button has a sku_id and nothing else")
		}
		return
	default:
		w.custom(c, at)
		if says(c["url"]) {
			w.add("button", join(at, "url"), c.text("url"), "only a link has a url")
		}
	}
	w.limit("button", join(at, "label"), c.text("label"), 0, 80)
	if !says(c["label"]) && !says(c["emoji"]) {
		w.add("button", at, show(map[string]any(c)), "a button has a label or an emoji")
	}
}

func (w *walk) selects(c object, at string) {
	w.custom(c, at)
	w.limit("select", join(at, "placeholder"), c.text("placeholder"), 0, 150)
	least, most := int64(1), int64(1)
	if n, ok := c.number("min_values"); ok {
		least = n
	}
	if n, ok := c.number("max_values"); ok {
		most = n
	}
	if least < 0 || least > most || most < 1 || most > 25 {
		w.add("select", at, "", "min_values %d and max_values %d do not go together (0 to 25, 1 to 25)", least, most)
	}
	if c.int("type") != stringSelect {
		return
	}
	options := c.list("options")
	if len(options) < 1 || len(options) > 25 {
		w.add("select", join(at, "options"), "", "a select has 1 to 25 options, not %d", len(options))
	}
	if least > int64(len(options)) || most > int64(len(options)) {
		w.add("select", at, "", "min_values %d and max_values %d are no more than the %d options", least, most, len(options))
	}
	var values []string
	chosen := int64(0)
	for i, v := range options {
		o, where := asObject(v), in(join(at, "options"), i)
		w.limit("select", join(where, "label"), o.text("label"), 1, 100)
		w.limit("select", join(where, "value"), o.text("value"), 1, 100)
		w.limit("select", join(where, "description"), o.text("description"), 0, 100)
		values = append(values, o.text("value"))
		if o.truth("default") {
			chosen++
		}
	}
	if chosen > most {
		w.add("select", join(at, "options"), "", "%d options are chosen and at most %d may be", chosen, most)
	}
	w.unique("select", join(at, "options"), values)
}
