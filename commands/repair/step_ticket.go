package repair

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
)

// LearnedTicket is where opening a ticket records its number.
const LearnedTicket = "ticket"

// openTicketStep opens a ticket. The request is never repeated before it is certain
// that there is none: the API knows no key that would tell a second one from the
// first, so a lost one is looked for by what it says.
func openTicketStep(c fleet.Support) remediation.Step {
	return remediation.Step{
		Destructive: true, Late: 5 * time.Minute, Every: 15 * time.Second,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			if n := number(s.Learned[LearnedTicket]); n != 0 {
				return remediation.Seen{So: true, Learned: learnTicket(n)}, nil // for the record of its end, too
			}
			if s.Started.IsZero() { // what cannot be read could not be found again
				_, err := c.Tickets(ctx)
				return notYet("no ticket was asked for yet"), err
			}
			t, is, err := findTicket(ctx, c, s)
			if err != nil || !is {
				return notYet("%s shows no such ticket yet", cloudName), err
			}
			return remediation.Seen{So: true, Learned: learnTicket(t.Number)}, nil
		},
		Do: func(ctx context.Context, s remediation.State) (map[string]string, error) {
			n, err := c.OpenTicket(ctx, fleet.Ticket{Summary: s.Args["subject"], Body: s.Args["text"], Volume: number(s.Args["volume"])})
			if err != nil {
				return nil, err
			}
			return learnTicket(n), nil
		},
		Reconcile: func(ctx context.Context, s remediation.State) (remediation.Verdict, error) {
			_, is, err := findTicket(ctx, c, s)
			switch waited := s.Now.Sub(s.Started); {
			case err != nil:
				return remediation.Unsure, err
			case is:
				return remediation.Arrived, nil
			case waited < settleTime:
				return remediation.Unsure, nil
			}
			return remediation.Absent, nil
		},
	}
}

func learnTicket(n int) map[string]string {
	return map[string]string{LearnedTicket: strconv.Itoa(n), remediation.LearnedTold: fmt.Sprintf("ticket %d, %s", n, ticketURL(n))}
}

// ticketURL is where people read a ticket.
func ticketURL(n int) string { return fmt.Sprintf("https://cloud.linode.com/support/tickets/%d", n) }

// findTicket looks for the ticket that a step may have opened: of the same words about
// the same volume, and not older than the step.
func findTicket(ctx context.Context, c fleet.Support, s remediation.State) (fleet.SupportTicket, bool, error) {
	all, err := c.Tickets(ctx)
	i := slices.IndexFunc(all, func(t fleet.SupportTicket) bool {
		return t.Summary == s.Args["subject"] && t.Volume == number(s.Args["volume"]) && !t.Opened.Before(s.Started.Add(-skew))
	})
	if err != nil || i < 0 {
		return fleet.SupportTicket{}, false, err
	}
	return all[i], true, nil
}

// ticketThereStep checks that the ticket can be read.
func ticketThereStep(c fleet.Support) remediation.Step {
	return remediation.Step{
		Repeatable: true, Late: 5 * time.Minute, Every: 15 * time.Second,
		Observe: func(ctx context.Context, s remediation.State) (remediation.Seen, error) {
			n := number(s.Learned[LearnedTicket])
			if n == 0 { // a person did it
				t, is, err := findTicket(ctx, c, s)
				if err != nil || !is {
					return notYet("%s shows no such ticket yet", cloudName), err
				}
				return remediation.Seen{So: true, Learned: learnTicket(t.Number)}, nil
			}
			_, err := c.Replies(ctx, n)
			if problem.Is(err, problem.NotFound) {
				return notYet("%s does not show ticket %d yet", cloudName, n), nil
			}
			return remediation.Seen{So: err == nil}, err
		},
	}
}
