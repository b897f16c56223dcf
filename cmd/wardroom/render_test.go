package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
)

// goldenText holds got to a file; -update rewrites it.
func goldenText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "shell", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites):\n%s", path, diff)
	}
}

// night is a reply with everything that a reply can have, and with hostile text.
func fullReply() command.Reply {
	hostile := "\x1b[2J\u202egnp.exe **x** @everyone"
	return command.Reply{
		Text: "**INC-7 SEV2 investigating**: " + command.Escape("PostgreSQL *is* out of connections"+hostile) +
			"\n- acknowledged by `joe` after 5m, who is now looking at the connections and at what holds them open\n- 2 of 5 alerts fire; `/timeline add text:… incident:INC-7` tells more\n\n```\nkubectl get pods -A | grep postgres\n```",
		Embeds: []command.Embed{{
			Title: "Where it stands", Description: "The site answers **HTTP 524**.", Footer: "INC-7#31", At: time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC),
			Fields: []command.Field{
				{Name: "Lead", Value: "joe", Inline: true},
				{Name: "Began at", Value: "2021-07-11 00:25 UTC, which is seventeen minutes before anybody was told of it", Inline: true},
				{Name: "Not back", Value: "redis\nbot, which depends on it"},
			},
		}},
		Table: &command.TableData{Headings: []string{"INCIDENT", "TITLE", "LEAD"}, Rows: [][]string{
			{"INC-7", "PostgreSQL is out of connections and the site answers HTTP 524", "joe"},
			{"INC-12", "日本語のタイトル", ""},
			{"INC-3", "evil\x1b[31m\nline", "émile"},
		}},
		Actions: []command.Action{
			{Label: "Acknowledge", Ask: command.Ask{Path: "incident ack", Options: map[string]string{"incident": "INC-7"}}},
			{Label: "Tell what happened", Ask: command.Ask{Path: "timeline add", Options: map[string]string{"incident": "INC-7"}}},
		},
	}
}

func TestRepliesLookRight(t *testing.T) {
	t.Parallel()
	table := shellTable(t)
	for name, s := range map[string]style{"plain.txt": {}, "narrow.txt": {width: 44}, "colour.txt": {ansi: true, width: 80}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			s.reply(&b, table, fullReply())
			goldenText(t, name, b.String())
			if !s.ansi && strings.Contains(b.String(), "\x1b") {
				t.Error("an escape sequence came through")
			}
			if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(b.String(), "\x1b[1m", ""), "\x1b[2J", "BAD"), "BAD") || strings.Contains(b.String(), "\u202e") {
				t.Error("hostile control characters came through")
			}
			for line := range strings.Lines(b.String()) {
				long := s.width > 0 && !s.ansi && displayWidth(strings.TrimRight(line, "\n")) > s.width
				if long && !strings.Contains(line, "wardroom ") && !strings.Contains(line, "kubectl") {
					t.Errorf("wider than %d: %q", s.width, line)
				}
			}
		})
	}
}

func TestShellLine(t *testing.T) {
	table := shellTable(t)
	tests := map[string]struct {
		ask  command.Ask
		want string
	}{
		"positional by its place":         {command.Ask{Path: "incident ack", Options: map[string]string{"incident": "INC-7"}}, "wardroom incident ack INC-7"},
		"named where it has no place":     {command.Ask{Path: "timeline add", Options: map[string]string{"text": "it's down", "incident": "INC-7"}}, `wardroom timeline add 'it'\''s down' --incident INC-7`},
		"what has yet to be said":         {command.Ask{Path: "timeline add"}, "wardroom timeline add '…'"},
		"what looks like a flag":          {command.Ask{Path: "timeline add", Options: map[string]string{"text": "-rf"}}, "wardroom timeline add --text -rf"},
		"nothing that a shell would run":  {command.Ask{Path: "timeline add", Options: map[string]string{"text": "$(reboot); `x`\x1b"}}, "wardroom timeline add '$(reboot); `x`'"},
		"arguments as they are":           {command.Ask{Path: "timeline add", Args: []string{"a b", "c"}}, "wardroom timeline add 'a b' c"},
		"yes is the flag alone":           {command.Ask{Path: "timeline erase", Options: map[string]string{"confirm": "yes"}}, "wardroom timeline erase --confirm"},
		"no is said":                      {command.Ask{Path: "timeline erase", Options: map[string]string{"confirm": "no"}}, "wardroom timeline erase --confirm=no"},
		"a path that is not known":        {command.Ask{Path: "no such"}, "wardroom no such"},
		"after a place that was left out": {command.Ask{Path: "say", Options: map[string]string{"text": "x"}}, "wardroom say --text x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := shellLine(table, tt.ask); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDisplayWidth(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "日本": 4, "e\u0301": 1, "é": 1, "🔥": 2, "": 0} {
		if got := displayWidth(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{{"abcdef", 4, "abc…"}, {"日本語", 4, "日…"}, {"abc", 3, "abc"}, {"abc", 0, "abc"}} {
		if got := fit(tt.s, tt.n); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}

// Nothing that a reply holds can reach the terminal as a control character.
func FuzzRender(f *testing.F) {
	f.Add("**a** `b` \\* - c", 20)
	f.Add("```\n\x1b[31m", 0)
	f.Add("**`**`", 1)
	f.Fuzz(func(t *testing.T, text string, width int) {
		var b bytes.Buffer
		s := style{width: max(0, width%200)}
		s.reply(&b, nil, command.Reply{Text: text, Embeds: []command.Embed{{Title: text, Fields: []command.Field{{Name: text, Value: text, Inline: true}}}},
			Table: &command.TableData{Headings: []string{text, "B"}, Rows: [][]string{{text, text}}}})
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f || r == '\u202e') }); i >= 0 {
			t.Errorf("%q gives %q", text, b.String())
		}
	})
}

// In the shell no form comes first: what is offered there is what it would come to.
func TestFormsAreOfferedAsWhatIsTyped(t *testing.T) {
	table, err := (&system{}).commandTable()
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]string{"incident": "INC-7"}
	tests := map[string]struct {
		act  command.Action
		want string
	}{
		"a text is seen to be missing":     {command.Action{Form: true, Ask: command.Ask{Path: "status post", Options: in}}, "wardroom status post '…' --incident INC-7"},
		"somebody else is to be named":     {command.Action{Form: true, Ask: command.Ask{Path: "incident assign", Options: in}}, "wardroom incident assign '…' --incident INC-7"},
		"without a form it is oneself":     {command.Action{Ask: command.Ask{Path: "incident assign", Options: in}}, "wardroom incident assign --incident INC-7"},
		"what may be left out is left out": {command.Action{Form: true, Ask: command.Ask{Path: "incident resolve", Options: in}}, "wardroom incident resolve INC-7"},
		"what proposes goes on to do so":   {command.Action{Form: true, Ask: command.Ask{Path: "status backdate", Options: in}}, "wardroom status backdate INC-7"},
		"a path that is not known":         {command.Action{Form: true, Ask: command.Ask{Path: "no such"}}, "wardroom no such"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := style{table: table}
			if got := shellLine(table, s.open(tt.act)); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if len(in) != 1 {
				t.Errorf("the act itself was changed: %v", in)
			}
		})
	}
}
