package rest

// Discord's codes that somebody here decides by. All of them:
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes
const (
	UnknownChannel          = 10003
	UnknownGuild            = 10004
	UnknownMember           = 10007
	UnknownMessage          = 10008
	UnknownRole             = 10011
	UnknownUser             = 10013
	UnknownEmoji            = 10014
	UnknownWebhook          = 10015
	UnknownInteraction      = 10062 // answered later than 3 s, or not ours
	SlowMode                = 20016
	ChannelWriteLimit       = 20028
	MaxPins                 = 30003 // 250 in a channel
	MaxChannels             = 30013 // 500 in a guild
	MaxCommandCreates       = 30034 // 200 a day and guild
	MaxEditsOfOldMessage    = 30046 // of a message older than an hour
	MaxOverwrites           = 30060 // 1000 in a channel
	Unauthorized            = 40001
	RequestTooLarge         = 40005
	AlreadyAcknowledged     = 40060 // the interaction has its first answer
	MissingAccess           = 50001
	CannotEditOthersMessage = 50005
	EmptyMessage            = 50006
	CannotMessageUser       = 50007
	MissingPermissions      = 50013
	InvalidToken            = 50014
	InvalidWebhookToken     = 50027 // of an interaction: older than 15 minutes
	InvalidFormBody         = 50035
	ThreadArchived          = 50083
	InvalidJSON             = 50109
	MaxActiveThreads        = 160006
)

// sentences are what a person is told where Discord's own words do not help.
var sentences = map[int]string{
	UnknownChannel:          "the channel does not exist any more",
	UnknownGuild:            "the server does not exist, or the bot is not in it",
	UnknownMember:           "this person is not a member of the server",
	UnknownMessage:          "the message does not exist any more",
	UnknownInteraction:      "the answer came later than Discord waits (3 s)",
	MaxPins:                 "the channel holds as many pins as Discord allows (250)",
	MaxChannels:             "the server holds as many channels as Discord allows (500)",
	MaxCommandCreates:       "more commands were registered today than Discord allows (200)",
	MaxEditsOfOldMessage:    "the message is too old to be edited that often",
	MaxOverwrites:           "the channel holds as many permission overwrites as Discord allows (1000)",
	AlreadyAcknowledged:     "this was answered already",
	CannotEditOthersMessage: "the message was written by somebody else",
	InvalidWebhookToken:     "the answer came later than Discord allows (15 minutes)",
	ThreadArchived:          "the thread is archived",
	MaxActiveThreads:        "the server holds as many active threads as Discord allows (1000)",
}
