package command

import "wardroom/bot/timeline"

// Form is what a surface asks for when a command is tapped instead of typed. It
// is data, because a chat platform wants it as the very first answer: it is built
// from stored state alone, before any handler runs.
type Form struct {
	Title  string   // at most 45 characters; empty: the command's summary, cut
	Submit string   // the label of the button that sends it; empty: "Send"
	Fields []string // the options that it asks for, in order; at most 5 of them are typed
	// Prefill proposes values, by option, from stored state alone, so that a thumb
	// only confirms. It must answer well under a second; nil proposes nothing.
	Prefill func(v timeline.View, r Request) (map[string]string, error)
}

// FormView is a form as it is shown to one person now.
type FormView struct {
	Title  string
	Submit string
	Ask    Ask // what the answers complete: the options that are known already
	Fields []FormField
}

// FormField is one question of a form.
type FormField struct {
	Option Option
	Value  string // proposed, in the form in which Ask carries it; may be empty
	// Proposals are what can be chosen, at most 25, for a Choice, a Bool, a Person,
	// an Incident; empty when the answer is typed.
	Proposals []Proposal
	Many      bool // several of Proposals may be chosen; Ask carries them joined by commas
	Long      bool // typed on several lines
}

// Typed reports whether the answer is typed rather than chosen.
func (f FormField) Typed() bool { return len(f.Proposals) == 0 }
