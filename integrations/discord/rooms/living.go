package rooms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// Living is the follower "discord/living": the pinned message at the top of a room.
// Add it with [Pace].
func (r *Rooms) Living() timeline.Mirror { return living{r} }

type living struct{ *Rooms }

// Show implements [timeline.Mirror]. It does nothing while there is no room: the
// poster opens it.
func (l living) Show(ctx context.Context, id timeline.ID) ([]timeline.Delivered, error) {
	return nil, l.Refresh(ctx, id)
}

// Refresh brings the living message of an incident up to date, where it differs from
// what is shown. It is repeatable. An error that is refused or unavailable goes away
// by itself: try again later.
func (r *Rooms) Refresh(ctx context.Context, id timeline.ID) error {
	if !id.IsIncident() {
		return nil
	}
	leave, err := r.enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	s, ok, err := r.load(ctx, id)
	if err != nil || !ok || !s.has {
		return err
	}
	err = r.show(ctx, s)
	if rest.CodeOf(err) == rest.UnknownChannel {
		if !s.wanted() {
			return nil // deleted, and nobody needs it any more
		}
		err = r.heal(ctx, s)
	}
	if problem.Is(err, problem.Forbidden) {
		return refused(err)
	}
	if err != nil {
		return err
	}
	return r.pinLate(ctx, s)
}

// heal opens a deleted room anew and tells again what the old one was told.
func (r *Rooms) heal(ctx context.Context, s *state) error {
	told := s.told()
	s.has = false
	r.setUnsure(s.id, true)
	if err := r.open(ctx, s, "the channel before was deleted in Discord"); err != nil {
		return err
	}
	made, err := r.bring(ctx, s, nil, told)
	if err != nil {
		return err
	}
	for _, d := range made {
		if err := r.record(ctx, &d); err != nil {
			return err
		}
	}
	return nil
}

