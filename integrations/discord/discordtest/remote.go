package discordtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Remote drives a simulator in another process (discordsim) through its control
// address: the same people, the same faults. An error is what the simulator said, or
// that it cannot be reached.
type Remote struct {
	Info
	control string
	ctx     context.Context // ends the calls that take none
}

// Dial asks the simulator at a control address, as "http://127.0.0.1:1235", who it is.
// ctx ends the calls that take none of their own.
func Dial(ctx context.Context, control string) (*Remote, error) {
	r := &Remote{control: control, ctx: ctx}
	return r, r.call(ctx, "info", order{}, &r.Info)
}

func (r *Remote) call(ctx context.Context, name string, o order, out any) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.control+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var reply struct {
		Result json.RawMessage
		Error  string
	}
	if err := json.NewDecoder(res.Body).Decode(&reply); err != nil {
		return fmt.Errorf("simulator, %s: %s: %w", name, res.Status, err)
	}
	if out != nil && len(reply.Result) > 0 && string(reply.Result) != "null" {
		if err := json.Unmarshal(reply.Result, out); err != nil {
			return fmt.Errorf("simulator, %s: %w", name, err)
		}
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return nil
}

func (r *Remote) act(ctx context.Context, a Action) (seen Seen, err error) {
	return seen, r.call(ctx, "act", order{Action: &a}, &seen)
}

// As is the person of that name; see Server.As.
func (r *Remote) As(name string) *Person { return &Person{name, r} }

// UserID is the Discord id of a person, who joins when nobody has the name.
func (r *Remote) UserID(name string) (id string, err error) {
	return id, r.call(r.ctx, "user", order{Name: name}, &id)
}

// Fault sets a fault and returns its number for Clear.
func (r *Remote) Fault(f Fault) (number int, err error) {
	return number, r.call(r.ctx, "fault", order{Fault: &f}, &number)
}

// Clear ends faults, all when no number is given.
func (r *Remote) Clear(numbers ...int) error {
	return r.call(r.ctx, "clear", order{Numbers: numbers}, nil)
}

// Gateway makes something go wrong with the gateway.
func (r *Remote) Gateway(f GatewayFault) error {
	return r.call(r.ctx, "gateway", order{Gateway: &f}, nil)
}

// Down takes Discord away; with d it comes back by itself.
func (r *Remote) Down(refuse bool, d time.Duration) error {
	return r.call(r.ctx, "down", order{Refuse: refuse, For: d}, nil)
}

// Up brings Discord back.
func (r *Remote) Up() error { return r.call(r.ctx, "up", order{}, nil) }

// SetIntents changes which privileged intents are granted.
func (r *Remote) SetIntents(granted int) error {
	return r.call(r.ctx, "intents", order{Intents: granted}, nil)
}

// SetPermissions changes what the bot's own role may do.
func (r *Remote) SetPermissions(p Permission) error {
	return r.call(r.ctx, "permissions", order{Permissions: p}, nil)
}

// SetInteractionsURL makes interactions arrive there; see Server.SetInteractionsURL.
func (r *Remote) SetInteractionsURL(ctx context.Context, url string) error {
	return r.call(ctx, "interactions-url", order{URL: url}, nil)
}

// AddChannel makes a channel and returns its id; parent is a category's or "".
func (r *Remote) AddChannel(name string, kind int, parent string) (id string, err error) {
	return id, r.call(r.ctx, "add-channel", order{Name: name, Kind: kind, URL: parent}, &id)
}

// DeleteChannel deletes a channel as a person does.
func (r *Remote) DeleteChannel(name string) error {
	return r.call(r.ctx, "delete-channel", order{Name: name}, nil)
}

// Channels are the guild's channels, categories and threads.
func (r *Remote) Channels() (list []Channel, err error) {
	return list, r.call(r.ctx, "channels", order{}, &list)
}

// Messages are those of a channel that everybody sees, oldest first.
func (r *Remote) Messages(channel string) (list []*Message, err error) {
	return list, r.call(r.ctx, "messages", order{Name: channel}, &list)
}

// WaitText waits until a channel holds a message with that text; see Server.WaitText.
func (r *Remote) WaitText(ctx context.Context, channel, text, after string) (m *Message, err error) {
	return m, r.call(ctx, "wait-text", order{Name: channel, Text: text, After: after}, &m)
}

// WaitSession waits until a bot is connected to the gateway.
func (r *Remote) WaitSession(ctx context.Context) error {
	return r.call(ctx, "wait-session", order{}, nil)
}

// SetOverwrites changes the permission overwrites of a channel.
func (r *Remote) SetOverwrites(channel string, list ...Overwrite) error {
	return r.call(r.ctx, "overwrites", order{Name: channel, Overwrites: list}, nil)
}

// Pinned are the pinned messages of a channel, the last pinned first.
func (r *Remote) Pinned(channel string) (list []*Message, err error) {
	return list, r.call(r.ctx, "pinned", order{Name: channel}, &list)
}

// Commands are the registered commands.
func (r *Remote) Commands() (list []Command, err error) {
	return list, r.call(r.ctx, "commands", order{}, &list)
}

// Typed is how many characters a person typed.
func (r *Remote) Typed(name string) (n int, err error) {
	return n, r.call(r.ctx, "typed", order{Name: name}, &n)
}

// Requests are the answered requests by method and status; see Server.Requests.
func (r *Remote) Requests() (count map[string]int, err error) {
	return count, r.call(r.ctx, "requests", order{}, &count)
}

// Sessions reports how often a bot identified and resumed, and who is connected.
func (r *Remote) Sessions() (identified, resumed, connected int, err error) {
	var n [3]int
	err = r.call(r.ctx, "sessions", order{}, &n)
	return n[0], n[1], n[2], err
}

// Transcript is what Discord holds, as text.
func (r *Remote) Transcript() (text string, err error) {
	return text, r.call(r.ctx, "transcript", order{}, &text)
}

var (
	_ actor = (*Server)(nil)
	_ actor = (*Remote)(nil)
)
