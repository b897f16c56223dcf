package rooms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// Poster is the follower "discord/room": it opens the room of an incident that has
// to have one, tells there what happened, and puts the room away. What it tells
// begins after what it told last, so that whatever kept it away it leaves nothing
// out.
func (r *Rooms) Poster() timeline.Poster { return poster{r} }

type poster struct{ *Rooms }

var (
	_ timeline.Poster = poster{}
	_ timeline.Choosy = poster{}
)

// Wants what a room tells: the others change nothing in it.
func (p poster) Wants(k timeline.Kind) bool { return room.Tells(p.Codec, k) }

// Post implements [timeline.Poster]. A missing permission is recorded once, and
// tried again until somebody gives it.
func (p poster) Post(ctx context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	if !d.Timeline.IsIncident() || len(d.Entries) == 0 {
		return nil, nil
	}
	leave, err := p.enter(ctx, d.Timeline)
	if err != nil {
		return nil, err
	}
	defer leave()
	if d.Retry {
		p.setUnsure(d.Timeline, true)
	}
	s, ok, err := p.load(ctx, d.Timeline)
	if err != nil || !ok || !s.has && !s.wanted() {
		return nil, err
	}
	last := d.Entries[len(d.Entries)-1]
	made, err := p.bring(ctx, s, d.Entries, last.Seq)
	if err != nil {
		p.setUnsure(d.Timeline, true)
		if final(err) {
			return nil, errors.Join(refused(err), p.complain(ctx, last.Ref, err))
		}
		return nil, err
	}
	p.setUnsure(d.Timeline, false)
	p.content(d.Timeline)
	return made, nil
}

// final reports whether Discord will say the same until a person changes something.
func final(err error) bool {
	switch problem.CodeOf(err) {
	case problem.Forbidden, problem.NotFound, problem.Invalid, problem.Unsupported:
		return !errors.Is(err, errDeleted)
	}
	return false
}

// errDeleted is of a room that somebody deleted and nobody needs any more: its posts
// are given up.
var errDeleted = errors.New("nobody needs it any more")

// bring does all that is to be done in a room up to an entry. What it made is
// recorded, but for the last post: that is returned, to be recorded with the cursor.
func (r *Rooms) bring(ctx context.Context, s *state, fresh []timeline.Entry, upTo int64) ([]timeline.Delivered, error) {
	again := ""
	for {
		if !s.has {
			if err := r.open(ctx, s, again); err != nil {
				return nil, err
			}
		}
		made, err := r.work(ctx, s, fresh, upTo)
		if rest.CodeOf(err) != rest.UnknownChannel || again != "" {
			return made, err
		}
		if !s.wanted() {
			return nil, problem.New(problem.NotFound, "the room of %s was deleted in Discord", s.id).Because(errDeleted)
		}
		s.has, again = false, "the channel before was deleted in Discord"
		r.setUnsure(s.id, true)
	}
}

