package discord

import (
	"wardroom/bot/command"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// Face is how things look: what an interaction needs of [render.Renderer].
type Face interface {
	// Reply renders what a handler answered; what one message cannot hold follows.
	Reply(command.Reply) ([]rest.Message, []rest.File)
	// Problem renders what a person did wrong, or what failed.
	Problem(error) rest.Message
	// Form renders the questions of a form: a modal where all are typed, else a
	// message whose selects are chosen from first.
	Form(command.FormView) (*rest.Modal, rest.Message, error)
	// Route reads a custom id, which is outside text.
	Route(customID string) (render.Route, error)
}