// look of a message: what is compared to see whether it has to be sent again.
func lookOf(m rest.Message) string {
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// message is the living message as of the state that was read.
func (r *Rooms) message(s *state) rest.Message {
	works := r.Working()
	if !s.incident.Open() {
		works = nil // what works now says nothing of then
	}
	return r.Render.Living(s.living, works)
}

// show edits the living message to the newest state, or makes it.
func (r *Rooms) show(ctx context.Context, s *state) error {
	if s.message == "" {
		return r.showFirst(ctx, s)
	}
	m := r.message(s)
	look := lookOf(m)
	if s.shown == s.message+" "+look {
		return nil
	}
	_, err := r.Rest.EditMessage(ctx, s.place.Channel, s.message, m)
	if rest.CodeOf(err) == rest.ThreadArchived {
		err = r.editAsleep(ctx, s, m)
	}
	switch code := rest.CodeOf(err); {
	case code == rest.UnknownMessage:
		return r.showFirst(ctx, s)
	case code == rest.MaxEditsOfOldMessage, code == rest.CannotEditOthersMessage, code == cannotEditSystem, problem.Is(err, problem.Invalid):
		r.Log.Info("the living message is posted anew", "incident", string(s.id), "error", err)
		return r.replace(ctx, s)
	case err != nil:
		return fmt.Errorf("living message of %s in the room %s: %w", s.id, s.place.Name, err)
	}
	return r.showed(ctx, s, look)
}

// pinLate pins the living message where that was not allowed before. While it still
// is not, the room goes on without: what is shown matters more.
func (r *Rooms) pinLate(ctx context.Context, s *state) error {
	if s.unpinned == "" || s.unpinned != s.message || s.over() {
		return nil
	}
	err := r.Rest.Pin(ctx, s.place.Channel, s.message, "how the incident stands")
	switch {
	case problem.Is(err, problem.Forbidden), rest.CodeOf(err) == rest.MaxPins:
		return nil
	case err != nil:
		return fmt.Errorf("pin the living message of %s: %w", s.id, err)
	}
	return r.note(ctx, unpinnedNote(s.id), nil)
}

// unpinnedNote holds the living message that could not be pinned for want of a
// permission.
func unpinnedNote(id timeline.ID) string { return "unpinned/" + string(id) }

// cannotEditSystem: "Cannot execute action on a system message".
const cannotEditSystem = 50021

// editAsleep edits in a thread that Discord put to sleep, and lets one that we put
// away sleep on.
func (r *Rooms) editAsleep(ctx context.Context, s *state, m rest.Message) error {
	if err := r.wake(ctx, s); err != nil {
		return err
	}
	if _, err := r.Rest.EditMessage(ctx, s.place.Channel, s.message, m); err != nil || !s.place.Archived {
		return err
	}
	return r.moveThread(ctx, s)
}

// replace posts the living message anew and takes the old one away, which nobody
// shall take for the truth.
func (r *Rooms) replace(ctx context.Context, s *state) error {
	err := r.Rest.DeleteMessage(ctx, s.place.Channel, s.message, "replaced by a newer one")
	if err != nil && rest.CodeOf(err) != rest.UnknownMessage {
		return fmt.Errorf("old living message of %s: %w", s.id, err)
	}
	return r.showFirst(ctx, s)
}

// showFirst finds the living message that an earlier attempt made after the one that
// is recorded, or makes it: the first message of a room.
func (r *Rooms) showFirst(ctx context.Context, s *state) error {
	me, err := r.self(ctx)
	if err != nil {
		return err
	}
	page, err := r.Rest.Messages(ctx, s.place.Channel, rest.Page{After: cmp.Or(s.message, "0"), Limit: 100})
	if err != nil {
		return fmt.Errorf("look into the room %s: %w", s.place.Name, err)
	}
	for i := len(page) - 1; i >= 0; i-- {
		if m := page[i]; m.Author != nil && m.Author.ID == me && isLiving(m, s.id) {
			if err := r.adopt(ctx, s, m.ID, m.Pinned, ""); err != nil {
				return err
			}
			return r.show(ctx, s)
		}
	}
	return r.create(ctx, s, r.message(s))
}

// isLiving: its footer begins with the incident and names no entry.
func isLiving(m *discordgo.Message, id timeline.ID) bool {
	if _, post := render.EntryOf(m); post {
		return false
	}
	for _, e := range m.Embeds {
		if e.Footer != nil && strings.HasPrefix(e.Footer.Text, string(id)+" · ") {
			return true
		}
	}
	return false
}

func (r *Rooms) create(ctx context.Context, s *state, m rest.Message) error {
	look := lookOf(m)
	m.Nonce, m.EnforceNonce = nonce(LivingName, s.place.Channel, s.message), true
	sent, err := r.Rest.CreateMessage(ctx, s.place.Channel, m)
	if err != nil {
		return fmt.Errorf("living message of %s in the room %s: %w", s.id, s.place.Name, err)
	}
	return r.adopt(ctx, s, sent.ID, false, look)
}

// adopt pins a message and records that it is the living one. Pinned or not, it is
// kept: a full list of pins or a missing permission must not leave a room without it.
func (r *Rooms) adopt(ctx context.Context, s *state, message string, pinned bool, look string) error {
	of := s.incident.Declared
	if of.IsZero() {
		of = timeline.Ref{Timeline: s.id, Seq: 1}
	}
	if !pinned {
		err := r.Rest.Pin(ctx, s.place.Channel, message, "how the incident stands")
		switch {
		case rest.CodeOf(err) == rest.MaxPins:
			r.Log.Warn("the living message is not pinned: the channel holds as many pins as it may", "incident", string(s.id))
		case problem.Is(err, problem.Forbidden):
			if err := r.complain(ctx, of, fmt.Errorf("pin in the room %s: %w", s.place.Name, err)); err != nil {
				return err
			}
			if err := r.note(ctx, unpinnedNote(s.id), []byte(message)); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("pin the living message of %s: %w", s.id, err)
		}
	}
	err := r.record(ctx, &timeline.Delivered{Follower: LivingName, Of: of,
		External: s.place.Channel + "/" + message, URL: r.URL(s.place.Channel, message)})
	if err != nil {
		return err
	}
	s.message = message
	return r.showed(ctx, s, look)
}

// showed notes what is shown, so that a start does not edit every room there ever was.
func (r *Rooms) showed(ctx context.Context, s *state, look string) error {
	s.shown = s.message + " " + look
	return r.note(ctx, "living/"+string(s.id), []byte(s.shown))
}
