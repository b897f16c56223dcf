package discordtest

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Limits of messages; https://discord.com/developers/docs/resources/message#create-message
// and #embed-object-embed-limits, https://discord.com/developers/docs/components/reference
const (
	maxContent     = 2000
	maxEmbeds      = 10
	maxEmbedChars  = 6000
	maxEmbedFields = 25
	maxRows        = 5
	maxButtons     = 5
	maxComponents  = 40
	maxCustomID    = 100
)

func checkMessage(f *form, m *Message) {
	f.length("content", m.Content, 0, maxContent)
	f.count("embeds", len(m.Embeds), maxEmbeds)
	total := 0
	for i, e := range m.Embeds {
		total += checkEmbed(f, "embeds."+strconv.Itoa(i), e)
	}
	if total > maxEmbedChars {
		f.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
	}
	v2 := m.Flags&FlagComponentsV2 != 0
	if v2 && (m.Content != "" || len(m.Embeds) > 0) {
		f.add("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "The 'content' and 'embeds' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2")
	}
	checkComponents(f, m.Components, v2)
}

func checkEmbed(f *form, at string, e Embed) (chars int) {
	text := func(path, value string, least, most int) {
		f.length(at+"."+path, value, least, most)
		chars += utf8.RuneCountInString(value)
	}
	text("title", e.Title, 0, 256)
	text("description", e.Description, 0, 4096)
	if e.Footer != nil {
		text("footer.text", e.Footer.Text, 0, 2048)
	}
	if e.Author != nil {
		text("author.name", e.Author.Name, 0, 256)
	}
	f.count(at+".fields", len(e.Fields), maxEmbedFields)
	for i, field := range e.Fields {
		text(fmt.Sprintf("fields.%d.name", i), field.Name, 1, 256)
		text(fmt.Sprintf("fields.%d.value", i), field.Value, 1, 1024)
	}
	if e.Title+e.Description+e.URL == "" && e.Footer == nil && e.Author == nil && e.Image == nil && e.Thumbnail == nil && len(e.Fields) == 0 {
		f.add(at+".description", "BASE_TYPE_REQUIRED", "This field is required")
	}
	return chars
}

func checkComponents(f *form, list []Component, v2 bool) {
	if !v2 {
		f.count("components", len(list), maxRows)
	}
	n := 0
	seen := map[string]bool{}
	for c := range flat(list) {
		if n++; c.CustomID != "" && seen[c.CustomID] {
			f.add("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
		}
		seen[c.CustomID] = true
	}
	if n > maxComponents {
		f.add("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The maximum number of components on a message is 40")
	}
	for i, c := range list {
		at := "components." + strconv.Itoa(i)
		if c.Type != ActionRow && !v2 {
			f.add(at+".type", "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (1,).")
		}
		checkComponent(f, at, c)
	}
}

func checkComponent(f *form, at string, c Component) {
	f.length(at+".custom_id", c.CustomID, 0, maxCustomID)
	f.length(at+".placeholder", c.Placeholder, 0, 150)
	for i, inner := range c.Components {
		checkComponent(f, at+".components."+strconv.Itoa(i), inner)
	}
	if c.Accessory != nil {
		checkComponent(f, at+".accessory", *c.Accessory)
	}
	switch c.Type {
	case ActionRow:
		f.count(at+".components", len(c.Components), maxButtons)
		selects := slices.ContainsFunc(c.Components, func(x Component) bool { return x.Type != Button })
		if len(c.Components) == 0 || selects && len(c.Components) > 1 {
			f.add(at+".components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
		}
	case Button:
		f.length(at+".label", c.Label, 0, 80)
		f.length(at+".url", c.URL, 0, 512)
		if (c.Style == 5) != (c.URL != "") || c.Style != 5 && c.CustomID == "" {
			f.add(at+".custom_id", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required, and a URL with style 5 only")
		}
		if c.Label == "" && c.Emoji == nil {
			f.add(at+".label", "BUTTON_COMPONENT_LABEL_REQUIRED", "A label or an emoji is required")
		}
	case StringSelect:
		checkSelect(f, at, c)
	}
}

func checkSelect(f *form, at string, c Component) {
	if len(c.Options) == 0 || len(c.Options) > 25 {
		f.add(at+".options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
	}
	f.length(at+".custom_id", c.CustomID, 1, maxCustomID)
	chosen, seen := 0, map[string]bool{}
	for i, o := range c.Options {
		of := fmt.Sprintf("%s.options.%d", at, i)
		f.length(of+".label", o.Label, 1, 100)
		f.length(of+".value", o.Value, 1, 100)
		f.length(of+".description", o.Description, 0, 100)
		if seen[o.Value] {
			f.add(of+".value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		if seen[o.Value] = true; o.Default {
			chosen++
		}
	}
	if c.MaxValues != nil && chosen > *c.MaxValues {
		f.add(at+".options", "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", "Too many default values")
	}
}

// checkModal holds a form to its limits.
func checkModal(f *form, m *Modal) {
	f.length("data.custom_id", m.CustomID, 1, maxCustomID)
	f.length("data.title", m.Title, 1, 45)
	if len(m.Components) == 0 || len(m.Components) > 5 {
		f.add("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	seen := map[string]bool{}
	for c := range flat(m.Components) {
		if c.CustomID != "" && seen[c.CustomID] {
			f.add("data.components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
		}
		seen[c.CustomID] = true
		if c.Type != TextInput {
			continue
		}
		f.length("data.components.custom_id", c.CustomID, 1, maxCustomID)
		f.length("data.components.placeholder", c.Placeholder, 0, 100)
		f.length("data.components.value", c.Value, 0, 4000)
		if c.MaxLength != nil {
			f.length("data.components.value", c.Value, 0, *c.MaxLength)
		}
	}
}

// flat walks components and what is in them.
func flat(list []Component) iter.Seq[*Component] {
	return func(yield func(*Component) bool) {
		walk(list, yield)
	}
}

func walk(list []Component, yield func(*Component) bool) bool {
	for i := range list {
		c := &list[i]
		if !yield(c) || !walk(c.Components, yield) {
			return false
		}
		for _, one := range []*Component{c.Component, c.Accessory} {
			if one != nil && (!yield(one) || !walk(one.Components, yield)) {
				return false
			}
		}
	}
	return true
}

// embeds completes what a bot sent.
func embeds(list []Embed) []Embed {
	out := append([]Embed{}, list...)
	for i := range out {
		out[i].Type = "rich"
	}
	return out
}

// components completes what a bot sent: every component has a number.
func components(list []Component) []Component {
	out := append([]Component{}, list...)
	n, one, no, yes := 0, 1, false, true
	for c := range flat(out) {
		if n++; c.ID == 0 {
			c.ID = n
		}
		if c.Type == Container && c.Spoiler == nil {
			c.Spoiler = &no
		}
		if c.Type == Separator && c.Divider == nil {
			c.Divider = &yes
		}
		if c.Type == Separator && c.Spacing == 0 {
			c.Spacing = 1
		}
		if c.Type == StringSelect || c.Type >= UserSelect && c.Type <= ChannelSelect {
			if c.MinValues == nil {
				c.MinValues = &one
			}
			if c.MaxValues == nil {
				c.MaxValues = &one
			}
		}
	}
	return out
}
