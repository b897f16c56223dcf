// Package rooms keeps what Discord shows of incidents: a channel for each, with a
// pinned message that tells how things stand and a post for everything that
// happened; and one overview of all.
//
// Three followers of the timelines do it: [Rooms.Poster], [Rooms.Living] and
// [Rooms.Overview]. What they made is recorded at once after each request that made
// it, and before they make something they look for it whenever an earlier attempt
// may have arrived: a process that dies between any two requests leaves nothing
// out and makes nothing twice.
package rooms

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"log/slog"
	"sync"
	"time"

	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

// Chat is the name of this chat in [room.Place].
const Chat = "discord"

// The followers' names: what their cursors and deliveries are stored under.
const (
	PosterName   = "discord/room"
	LivingName   = "discord/living"
	OverviewName = "discord/overview"
)

// Pace is how often a mirror may show the same thing: one edit in 5 s is what
// Discord lets pass for long.
const Pace = 5 * time.Second

// ThreadsFrom is the number of a server's channels, categories included, from which
// rooms are threads: Discord allows 500, and people need some for themselves.
const ThreadsFrom = 450

// inCategory is how many channels a category holds:
// https://discord.com/developers/docs/resources/channel (parent_id)
const inCategory = 50

// Renderer turns what the domain says into messages; see package render.
type Renderer interface {
	Post(room.Message) []rest.Message
	Living(room.Living, []room.Working) rest.Message
	Overview([]room.OverviewLine) []rest.Message
	Tombstone() rest.Message
}

// Options of the rooms of one server. Rest, Render, Store, Clock, Codec and Guild
// are needed.
type Options struct {
	Rest   *rest.Client
	Render Renderer
	Store  timeline.Store
	Clock  timeline.Clock
	Codec  *timeline.Codec
	Log    *slog.Logger // nil is silent
	Guild  string       // the server's id

	Category string // of rooms in use; "" is "Incidents"
	Archive  string // category of closed ones; "" is "Incidents archive"
	Overview string // the channel with a line for each; "" is "incidents"
	// Private hides rooms from everybody but the bot and Viewers, role ids. Else a
	// room shows to whoever sees its category.
	Private bool
	Viewers []string
	// LockClosed lets nobody write in the room of a closed incident. The bot then
	// needs Manage Roles.
	LockClosed bool
	// Working tells what can be used now; nil tells nothing.
	Working func() []room.Working
	// Sight is what is shown of repairs beside the record.
	Sight room.Sight
}

// Rooms are the rooms of one server. Its followers may run side by side.
type Rooms struct {
	Options

	guild chan struct{} // held while channels are made: two followers must not make one twice

	mu     sync.Mutex
	me     string                        // the bot's user id, once known
	busy   map[timeline.ID]chan struct{} // held while something is made in a room
	unsure map[timeline.ID]bool          // an earlier attempt may have arrived unseen
	said   map[timeline.ID]string        // the complaint that was recorded last

	overview overviewState
}

// New makes the rooms of a server. It sends nothing yet.
func New(o Options) *Rooms {
	for _, name := range []struct {
		is *string
		or string
	}{{&o.Category, "Incidents"}, {&o.Archive, "Incidents archive"}, {&o.Overview, "incidents"}} {
		if *name.is == "" {
			*name.is = name.or
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Working == nil {
		o.Working = func() []room.Working { return nil }
	}
	r := &Rooms{Options: o, guild: make(chan struct{}, 1), busy: map[timeline.ID]chan struct{}{},
		unsure: map[timeline.ID]bool{}, said: map[timeline.ID]string{}}
	r.overview.busy = make(chan struct{}, 1)
	return r
}

// hold takes a lock that a request may be waiting under, or gives up with ctx.
func hold(ctx context.Context, lock chan struct{}) (release func(), err error) {
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter lets one follower at a time work in the room of an incident.
func (r *Rooms) enter(ctx context.Context, id timeline.ID) (leave func(), err error) {
	r.mu.Lock()
	lock := r.busy[id]
	if lock == nil {
		lock = make(chan struct{}, 1)
		r.busy[id] = lock
	}
	r.mu.Unlock()
	return hold(ctx, lock)
}

// self is the bot's own id. It is asked for once.
func (r *Rooms) self(ctx context.Context) (string, error) {
	r.mu.Lock()
	me := r.me
	r.mu.Unlock()
	if me != "" {
		return me, nil
	}
	u, err := r.Rest.Me(ctx)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.me = u.ID
	return u.ID, nil
}

func (r *Rooms) setUnsure(id timeline.ID, unsure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if unsure {
		r.unsure[id] = true
	} else {
		delete(r.unsure, id)
	}
}

func (r *Rooms) isUnsure(id timeline.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unsure[id]
}

// content forgets the last complaint: what it was about works again.
func (r *Rooms) content(id timeline.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.said, id)
}

// URL is where a person opens a channel, or a message in it.
func (r *Rooms) URL(channel, message string) string {
	u := "https://discord.com/channels/" + r.Guild + "/" + channel
	if message != "" {
		u += "/" + message
	}
	return u
}

// nonce names what a message is for, the same at every attempt: 22 characters of at
// most 25.
func nonce(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return "w-" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil))[:20]
}

// note writes a durable note that is no record, under "discord/".
func (r *Rooms) note(ctx context.Context, key string, doc []byte) error {
	_, err := r.Store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Scratch: []timeline.ScratchPut{{Key: Chat + "/" + key, Doc: doc}}}, nil
	})
	return err
}

// noted reads such a note; nil when there is none.
func noted(v timeline.View, key string) ([]byte, error) {
	found, err := v.Scratch(Chat + "/" + key)
	return found[Chat+"/"+key], err
}
