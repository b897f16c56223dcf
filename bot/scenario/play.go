package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/timeline"
)

// Driver is the real bot, as a scenario reaches it: the same doors that outside
// systems and people use.
type Driver interface {
	// Webhook posts body to the intake of sender over HTTP; nil means 2xx.
	Webhook(ctx context.Context, sender string, body []byte) error
	// Ask runs a line as a person typed it in the room of the incident that is open.
	Ask(ctx context.Context, person, line string) (command.Reply, error)
	// Approve lets a person approve a repair, as [Event.Approve] names it.
	Approve(ctx context.Context, person, run string) error
	// Befall lets something happen to the cluster or the cloud.
	Befall(ctx context.Context, e *WorldEvent) error
	// NextInWorld is when something happens there by itself, and whether anything
	// will; Advance lets happen what is due by now.
	NextInWorld() (time.Time, bool)
	Advance()
	// Chat lets something befall the chat.
	Chat(ctx context.Context, fault ChatFault) error
	// Settle returns when nothing is in flight.
	Settle(ctx context.Context) error
	timeline.Store
}

// Narrator is told what happens, as it happens. at is the virtual time.
type Narrator func(at time.Time, who, what string)

// Player plays one scenario.
type Player struct {
	File    *File
	Clock   *Clock
	Driver  Driver
	Narrate Narrator
	// Pace is called before each event with the virtual time that passes until
	// then, to slow the play down for people; nil plays as fast as the bot is.
	Pace func(ctx context.Context, passes time.Duration) error
	// Linger is how long the clock goes on after the end, for what shows the newest
	// state no more often than it may.
	Linger time.Duration

	read map[string]command.Reply // what everybody has read last
}

// Play plays every event and returns the first fault: an event that the bot
// refused, or a context that ended. Expectations are for Check.
func (p *Player) Play(ctx context.Context) error {
	if err := p.Driver.Settle(ctx); err != nil {
		return err
	}
	if err := p.Pass(ctx, p.File.Start()); err != nil {
		return err
	}
	for i := range p.File.Events {
		e := &p.File.Events[i]
		if err := p.advance(ctx, e.time); err != nil {
			return err
		}
		if err := p.happen(ctx, e); err != nil {
			return fmt.Errorf("event %d, at %s: %w", i+1, e.At, err)
		}
		if err := p.Driver.Settle(ctx); err != nil {
			return err
		}
	}
	if err := p.advance(ctx, p.File.End()); err != nil || p.Linger == 0 {
		return err
	}
	p.Pace = nil
	return p.advance(ctx, p.File.End().Add(p.Linger))
}

// advance is Pass at the pace of people.
func (p *Player) advance(ctx context.Context, t time.Time) error {
	if p.Pace != nil {
		if err := p.Pace(ctx, t.Sub(p.Clock.Now())); err != nil {
			return err
		}
	}
	return p.Pass(ctx, t)
}

// Pass moves the clock to t and lets everything that wakes or happens on the way run
// to rest before the clock goes on.
func (p *Player) Pass(ctx context.Context, t time.Time) error {
	for {
		wake, waits := p.next()
		over := !waits || wake.After(t)
		if over {
			wake = t
		}
		p.Clock.MoveTo(wake)
		p.Driver.Advance()
		if err := p.Driver.Settle(ctx); err != nil || over {
			return err
		}
	}
}

// next is when somebody wakes or something happens in the world.
func (p *Player) next() (time.Time, bool) {
	wake, sleeping := p.Clock.Next()
	due, any := p.Driver.NextInWorld()
	if any && (!sleeping || due.Before(wake)) {
		return due, true
	}
	return wake, sleeping
}

