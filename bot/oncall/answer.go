package oncall

import (
	"context"
	"time"

	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// LinkAge is how long a link can be used, from its page on.
const LinkAge = 24 * time.Hour

// Outcome is how things stand with the link of a page.
type Outcome string

const (
	CanAnswer    Outcome = "open"         // it can be used
	Acknowledged Outcome = "acknowledged" // somebody is on it: By since At
	Over         Outcome = "over"         // the incident needs nobody any more
	Superseded   Outcome = "superseded"   // it was reopened since, and there are newer pages
	Expired      Outcome = "expired"      // the link is older than LinkAge
	TestReceived Outcome = "received"     // a test page, answered At
)

// Standing is what a link's page shows.
type Standing struct {
	Outcome  Outcome
	Page     timeline.Ref
	Person   string // who was paged
	Test     bool   // it was a test
	Incident incident.Incident
	By       string    // who acknowledged
	At       time.Time // when that was
	Now      bool      // this very request did it
}

// Desk answers for people on call. Every change is decided inside the door.
type Desk struct {
	store  timeline.Store
	links  *Links
	people *people.Directory
}

// NewDesk works on store. links may be nil where no link has to be read.
func NewDesk(store timeline.Store, links *Links, directory *people.Directory) *Desk {
	return &Desk{store, links, directory}
}

// Known reports whether a token is one of ours; it reads no database.
func (d *Desk) Known(token string) bool {
	if d.links == nil {
		return false
	}
	_, err := d.links.Read(token)
	return err == nil
}

// Look says how things stand with a link and changes nothing: previews of links
// look, too. A NotFound problem stands for any link that is not ours.
func (d *Desk) Look(ctx context.Context, token string) (Standing, error) {
	page, err := d.read(token)
	if err != nil {
		return Standing{}, err
	}
	var s Standing
	err = d.store.View(ctx, func(v timeline.View) (err error) {
		s, err = d.standing(v, page)
		return err
	})
	return s, err
}

// Answer uses a link: it acknowledges in the name of whoever was paged, or notes
// that a test page arrived. Where that cannot be it changes nothing and says how
// things stand, so it may be repeated.
func (d *Desk) Answer(ctx context.Context, token string) (Standing, error) {
	page, err := d.read(token)
	if err != nil {
		return Standing{}, err
	}
	var s Standing
	_, err = d.store.Update(ctx, func(v timeline.View) (_ timeline.Decision, err error) {
		if s, err = d.standing(v, page); err != nil || s.Outcome != CanAnswer {
			return timeline.Decision{}, err
		}
		return answer(s), nil
	})
	if err != nil || s.Outcome != CanAnswer {
		return s, err
	}
	err = d.store.View(ctx, func(v timeline.View) (err error) {
		s, err = d.standing(v, page)
		return err
	})
	s.Now = true
	return s, err
}

func answer(s Standing) timeline.Decision {
	who := people.Human(s.Person)
	take := timeline.Effects{Take: []string{answerClaim(s.Page)}}
	if s.Test {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: s.Page.Timeline, Actor: who, Cause: s.Page,
			Payload: &TestAnswered{Page: s.Page}, Effects: take}}}
	}
	return timeline.Decision{Entries: []timeline.Draft{
		{Timeline: s.Page.Timeline, Actor: who, Cause: s.Page, Payload: &Answered{Page: s.Page, Via: "link"}, Effects: take},
		{Timeline: s.Page.Timeline, Actor: who, Payload: &incident.Acknowledged{}, CausedByPrevious: true},
	}}
}

// answerClaim is taken when a link is used: it is used once.
func answerClaim(page timeline.Ref) string { return "oncall/answered/" + page.String() }

func (d *Desk) read(token string) (timeline.Ref, error) {
	if d.links == nil {
		return timeline.Ref{}, problem.New(problem.NotFound, "there are no links here")
	}
	return d.links.Read(token)
}

func (d *Desk) standing(v timeline.View, page timeline.Ref) (Standing, error) {
	e, err := v.Entry(page)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Page: page}
	switch p := e.Payload.(type) {
	case *Paged:
		s.Person = p.Person
	case *TestPaged:
		s.Person, s.Test = p.Person, true
	default:
		return s, problem.New(problem.NotFound, "the page of this link is gone").WithHint("open the newest page on your phone")
	}
	used, taken, err := v.Claim(answerClaim(page))
	if err != nil {
		return s, err
	}
	if s.Test {
		return s, s.test(v, e, used, taken)
	}
	if s.Incident, err = incident.Get(v, page.Timeline); err != nil {
		return s, err
	}
	_, still := d.people.ByName(s.Person)
	i := s.Incident
	switch {
	case !i.NeedsAck() && i.OnIt != "":
		s.Outcome, s.By, s.At = Acknowledged, i.OnIt, i.OnItAt
	case !i.NeedsAck():
		s.Outcome = Over
	case taken || i.ReopenedAt.After(e.RecordedAt):
		s.Outcome = Superseded
	case !still || v.Now().Sub(e.RecordedAt) > LinkAge:
		s.Outcome = Expired
	default:
		s.Outcome = CanAnswer
	}
	return s, nil
}

func (s *Standing) test(v timeline.View, e timeline.Entry, used timeline.Ref, taken bool) error {
	switch {
	case taken:
		received, err := v.Entry(used)
		if err != nil {
			return err
		}
		s.Outcome, s.By, s.At = TestReceived, s.Person, received.RecordedAt
	case v.Now().Sub(e.RecordedAt) > LinkAge:
		s.Outcome = Expired
	default:
		s.Outcome = CanAnswer
	}
	return nil
}

// Test records a test page for a person, which followers deliver like any other.
func (d *Desk) Test(ctx context.Context, who incident.Who, person string) (timeline.Ref, error) {
	if _, known := d.people.ByName(person); !known {
		return timeline.Ref{}, problem.New(problem.NotFound, "nobody here is called %q", person)
	}
	entries, err := d.store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Log, Actor: who.Actor, Cause: who.Cause, Payload: &TestPaged{Person: person}}}}, nil
	})
	if err != nil {
		return timeline.Ref{}, err
	}
	return entries[0].Ref, nil
}
