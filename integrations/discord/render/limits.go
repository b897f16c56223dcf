package render

import "unicode/utf16"

// Discord's limits. Lengths are counted in UTF-16 code units, the strictest of the
// ways in which Discord is known to count.
const (
	// https://discord.com/developers/docs/resources/message#create-message
	maxContent = 2000
	maxEmbeds  = 10
	maxFiles   = 10

	// https://discord.com/developers/docs/resources/message#embed-object-embed-limits
	maxEmbedTitle       = 256
	maxEmbedDescription = 4096
	maxEmbedFields      = 25
	maxFieldName        = 256
	maxFieldValue       = 1024
	maxEmbedFooter      = 2048
	maxEmbedTotal       = 6000 // over all embeds of a message

	// https://discord.com/developers/docs/components/reference
	maxRows         = 5
	maxRowButtons   = 5
	maxButtonLabel  = 80
	maxCustomID     = 100
	maxSelect       = 25 // options of a select
	maxPlaceholder  = 150
	maxOptionText   = 100 // label, value and description of a select's option
	maxModalTitle   = 45
	maxModalInputs  = 5
	maxInputLabel   = 45
	maxInputValue   = 4000
	maxInputPrompt  = 100 // the placeholder of a text input
	maxSelectsAMenu = maxRows - 1

	// https://discord.com/developers/docs/interactions/application-commands
	maxCommands     = 100 // chat commands of a guild
	maxCommandText  = 100 // descriptions; names and values of choices
	maxCommandTotal = 8000
	maxChoices      = 25

	// https://discord.com/developers/docs/reference#uploading-files
	maxFileBytes    = 10 << 20 // a file, where the guild has no boosts
	maxRequestBytes = 25 << 20 // all files of a message, with what else the request holds
	requestOverhead = 1 << 20  // spared for what else it holds
)

// Our own: what reads well on a phone.
const (
	maxMentions   = 1    // persons that one post notifies
	maxFoldedLine = 400  // an entry in a folded backlog
	phoneColumns  = 36   // what a code block shows on a phone without wrapping
	maxReplyParts = 3    // messages that a long text becomes; the rest is a file
	maxRunText    = 1000 // a repair in the living message
	maxBesideRuns = 3000 // the incident beside repairs: all of it has to fit into maxEmbedTotal
	maxRunLine    = 200  // a line of it, and of a plan
	maxDetails    = 30   // lines below a post
)

// Units is the length of s as Discord counts it at its strictest: UTF-16 code units.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
