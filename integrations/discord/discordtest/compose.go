package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// messageBody is a message as a request has it. What is not named is left as it is.
type messageBody struct {
	Content     field[string]      `json:"content"`
	Embeds      field[[]Embed]     `json:"embeds"`
	Components  field[[]Component] `json:"components"`
	Attachments *[]bodyFile        `json:"attachments"`
	Flags       int                `json:"flags"`
	Allowed     *allowedMentions   `json:"allowed_mentions"`
	Nonce       any                `json:"nonce"`
	Enforce     bool               `json:"enforce_nonce"`
	TTS         bool               `json:"tts"`
	Reference   *Reference         `json:"message_reference"`
}

// field tells a null, which empties, from a field that is not there.
type field[T any] struct {
	named bool
	value T
}

func (f *field[T]) UnmarshalJSON(data []byte) error {
	f.named = true
	return json.Unmarshal(data, &f.value)
}

// bodyFile is a file of the same request by its number, or one that is kept by its id.
type bodyFile struct {
	ID          json.RawMessage `json:"id"`
	Filename    string          `json:"filename"`
	Description string          `json:"description"`
}

type allowedMentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users"`
	Roles []string `json:"roles"`
}

func (a *allowedMentions) check(f *form) {
	if a == nil {
		return
	}
	f.count("allowed_mentions.users", len(a.Users), 100)
	f.count("allowed_mentions.roles", len(a.Roles), 100)
	for _, p := range []struct {
		kind string
		list []string
	}{{"users", a.Users}, {"roles", a.Roles}} {
		if slices.Contains(a.Parse, p.kind) && len(p.list) > 0 {
			f.add("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", fmt.Sprintf("parse:[%q] and %s: [ids...] are mutually exclusive.", p.kind, p.kind))
		}
	}
}

func (a *allowedMentions) allows(kind, id string) bool {
	switch {
	case a == nil:
		return true
	case slices.Contains(a.Parse, kind):
		return true
	case kind == "users":
		return slices.Contains(a.Users, id)
	default:
		return kind == "roles" && slices.Contains(a.Roles, id)
	}
}

// newMessage is an empty one, its lists there.
func (s *Server) newMessage(channel string, author *User) *Message {
	return &Message{
		ID: s.state.newID(), ChannelID: channel, Author: author, Timestamp: stamp(s.now()),
		Mentions: []*User{}, MentionRoles: []string{}, Attachments: []Attachment{}, Embeds: []Embed{}, Components: []Component{},
	}
}

// fillMessage writes a body into a message, or says what is wrong with it and leaves
// the message alone.
func (s *Server) fillMessage(m *Message, b messageBody, files map[string]upload) error {
	next := *m
	var f form
	if b.Content.named {
		next.Content = b.Content.value
	}
	if b.Embeds.named {
		next.Embeds = embeds(b.Embeds.value)
	}
	if b.Components.named {
		next.Components = components(b.Components.value)
	}
	next.Flags |= b.Flags & (FlagComponentsV2 | 1<<2 | 1<<12) // and those that say: no link previews, no sound
	added, err := s.attach(&f, &next, b.Attachments, files)
	if err != nil {
		return err
	}
	checkMessage(&f, &next)
	b.Allowed.check(&f)
	if err := f.err(); err != nil {
		return err
	}
	if strings.TrimSpace(next.Content) == "" && len(next.Embeds)+len(next.Components)+len(next.Attachments) == 0 {
		return errEmptyMessage
	}
	s.mention(&next, b.Allowed)
	for _, a := range added {
		s.state.files[a.ID] = &a
	}
	*m = next
	return nil
}

