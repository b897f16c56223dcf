package rooms

import (
	"context"
	"fmt"

	"wardroom/bot/timeline"
	"wardroom/integrations/discord/render"
	"wardroom/integrations/discord/rest"
)

// maxPages bounds how far is looked: 20 pages are 2000 messages that people wrote
// since our last one.
const maxPages = 20

// look finds posts that arrived although nobody noted it, by the entry that each
// names, and records them. After it, [state.told] is what really was told: posts are
// sent in order, so the last one found says that all before it are there.
func (r *Rooms) look(ctx context.Context, s *state) error {
	me, err := r.self(ctx)
	if err != nil {
		return err
	}
	after, told := s.newest(), s.told()
	var found []*timeline.Delivered
	for range maxPages {
		page, err := r.Rest.Messages(ctx, s.place.Channel, rest.Page{After: after, Limit: 100})
		if err != nil {
			return fmt.Errorf("look for posts in the room %s: %w", s.place.Name, err)
		}
		for i := len(page) - 1; i >= 0; i-- { // the newest stands first
			m := page[i]
			if younger(m.ID, after) {
				after = m.ID
			}
			ref, is := render.EntryOf(m)
			if !is || m.Author == nil || m.Author.ID != me || ref.Timeline != s.id || ref.Seq <= told {
				continue
			}
			told = ref.Seq
			found = append(found, r.delivered(s, ref, m.ID))
		}
		if len(page) < 100 {
			break
		}
	}
	if err := r.record(ctx, found...); err != nil {
		return err
	}
	for _, d := range found {
		s.append(d)
	}
	r.setUnsure(s.id, false)
	return nil
}
