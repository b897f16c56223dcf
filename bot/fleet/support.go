package fleet

import (
	"context"
	"time"

	"wardroom/bot/problem"
)

// Support is the port to the cloud's support desk. Its credential is one of its own:
// what is written there is read by people outside the team and cannot be taken back.
// A Forbidden problem says that there is none.
type Support interface {
	// Tickets are those that the account has, the open ones first; of a long past not all
	// of the closed ones.
	Tickets(ctx context.Context) ([]SupportTicket, error)
	// OpenTicket opens one and returns its number. It is asked for once: a [Maybe] says
	// that it may be open although no answer came.
	OpenTicket(ctx context.Context, t Ticket) (number int, err error)
	// Replies are what was written since into a ticket, the oldest first.
	Replies(ctx context.Context, number int) ([]TicketReply, error)
}

// SupportTicket is a ticket as the cloud has it.
type SupportTicket struct {
	Number  int       `json:"number"`
	Summary string    `json:"summary"`          // outside text
	Status  string    `json:"status"`           // an open set: "new", "open", "closed"
	Volume  int       `json:"volume,omitempty"` // the entity, where it is a volume
	Opened  time.Time `json:"opened"`
	By      string    `json:"by,omitempty"` // the account's user
	URL     string    `json:"url"`          // where people read it
}

// Closed reports whether nobody works on it any more.
func (t SupportTicket) Closed() bool { return t.Status == "closed" }

// TicketReply is one answer in a ticket.
type TicketReply struct {
	ID      int       `json:"id"` // later ones are larger
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`      // outside text
	Support bool      `json:"support,omitempty"` // by the cloud's people, not by the team's
	Text    string    `json:"text"`              // outside text
}

// NoSupport stands for a support desk where none is configured.
type NoSupport struct{}

var _ Support = NoSupport{}

func noSupport() error {
	return problem.New(problem.Forbidden, "Wardroom holds no token that may open support tickets").
		WithHint("`linode.ticket_token_file`, a token of its own with the scope account:read_write and `mode: act`; docs/linode.md. Until then send the draft yourself: /volume ticket")
}

func (NoSupport) Tickets(context.Context) ([]SupportTicket, error)    { return nil, noSupport() }
func (NoSupport) OpenTicket(context.Context, Ticket) (int, error)     { return 0, noSupport() }
func (NoSupport) Replies(context.Context, int) ([]TicketReply, error) { return nil, noSupport() }
