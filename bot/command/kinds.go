package command

import (
	"fmt"

	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Asked](timeline.Detail),
	timeline.KindOf[Refused](timeline.Detail),
}

// Asked records a request before it is handled. What follows from it has it as
// its cause.
type Asked struct {
	Line string `json:"line"` // as [Table.Line] writes it, at most 2,000 characters
	Via  string `json:"via"`  // the surface: "shell", "discord", "console", "scenario"
}

func (*Asked) Kind() timeline.Kind { return "command.asked" }
func (a *Asked) Text() string      { return "Asked for " + a.Line }

// Refused records a request that the actor may not make.
type Refused struct {
	Line   string `json:"line"`
	Via    string `json:"via"`
	Reason string `json:"reason"`
}

func (*Refused) Kind() timeline.Kind { return "command.refused" }
func (r *Refused) Text() string      { return fmt.Sprintf("Refused %s: %s", r.Line, r.Reason) }

// InteractionClaim is the claim that makes an interaction count once.
func InteractionClaim(id string) string { return "interaction/" + id }
