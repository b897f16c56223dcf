package spec

import (
	"strings"
	"unicode"
)

const textChannel = 0

// createChannel holds a new channel to the documentation.
// https://discord.com/developers/docs/resources/guild#create-guild-channel
func createChannel(v any, files []string) []violation {
	var all found
	c := asObject(v)
	all = append(all, updateChannel(v, files)...)
	all.limit("channel-name", "name", c.text("name"), 1, 100)
	if c.int("type") != textChannel {
		return all
	}
	// Our own rule: Discord rewrites the name of a text channel, and a name that is
	// read back differently from what was written is never found again.
	if n := c.text("name"); strings.ToLower(n) != n || strings.ContainsFunc(n, unicode.IsSpace) {
		all.add("channel-name", "name", n, "Discord writes a text channel's name in small letters without spaces")
	}
	return all
}

// updateChannel: all fields may be left out. The document allows a topic of 4096,
// which only forums may have.
func updateChannel(v any, _ []string) []violation {
	var all found
	c := asObject(v)
	if c.present("name") {
		all.limit("channel-name", "name", c.text("name"), 1, 100)
		if strings.TrimSpace(c.text("name")) == "" {
			all.add("channel-name", "name", c.text("name"), "it is blank")
		}
	}
	all.limit("channel-topic", "topic", c.text("topic"), 0, 1024)
	if len(c) == 0 {
		all.add("body", "", "", "it changes nothing")
	}
	return all
}

// named holds the name of a new thread, and the message that a forum's begins with.
func named(v any, files []string) []violation {
	var all found
	c := asObject(v)
	all.limit("channel-name", "name", c.text("name"), 1, 100)
	if strings.TrimSpace(c.text("name")) == "" && c.text("name") != "" {
		all.add("channel-name", "name", c.text("name"), "it is blank")
	}
	if m := c.object("message"); m != nil {
		all = append(all, checkMessage(m, "message", channelMessage, files)...)
	}
	return all
}