func (p *Player) happen(ctx context.Context, e *Event) error {
	switch {
	case e.Alertmanager != nil:
		p.narrate(e, "Alertmanager", "sends "+e.Alertmanager.Labels["alertname"]+" "+e.Alertmanager.Status)
		body, err := e.Alertmanager.body()
		if err != nil {
			return err
		}
		return p.Driver.Webhook(ctx, "alertmanager", body)
	case e.Generic != nil:
		p.narrate(e, e.Generic.sender(), "sends "+e.Generic.Title+" "+e.Generic.Status)
		body, err := e.Generic.body()
		if err != nil {
			return err
		}
		return p.Driver.Webhook(ctx, e.Generic.sender(), body)
	case e.Linode != nil:
		p.narrate(e, "Linode", "reports "+e.Linode.Action+" "+e.Linode.Status)
		return p.observe(ctx, e, "linode", e.Linode.observed())
	case e.Kubernetes != nil:
		p.narrate(e, "Kubernetes", "reports "+e.Kubernetes.Reason)
		return p.observe(ctx, e, "kubernetes", e.Kubernetes.observed())
	case e.Approve != "":
		p.narrate(e, e.By, "approves the repair")
		if err := p.Driver.Approve(ctx, e.By, e.Approve); err != nil {
			return fmt.Errorf("%s approved %s: %w", e.By, e.Approve, err)
		}
		return nil
	case e.World != nil:
		who, what := e.World.Words()
		p.narrate(e, who, what)
		return p.Driver.Befall(ctx, e.World)
	case e.Chat != "":
		p.narrate(e, "Discord", map[ChatFault]string{ChatDown: "is down", ChatUp: "is back", ChatLoseAnswer: "will lose an answer"}[e.Chat])
		return p.Driver.Chat(ctx, e.Chat)
	}
	return p.ask(ctx, e)
}

// ask types a command, or taps a button, and holds the answer to what it has to be.
func (p *Player) ask(ctx context.Context, e *Event) error {
	line := e.Command
	if e.Tap != "" {
		acts := p.read[e.By].Actions
		i := slices.IndexFunc(acts, func(a command.Action) bool { return strings.HasPrefix(a.Label, e.Tap) })
		if i < 0 {
			return fmt.Errorf("%s has no button %q:\n%s", e.By, e.Tap, readOf(p.read[e.By]))
		}
		line = lineOf(acts[i].Ask)
	}
	p.narrate(e, e.By, line)
	reply, err := p.Driver.Ask(ctx, e.By, line)
	if err != nil {
		return fmt.Errorf("%s asked %q: %w", e.By, line, err)
	}
	if p.read == nil {
		p.read = map[string]command.Reply{}
	}
	p.read[e.By] = reply
	read := readOf(reply)
	for _, want := range e.Answers {
		if !strings.Contains(read, want) {
			return fmt.Errorf("%s asked %q: the answer lacks %q:\n%s", e.By, line, want, read)
		}
	}
	return nil
}

// lineOf is what a button asks for, as it is typed.
func lineOf(a command.Ask) string {
	line := "/" + a.Path
	for _, name := range slices.Sorted(maps.Keys(a.Options)) {
		line += " " + name + ":" + a.Options[name]
	}
	return line
}

// readOf is what somebody reads of a reply, its buttons in brackets.
func readOf(r command.Reply) string {
	lines := []string{r.Text}
	for _, e := range r.Embeds {
		lines = append(lines, e.Title, e.Description)
		for _, f := range e.Fields {
			lines = append(lines, f.Name+": "+f.Value)
		}
	}
	if r.Table != nil {
		for _, row := range r.Table.Rows {
			lines = append(lines, strings.Join(row, "  "))
		}
	}
	for _, a := range r.Actions {
		lines = append(lines, "["+a.Label+"]")
	}
	return strings.Join(lines, "\n")
}

func (p *Player) narrate(e *Event, who, what string) {
	if p.Narrate != nil {
		p.Narrate(e.time, who, what)
	}
}

// observe records what a provider reports in the newest open incident, or in the
// log when none is open.
func (p *Player) observe(ctx context.Context, e *Event, provider string, o *fleet.Observed) error {
	_, err := p.Driver.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		id, err := newestOpen(v)
		if err != nil {
			return timeline.Decision{}, err
		}
		return timeline.Decision{Entries: []timeline.Draft{
			{Timeline: id, Payload: o, OccurredAt: e.time, Actor: people.Provider(provider)},
		}}, nil
	})
	return err
}

func (l *LinodeEvent) observed() *fleet.Observed {
	o := &fleet.Observed{What: l.Action, Status: l.Status, Message: l.Message}
	switch {
	case l.Volume != "":
		o.Object = "volume " + l.Volume
	case l.Node != "":
		o.Object = "node " + l.Node
	}
	return o
}

func (k *KubernetesEvent) observed() *fleet.Observed {
	return &fleet.Observed{What: k.Reason, Object: k.Object, Message: k.Message}
}
