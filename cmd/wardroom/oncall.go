package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"wardroom/bot/oncall"
	chat "wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/integrations/ntfy"
	"wardroom/integrations/web"
)

// keyFile holds the key that signs acknowledge links.
const keyFile = "wardroom.key"

// signingKey reads the key in the data folder, and makes one at the first start.
// Only the owner of the folder can read the file. Without it the links of pages
// that were sent before lead nowhere.
func signingKey(data string) ([]byte, error) {
	path := filepath.Join(data, keyFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key := make([]byte, oncall.LeastKey)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
		if _, err := fmt.Fprintln(f, hex.EncodeToString(key)); err != nil {
			return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
		}
		return key, f.Close()
	case err != nil:
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) < oncall.LeastKey {
		return nil, fmt.Errorf("%s is no key; remove it, and a new one is made at the next start", path)
	}
	return key, nil
}

// waking is what wakes people: nothing of it is there without a rota or a topic.
type waking struct {
	desk  *oncall.Desk // answers links
	pager *ntfy.Pager  // nil: no phone is reached
	pages *prometheus.CounterVec
}

// wake adds what pages people, as the configuration has it. Everything that is
// stored under a name keeps it.
func (s *system) wake() error {
	c := s.config.OnCall
	if c.Rota == nil && len(c.Topics) == 0 {
		return nil
	}
	key, err := signingKey(s.data)
	if err != nil {
		return err
	}
	base := ""
	if c.URL != nil {
		base = c.URL.String()
	}
	links, err := oncall.NewLinks(key, base)
	if err != nil {
		return err
	}
	s.waking.desk = oncall.NewDesk(s.db, links, s.config.People)
	if c.Rota != nil {
		decider := &oncall.Pager{Rota: c.Rota, Policy: c.Policy, Reached: func(person string) bool {
			return s.discord != nil || !c.Topics[person].IsZero() // the room mentions them
		}}
		s.app.Runtime.AddDecider(oncall.FollowerName, timeline.ID.IsIncident, decider)
		for what, h := range decider.Handlers() {
			if err := s.app.Runtime.Handle(what, h); err != nil {
				return err
			}
		}
	}
	if len(c.Topics) > 0 {
		s.waking.pages = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wardroom_pages_total",
			Help: "Pages to phones by what became of them: sent, failed for good, delayed (an attempt that is made again)."}, []string{"result"})
		for _, result := range []string{"sent", "failed", "delayed"} {
			s.waking.pages.WithLabelValues(result) // a rate needs the zero
		}
		s.waking.pager = newNtfy(s, links)
		asks := &oncall.Approvals{Approvers: s.machines.desk.Approvers, Reached: func(person string) bool { return !c.Topics[person].IsZero() }}
		s.app.Runtime.AddDecider(oncall.ApprovalsName, timeline.ID.IsIncident, asks)
		s.app.Runtime.AddPoster(ntfy.FollowerName, func(timeline.ID) bool { return true }, s.waking.pager)
	}
	return nil
}

func newNtfy(s *system, links *oncall.Links) *ntfy.Pager {
	c := s.config.OnCall
	return ntfy.New(ntfy.Options{URL: c.Ntfy.URL, Auth: c.Ntfy.Auth, Topics: c.Topics, Store: s.db, Clock: s.clock, Zone: s.config.Timezone,
		Repeat: c.Policy.Repeat, Links: links, Room: roomURL, Log: s.log,
		Count: func(result string) { s.waking.pages.WithLabelValues(result).Inc() }})
}

// roomURL is where a person opens the room of an incident; "" where there is none.
func roomURL(v timeline.Reader, id timeline.ID) string {
	place, _, err := chat.PlaceOf(v, "discord", id)
	if err != nil {
		return "" // the page matters more than its button
	}
	return place.URL
}

// mountWaking serves the links of pages, and counts pages.
func (s *system) mountWaking(front *web.Server) error {
	if s.waking.desk == nil {
		return nil
	}
	if s.waking.pages != nil {
		if err := front.Metrics().Register(s.waking.pages); err != nil {
			return err
		}
	}
	return front.Mount(web.AckPattern, web.AckLinks(web.AckOptions{Answerer: s.waking.desk, Zone: s.config.Timezone, Log: s.log}))
}

// onCallOptions are empty for a system that only declares its commands.
func (s *system) onCallOptions() commands.OnCallOptions {
	if s.config == nil {
		return commands.OnCallOptions{}
	}
	return commands.OnCallOptions{Rota: s.config.OnCall.Rota, Tests: oncall.NewDesk(s.db, nil, s.config.People), View: s.db.View,
		Reached: func(person string) bool { return !s.config.OnCall.Topics[person].IsZero() }}
}
