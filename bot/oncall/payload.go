package oncall

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/timeline"
)

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[Paged](timeline.Key),
	timeline.KindOf[Stopped](timeline.Detail),
	timeline.KindOf[Unanswered](timeline.Key),
	timeline.KindOf[Answered](timeline.Detail),
	timeline.KindOf[Asked](timeline.Detail), // the request itself stands in the room
	timeline.KindOf[TestPaged](timeline.Key),
	timeline.KindOf[TestAnswered](timeline.Key),
}

// The kinds that wake somebody: followers that send pages want these.
const (
	KindPaged = timeline.Kind("oncall.paged")
	KindTest  = timeline.Kind("oncall.tested")
)

// IsPage reports whether an entry of kind k wakes somebody.
func IsPage(k timeline.Kind) bool { return k == KindPaged || k == KindTest || k == KindAsked }

// Paged wakes a person for the incident in whose timeline it stands. It tells
// nothing from outside, so that what is erased there has no copy here.
type Paged struct {
	Person  string `json:"person"`
	Round   int    `json:"round"`   // how often it has gone round the rota, from 1
	Attempt int    `json:"attempt"` // how often this person was paged in this round, from 1
	Why     string `json:"why"`     // half a sentence
	// Then is who is paged at ThenAt when nobody answers until then; "" for nobody.
	Then   string    `json:"then,omitempty"`
	ThenAt time.Time `json:"then_at,omitzero"`
}

func (*Paged) Kind() timeline.Kind { return KindPaged }
func (p *Paged) Text() string      { return fmt.Sprintf("Paged %s: %s", p.Person, p.Why) }

// Mentions are the persons that a chat notifies with this entry, and no others.
func (p *Paged) Mentions() []string { return []string{p.Person} }

// Stopped ends the pages of an incident: somebody is on it, or it needs nobody.
type Stopped struct {
	Why string `json:"why"`
}

func (*Stopped) Kind() timeline.Kind { return "oncall.stopped" }
func (s *Stopped) Text() string      { return "Pages stopped: " + s.Why }

// Unanswered says that everybody was paged in vain, or that there is nobody to
// page. Nobody is paged again before the incident is reopened or becomes worse.
type Unanswered struct {
	People []string  `json:"people,omitempty"`
	Rounds int       `json:"rounds,omitempty"`
	Since  time.Time `json:"since,omitzero"` // of the first page
	// Unreached are those on the rota whom no page reaches.
	Unreached []string `json:"unreached,omitempty"`
}

func (*Unanswered) Kind() timeline.Kind { return "oncall.unanswered" }
func (u *Unanswered) Text() string {
	switch {
	case len(u.People) == 0 && len(u.Unreached) > 0:
		return fmt.Sprintf("Nobody was paged: no page reaches %s", strings.Join(u.Unreached, ", "))
	case len(u.People) == 0:
		return "Nobody was paged: nobody is on the rota"
	}
	rounds := "once"
	if u.Rounds > 1 {
		rounds = fmt.Sprintf("in %d rounds", u.Rounds)
	}
	return fmt.Sprintf("Nobody answers: %s were paged %s since %s; the pages end here",
		strings.Join(u.People, ", "), rounds, u.Since.UTC().Format("15:04 UTC"))
}

// Answered records that the link of a page was used; what follows from it has it
// as its cause.
type Answered struct {
	Page timeline.Ref `json:"page"`
	Via  string       `json:"via"` // "link"
}

func (*Answered) Kind() timeline.Kind { return "oncall.answered" }
func (a *Answered) Text() string      { return fmt.Sprintf("Answered the page %s by its %s", a.Page, a.Via) }

// TestPaged wakes a person to see whether pages reach them. It stands in the log.
type TestPaged struct {
	Person string `json:"person"`
}

func (*TestPaged) Kind() timeline.Kind { return KindTest }
func (t *TestPaged) Text() string      { return fmt.Sprintf("Test page for %s: nothing is wrong", t.Person) }

// Mentions are the persons that a chat notifies with this entry, and no others.
func (t *TestPaged) Mentions() []string { return []string{t.Person} }

// TestAnswered says that a test page arrived and its link works.
type TestAnswered struct {
	Page timeline.Ref `json:"page"`
}

func (*TestAnswered) Kind() timeline.Kind { return "oncall.test-answered" }
func (t *TestAnswered) Text() string      { return fmt.Sprintf("Received the test page %s", t.Page) }
