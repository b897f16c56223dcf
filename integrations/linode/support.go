package linode

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linode/linodego"

	"wardroom/bot/fleet"
)

var _ fleet.Support = (*Linode)(nil)

// ticketPage is where people read tickets.
const ticketPage = "https://cloud.linode.com/support/tickets/"

// support is the client with the ticket token.
func (l *Linode) support() (*linodego.Client, error) {
	if l.tickets == nil {
		_, err := fleet.NoSupport{}.Tickets(context.Background())
		return nil, err
	}
	return l.tickets, nil
}

// Tickets implements [fleet.Support]: those of the first page, which has the open ones
// first, five hundred in all.
// https://techdocs.akamai.com/linode-api/reference/get-tickets
func (l *Linode) Tickets(ctx context.Context) ([]fleet.SupportTicket, error) {
	c, err := l.support()
	if err != nil {
		return nil, err
	}
	found, err := listWith(ctx, l, c, "the support tickets", "", 1, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]wireTicket, error) {
		return pageOf[wireTicket](ctx, c, o, "support/tickets")
	})
	if err != nil {
		return nil, err
	}
	all := make([]fleet.SupportTicket, len(found))
	for i, t := range found {
		all[i] = t.ticket()
	}
	return all, nil
}

// pageOf reads one page of a list that linodego does not know, or reads wrongly.
func pageOf[T any](ctx context.Context, c *linodego.Client, o *linodego.ListOptions, path string) ([]T, error) {
	res, err := c.R(ctx).SetQueryParam("page", strconv.Itoa(o.Page)).SetQueryParam("page_size", strconv.Itoa(o.PageSize)).Get(path)
	if err != nil {
		return nil, err
	}
	var got struct {
		Data  []T
		Pages int
	}
	err = json.Unmarshal(res.Body(), &got)
	o.Pages = got.Pages
	return got.Data, err
}

// wireTicket is a ticket as the API has it. linodego's leaves its times out.
type wireTicket struct {
	ID       int          `json:"id"`
	Summary  string       `json:"summary"`
	Status   string       `json:"status"`
	Opened   zonelessTime `json:"opened"`
	OpenedBy string       `json:"opened_by"`
	Entity   *struct {
		ID   json.RawMessage `json:"id"` // a number, or text
		Type string          `json:"type"`
	} `json:"entity"`
}

func (t wireTicket) ticket() fleet.SupportTicket {
	out := fleet.SupportTicket{Number: t.ID, Summary: strings.TrimSpace(t.Summary), Status: clip(t.Status), Opened: t.Opened.Time, By: clip(t.OpenedBy), URL: ticketPage + strconv.Itoa(t.ID)}
	if t.Entity != nil && t.Entity.Type == "volume" {
		out.Volume, _ = strconv.Atoi(strings.Trim(string(t.Entity.ID), `"`)) // what is no number is no volume's
	}
	return out
}

// zonelessTime is one of the API's: UTC, without a zone. What is no time is the zero one.
type zonelessTime struct{ time.Time }

func (t *zonelessTime) UnmarshalJSON(raw []byte) error {
	t.Time, _ = time.Parse(`"2006-01-02T15:04:05"`, string(raw))
	return nil
}

// OpenTicket implements [fleet.Support]. Linode takes one entity for each ticket, and
// no key that would tell a second request from the first.
// https://techdocs.akamai.com/linode-api/reference/post-ticket
func (l *Linode) OpenTicket(ctx context.Context, t fleet.Ticket) (number int, err error) {
	c, err := l.support()
	if err != nil {
		return 0, err
	}
	if t.Volume <= 0 {
		return 0, noNumber("volume")
	}
	err = l.changeWith(ctx, c, "a support ticket", func(ctx context.Context, c *linodego.Client) error {
		res, err := c.R(ctx).SetBody(map[string]any{"summary": t.Summary, "description": t.Body, "volume_id": t.Volume}).Post("support/tickets")
		if err != nil {
			return err
		}
		var opened struct{ ID int }
		if err := json.Unmarshal(res.Body(), &opened); err != nil {
			return err
		}
		number = opened.ID
		return nil
	})
	if err == nil && number <= 0 { // it was accepted, and does not say as what
		err = &fleet.Maybe{Err: unavailable("Linode's answer about a support ticket cannot be read")}
	}
	return number, err
}

// Replies implements [fleet.Support]. Which of them Linode's people wrote is its word.
// https://techdocs.akamai.com/linode-api/reference/get-ticket-replies
func (l *Linode) Replies(ctx context.Context, number int) (all []fleet.TicketReply, err error) {
	c, err := l.support()
	if err != nil {
		return nil, err
	}
	if number <= 0 {
		return nil, noNumber("ticket")
	}
	found, err := listWith(ctx, l, c, fmt.Sprintf("ticket %d", number), "", maxPages, func(ctx context.Context, c *linodego.Client, o *linodego.ListOptions) ([]wireReply, error) {
		return pageOf[wireReply](ctx, c, o, fmt.Sprintf("support/tickets/%d/replies", number))
	})
	for _, r := range found {
		all = append(all, r.reply())
	}
	slices.SortFunc(all, func(a, b fleet.TicketReply) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

// wireReply is a reply as the API has it.
type wireReply struct {
	ID          int          `json:"id"`
	Created     zonelessTime `json:"created"`
	CreatedBy   string       `json:"created_by"`
	Name        string       `json:"friendly_name"`
	Description string       `json:"description"`
	FromLinode  bool         `json:"from_linode"`
}

func (r wireReply) reply() fleet.TicketReply {
	return fleet.TicketReply{ID: r.ID, At: r.Created.Time, By: clip(cmp.Or(r.Name, r.CreatedBy)), Support: r.FromLinode, Text: strings.ToValidUTF8(r.Description, "?")}
}

// CanOpenTickets reports whether there is a credential for it.
func (l *Linode) CanOpenTickets() bool { return l.tickets != nil }
