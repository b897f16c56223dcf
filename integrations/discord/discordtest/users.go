package discordtest

import "context"

// Person is somebody at a Discord client, who can do what a client lets people do. An
// error means that a client would not have sent it: there is no such button, the text
// is too long, the channel cannot be seen. What Discord or the bot answered, also
// "This interaction failed", is in Seen.
//
// Every act waits for its answer within Discord's own limits and without polling, and
// ends with ctx.
type Person struct {
	Name string
	do   actor
}

// actor carries acts out: the Server itself, or a Remote.
type actor interface {
	act(ctx context.Context, a Action) (Seen, error)
}

// As is the person of that name, who joins the guild when nobody has it.
func (s *Server) As(name string) *Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.person(name, stamp(s.now()))
	return &Person{name, s}
}

// UserID is the Discord id of the person of that name, who joins when nobody has it.
func (s *Server) UserID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.person(name, stamp(s.now())).ID
}

// Seen is what a person sees after an act.
type Seen struct {
	// Answer is the message that answers: a new one, perhaps only for this person, or
	// the one that was acted upon as it is now. nil when there is none.
	Answer *Message `json:"answer,omitempty"`
	// Posts are the messages that came into the channel meanwhile and that this person
	// sees, the answer among them, oldest first.
	Posts []*Message `json:"posts,omitempty"`
	// Modal is the form that opened.
	Modal *Modal `json:"modal,omitempty"`
	// Choices are what autocompletion offers.
	Choices []Choice `json:"choices,omitempty"`
	// Failed is what the client writes in red when there is no answer in time.
	Failed string `json:"failed,omitempty"`
}

// What a client says when nobody answers.
const (
	FailedComponent = "This interaction failed"
	FailedCommand   = "The application did not respond"
	FailedForm      = "Something went wrong. Try again."
	FailedChoices   = "Loading options failed"
)

// Modal is a form that a person has open. It stays open over restarts of everything
// but the simulator.
type Modal struct {
	Interaction string      `json:"interaction"` // which opened it
	Title       string      `json:"title"`
	CustomID    string      `json:"custom_id"`
	Components  []Component `json:"components"`
}

// File is a file that a person posts.
type File struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Body        []byte `json:"body"`
}

// Action is one act of a person; the methods of Person make them.
type Action struct {
	User    string            `json:"user"`
	Do      string            `json:"do"`
	Channel string            `json:"channel,omitempty"`
	Message string            `json:"message,omitempty"`
	Text    string            `json:"text,omitempty"` // a line, a label, a message, an emoji
	Values  []string          `json:"values,omitempty"`
	Inputs  map[string]string `json:"inputs,omitempty"`
	Modal   *Modal            `json:"modal,omitempty"`
	Files   []File            `json:"files,omitempty"`
}

// Slash sends a slash command as "/status post text:We look into it". An option's value
// goes to the next option's name, so it may hold blanks and colons. The whole line
// counts as typed.
func (p *Person) Slash(ctx context.Context, channel, line string) (Seen, error) {
	return p.act(ctx, Action{Do: "slash", Channel: channel, Text: line})
}

// Autocomplete is the unfinished line of a slash command: the last option's choices are
// asked for. Nothing counts as typed: Slash will count the line.
func (p *Person) Autocomplete(ctx context.Context, channel, line string) (Seen, error) {
	return p.act(ctx, Action{Do: "autocomplete", Channel: channel, Text: line})
}

// Click presses the button of that label (or custom id) on a message as it is now.
func (p *Person) Click(ctx context.Context, m *Message, label string) (Seen, error) {
	return p.act(ctx, Action{Do: "click", Message: m.ID, Text: label})
}

// Choose picks options, by label or value, from the select with that placeholder or
// custom id; "" is the only one. In a select of people the options are their names.
func (p *Person) Choose(ctx context.Context, m *Message, sel string, options ...string) (Seen, error) {
	return p.act(ctx, Action{Do: "choose", Message: m.ID, Text: sel, Values: options})
}

// Submit sends a form off. The keys are labels or custom ids; fields that are not named
// keep what they were filled with. Only what is inserted counts as typed.
func (p *Person) Submit(ctx context.Context, m *Modal, inputs map[string]string) (Seen, error) {
	return p.act(ctx, Action{Do: "submit", Modal: m, Inputs: inputs})
}

// Menu uses a command of a message's menu, as "Add to timeline".
func (p *Person) Menu(ctx context.Context, m *Message, name string) (Seen, error) {
	return p.act(ctx, Action{Do: "menu", Message: m.ID, Text: name})
}

// React puts an emoji on a message; Unreact takes it away.
func (p *Person) React(ctx context.Context, m *Message, emoji string) error {
	_, err := p.act(ctx, Action{Do: "react", Message: m.ID, Text: emoji})
	return err
}

// Unreact takes back what React put.
func (p *Person) Unreact(ctx context.Context, m *Message, emoji string) error {
	_, err := p.act(ctx, Action{Do: "unreact", Message: m.ID, Text: emoji})
	return err
}

// Say posts a message, with files perhaps. Its text counts as typed.
func (p *Person) Say(ctx context.Context, channel, text string, files ...File) (*Message, error) {
	seen, err := p.act(ctx, Action{Do: "say", Channel: channel, Text: text, Files: files})
	return seen.Answer, err
}

// EditMessage changes what this person said. What is inserted counts as typed.
func (p *Person) EditMessage(ctx context.Context, m *Message, text string) (*Message, error) {
	seen, err := p.act(ctx, Action{Do: "edit", Message: m.ID, Text: text})
	return seen.Answer, err
}

// DeleteMessage deletes what this person said.
func (p *Person) DeleteMessage(ctx context.Context, m *Message) error {
	_, err := p.act(ctx, Action{Do: "delete", Message: m.ID})
	return err
}

// Sees is what a channel looks like to this person, its own ephemeral messages
// included, oldest first.
func (p *Person) Sees(ctx context.Context, channel string) ([]*Message, error) {
	seen, err := p.act(ctx, Action{Do: "look", Channel: channel})
	return seen.Posts, err
}

// Answer is how an act ends when it was left waiting: the newest state of what an
// earlier act saw. It waits while the answer is still a placeholder.
func (p *Person) Answer(ctx context.Context, m *Message) (*Message, error) {
	seen, err := p.act(ctx, Action{Do: "await", Message: m.ID})
	return seen.Answer, err
}

func (p *Person) act(ctx context.Context, a Action) (Seen, error) {
	a.User = p.Name
	return p.do.act(ctx, a)
}
