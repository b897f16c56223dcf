package discordtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// act carries out what a person does and waits for what they see.
func (s *Server) act(ctx context.Context, a Action) (Seen, error) {
	s.mu.Lock()
	user := s.state.person(a.User, stamp(s.now()))
	var seen Seen
	it, err := s.begin(user, a, &seen)
	if err == nil && it != nil {
		s.state.interactions[it.token] = it
		s.send(it)
	}
	s.touch()
	mark := s.state.ids
	s.mu.Unlock()
	switch {
	case err != nil:
		return seen, fmt.Errorf("%s: %w", a.User, err)
	case it != nil:
		return s.watch(ctx, it, mark)
	case a.Do == "await":
		return s.settle(ctx, a.Message)
	}
	return seen, nil
}

// begin does what needs no answer, or returns the interaction that will have one.
func (s *Server) begin(user *User, a Action, seen *Seen) (*interaction, error) {
	var m *Message
	if a.Message != "" {
		if m = s.state.byID[a.Message]; m == nil || m.only != "" && m.only != user.ID {
			return nil, errors.New("there is no such message any more")
		}
		a.Channel = m.ChannelID
	}
	if a.Do == "submit" {
		return s.submit(user, a)
	}
	ch := s.state.channel(a.Channel)
	if ch == nil {
		return nil, fmt.Errorf("there is no channel %q", a.Channel)
	}
	may := s.state.permissionsIn(user.ID, ch.ID)
	if may&ViewChannel == 0 {
		return nil, fmt.Errorf("cannot see #%s", ch.Name)
	}
	switch a.Do {
	case "slash", "autocomplete":
		if may&UseCommands == 0 {
			return nil, fmt.Errorf("may use no commands in #%s", ch.Name)
		}
		return s.slash(user, ch, a)
	case "menu":
		return s.menu(user, m, a.Text)
	case "click":
		return s.click(user, m, a.Text)
	case "choose":
		return s.choose(user, m, a)
	case "say":
		return nil, s.say(user, ch, a, may, seen)
	case "edit", "delete":
		return nil, s.rewrite(user, m, a, seen)
	case "react", "unreact":
		if a.Do == "unreact" {
			s.dropReaction(m, Emoji{Name: a.Text}, user.ID)
		} else {
			s.addReaction(m, Emoji{Name: a.Text}, user.ID)
		}
		return nil, nil
	case "look":
		seen.Posts = s.seenBy(user.ID, ch.ID, 0)
		return nil, nil
	case "await":
		return nil, nil
	}
	return nil, fmt.Errorf("nobody can %q", a.Do)
}

func (s *Server) say(user *User, ch *Channel, a Action, may Permission, seen *Seen) error {
	need := SendMessages
	if ch.Thread != nil {
		need = SendMessagesInThreads
	}
	if may&need == 0 || ch.Type == ChannelCategory {
		return fmt.Errorf("may not write in #%s", ch.Name)
	}
	m := s.newMessage(ch.ID, user)
	files := map[string]upload{}
	for i, f := range a.Files {
		files[fmt.Sprint(i)] = upload{f.Name, f.ContentType, f.Body}
	}
	if err := s.fillMessage(m, messageBody{Content: field[string]{true, a.Text}}, files); err != nil {
		return err
	}
	s.state.typed[user.ID] += utf8.RuneCountInString(a.Text)
	if ch.Thread != nil && ch.Thread.Metadata.Archived {
		ch.Thread.Metadata.Archived = false
		s.dispatch("THREAD_UPDATE", intentGuilds, ch)
	}
	s.post(m)
	seen.Answer = m.clone()
	return nil
}

func (s *Server) rewrite(user *User, m *Message, a Action, seen *Seen) error {
	if m.Author.ID != user.ID {
		if a.Do == "edit" || s.state.permissionsIn(user.ID, m.ChannelID)&ManageMessages == 0 {
			return errors.New("that is somebody else's message")
		}
	}
	if a.Do == "delete" {
		s.remove(m)
		return nil
	}
	was := m.Content
	if err := s.fillMessage(m, messageBody{Content: field[string]{true, a.Text}}, nil); err != nil {
		return err
	}
	s.state.typed[user.ID] += inserted(was, a.Text)
	s.edited(m)
	seen.Answer = m.clone()
	return nil
}