// work does it in the channel that is the room.
func (r *Rooms) work(ctx context.Context, s *state, fresh []timeline.Entry, upTo int64) ([]timeline.Delivered, error) {
	if s.over() != s.place.Archived && !s.over() {
		if err := r.putAway(ctx, s); err != nil { // back: an archived thread takes no edits
			return nil, err
		}
	}
	if s.message == "" {
		if err := r.showFirst(ctx, s); err != nil {
			return nil, err
		}
	}
	untold, err := r.entries(ctx, s.id, s.told(), upTo)
	if err != nil {
		return nil, err
	}
	if untold = r.key(untold, s.place.Channel); len(untold) > 0 && r.isUnsure(s.id) {
		if err := r.look(ctx, s); err != nil {
			return nil, err
		}
		for len(untold) > 0 && untold[0].Seq <= s.told() {
			untold = untold[1:]
		}
	}
	erased := erasures(s.id, fresh)
	asleep := s.place.Thread && s.place.Archived && len(untold)+len(erased) > 0
	if asleep {
		if err := r.wake(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := r.takeBack(ctx, s, erased); err != nil {
		return nil, err
	}
	last, err := r.tell(ctx, s, untold)
	if err != nil {
		return nil, err
	}
	if asleep {
		err = r.moveThread(ctx, s)
	}
	if err = errors.Join(err, r.putAway(ctx, s)); err != nil {
		return nil, errors.Join(err, r.record(ctx, last...))
	}
	var made []timeline.Delivered
	for _, m := range last {
		made = append(made, *m)
	}
	return made, nil
}

// tell posts entries. Each post is recorded before the next one is sent; the last is
// returned.
func (r *Rooms) tell(ctx context.Context, s *state, entries []timeline.Entry) (last []*timeline.Delivered, err error) {
	messages, err := r.messages(ctx, s, entries)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		for _, part := range r.Render.Post(m) {
			if err := r.record(ctx, last...); err != nil {
				return nil, err
			}
			last = nil
			of, ok := refOf(part)
			if !ok {
				return nil, fmt.Errorf("a post of %s names no entry", s.id)
			}
			first := len(s.rows) == 0
			if err := r.addNotes(ctx, s, &part, between(entries, s.told(), of.Seq), first); err != nil {
				return nil, err
			}
			made, err := r.send(ctx, s, of, part)
			if err != nil {
				return nil, err
			}
			s.append(made)
			last = []*timeline.Delivered{made}
		}
	}
	return last, nil
}

// between are the entries after one place, up to and with another.
func between(entries []timeline.Entry, after, upTo int64) (some []timeline.Entry) {
	for _, e := range entries {
		if e.Seq > after && e.Seq <= upTo {
			some = append(some, e)
		}
	}
	return some
}

// refOf reads from a message about to be sent what will be read from the one that
// was.
func refOf(m rest.Message) (timeline.Ref, bool) {
	return render.EntryOf(&discordgo.Message{Embeds: m.Embeds})
}

// send posts one message. One that Discord does not take as it is, which would hold
// up all that follow, is replaced by a line that says where to read it.
func (r *Rooms) send(ctx context.Context, s *state, of timeline.Ref, m rest.Message) (*timeline.Delivered, error) {
	m.Nonce, m.EnforceNonce = nonce(PosterName, s.place.Channel, of.String()), true
	sent, err := r.Rest.CreateMessage(ctx, s.place.Channel, m)
	if problem.Is(err, problem.Invalid) {
		r.Log.Error("discord does not take a post", "entry", of.String(), "error", err)
		plain := rest.Message{Nonce: m.Nonce, EnforceNonce: true, Embeds: []*discordgo.MessageEmbed{{
			Description: "This entry cannot be shown here: `/timeline show entry:" + of.String() + "`",
			Footer:      &discordgo.MessageEmbedFooter{Text: of.String()},
		}}}
		sent, err = r.Rest.CreateMessage(ctx, s.place.Channel, plain)
	}
	if err != nil {
		return nil, fmt.Errorf("%s in the room %s: %w", of, s.place.Name, err)
	}
	return r.delivered(s, of, sent.ID), nil
}

func (r *Rooms) delivered(s *state, of timeline.Ref, message string) *timeline.Delivered {
	return &timeline.Delivered{Follower: PosterName, Of: of, External: s.place.Channel + "/" + message, URL: r.URL(s.place.Channel, message)}
}

// Of a backlog that would be pages long, only so many entries are told: the first,
// how it began, and the last, how it stands.
const (
	foldFirst = 20
	foldLast  = 180
)

// messages are the messages that entries become. What happened before there was a
// room is one folded message, so that whoever comes in sees what happens now.
func (r *Rooms) messages(ctx context.Context, s *state, entries []timeline.Entry) ([]room.Message, error) {
	var posts []room.Post
	early := 0
	err := r.Store.View(ctx, func(v timeline.View) error {
		for _, e := range entries {
			p, err := room.PostIn(v, r.Codec, e, r.Sight)
			if err != nil {
				return fmt.Errorf("%s: %w", e.Ref, err)
			}
			posts = append(posts, p)
			if s.place.OpenedAt.Sub(p.Recorded) > room.Apart {
				early = len(posts)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []room.Message
	if early > 1 {
		out, posts = append(out, room.Message{Posts: posts[:early], Stale: true}), posts[early:]
	}
	out = append(out, room.Messages(posts, r.Clock.Now())...)
	for i, m := range out {
		if left := len(m.Posts) - foldFirst - foldLast; left > 0 {
			gap := m.Posts[foldFirst+left-1]
			gap.Actor, gap.Text, gap.Mentions, gap.More = "wardroom", fmt.Sprintf("%d entries are left out here: /timeline show has them", left), nil, nil
			kept := append([]room.Post{}, m.Posts[:foldFirst]...)
			out[i].Posts = append(append(kept, gap), m.Posts[foldFirst+left:]...)
		}
	}
	return out, nil
}

// addNotes adds what only a room says: that it replaces another one, where a merged
// incident goes on, and the head of the chain when it is closed. first is the
// first post of the room.
func (r *Rooms) addNotes(ctx context.Context, s *state, m *rest.Message, entries []timeline.Entry, first bool) error {
	var lines []string
	if s.place.Again != "" && first {
		lines = append(lines, "This room replaces one that was deleted.")
	}
	for _, e := range entries {
		switch p := e.Payload.(type) {
		case *incident.MergedInto:
			onward, err := r.onward(ctx, p.Into)
			if err != nil {
				return err
			}
			lines = append(lines, onward)
		case *incident.StatusChanged:
			if p.To == incident.Closed {
				lines = append(lines, fmt.Sprintf("Head of %s: #%d `%s`", s.id, e.Seq, e.Seal.Hash))
			}
		}
	}
	if len(lines) > 0 {
		m.Content = strings.TrimSpace(m.Content + "\n" + strings.Join(lines[max(0, len(lines)-maxNotes):], "\n"))
	}
	return nil
}

// maxNotes keeps the notes of a long backlog within a message.
const maxNotes = 8

func (r *Rooms) onward(ctx context.Context, into timeline.ID) (string, error) {
	text := "It goes on in " + string(into)
	err := r.Store.View(ctx, func(v timeline.View) error {
		place, is, err := room.PlaceOf(v, Chat, into)
		if is {
			text += ": <#" + place.Channel + ">"
		}
		return err
	})
	return text, err
}
