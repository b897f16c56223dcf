package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"wardroom/bot/command"
	"wardroom/integrations/discord/rest"
)

func rendered(t *testing.T, reply command.Reply) ([]rest.Message, []rest.File) {
	t.Helper()
	messages, files := newRenderer().Reply(reply)
	if len(messages) == 0 {
		t.Fatal("no message")
	}
	for _, m := range messages {
		legal(t, m)
	}
	return messages, files
}

func TestReplies(t *testing.T) {
	backdate := func(label, at string, style command.Style) command.Action {
		return command.Action{Label: label, Style: style, Ask: command.Ask{Path: "status backdate", Options: map[string]string{"incident": "INC-1", "at": at, "why": strings.Repeat("first alert ", 8)}}}
	}
	for name, reply := range map[string]command.Reply{
		"reply-nothing": {},
		"reply-text":    {Text: "**joe is on INC-1**, 7m after it was detected.", Actions: []command.Action{ack("INC-1"), ack("INC-1"), {Label: "Post status", Form: true, Ask: command.Ask{Path: "status post"}}}},
		"reply-embed": {Embeds: []command.Embed{{
			Title: "INC-1 SEV2: PostgreSQL", Description: "Investigating. 2 of 3 alerts firing.", Color: 0xef6c00, Footer: `as of 00:32 UTC \(not newer\)`, At: at("00:32"),
			Fields: []command.Field{{Name: "Began", Value: "00:25 UTC"}, {Name: "Lead", Value: "", Inline: true}, {Name: "Long", Value: strings.Repeat("words ", 300), Inline: true}},
		}}},
		"reply-table-narrow": {Text: "2 pods.", Table: &command.TableData{Headings: []string{"Pod", "Ready"}, Rows: [][]string{{"redis-0", "no"}, {"web-```1", "yes"}}}},
		"reply-table-wide": {Text: "2 incidents are open.", Table: &command.TableData{
			Headings: []string{"Incident", "Severity", "Status", "Lead", "Title"},
			Rows:     [][]string{{"INC-2", "SEV2", "investigating", "nobody", "PostgreSQL is out of **connections**"}, {"INC-1", "SEV4", "parked", "", "Disk", "too many"}},
		}},
		"reply-confirm": {Text: "Erase INC-1#4 for good?", Confirm: true, Actions: []command.Action{
			{Label: "Erase it", Ask: command.Ask{Path: "timeline erase", Options: map[string]string{"entry": "INC-1#4", "sure": "yes"}}}, backdate("Other", "2021-07-11T00:25:00Z", command.Secondary),
		}},
		"reply-kept": {Text: "**Proposed start: 00:25 UTC**", Confirm: true, Actions: []command.Action{backdate("Backdate to 00:25 UTC", "2021-07-11T00:25:00Z", command.Primary)}},
	} {
		messages, files := rendered(t, reply)
		named := make([]string, len(files))
		for i, f := range files {
			named[i] = fmt.Sprintf("%s, %d bytes of %s", f.Name, len(f.Body), f.ContentType)
		}
		golden(t, name, map[string]any{"messages": messages, "files": named})
	}
}

func TestALongReplyBecomesMessagesThenAFile(t *testing.T) {
	for n := 100; n < 12000; n += 700 {
		text := strings.Repeat("a **bold** word, `code`.\n", n/25) + "end"
		messages, files := rendered(t, command.Reply{Text: text, Actions: []command.Action{ack("INC-1")}})
		var all strings.Builder
		for i, m := range messages {
			all.WriteString(m.Content + "\n")
			if (len(m.Components) > 0) != (i == len(messages)-1) {
				t.Errorf("%d characters: buttons stand in message %d of %d", n, i+1, len(messages))
			}
		}
		whole := strings.Count(all.String(), "word,") == n/25 && strings.Contains(all.String(), "end")
		switch {
		case whole && len(files) > 0, !whole && len(files) != 1:
			t.Errorf("%d characters: whole %v, %d files", n, whole, len(files))
		case !whole && (!strings.Contains(all.String(), "**Cut here**: the whole is in reply.md.") || strings.Count(string(files[0].Body), "word,") != n/25):
			t.Errorf("%d characters: the rest is lost", n)
		}
	}
}

func TestALongTableIsAFileToo(t *testing.T) {
	table := &command.TableData{Headings: []string{"Time", "Who", "What"}}
	for n := range 300 {
		table.Rows = append(table.Rows, []string{"00:25 UTC", "joe", fmt.Sprintf("what happened %d", n)})
	}
	messages, files := rendered(t, command.Reply{Table: table})
	shown := messages[0].Embeds[0].Description
	told := strings.Count(shown, "what happened")
	if want := fmt.Sprintf("**and %d more**: see the file", 300-told); !strings.Contains(shown, want) {
		t.Errorf("%d told, and not %q", told, want)
	}
	if len(files) != 1 || strings.Count(string(files[0].Body), "what happened") != 300 {
		t.Errorf("files: %d", len(files))
	}
}

func TestFilesThatDiscordRefusesAreNamed(t *testing.T) {
	big := make([]byte, maxFileBytes)
	reply := command.Reply{Files: []command.File{
		{Name: "../../etc/passwd", Body: []byte("x")}, {Name: `C:\x\passwd`, Body: []byte("y")}, {Name: "\u202etxt.exe"}, {Name: "..."},
		{Name: "huge", Body: append(big, 0)}, {Name: "one", Body: big}, {Name: "two", Body: big}, {Name: "three", Body: big},
	}}
	for range 12 {
		reply.Files = append(reply.Files, command.File{Name: "more"})
	}
	messages, files := rendered(t, reply)
	var names []string
	seen := map[string]bool{}
	sum := 0
	for _, f := range files {
		names, sum = append(names, f.Name), sum+len(f.Body)
		seen[f.Name] = true
	}
	if len(files) != maxFiles || len(seen) != maxFiles || sum > maxRequestBytes {
		t.Errorf("%d bytes in %q", sum, names)
	}
	if strings.Join(names[:5], " ") != "passwd 2-passwd txt.exe file one" {
		t.Errorf("%q", names)
	}
	text := messages[0].Content
	for _, lost := range []string{"**huge** is left out", "**three** is left out", "a message holds 10 files"} {
		if !strings.Contains(text, lost) {
			t.Errorf("not said: %s\n%s", lost, text)
		}
	}
}

func TestAtMost25ButtonsInRowsOf5(t *testing.T) {
	var reply command.Reply
	for n := range 30 {
		reply.Actions = append(reply.Actions, command.Action{Label: fmt.Sprint("Show ", n), Ask: command.Ask{Path: "incident show", Options: map[string]string{"incident": fmt.Sprint(n)}}})
	}
	messages, _ := rendered(t, reply)
	m := messages[len(messages)-1]
	buttons := 0
	for _, row := range m.Components {
		buttons += len(row.(discordgo.ActionsRow).Components)
	}
	if len(m.Components) != 5 || buttons != 25 || !strings.Contains(m.Content, "Show 29: `/incident show`") {
		t.Errorf("%d rows, %d buttons, text %q", len(m.Components), buttons, m.Content)
	}
}
