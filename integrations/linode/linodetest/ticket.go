package linodetest

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"
)

type ticket struct {
	ID          int      `json:"id"`
	Attachments []string `json:"attachments"`
	Closable    bool     `json:"closable"`
	Closed      *stamp   `json:"closed"`
	Description string   `json:"description"`
	Entity      *entity  `json:"entity"`
	Gravatar    string   `json:"gravatar_id"`
	Opened      stamp    `json:"opened"`
	OpenedBy    string   `json:"opened_by"`
	Status      string   `json:"status"`
	Summary     string   `json:"summary"`
	Updated     stamp    `json:"updated"`
	UpdatedBy   string   `json:"updated_by"`

	replies []*reply
}

type reply struct {
	ID          int    `json:"id"`
	Created     stamp  `json:"created"`
	CreatedBy   string `json:"created_by"`
	Description string `json:"description"`
	FromLinode  bool   `json:"from_linode"`
	Name        string `json:"friendly_name"`
	Gravatar    string `json:"gravatar_id"`
}

// postTicket opens a ticket: "A ticket can only target a single, specific entity",
// https://techdocs.akamai.com/linode-api/reference/post-ticket
func (s *Server) postTicket(c *call) (any, *Refusal) {
	var want struct {
		Summary     string `json:"summary"`
		Description string `json:"description"`
		Volume      *int   `json:"volume_id"`
		Linode      *int   `json:"linode_id"`
		Cluster     *int   `json:"lkecluster_id"`
	}
	if err := json.Unmarshal(c.body, &want); err != nil {
		return nil, &Refusal{http.StatusBadRequest, "", "Invalid JSON"}
	}
	switch {
	case want.Summary == "" || utf8.RuneCountInString(want.Summary) > 64:
		return nil, &Refusal{http.StatusBadRequest, "summary", "Length must be 1-64 characters"}
	case want.Description == "" || utf8.RuneCountInString(want.Description) > 65000:
		return nil, &Refusal{http.StatusBadRequest, "description", "Length must be 1-65000 characters"}
	}
	var about []*entity
	if want.Volume != nil {
		v := s.state.volume(*want.Volume)
		if v == nil {
			return nil, notFound
		}
		about = append(about, v.entity())
	}
	if want.Linode != nil {
		i := s.state.instance(*want.Linode)
		if i == nil {
			return nil, notFound
		}
		about = append(about, i.entity())
	}
	if want.Cluster != nil {
		about = append(about, s.state.Cluster.entity())
	}
	if len(about) != 1 {
		return nil, &Refusal{http.StatusBadRequest, "", "A ticket can only target a single, specific entity"}
	}
	t := &ticket{ID: s.state.NextTicket, Attachments: []string{}, Closable: true, Description: want.Description, Entity: about[0], Gravatar: hash(c.token.User)[:32],
		Opened: stamp(c.at), OpenedBy: c.token.User, Status: "new", Summary: want.Summary, Updated: stamp(c.at), UpdatedBy: c.token.User}
	s.state.NextTicket++
	s.state.Tickets = append(s.state.Tickets, t)
	s.emit(c.at, "ticket_create", "notification", c.token.User, &entity{t.Summary, t.ID, "ticket", "/v4/support/tickets"}, nil)
	return t, nil
}

func (s *Server) getTicket(c *call) (any, *Refusal) {
	for _, t := range s.state.Tickets {
		if t.ID == c.number("ticket") {
			return t, nil
		}
	}
	return nil, notFound
}

func (s *Server) postReply(c *call) (any, *Refusal) {
	got, refusal := s.getTicket(c)
	if refusal != nil {
		return nil, refusal
	}
	t := got.(*ticket)
	var want struct{ Description string }
	if err := json.Unmarshal(c.body, &want); err != nil || want.Description == "" {
		return nil, &Refusal{http.StatusBadRequest, "description", "description is required"}
	}
	return t.reply(c.token.User, want.Description, stamp(c.at), false), nil
}

func (t *ticket) reply(by, text string, at stamp, fromLinode bool) *reply {
	r := &reply{ID: t.ID*100 + len(t.replies) + 1, Created: at, CreatedBy: by, Description: text, FromLinode: fromLinode, Name: by, Gravatar: hash(by)[:32]}
	t.replies = append(t.replies, r)
	t.Updated, t.UpdatedBy = at, by
	return r
}

func (s *Server) getReplies(c *call) (any, *Refusal) {
	got, refusal := s.getTicket(c)
	if refusal != nil {
		return nil, refusal
	}
	return got.(*ticket).replies, nil
}

// Ticket is one that is there, for tests.
type Ticket struct {
	ID                   int
	Summary, Description string
	Status               string
	Volume               int
}

// Tickets are those that were opened.
func (s *Server) Tickets() (all []Ticket) {
	s.do(func() {
		for _, t := range s.state.Tickets {
			one := Ticket{ID: t.ID, Summary: t.Summary, Description: t.Description, Status: t.Status}
			if t.Entity.Type == "volume" {
				one.Volume, _ = t.Entity.ID.(int)
			}
			all = append(all, one)
		}
	})
	return all
}

// Answer has Linode's support write into a ticket; closed also closes it.
func (s *Server) Answer(number int, text string, closed bool) {
	s.do(func() {
		for _, t := range s.state.Tickets {
			if t.ID != number {
				continue
			}
			at := stamp(s.now())
			if text != "" {
				t.reply("Linode Support", text, at, true)
			}
			t.Status = "open"
			if closed {
				t.Status, t.Closed = "closed", &at
			}
		}
	})
}
