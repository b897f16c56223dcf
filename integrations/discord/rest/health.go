package rest

import (
	"time"

	"wardroom/bot/problem"
)

// Health is whether Discord's API works as far as the last request knows, and since
// when on the client's clock.
type Health struct {
	OK    bool
	Since time.Time
	Why   string // for the operator; "" when OK
}

// Health returns the state as of the last answer. A refusal that Discord itself
// gives, and a rate limit, are signs of life.
func (c *Client) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

func (c *Client) worked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.health.OK {
		c.health = Health{OK: true, Since: c.clock.Now()}
	}
}

func (c *Client) broken(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health = c.health.broken(c.clock.Now(), why)
}

func (h Health) broken(now time.Time, why string) Health {
	if h.OK {
		h = Health{Since: now}
	}
	h.Why = why
	return h
}

// stop refuses every call from now on that needs the bot's token: Discord blocks
// addresses that go on with a wrong one.
func (c *Client) stop(e *Error, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if token != c.token {
		return // replaced while the answer was on its way
	}
	if c.refused == nil {
		c.log.Error("discord refuses the bot's token: nothing more is sent until it is replaced", "err", e)
	}
	c.refused = e
	c.health = c.health.broken(c.clock.Now(), "Discord refuses the bot's token (401)")
}

// Stopped returns the problem that stopped the client, nil while it works.
func (c *Client) Stopped() error {
	if p := c.stopped(); p != nil {
		return p
	}
	return nil
}

func (c *Client) stopped() *problem.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		return nil
	}
	return problem.New(problem.Unauthentic, "Discord refuses the bot's token (401): nothing more is sent until it is replaced").
		WithHint("reset the token under Bot in the Developer Portal, and give the new one to the bot").Because(c.refused)
}

// Trust sets the token and lets a stopped client go on: after the token was
// replaced, or to try the same again, some minutes later at the earliest.
func (c *Client) Trust(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.refused = token, nil
}

func (c *Client) credential() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}
