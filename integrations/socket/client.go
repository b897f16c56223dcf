package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// ErrNobody says that nobody listens on the socket: there is none, or its server
// has gone. Then the data folder may be opened instead.
var ErrNobody = errors.New("nobody listens")

// Client asks a running Wardroom. It may be used by many at once.
type Client struct {
	path string
	http *http.Client
}

// Dial makes sure that somebody listens on the socket at path. It returns
// ErrNobody when nobody does, a Forbidden problem when this user may not connect.
func Dial(path string) (*Client, error) {
	c, err := connect(context.Background(), path)
	if err != nil {
		return nil, unreachable(path, err)
	}
	c.Close()
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx, path) },
		MaxIdleConns:    4,
		IdleConnTimeout: time.Minute,
	}}}, nil
}

func unreachable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w on %s", ErrNobody, path)
	case errors.Is(err, fs.ErrPermission):
		return problem.New(problem.Forbidden, "this user may not use %s", path).
			WithHint("ask as the user that runs Wardroom, or be let into its group").Because(err)
	}
	return problem.New(problem.Unavailable, "the running Wardroom cannot be reached on %s", path).Because(err)
}

// Close gives back what the client holds.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Ask makes a request. The reply's Data is a json.RawMessage. When the
// connection breaks, the request may have been carried out all the same.
func (c *Client) Ask(ctx context.Context, ask command.Ask, room timeline.ID) (command.Reply, error) {
	body, err := json.Marshal(AskBody{Ask: ask, Room: room})
	if err != nil {
		return command.Reply{}, err
	}
	var reply struct {
		command.Reply
		Data json.RawMessage `json:"data"` // hides the embedded one
	}
	if err := c.call(ctx, http.MethodPost, "/ask", body, &reply); err != nil {
		return command.Reply{}, err
	}
	if len(reply.Data) > 0 {
		reply.Reply.Data = reply.Data
	}
	return reply.Reply, nil
}

// Entries returns what a timeline holds after an entry; with a wait, as soon as
// there is something.
func (c *Client) Entries(ctx context.Context, id timeline.ID, after int64, wait time.Duration) (Page, error) {
	q := url.Values{"timeline": {string(id)}, "after": {strconv.FormatInt(after, 10)}, "wait": {wait.String()}}
	var page Page
	err := c.call(ctx, http.MethodGet, "/entries?"+q.Encode(), nil, &page)
	return page, err
}

// Complete proposes values for an option.
func (c *Client) Complete(ctx context.Context, path, option, typed string) ([]command.Proposal, error) {
	q := url.Values{"path": {path}, "option": {option}, "typed": {typed}}
	var found []command.Proposal
	err := c.call(ctx, http.MethodGet, "/complete?"+q.Encode(), nil, &found)
	return found, err
}

func (c *Client) call(ctx context.Context, method, target string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://wardroom"+target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.broken(ctx, method, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return c.broken(ctx, method, err)
	}
	if len(text) > maxAnswer {
		return problem.New(problem.TooLarge, "the answer has more than %d bytes", maxAnswer)
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("answer on %s: %w", c.path, err)
		}
		return nil
	}
	var p Problem
	if err := json.Unmarshal(text, &p); err != nil || p.Code == "" {
		return fmt.Errorf("answer on %s: status %s", c.path, res.Status)
	}
	return p.Err()
}

func (c *Client) broken(ctx context.Context, method string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e := unreachable(c.path, err); errors.Is(e, ErrNobody) {
		return e
	}
	p := problem.New(problem.Unavailable, "the running Wardroom broke the connection off").Because(err)
	if method == http.MethodPost {
		return p.WithHint("the request may have been carried out: look before you ask again")
	}
	return p
}
