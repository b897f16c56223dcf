package linode_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/config"
	"wardroom/bot/remediation"
	"wardroom/bot/watch"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// specs are those of two repairs.
var specs = []remediation.Spec{
	{Name: "volume-remount", Access: []remediation.Access{{System: "linode", Verb: "read_write", What: "volumes"}, {System: "linode", Verb: "read_write", What: "linodes"}}},
	{Name: "volume-ticket", Access: []remediation.Access{{System: "linode support", Verb: "read_write", What: "account"}}},
}

// What an operator reads in `wardroom check` and in the log.
func TestChecksSayWhatToMend(t *testing.T) {
	var out strings.Builder
	for _, c := range []struct {
		title string
		world func(*linodetest.Server)
		with  func(*linode.Options)
	}{
		{title: "all is well"},
		{title: "no token to act", with: func(o *linode.Options) { o.Act = config.Secret{} }},
		{title: "an expired token", world: func(s *linodetest.Server) {
			s.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ActScopes, Expired: true})
		}},
		{title: "a scope is missing", world: func(s *linodetest.Server) {
			s.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: "lke:read_write volumes:read_only"})
		}},
		{title: "a token that may do everything", world: func(s *linodetest.Server) {
			s.SetToken(linodetest.ReadToken, linodetest.Token{User: "joe", Scopes: "*"})
		}},
		{title: "one token for both", with: func(o *linode.Options) { o.Read = o.Act }, world: func(s *linodetest.Server) {
			s.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ActScopes + " events:read_only"})
		}},
		{title: "a token for tickets", with: func(o *linode.Options) { o.Ticket = config.NewSecret(linodetest.TicketToken) }},
		{title: "a token for tickets that may only read them", with: func(o *linode.Options) { o.Ticket = config.NewSecret(linodetest.TicketToken) }, world: func(s *linodetest.Server) {
			s.SetToken(linodetest.TicketToken, linodetest.Token{User: "wardroom", Scopes: "account:read_only lke:read_only"})
		}},
		{title: "a token for tickets that may more", with: func(o *linode.Options) { o.Ticket = config.NewSecret(linodetest.TicketToken) }, world: func(s *linodetest.Server) {
			s.SetToken(linodetest.TicketToken, linodetest.Token{User: "wardroom", Scopes: "account:read_write lke:read_only"})
		}},
		{title: "other machines in the account", world: func(s *linodetest.Server) {
			s.AddOther(7001, "mail")
			s.AddVolume(linodetest.Disk{ID: 7002, Label: "mail", Linode: 7001})
		}},
		{title: "a machine without a grant", world: func(s *linodetest.Server) {
			s.SetToken(linodetest.ActToken, linodetest.Token{User: "wardroom", Scopes: linodetest.ActScopes, Blind: []int{lateB}})
		}},
		{title: "another cluster", with: func(o *linode.Options) { o.Cluster = 7 }},
		{title: "Linode is down", world: func(s *linodetest.Server) { s.Fault(linodetest.Fault{Status: 503}) }},
		{title: "a slot without a machine", world: func(s *linodetest.Server) {
			s.Fault(linodetest.Fault{When: "recycle", Effect: linodetest.Hang})
			if err := s.Act("chris", linodetest.Act{Do: "delete", Linode: lateA}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		r := newRig(t, func(_ *linodetest.Options, o *linode.Options) {
			if c.with != nil {
				c.with(o)
			}
		})
		if c.world != nil {
			c.world(r.sim)
		}
		r.pass(1 << 36) // a minute and more
		fmt.Fprintf(&out, "%s\n", c.title)
		for _, got := range watch.Run(context.WithoutCancel(r.ctx()), r.cloud.Checks(specs...)) {
			fmt.Fprintf(&out, "  %-7s %s: %s\n", got.Level, got.Name, got.Sentence)
			if got.Hint != "" {
				fmt.Fprintf(&out, "          %s\n", got.Hint)
			}
		}
		if w := r.sim.Writes(); len(w) != 0 {
			t.Errorf("%s: a check changes nothing: %v", c.title, w)
		}
	}
	golden(t, "checks.txt", out.String())
}

// Sections are decoded the same wherever they stand: this borrows one that is there.
func section(t *testing.T, text string) (linode.Settings, error) {
	t.Helper()
	c, err := config.Parse("wardroom.yaml", "", []byte("discord: "+text))
	if err != nil {
		t.Fatal(err)
	}
	return linode.Decode(c.Discord)
}

func TestSettings(t *testing.T) {
	s, err := section(t, `{cluster: 13311, token: t}`)
	if err != nil || s.Read.Reveal() != "t" || s.Act.Reveal() != "t" || s.Cluster != 13311 || s.URL != linode.DefaultURL {
		t.Errorf("%+v %v", s, err)
	}
	s, err = section(t, `{cluster: 13311, read_token: r, act_token: a, url: "http://127.0.0.1:1/v4beta"}`)
	if err != nil || s.Read.Reveal() != "r" || s.Act.Reveal() != "a" || strings.Contains(fmt.Sprintf("%+v", s), "r,") {
		t.Errorf("%+v %v", s, err)
	}
	if s, err = section(t, `{cluster: 13311, read_token: r}`); err != nil || !s.Act.IsZero() {
		t.Errorf("%+v %v", s, err)
	}
	for text, says := range map[string]string{
		`{token: t}`:                                            "cluster: is missing",
		`{cluster: 13311}`:                                      "read_token: is missing",
		`{cluster: 1, act_token: a}`:                            "needs a read_token",
		`{cluster: 1, token: t, read_token: r}`:                 "stands for read_token and act_token",
		`{cluster: 1, token: t, ticket_token: t}`:               "must be a token of its own",
		`{cluster: 1, token: t, colour: red}`:                   "colour",
		`{cluster: 1, token: t, url: "ftp://x"}`:                "write it as https://api.linode.com/v4",
		`{cluster: 1, token: t, url: "https://api.linode.com"}`: "write it as https://api.linode.com/v4",
	} {
		if _, err := section(t, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
