package spec

import (
	"strings"
)

// Flags of a message. https://discord.com/developers/docs/resources/message#message-object-message-flags
const (
	suppressEmbeds        = 1 << 2
	ephemeral             = 1 << 6
	suppressNotifications = 1 << 12
	voiceMessage          = 1 << 13
	componentsV2          = 1 << 15
)

// sort is what kind of request a message stands in.
type sort struct {
	edit  bool  // fields that are left out stay as they are
	flags int64 // that may be set here
}

var (
	channelMessage = sort{flags: suppressEmbeds | suppressNotifications | voiceMessage | componentsV2}
	channelEdit    = sort{edit: true, flags: suppressEmbeds | componentsV2}
	followup       = sort{flags: suppressEmbeds | suppressNotifications | ephemeral | componentsV2}
	webhookEdit    = sort{edit: true, flags: suppressEmbeds | componentsV2}
	answered       = sort{flags: suppressEmbeds | suppressNotifications | ephemeral | componentsV2}
	updated        = sort{edit: true, flags: suppressEmbeds | suppressNotifications | componentsV2}
)

func messages(s sort) rule {
	return func(v any, files []string) []violation { return checkMessage(asObject(v), "", s, files) }
}

// checkMessage holds a message, or an edit of one, to the rules.
func checkMessage(m object, at string, s sort, files []string) []violation {
	var all found
	all.limit("content-length", join(at, "content"), m.text("content"), 0, 2000)
	all.openBlock(join(at, "content"), m.text("content"))
	all = append(all, checkEmbeds(m.list("embeds"), join(at, "embeds"))...)
	flags := m.int("flags")
	if extra := flags &^ s.flags; extra != 0 {
		all.add("flags", join(at, "flags"), show(m["flags"]), "the bits %#x mean nothing here (an ephemeral flag on a channel's message leaves it visible to all)", extra)
	}
	isV2 := flags&componentsV2 != 0
	all = append(all, checkComponents(m.list("components"), join(at, "components"), isV2)...)
	if isV2 {
		for _, field := range []string{"content", "embeds", "poll", "sticker_ids"} {
			if says(m[field]) {
				all.add("components-v2", join(at, field), show(m[field]), "a message with the flag IS_COMPONENTS_V2 has none")
			}
		}
	}
	all = append(all, checkMentions(m, at)...)
	all = append(all, checkAttachments(m, at, files)...)
	if isEmpty(m, s, files) {
		all.add("empty-message", at, "", "a message has a content, an embed, a component or a file (50006)")
	}
	if m.truth("enforce_nonce") && !says(m["nonce"]) {
		all.add("nonce", join(at, "nonce"), "", "enforce_nonce without a nonce does nothing")
	}
	all.limit("nonce", join(at, "nonce"), m.text("nonce"), 0, 25)
	return all
}

// isEmpty tells whether nothing would be left to see. Of an edit that leaves out a
// field nothing is known.
func isEmpty(m object, s sort, files []string) bool {
	if isForward(m) || len(files) > 0 || says(m["poll"]) || says(m["sticker_ids"]) {
		return false
	}
	for _, field := range []string{"content", "embeds", "components"} {
		_, stands := m[field]
		content, isText := m[field].(string)
		switch {
		case s.edit && !stands:
			return false
		case isText && strings.TrimSpace(content) != "", !isText && says(m[field]):
			return false
		}
	}
	// An edit that lists attachments keeps them.
	return !s.edit || !says(m["attachments"])
}

// checkMentions is our own rule: whoever sends a text says that nobody is to be
// notified by it, or lists exactly whom. Without the field Discord notifies everybody
// whom the text names. https://discord.com/developers/docs/resources/message#allowed-mentions-object
func checkMentions(m object, at string) []violation {
	var all found
	where := join(at, "allowed_mentions")
	if !m.present("allowed_mentions") {
		if carriesText(m) {
			all.add("allowed-mentions", where, "", "whoever sends a text says whom it may notify: {\"parse\": []}")
		}
		return all
	}
	allowed := m.object("allowed_mentions")
	parse, isList := allowed["parse"].([]any)
	switch {
	case !isList:
		all.add("allowed-mentions", join(where, "parse"), show(allowed["parse"]), "it is there and []: otherwise the text decides")
	case len(parse) > 0:
		all.add("allowed-mentions", join(where, "parse"), show(parse), "it is empty: no text decides who is notified")
	}
	if says(allowed["roles"]) {
		all.add("allowed-mentions", join(where, "roles"), show(allowed["roles"]), "only persons are notified, never a role")
	}
	if allowed.truth("replied_user") {
		all.add("allowed-mentions", join(where, "replied_user"), "true", "only persons listed in users are notified")
	}
	for i, user := range allowed.list("users") {
		id, _ := user.(string)
		if !digits.MatchString(id) && len(id) != 20 {
			all.add("allowed-mentions", in(join(where, "users"), i), show(user), "it is a person's id")
		}
		if text := m.text("content"); !strings.Contains(text, "<@"+id+">") && !strings.Contains(text, "<@!"+id+">") && text != "" {
			all.add("allowed-mentions", in(join(where, "users"), i), show(user), "the content does not name this person: nobody would be notified")
		}
	}
	return all
}

// carriesText tells whether a message brings something to read.
func carriesText(m object) bool {
	return says(m["content"]) || says(m["embeds"]) || m.int("flags")&componentsV2 != 0 && says(m["components"])
}

// checkAttachments holds the list to the files of the request.
// https://discord.com/developers/docs/reference#editing-message-attachments
func checkAttachments(m object, at string, files []string) []violation {
	var all found
	if len(files) > 10 {
		all.add("files", at, "", "a message has at most 10 files, not %d", len(files))
	}
	ids := []string{}
	for i, a := range m.list("attachments") {
		id := asObject(a).text("id")
		ids = append(ids, id)
		name := asObject(a).text("filename")
		if index, isNew := fileIndex(id); isNew && (index >= len(files) || name != "" && files[index] != name) {
			all.add("files", in(join(at, "attachments"), i), show(a), "there is no such file in the request (%d are)", len(files))
		}
	}
	all.unique("files", join(at, "attachments"), ids)
	for i, name := range files {
		all.limit("files", in("files", i), name, 1, 1024)
		if strings.ContainsAny(name, "/\\") {
			all.add("files", in("files", i), name, "it is a name, not a path")
		}
	}
	return all
}

// fileIndex tells the number of a file of this request from the id of an attachment
// that stands already: ids of those are snowflakes.
func fileIndex(id string) (int, bool) {
	if len(id) == 0 || len(id) > 2 || strings.Trim(id, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for _, d := range id {
		n = n*10 + int(d-'0')
	}
	return n, true
}