// inserted counts the characters that stand in the new text between what it has in
// common with the old one at both ends.
func inserted(was, is string) int {
	a, b := []rune(was), []rune(is)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(b)
}

// seenBy are the messages of a channel that were made after so many ids.
func (s *Server) seenBy(user, channel string, after int) []*Message {
	list := []*Message{}
	for _, m := range s.state.byID {
		if m.ChannelID == channel && (m.only == "" || m.only == user) && byAge(m.ID, fmt.Sprint(firstID+after)) > 0 {
			list = append(list, m.clone())
		}
	}
	slices.SortFunc(list, func(a, b *Message) int { return byAge(a.ID, b.ID) })
	return list
}

// Typed is how many characters a person typed, all in all.
func (s *Server) Typed(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.typed[s.state.person(name, stamp(s.now())).ID]
}

// watch waits until an interaction has the answer that a person would see.
func (s *Server) watch(ctx context.Context, it *interaction, mark int) (Seen, error) {
	deadline, stop := s.opt.After(s.opt.Deadline)
	defer stop()
	for {
		s.mu.Lock()
		seen, done := s.look(it, mark)
		changed := s.changed
		s.mu.Unlock()
		if done {
			return seen, nil
		}
		select {
		case <-changed:
		case <-deadline:
			deadline = nil
			s.mu.Lock()
			it.failed = it.failed || it.answered == 0
			s.mu.Unlock()
		case <-ctx.Done():
			return seen, ctx.Err()
		}
	}
}

// look is what a person sees of an interaction by now, and whether that is all.
func (s *Server) look(it *interaction, mark int) (Seen, bool) {
	seen := Seen{Posts: s.seenBy(it.user, it.channel, mark), Modal: it.modal, Choices: it.choices}
	if it.answered == 0 {
		if it.failed || s.now().Sub(it.made) > s.opt.Deadline {
			it.failed = true
			seen.Failed = map[int]string{kindCommand: FailedCommand, kindComponent: FailedComponent, kindComplete: FailedChoices, kindModal: FailedForm}[it.kind]
		}
		return seen, it.failed
	}
	if m := s.state.byID[it.original]; m != nil {
		seen.Answer = m.clone()
		if it.answered == answerDeferred && m.Thinking() {
			if s.now().Sub(it.made) > s.opt.TokenLife {
				seen.Failed = FailedCommand // the placeholder turns into that
				return seen, true
			}
			return seen, false
		}
	}
	return seen, true
}

// settle waits while a message is a placeholder.
func (s *Server) settle(ctx context.Context, id string) (Seen, error) {
	for {
		s.mu.Lock()
		m := s.state.byID[id]
		changed := s.changed
		var seen Seen
		if m != nil {
			seen.Answer = m.clone()
		}
		s.mu.Unlock()
		if m == nil || !seen.Answer.Thinking() {
			return seen, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return seen, ctx.Err()
		}
	}
}

// clickable finds a component of a message by what a person calls it.
func clickable(m *Message, kind func(int) bool, name string) (*Component, error) {
	var found []*Component
	var names []string
	for c := range flat(m.Components) {
		label := c.Label
		if label == "" {
			label = c.Placeholder
		}
		if label == "" {
			label = c.CustomID
		}
		if !kind(c.Type) {
			continue
		}
		names = append(names, fmt.Sprintf("%q", label))
		if name == "" || name == label || name == c.CustomID {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("nothing called %q is there; there are: %s", name, strings.Join(names, ", "))
	case found[0].Disabled:
		return nil, fmt.Errorf("%q is disabled", name)
	}
	return found[0], nil
}

// send brings an interaction to the bot, over HTTP or the gateway. With neither nobody
// will answer.
func (s *Server) send(it *interaction) {
	payload, err := json.Marshal(s.payload(it))
	if err != nil {
		s.opt.Log.Error("an interaction of the simulated Discord", "error", err)
		return
	}
	if s.opt.InteractionsURL != "" {
		go s.sendHTTP(s.opt.InteractionsURL, it, json.RawMessage(payload))
		return
	}
	s.deliver(json.RawMessage(payload))
}

var httpOut = &http.Client{}
