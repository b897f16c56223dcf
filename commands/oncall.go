package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/oncall"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// TestPager sends test pages; it is [oncall.Desk].
type TestPager interface {
	Test(ctx context.Context, who incident.Who, person string) (timeline.Ref, error)
}

// OnCallOptions of `/oncall`.
type OnCallOptions struct {
	Rota  *oncall.Rota // nil: none is configured
	Tests TestPager
	View  func(context.Context, func(timeline.View) error) error
	// Reached reports whether pages reach a person's phone; nil: they reach nobody's.
	Reached func(person string) bool
}

// OnCall is `/oncall`: who is woken, and whether that would work.
func OnCall(o OnCallOptions) []command.Command {
	c := onCall{o}
	return []command.Command{{
		Path:        "oncall show",
		Summary:     "Say who is on call, until when, and who comes next",
		Description: "Whoever is on call is paged for a SEV1 or SEV2 that nobody has acknowledged; when they stay silent, the next ones are.",
		Examples:    []string{"/oncall show", "/oncall show weeks:8"},
		Access:      people.Viewer,
		Options: []command.Option{
			{Name: "weeks", Help: "How many shifts to show, at most 52", Type: command.Int, Default: "4"},
		},
		Handle: c.show,
	}, {
		Path:        "oncall test",
		Summary:     "Page somebody to see whether pages reach them",
		Description: "The page is as loud as a real one, says that it is a test, and has a button that notes that it arrived. Page yourself first.",
		Examples:    []string{"/oncall test person:joe", "/oncall test person:me"},
		Access:      people.Responder,
		Records:     true,
		Options: []command.Option{
			{Name: "person", Help: "Whose phone is to ring", Type: command.Person, Required: true, Positional: true},
		},
		Form:   &command.Form{Title: "Send a test page", Submit: "Page", Fields: []string{"person"}},
		Handle: c.test,
	}}
}

type onCall struct{ OnCallOptions }

// onCallData is what --json prints.
type onCallData struct {
	Configured bool             `json:"configured"`
	Person     string           `json:"person,omitempty"` // empty: nobody
	Until      time.Time        `json:"until,omitzero"`   // zero: no end
	Order      []string         `json:"order,omitempty"`  // in which people would be paged now
	Schedule   []oncall.Shift   `json:"schedule,omitempty"`
	Paging     []oncall.Ongoing `json:"paging,omitempty"` // incidents that people are being paged for
}

// mostShifts bounds what is shown.
const mostShifts = 52

func (c onCall) show(ctx context.Context, r command.Request) (command.Reply, error) {
	if c.Rota == nil {
		return command.Reply{Text: "Nobody is on call: there is no rota. Name the people under `oncall:` in the configuration.", Data: onCallData{}}, nil
	}
	n := r.Int("weeks")
	if n < 1 || n > mostShifts {
		return command.Reply{}, problem.New(problem.Invalid, "weeks must be between 1 and %d", mostShifts)
	}
	data := onCallData{Configured: true, Order: c.Rota.Order(r.Now), Schedule: c.Rota.Schedule(r.Now, n)}
	data.Person, data.Until = c.Rota.OnCall(r.Now)
	err := c.View(ctx, func(v timeline.View) (err error) {
		data.Paging, err = oncall.Paging(v)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: c.now(r, data), Data: data, Table: &command.TableData{Headings: []string{"From", "Until", "On call"}}}
	for _, s := range data.Schedule {
		until := "no end"
		if !s.To.IsZero() {
			until = c.day(s.To)
		}
		person := s.Person
		if person == "" {
			person = "nobody"
		}
		reply.Table.Rows = append(reply.Table.Rows, []string{c.day(s.From), until, person})
	}
	return reply, nil
}

// day is "Mon 2026-01-05 09:00 CET": the rota's own zone, since that is where
// handovers keep their hour.
func (c onCall) day(t time.Time) string {
	return t.In(c.Rota.Zone()).Format("Mon 2006-01-02 15:04 MST")
}

func (c onCall) now(r command.Request, d onCallData) string {
	var b strings.Builder
	end := ""
	if !d.Until.IsZero() {
		end = " until " + c.day(d.Until)
	}
	switch {
	case d.Person != "":
		fmt.Fprintf(&b, "**%s** is on call%s", command.Escape(d.Person), end)
	case len(d.Order) > 0:
		fmt.Fprintf(&b, "**Nobody is on call**%s: a gap in the rota. %s would be paged first", end, command.Escape(d.Order[0]))
	default:
		fmt.Fprintf(&b, "**Nobody is on call**%s, and nobody would be paged", end)
	}
	if len(d.Schedule) > 1 && d.Schedule[1].Person != "" {
		fmt.Fprintf(&b, ", then %s", command.Escape(d.Schedule[1].Person))
	}
	b.WriteString(".")
	for _, p := range d.Paging {
		fmt.Fprintf(&b, "\nNobody has acknowledged %s: %s was paged last, the next page is at %s.", p.ID, command.Escape(p.Person), r.FormatTime(p.Next))
	}
	var silent []string
	for _, person := range c.Rota.People() {
		if c.Reached == nil || !c.Reached(person) {
			silent = append(silent, command.Escape(person))
		}
	}
	if len(silent) > 0 {
		fmt.Fprintf(&b, "\nPages do not reach the phone of %s: there is no ntfy topic.", strings.Join(silent, ", "))
	}
	return b.String()
}

func (c onCall) test(ctx context.Context, r command.Request) (command.Reply, error) {
	person := r.Person("person").Name
	if c.Reached == nil || !c.Reached(person) {
		return command.Reply{}, problem.New(problem.Conflict, "pages do not reach %s: there is no ntfy topic", person).
			WithHint("set people.%s.ntfy_file in the configuration", person)
	}
	page, err := c.Tests.Test(ctx, incident.Who{Actor: r.Actor(), Cause: r.Cause}, person)
	if err != nil {
		return command.Reply{}, err
	}
	return command.Reply{
		Text: fmt.Sprintf("A test page for **%s** is on its way. The phone should ring within seconds; the log (`/timeline show incident:log`) says when %s has received it.",
			command.Escape(person), command.Escape(person)),
		Data: map[string]any{"page": page, "person": person},
	}, nil
}
