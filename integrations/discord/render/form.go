package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/integrations/discord/rest"
)

// Form renders a form as the first answer to whoever tapped: a modal when all of it
// is typed, else a message that only they see, with selects and a button; then the
// modal is nil. The message holds all that was chosen so far itself. An error comes
// back when what the form carries cannot be kept.
func (r *Renderer) Form(v command.FormView) (*rest.Modal, rest.Message, error) {
	chosen := selects(v)
	if len(chosen) == 0 && len(v.Fields) > 0 {
		modal, err := r.Modal(v)
		return modal, rest.Message{}, err
	}
	send, err := r.send(v)
	if err != nil {
		return nil, rest.Message{}, err
	}
	m := rest.Message{Flags: rest.Ephemeral}
	lines := []string{"**" + safeLine(cut(oneLine(v.Title), 200)) + "**"}
	for _, f := range chosen {
		lines = append(lines, question(f))
		one, err := menu(v.Ask.Path, f)
		if err != nil {
			return nil, rest.Message{}, err
		}
		m.Components = append(m.Components, discordgo.ActionsRow{Components: []discordgo.MessageComponent{one}})
	}
	m.Components = append(m.Components, discordgo.ActionsRow{Components: []discordgo.MessageComponent{send}})
	m.Content, _ = cutMarkdown(strings.Join(lines, "\n"), maxContent, "…")
	return nil, m, nil
}

// Modal renders what is typed of a form and leaves out what is chosen: that stands
// in v.Ask already, or the person chose not to say it. It answers the button of a
// form message ([Type]). A form of which nothing is typed has none: nil.
func (r *Renderer) Modal(v command.FormView) (*rest.Modal, error) {
	fields := inputs(v)
	if len(fields) == 0 {
		return nil, nil
	}
	id, err := r.customID(Route{Act: Send, Ask: command.Ask{Path: v.Ask.Path, Options: v.Ask.Options}})
	if err != nil {
		return nil, unkept(err)
	}
	modal := &rest.Modal{CustomID: id, Title: cmp.Or(plain(v.Title, maxModalTitle), plain("/"+v.Ask.Path, maxModalTitle))}
	for _, f := range fields {
		modal.Components = append(modal.Components, discordgo.ActionsRow{Components: []discordgo.MessageComponent{input(f)}})
	}
	return modal, nil
}

// selects are the fields that a form message asks for. A proposal that no select
// can carry makes its field a typed one, when none is left.
func selects(v command.FormView) []command.FormField {
	var out []command.FormField
	for _, f := range v.Fields {
		if len(options(f)) > 0 && len(out) < maxSelectsAMenu {
			out = append(out, f)
		}
	}
	return out
}

// inputs are the fields that are typed, among them those that no select has room for.
func inputs(v command.FormView) []command.FormField {
	chosen := map[string]bool{}
	for _, f := range selects(v) {
		chosen[f.Option.Name] = true
	}
	var out []command.FormField
	for _, f := range v.Fields {
		if !chosen[f.Option.Name] && len(out) < maxModalInputs {
			out = append(out, f)
		}
	}
	return out
}

// send is the button below the selects: it opens the modal for what is typed, or
// sends the form.
func (r *Renderer) send(v command.FormView) (discordgo.Button, error) {
	act, says := Send, plain(v.Submit, maxButtonLabel)
	if len(inputs(v)) > 0 {
		act, says = Type, "Next"
	}
	id, err := r.customID(Route{Act: act, Ask: command.Ask{Path: v.Ask.Path, Options: v.Ask.Options}})
	if err != nil {
		return discordgo.Button{}, unkept(err)
	}
	return discordgo.Button{Label: cmp.Or(says, "Send"), Style: discordgo.PrimaryButton, CustomID: id}, nil
}

func unkept(err error) error {
	return problem.New(problem.Unavailable, "the form cannot be opened now").WithHint("type the command instead").Because(err)
}

// menu is a select whose chosen options are marked. Its id is never kept: names of
// options are short, and [ReadForm] shall need nothing but the message.
func menu(path string, f command.FormField) (discordgo.SelectMenu, error) {
	route := Route{Act: Pick, Ask: command.Ask{Path: path}, Field: f.Option.Name}
	id := route.String()
	if err := route.check(); err != nil || len(id) > maxCustomID {
		return discordgo.SelectMenu{}, unkept(cmp.Or(err, fmt.Errorf("discord: %q is too long for a select", id)))
	}
	all := options(f)
	least, most := 0, 1
	if f.Option.Required {
		least = 1
	}
	if f.Many {
		most = len(all)
	}
	return discordgo.SelectMenu{MenuType: discordgo.StringSelectMenu, CustomID: id, Placeholder: plain(ask(f), maxPlaceholder),
		MinValues: &least, MaxValues: most, Options: all}, nil
}

// options are the proposals as a select shows them, without those that it cannot
// carry: too long, empty, or there already.
func options(f command.FormField) []discordgo.SelectMenuOption {
	chosen := map[string]bool{}
	for _, c := range f.Chosen() {
		chosen[c] = true
	}
	seen := map[string]bool{}
	var out []discordgo.SelectMenuOption
	for _, p := range f.Proposals {
		said := plain(cmp.Or(p.Label, p.Value), maxOptionText)
		if said == "" || p.Value == "" || seen[p.Value] || Units(p.Value) > maxOptionText || oneLine(p.Value) != p.Value || len(out) == maxSelect {
			continue
		}
		seen[p.Value] = true
		out = append(out, discordgo.SelectMenuOption{Label: said, Value: p.Value, Description: plain(p.Help, maxOptionText), Default: chosen[p.Value]})
	}
	return out
}

func input(f command.FormField) discordgo.TextInput {
	in := discordgo.TextInput{
		CustomID: f.Option.Name, Label: cmp.Or(plain(ask(f), maxInputLabel), plain(f.Option.Name, maxInputLabel)),
		Style: discordgo.TextInputShort, Required: f.Option.Required, MaxLength: maxInputValue,
	}
	in.Placeholder = plain(moreThan(ask(f), f.Option.Help), maxInputPrompt)
	in.Value = cut(oneLine(f.Value), maxInputValue)
	if f.Long {
		in.Style, in.Value = discordgo.TextInputParagraph, cut(manyLines(f.Value), maxInputValue)
	}
	return in
}

// ask is the question of a field in a few words.
func ask(f command.FormField) string { return cmp.Or(f.Label, capital(f.Option.Name)) }

func question(f command.FormField) string {
	says, help := safeLine(cut(oneLine(ask(f)), 100)), safeLine(cut(oneLine(moreThan(ask(f), f.Option.Help)), 200))
	if help == "" {
		return says
	}
	return fmt.Sprintf("%s: %s", says, help)
}

// moreThan is what a help says besides its label, which mostly is how it begins.
func moreThan(label, help string) string {
	rest, begins := strings.CutPrefix(help, label)
	if !begins {
		return help
	}
	return strings.TrimLeft(rest, ";:, ")
}
