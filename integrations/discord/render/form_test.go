package render

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

func statusForm() command.FormView {
	return command.FormView{
		Title: "Tell the public something", Submit: "Post", Ask: command.Ask{Path: "status post", Options: map[string]string{"incident": "INC-1"}},
		Fields: []command.FormField{
			{Option: command.Option{Name: "state", Type: command.Choice, Help: "What the incident's status says"}, Label: "State", Value: "identified",
				Proposals: []command.Proposal{{Value: "investigating"}, {Value: "identified"}, {Value: "monitoring"}}},
			{Option: command.Option{Name: "components", Help: "What is affected"}, Label: "Components", Many: true, Value: "Website=down",
				Proposals: []command.Proposal{{Value: "Website=down", Help: "major outage"}, {Value: "API=degraded", Label: "API is degraded"}, {Value: "API=degraded"}, {Value: ""}, {Value: strings.Repeat("x", 101)}}},
			{Option: command.Option{Name: "text", Help: "What the public reads", Required: true}, Label: "What the public reads", Value: "We are investigating\na problem.", Long: true},
			{Option: command.Option{Name: "title", Help: "A better title; left out: as before"}, Label: "A better title"},
		},
	}
}

func typedForm() command.FormView {
	v := statusForm()
	v.Fields = v.Fields[2:]
	return v
}

func chosenForm() command.FormView {
	v := statusForm()
	v.Fields = v.Fields[:2]
	v.Fields[0].Option.Required = true
	return v
}

func TestForms(t *testing.T) {
	modal, _, err := newRenderer().Form(typedForm())
	if err != nil || modal == nil {
		t.Fatal(modal, err)
	}
	callback(t, discordgo.InteractionResponseModal, *modal)
	golden(t, "form-typed", modal)

	for name, v := range map[string]command.FormView{"form-mixed": statusForm(), "form-chosen": chosenForm()} {
		modal, m, err := newRenderer().Form(v)
		if err != nil || modal != nil {
			t.Fatal(modal, err)
		}
		legal(t, m)
		golden(t, name, m)
	}
}

func TestAFormIsAnsweredAcrossARestart(t *testing.T) {
	_, m, err := newRenderer().Form(statusForm())
	if err != nil {
		t.Fatal(err)
	}
	message := seen(t, m)
	for _, choice := range []struct {
		id     string
		values []string
	}{
		{"pick/status/post:state", []string{"monitoring"}},
		{"pick/status/post:components", []string{"API=degraded", "Website=down"}},
		{"pick/status/post:components", []string{"API=degraded"}},
	} {
		next, err := ReadPick(message, discordgo.MessageComponentInteractionData{CustomID: choice.id, Values: choice.values})
		if err != nil {
			t.Fatal(err)
		}
		legal(t, next)
		message = seen(t, next)
	}
	route, err := newRenderer().Route("type/status/post?incident=INC-1")
	if err != nil {
		t.Fatal(err)
	}
	ask := ReadForm(message, route)
	want := map[string]string{"incident": "INC-1", "state": "monitoring", "components": "API=degraded"}
	if diff := cmp.Diff(want, ask.Options); diff != "" || ask.Path != "status post" {
		t.Error(diff)
	}

	v := statusForm()
	v.Ask = ask // the stages would leave out what is settled; the modal does it by itself
	modal, err := newRenderer().Modal(v)
	if err != nil || modal == nil {
		t.Fatal(modal, err)
	}
	callback(t, discordgo.InteractionResponseModal, *modal)
	if len(modal.Components) != 2 {
		t.Errorf("%d inputs", len(modal.Components))
	}
	if route, err = newRenderer().Route(modal.CustomID); err != nil {
		t.Fatal(err)
	}
	var data discordgo.ModalSubmitInteractionData
	raw := fmt.Sprintf(`{"custom_id":%q,"components":[{"type":1,"components":[{"type":4,"custom_id":"text","value":"All is well"}]},{"type":1,"components":[{"type":4,"custom_id":"title","value":" "}]}]}`, modal.CustomID)
	if err := json.Unmarshal([]byte(raw), &data); err != nil {
		t.Fatal(err)
	}
	if ask, err = ReadModal(data, route); err != nil {
		t.Fatal(err)
	}
	want["text"] = "All is well"
	if diff := cmp.Diff(want, ask.Options); diff != "" {
		t.Error(diff)
	}
}

func TestChoicesThatAFormDoesNotOfferAreRefused(t *testing.T) {
	_, m, err := newRenderer().Form(statusForm())
	if err != nil {
		t.Fatal(err)
	}
	message := seen(t, m)
	for _, data := range []discordgo.MessageComponentInteractionData{
		{CustomID: "pick/status/post:title", Values: []string{"x"}},
		{CustomID: "pick/status/post:state", Values: []string{"on fire"}},
		{CustomID: "pick/status/post:state", Values: []string{"identified", "monitoring"}},
		{CustomID: "", Values: nil},
	} {
		if _, err := ReadPick(message, data); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v is accepted: %v", data, err)
		}
	}
	if _, err := ReadPick(nil, discordgo.MessageComponentInteractionData{}); err == nil {
		t.Error("no message is accepted")
	}
	if next, err := ReadPick(message, discordgo.MessageComponentInteractionData{CustomID: "pick/status/post:state"}); err != nil {
		t.Error(err)
	} else if ask := ReadForm(seen(t, next), Route{Act: Send, Ask: command.Ask{Path: "status post"}}); ask.Options["state"] != "" {
		t.Errorf("what was taken back is still %q", ask.Options["state"])
	}
	if ask := ReadForm(message, Route{Act: Send, Ask: command.Ask{Path: "status resolve"}}); len(ask.Options) > 0 {
		t.Errorf("another command's choices count: %v", ask.Options)
	}
	for _, id := range []string{"", "Text", "a b", "../x"} {
		data := discordgo.ModalSubmitInteractionData{Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.TextInput{CustomID: id, Value: "x"}}}}}
		if _, err := ReadModal(data, Route{}); !problem.Is(err, problem.Invalid) {
			t.Errorf("the input %q is accepted: %v", id, err)
		}
	}
}

func TestAFormWithMoreThanFitsAsksTheRestInItsModal(t *testing.T) {
	v := command.FormView{Title: strings.Repeat("long ", 30), Ask: command.Ask{Path: "status post"}}
	for n := range 7 {
		f := command.FormField{Option: command.Option{Name: fmt.Sprint("field-", n), Help: strings.Repeat("help ", 40)}, Label: strings.Repeat("label ", 20), Value: strings.Repeat("v", 5000)}
		for p := range 40 {
			f.Proposals = append(f.Proposals, command.Proposal{Value: fmt.Sprint("value-", p), Help: strings.Repeat("help ", 40)})
		}
		v.Fields = append(v.Fields, f)
	}
	modal, m, err := newRenderer().Form(v)
	if err != nil || modal != nil {
		t.Fatal(modal, err)
	}
	legal(t, m)
	if len(m.Components) != maxRows {
		t.Errorf("%d rows", len(m.Components))
	}
	modal, err = newRenderer().Modal(v)
	if err != nil || modal == nil {
		t.Fatal(modal, err)
	}
	callback(t, discordgo.InteractionResponseModal, *modal)
	if len(modal.Components) != 3 {
		t.Errorf("%d inputs", len(modal.Components))
	}
	r := newRenderer()
	r.Keeper = nil
	v.Ask.Options = map[string]string{"text": strings.Repeat("x", 200)}
	if _, _, err := r.Form(v); !problem.Is(err, problem.Unavailable) {
		t.Errorf("a form that cannot be carried: %v", err)
	}
}
