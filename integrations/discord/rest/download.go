package rest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardroom/bot/problem"
)

// downloadTimeout ends a download however slowly it trickles.
const downloadTimeout = 2 * time.Minute

// contentHosts are where Discord keeps attachments.
// https://discord.com/developers/docs/reference#image-formatting
var contentHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

// Download opens an attachment at the address that Discord gave for it; such an
// address works for about a day. The address comes from outside: only Discord's own
// hosts are asked, redirects are not followed and the bot's token does not go there;
// with another Base, a test server, only that one is asked. Reading more than limit
// bytes fails with TooLarge; the caller closes the reader.
func (c *Client) Download(ctx context.Context, address string, limit int64) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil || !c.content(u) {
		return nil, problem.New(problem.Invalid, "the attachment does not lie at Discord")
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel()
		return nil, problem.New(problem.Invalid, "the attachment's address cannot be used").Because(err)
	}
	req.Header.Set("User-Agent", c.agent)
	res, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, unavailable("the attachment cannot be had from Discord").Because(nameless(err))
	}
	body := &capped{body: res.Body, left: limit, limit: limit, cancel: cancel}
	switch {
	case res.StatusCode == http.StatusOK && res.ContentLength <= limit:
		return body, nil
	case res.StatusCode == http.StatusOK:
		err = body.tooLarge()
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusGone:
		err = problem.New(problem.NotFound, "Discord does not have the attachment any more, or its link has expired (%d)", res.StatusCode)
	default:
		err = unavailable("Discord did not give the attachment (%d)", res.StatusCode)
	}
	body.Close()
	return nil, err
}

// content reports whether u is where attachments may lie.
func (c *Client) content(u *url.URL) bool {
	if u.User != nil {
		return false
	}
	if base, err := url.Parse(c.base); err == nil && !isDiscord(base.Hostname()) {
		return u.Scheme == base.Scheme && u.Host == base.Host
	}
	return u.Scheme == "https" && slices.Contains(contentHosts, u.Host)
}

func isDiscord(host string) bool {
	return host == "discord.com" || strings.HasSuffix(host, ".discord.com")
}

type capped struct {
	body        io.ReadCloser
	left, limit int64
	cancel      context.CancelFunc
}

func (r *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.body.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return n + int(r.left), r.tooLarge()
	}
	return n, err
}

func (r *capped) Close() error {
	defer r.cancel()
	return r.body.Close()
}

func (r *capped) tooLarge() error {
	return problem.New(problem.TooLarge, "the attachment is larger than %d MiB", r.limit>>20)
}
