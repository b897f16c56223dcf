package statuspage

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Limits of what is posted, in characters. Statuspage takes more; a reader does not.
const (
	MaxTitle = 200
	MaxText  = 4000
)

// Desk is where people tell the public something. Its methods only record; the
// posters carry it to the pages.
type Desk struct {
	store timeline.Store
	rules Rules
	pages []Provider
}

// Provider is what the desk has to know of a page: what it cannot do is said.
type Provider struct {
	Name         string
	Capabilities Capabilities
}

// ProviderOf describes a page.
func ProviderOf(p Page) Provider { return Provider{Name: p.Name(), Capabilities: p.Capabilities()} }

// NewDesk makes a desk for these pages. rules may be nil.
func NewDesk(store timeline.Store, rules Rules, pages ...Provider) *Desk {
	return &Desk{store: store, rules: rules, pages: pages}
}

// Who asks, and the entry that recorded the request.
type Who struct {
	Actor people.Actor
	Cause timeline.Ref // may be zero
}

// Outcome is what came of a request.
type Outcome struct {
	Entry  timeline.Ref // the entry that tells of it
	Notice Notice       // as of that entry
	Notes  []string     // what the person should know, in sentences
}

// Post is a new update for the public.
type Post struct {
	Incident   timeline.ID
	Title      string           // "": keep it; for the first update the incident's title
	State      State            // "": keep it; for the first update what the incident's status says
	Text       string           //
	At         time.Time        // the time that is shown; zero: now. Never in the future.
	Components map[string]Level // by name, in any case
	Quiet      bool             // spare subscribers
}

// Post tells the public something; the first update of an incident creates its
// notice. It is not repeatable: each call is another update.
func (d *Desk) Post(ctx context.Context, who Who, p Post) (Outcome, error) {
	if err := checkText(&p); err != nil {
		return Outcome{}, err
	}
	return d.update(ctx, p.Incident, func(v timeline.View) (timeline.Draft, []string, error) {
		return decidePost(v, who, p)
	})
}

// Resolve tells the public that it is over. Components that the notice names
// return to operational unless another open notice or p says otherwise.
func (d *Desk) Resolve(ctx context.Context, who Who, p Post) (Outcome, error) {
	p.State = Resolved
	if strings.TrimSpace(p.Text) == "" {
		p.Text = "This incident has been resolved."
	}
	if err := checkText(&p); err != nil {
		return Outcome{}, err
	}
	return d.update(ctx, p.Incident, func(v timeline.View) (timeline.Draft, []string, error) {
		n, err := must(v, p.Incident)
		if err == nil && !n.Open() {
			err = problem.New(problem.Conflict, "the status page already says that %s is resolved", p.Incident)
		}
		if err != nil {
			return timeline.Draft{}, nil, err
		}
		return decidePost(v, who, p)
	})
}

// Correction puts the text of an update right.
type Correction struct {
	Incident timeline.ID
	Update   timeline.Ref // the update, or a correction of it; zero: the newest of the incident
	Text     string
}

// Correct puts the text of an update right. The old entry stays, superseded; the
// update keeps its time, state and components, every page shows the new text in the
// place of the old one, and subscribers are not told. An update that says that
// already records nothing.
func (d *Desk) Correct(ctx context.Context, who Who, c Correction) (Outcome, error) {
	text, err := checkBody(c.Text)
	if err != nil {
		return Outcome{}, err
	}
	c.Text = text
	return d.update(ctx, c.Incident, func(v timeline.View) (timeline.Draft, []string, error) {
		return decideCorrect(v, who, c)
	})
}