// attach puts the files of a request after those that are kept.
func (s *Server) attach(f *form, m *Message, named *[]bodyFile, files map[string]upload) (added []Attachment, err error) {
	kept := m.Attachments
	names := map[string]bodyFile{}
	if named != nil {
		ids := map[string]bool{}
		for _, b := range *named {
			id := strings.Trim(string(b.ID), `"`)
			ids[id], names[id] = true, b
		}
		kept = []Attachment{}
		for _, a := range m.Attachments {
			if ids[a.ID] {
				kept = append(kept, a)
			}
		}
	}
	list := slices.Clone(kept)
	for n := range 10 {
		u, ok := files[strconv.Itoa(n)]
		if !ok {
			continue
		}
		if len(u.body) > 10<<20 {
			return nil, errTooLarge
		}
		a := Attachment{ID: s.state.newID(), Filename: u.name, Size: len(u.body), ContentType: u.contentType, Ephemeral: m.only != "", body: u.body}
		if b, ok := names[strconv.Itoa(n)]; ok {
			a.Description = b.Description
			if b.Filename != "" {
				a.Filename = b.Filename
			}
		}
		if a.ContentType == "" {
			a.ContentType = http.DetectContentType(u.body)
		}
		a.URL = fmt.Sprintf("%s/attachments/%s/%s/%s", s.URL(), m.ChannelID, a.ID, safeName.ReplaceAllString(a.Filename, "_"))
		a.ProxyURL = a.URL
		list, added = append(list, a), append(added, a)
	}
	f.count("attachments", len(list), 10)
	m.Attachments = list
	return added, nil
}

var safeName = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// serveFile gives the bytes of an attachment while its message is there.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) != 5 {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	a := s.state.files[parts[3]]
	s.mu.Unlock()
	if a == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.Write(a.body)
}

var (
	userMention = regexp.MustCompile(`<@!?(\d+)>`)
	roleMention = regexp.MustCompile(`<@&(\d+)>`)
	everyone    = regexp.MustCompile(`@(everyone|here)\b`)
)

// mention works out whom a message notifies. Embeds notify nobody.
func (s *Server) mention(m *Message, a *allowedMentions) {
	m.Mentions, m.MentionRoles, m.MentionEveryone = []*User{}, []string{}, false
	text := m.Content
	for c := range flat(m.Components) {
		text += "\n" + c.Content
	}
	for _, found := range userMention.FindAllStringSubmatch(text, -1) {
		if u := s.state.users[found[1]]; u != nil && a.allows("users", u.ID) && !slices.Contains(m.Mentions, u) {
			m.Mentions = append(m.Mentions, u)
		}
	}
	may := s.state.permissionsIn(m.Author.ID, m.ChannelID)&MentionEveryone != 0
	for _, found := range roleMention.FindAllStringSubmatch(text, -1) {
		r := s.state.roles[found[1]]
		if r != nil && a.allows("roles", r.ID) && (may || r.Mentionable) && !slices.Contains(m.MentionRoles, r.ID) {
			m.MentionRoles = append(m.MentionRoles, r.ID)
		}
	}
	m.MentionEveryone = may && everyone.MatchString(text) && a.allows("everyone", "")
}

// view is a message as the bot gets it: another's content is blank without the intent.
// https://discord.com/developers/docs/events/gateway#message-content-intent
func (s *Server) view(m *Message, content bool) *Message {
	v := m.clone()
	for i := range v.Reactions {
		v.Reactions[i].Me = slices.Contains(v.Reactions[i].users, botID)
	}
	named := slices.ContainsFunc(m.Mentions, func(u *User) bool { return u.ID == botID })
	if content || m.Author.ID == botID || named {
		return v
	}
	v.Content, v.Embeds, v.Attachments, v.Components = "", []Embed{}, []Attachment{}, []Component{}
	return v
}

// viewREST is view for REST, where the application's setting counts.
func (s *Server) viewREST(m *Message) *Message { return s.view(m, s.opt.Intents&IntentContent != 0) }

// clone is a copy that later edits do not reach: they replace lists as a whole.
func (m *Message) clone() *Message {
	v := *m
	v.Reactions = slices.Clone(m.Reactions)
	return &v
}
