package discord

import (
	"errors"
	"fmt"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// Close codes after which connecting again in the same way never helps:
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
const (
	closeAuthentication   = 4004
	closeInvalidShard     = 4010
	closeShardingRequired = 4011
	closeInvalidVersion   = 4012
	closeInvalidIntents   = 4013
	closeDisallowed       = 4014
)

// Close codes after which the session is gone, but a new one may be had.
const (
	closeNotAuthenticated = 4003
	closeInvalidSeq       = 4007
	closeSessionTimedOut  = 4009
)

// portal is where an application is set up.
const portal = "https://discord.com/developers/applications"

// refusal is a close that a person has to do something about.
type refusal struct {
	code int
	says string // one sentence: what is wrong, and what to do
}

func (r *refusal) Error() string { return r.says }

// refusalOf returns what a fatal close means; nil for any other error.
func refusalOf(err error, intents discordgo.Intent) *refusal {
	closed, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		return nil
	}
	says := ""
	switch closed.Code {
	case closeAuthentication:
		says = "Discord refuses the bot's token: reset it at " + portal + " (your application, Bot, Reset Token), put the new one into the configuration and restart Wardroom"
	case closeInvalidShard, closeShardingRequired:
		says = fmt.Sprintf("Discord wants this bot to be sharded (close code %d), which Wardroom does not do: give it an application of its own, in your guild alone", closed.Code)
	case closeInvalidVersion:
		says = "Discord no longer serves version " + gatewayVersion + " of its gateway: update Wardroom"
	case closeInvalidIntents:
		says = fmt.Sprintf("Discord does not know one of the intents %d that Wardroom asks for: update Wardroom", intents)
	case closeDisallowed:
		says = "Discord does not grant the intents that Wardroom asks for: at " + portal + " (your application, Bot, Privileged Gateway Intents) switch on Message Content Intent"
		if intents&discordgo.IntentMessageContent == 0 {
			says = "Discord does not grant this bot even the intents that need no approval: look at " + portal + " whether the application is disabled"
		}
	default:
		return nil
	}
	return &refusal{closed.Code, says}
}

// endsSession reports whether the session cannot be gone on with after err.
func endsSession(err error) bool {
	return websocket.IsCloseError(err, closeNotAuthenticated, closeInvalidSeq, closeSessionTimedOut) || refusalOf(err, 0) != nil
}