// Backdate moves the public start of an incident's notice, as a person confirmed
// it. why may be empty: then the evidence speaks. To move it to before all
// evidence is allowed and said.
func (d *Desk) Backdate(ctx context.Context, who Who, id timeline.ID, startedAt time.Time, why string) (Outcome, error) {
	var found []Evidence
	err := d.store.View(ctx, func(v timeline.View) (err error) {
		found, err = Propose(v, id, d.rules)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return d.update(ctx, id, func(v timeline.View) (timeline.Draft, []string, error) {
		return decideBackdate(v, who, id, timeline.Stamp(startedAt), strings.TrimSpace(why), found, d.pages)
	})
}

// SetComponent brings a component to a level, for an incident or, with id the log,
// for none. With id empty it belongs to the open notice that names the component,
// if there is exactly one. A component that is there already records nothing.
func (d *Desk) SetComponent(ctx context.Context, who Who, id timeline.ID, name string, level Level) (Outcome, error) {
	if !slices.Contains(Levels, level) {
		return Outcome{}, problem.New(problem.Invalid, "%q is not a component's level", string(level)).WithHint("%s", problem.OneOf(Levels))
	}
	return d.update(ctx, id, func(v timeline.View) (timeline.Draft, []string, error) {
		if id.IsIncident() {
			if _, err := incident.Get(v, id); err != nil {
				return timeline.Draft{}, nil, err
			}
		}
		known, err := knownComponents(v, map[string]Level{name: level})
		if err != nil {
			return timeline.Draft{}, nil, err
		}
		declared := sortedNames(known)[0]
		c, _, err := Components.Get(v, declared)
		if err != nil {
			return timeline.Draft{}, nil, err
		}
		if c.Level == level {
			return timeline.Draft{}, []string{declared + " already is " + level.words() + "."}, nil
		}
		if id == "" {
			if id, err = holderOf(v, declared); err != nil {
				return timeline.Draft{}, nil, err
			}
		}
		return draft(id, who, &ComponentSet{Component: declared, Level: level, From: c.Level}), nil, nil
	})
}

// Propose returns the notice, if anything was posted, and the evidence for when
// the incident began.
func (d *Desk) Propose(ctx context.Context, id timeline.ID) (n Notice, posted bool, found []Evidence, err error) {
	err = d.store.View(ctx, func(v timeline.View) error {
		if found, err = Propose(v, id, d.rules); err != nil {
			return err
		}
		n, posted, err = Get(v, id)
		return err
	})
	return n, posted, found, err
}

// View reads a consistent state.
func (d *Desk) View(ctx context.Context, read func(timeline.View) error) error {
	return d.store.View(ctx, read)
}

// Evidence is [Propose] with the rules of the configuration.
func (d *Desk) Evidence(v timeline.View, id timeline.ID) ([]Evidence, error) {
	return Propose(v, id, d.rules)
}

// Site returns all that the public is told.
func (d *Desk) Site(ctx context.Context) (site Site, err error) {
	err = d.store.View(ctx, func(v timeline.View) error {
		site, err = ReadSite(v)
		return err
	})
	return site, err
}

// update records what decide returns, if anything, and reads back the notice.
func (d *Desk) update(ctx context.Context, id timeline.ID, decide func(timeline.View) (timeline.Draft, []string, error)) (Outcome, error) {
	var out Outcome
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		draft, notes, err := decide(v)
		if err != nil || draft.Payload == nil {
			out.Notes = notes
			return timeline.Decision{}, err
		}
		out.Notes = notes
		return timeline.Decision{Entries: []timeline.Draft{draft}}, nil
	})
	if err != nil {
		return Outcome{}, err
	}
	if len(entries) > 0 {
		out.Entry = entries[0].Ref
	}
	err = d.store.View(ctx, func(v timeline.View) error {
		if out.Entry.IsZero() {
			out.Notice, _, err = Get(v, id)
			return err
		}
		out.Notice, _, err = AsOf(v, out.Entry.Timeline, out.Entry.Seq)
		return err
	})
	return out, err
}

func draft(id timeline.ID, who Who, p timeline.Payload) timeline.Draft {
	return timeline.Draft{Timeline: id, Actor: who.Actor, Cause: who.Cause, Payload: p}
}

// plain drops what no page can show: control characters, and those that turn the
// direction of the text around them.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != utf8.RuneError {
			return r
		}
		return -1
	}, s)
}

func checkText(p *Post) error {
	var err error
	p.Title, p.At = strings.Join(strings.Fields(plain(p.Title)), " "), timeline.Stamp(p.At)
	p.Text, err = checkBody(p.Text)
	switch {
	case err != nil:
		return err
	case utf8.RuneCountInString(p.Title) > MaxTitle:
		return problem.New(problem.TooLarge, "the title is longer than %d characters", MaxTitle)
	case p.State != "" && !slices.Contains(States, p.State):
		_, err := ParseState(string(p.State))
		return err
	}
	return nil
}

// checkBody returns a text as it is posted.
func checkBody(s string) (string, error) {
	switch s = strings.TrimSpace(plain(s)); {
	case s == "":
		return "", problem.New(problem.Invalid, "an update needs a text for the public")
	case utf8.RuneCountInString(s) > MaxText:
		return "", problem.New(problem.TooLarge, "the text is longer than %d characters", MaxText)
	}
	return s, nil
}
