package linode

import (
	"net/url"
	"regexp"

	"wardroom/bot/config"
)

// Settings are what the configuration says about Linode.
type Settings struct {
	Read    config.Secret // for everything that only reads
	Act     config.Secret // for changes; empty: there are none
	Ticket  config.Secret // for support tickets and nothing else; empty: none are opened
	Cluster int           // the id of the LKE cluster
	URL     string        // of the API, with its version
}

// DefaultURL is where Linode serves its API.
const DefaultURL = "https://api.linode.com/v4"

var versionPath = regexp.MustCompile(`^/v4(beta)?/?$`)

// Decode reads the configuration's section linode:
//
//	linode:
//	  cluster: 13311
//	  read_token_file: /run/secrets/linode-read   # lke, linodes, volumes, events: read_only
//	  act_token_file: /run/secrets/linode-act     # lke, linodes, volumes: read_write
//	  ticket_token_file: /run/secrets/linode-ticket  # account: read_write; optional
//
// token stands for the first two. Without an act_token nothing at Linode can be changed.
func Decode(s config.Section) (Settings, error) {
	form := struct {
		Token   config.Secret `yaml:"token"`
		Read    config.Secret `yaml:"read_token"`
		Act     config.Secret `yaml:"act_token"`
		Ticket  config.Secret `yaml:"ticket_token"`
		Cluster int           `yaml:"cluster"`
		URL     string        `yaml:"url"`
	}{URL: DefaultURL}
	if err := s.Decode(&form); err != nil {
		return Settings{}, err
	}
	o := Settings{Read: form.Read, Act: form.Act, Ticket: form.Ticket, Cluster: form.Cluster, URL: form.URL}
	switch {
	case !form.Token.IsZero() && (!form.Read.IsZero() || !form.Act.IsZero()):
		return Settings{}, s.Fail("token", "stands for read_token and act_token: give it alone, or those two")
	case !form.Token.IsZero():
		o.Read, o.Act = form.Token, form.Token
	case form.Read.IsZero() && !form.Act.IsZero():
		return Settings{}, s.Fail("act_token", "needs a read_token beside it, with the scopes lke, linodes, volumes and events to read")
	case form.Read.IsZero():
		return Settings{}, s.Fail("read_token", "is missing: Linode's Cloud Manager makes one under Profile, API Tokens; keep it in a file and name that under read_token_file")
	}
	if !o.Ticket.IsZero() && (o.Ticket.Equal(o.Read.Reveal()) || o.Ticket.Equal(o.Act.Reveal())) {
		return Settings{}, s.Fail("ticket_token", "must be a token of its own: its scope account:read_write is far more than repairs need")
	}
	if form.Cluster <= 0 {
		return Settings{}, s.Fail("cluster", "is missing: the id of the LKE cluster, as the address of its page and the names of its nodes show it (lke13311-…: 13311)")
	}
	u, err := url.Parse(form.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || !versionPath.MatchString(u.Path) {
		return Settings{}, s.Fail("url", "is not an address of the API: write it as %s", DefaultURL)
	}
	return o, nil
}
