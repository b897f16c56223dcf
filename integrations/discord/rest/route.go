package rest

import (
	"net/url"
	"strings"

	"wardroom/bot/problem"
)

// route is where a request goes, as far as rate limits are concerned.
type route struct {
	name  string // "POST /channels/{id}/messages"
	path  string // the second half of name
	major string // what the limit is counted for besides: a channel, guild or webhook
	// own says that the address carries its own authority, so that the bot's token is
	// neither needed nor judged: interactions and their webhooks.
	own bool
}

// routeOf reads a path. Discord counts most limits a route and major parameter: the
// guild, the channel, or the webhook with its token.
// https://discord.com/developers/docs/topics/rate-limits
func routeOf(method, path string) route {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	r := route{}
	for i, part := range parts {
		before := ""
		if i > 0 {
			before = parts[i-1]
		}
		switch {
		case i == 1 && (parts[0] == "channels" || parts[0] == "guilds"):
			r.major = part
			parts[i] = "{id}"
		case i == 2 && (parts[0] == "webhooks" || parts[0] == "interactions"):
			r.major = r.major + part
			r.own = true
			parts[i] = "{token}"
		case i == 1 && (parts[0] == "webhooks" || parts[0] == "interactions"):
			r.major = part + "/"
			parts[i] = "{id}"
		case before == "reactions":
			parts[i] = "{emoji}"
		case isID(part):
			parts[i] = "{id}"
		}
	}
	r.path = "/" + strings.Join(parts, "/")
	r.name = method + " " + r.path
	return r
}

// act is what a route does, for people, and the permissions that it takes.
type act struct {
	says  string
	needs Permissions
}

const (
	reads = ViewChannel | ReadMessageHistory
	posts = ViewChannel | SendMessages | EmbedLinks
)

var acts = map[string]act{
	"POST /channels/{id}/messages":                           {"post the message", posts},
	"PATCH /channels/{id}/messages/{id}":                     {"edit the message", ViewChannel},
	"DELETE /channels/{id}/messages/{id}":                    {"delete the message", ViewChannel | ManageMessages},
	"GET /channels/{id}/messages/{id}":                       {"show the message", reads},
	"GET /channels/{id}/messages":                            {"list the messages", reads},
	"PUT /channels/{id}/messages/pins/{id}":                  {"pin the message", reads | PinMessages},
	"DELETE /channels/{id}/messages/pins/{id}":               {"unpin the message", reads | PinMessages},
	"GET /channels/{id}/messages/pins":                       {"list the pins", reads},
	"GET /channels/{id}/messages/{id}/reactions/{emoji}":     {"list the reactions", reads},
	"PUT /channels/{id}/messages/{id}/reactions/{emoji}/@me": {"react to the message", reads | AddReactions},
	"GET /channels/{id}":                                     {"show the channel", ViewChannel},
	"PATCH /channels/{id}":                                   {"change the channel", ViewChannel | ManageChannels},
	"POST /channels/{id}/threads":                            {"start the thread", ViewChannel | CreatePublicThreads},
	"GET /guilds/{id}":                                       {"show the server", 0},
	"GET /guilds/{id}/channels":                              {"list the channels", 0},
	"POST /guilds/{id}/channels":                             {"create the channel", ManageChannels},
	"GET /guilds/{id}/roles":                                 {"list the roles", 0},
	"GET /guilds/{id}/members/{id}":                          {"show the member", 0},
	"GET /guilds/{id}/threads/active":                        {"list the threads", 0},
	"GET /applications/{id}/guilds/{id}/commands":            {"list the commands", 0},
	"PUT /applications/{id}/guilds/{id}/commands":            {"register the commands", 0},
	"POST /interactions/{id}/{token}/callback":               {"show the answer", 0},
	"PATCH /webhooks/{id}/{token}/messages/@original":        {"change the answer", 0},
	"GET /webhooks/{id}/{token}/messages/@original":          {"show the answer again", 0},
	"DELETE /webhooks/{id}/{token}/messages/@original":       {"take the answer back", 0},
	"POST /webhooks/{id}/{token}":                            {"add to the answer", 0},
	"GET /users/@me":                                         {"sign the bot in", 0},
	"GET /applications/@me":                                  {"show the application", 0},
	"GET /gateway/bot":                                       {"open the gateway", 0},
}

// segment is a part of a path: an id, or any text.
type segment struct {
	value string
	id    bool
}

func id(s string) segment   { return segment{s, true} }
func text(s string) segment { return segment{s, false} }

// pathOf joins segments; strings stand for themselves. An id that is none is caught
// here: an empty one would lead to another route.
func pathOf(parts []any) (string, error) {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case segment:
			if p.id && !isID(p.value) || p.value == "" || p.value == "." || p.value == ".." {
				return "", problem.New(problem.Invalid, "%q is no id of Discord's", clean(p.value))
			}
			b.WriteString(url.PathEscape(p.value))
		}
	}
	return b.String(), nil
}

// isID reports whether s looks like a snowflake.
func isID(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
