package render

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

func post(seq int64, clock, actor, text string, tone room.Tone) room.Post {
	return room.Post{Entry: ref(seq), At: at(clock), Recorded: at(clock), Actor: actor, Text: text, Key: true, Tone: tone}
}

func one(p room.Post) room.Message { return room.Message{Posts: []room.Post{p}} }

func ack(id timeline.ID) command.Action {
	return command.Action{Label: "Acknowledge", Style: command.Primary, Ask: command.Ask{Path: "incident ack", Options: map[string]string{"incident": string(id)}}}
}

func TestPosts(t *testing.T) {
	page := post(4, "00:32", "Wardroom", "Paged joe: SEV2 PostgreSQL is out of connections", room.Alarm)
	page.Mentions, page.Acts = []string{"joe", "chris"}, []command.Action{ack("INC-1")}
	stranger := page
	stranger.Mentions = []string{"chris"}
	claimed := post(12, "00:25", "joe", "Python and Redis are offline, see https://grafana.example/d/redis_db?from=now-1h", room.Calm)
	claimed.Recorded = at("06:36")
	yesterday := post(13, "00:25", "joe", "It began yesterday", room.Calm)
	yesterday.At = yesterday.At.Add(-24 * time.Hour)
	for _, c := range []struct {
		name string
		m    room.Message
	}{
		{"post-alert", one(post(2, "00:32", "alertmanager", "Alert postgres/connection-limit firing: 34 of 40 connections", room.Trouble))},
		{"post-claimed", one(claimed)},
		{"post-yesterday", one(yesterday)},
		{"post-hostile", one(post(3, "00:33", "@everyone", "<@&1> [click](https://evil.example) ```\n\u202e**x**", room.Trouble))},
		{"post-page", one(page)},
		{"post-page-unlinked", one(stranger)},
		{"post-erased", one(post(5, "00:34", "joe", "[erased]", room.Calm))},
		{"post-empty", one(post(6, "00:34", "", "\u3164", room.Calm))},
	} {
		messages := newRenderer().Post(c.m)
		if len(messages) != 1 {
			t.Fatalf("%s: %d messages", c.name, len(messages))
		}
		legal(t, messages[0])
		if got, ok := EntryOf(seen(t, messages[0])); !ok || got != c.m.Posts[0].Entry {
			t.Errorf("%s: its entry is %v", c.name, got)
		}
		golden(t, c.name, messages[0])
	}
	legal(t, newRenderer().Tombstone())
}

func TestALongPostIsOneMessageAndSaysWhereTheWholeIs(t *testing.T) {
	p := post(17, "01:00", "joe", "", room.Calm)
	for n := 100; n <= 7000; n += 230 {
		p.Text = strings.Repeat("*escaped* and long. ", n/20)
		messages := newRenderer().Post(one(p))
		if len(messages) != 1 {
			t.Fatalf("%d messages for %d characters", len(messages), n)
		}
		legal(t, messages[0])
		text := ""
		for _, e := range messages[0].Embeds {
			text += e.Description + " "
		}
		cut := strings.Contains(text, "… (cut; whole text: `/timeline show entry:INC-1#17`)")
		if all := strings.Count(text, "long.") == n/20; all == cut {
			t.Errorf("%d characters: whole is %v, and it says that it was cut: %v", n, all, cut)
		}
		if got, ok := EntryOf(seen(t, messages[0])); !ok || got != p.Entry {
			t.Errorf("its entry is %v", got)
		}
	}
}

func TestOnlyAPageNotifiesAndOnlyOnePerson(t *testing.T) {
	p := post(4, "00:32", "Wardroom", "Paged joe: <@200000000000000009> @everyone", room.Alarm)
	p.Mentions = []string{"joe", "joe", "chris"}
	m := newRenderer().Post(one(p))[0]
	if fmt.Sprint(m.AllowedMentions.Users) != "["+joe+"]" || strings.Count(m.Content, "<@2") != 1 {
		t.Errorf("%v: %s", m.AllowedMentions, m.Content)
	}
	stale := newRenderer().Post(room.Message{Stale: true, Posts: []room.Post{p}})[0]
	if len(stale.AllowedMentions.Users) > 0 || stale.Content != "" {
		t.Errorf("a stale page notifies: %+v", stale)
	}
	for _, id := range []string{"", "1", "here", "<@1>", "20000000000000000x", strings.Repeat("2", 30)} {
		r := New(Options{DiscordID: func(string) string { return id }})
		if m := r.Post(one(p))[0]; len(m.AllowedMentions.Users) > 0 || strings.Contains(m.Content, "<@"+id+">") {
			t.Errorf("the id %q is mentioned: %s", id, m.Content)
		}
	}
}

func TestABacklogIsFolded(t *testing.T) {
	var posts []room.Post
	for i := range int64(23) {
		p := post(i+3, "23:50", "alertmanager", fmt.Sprintf("Alert node-%d firing", i), room.Trouble)
		p.At = p.At.Add(time.Duration(i) * time.Minute)
		p.Recorded = p.At
		posts = append(posts, p)
	}
	messages := newRenderer().Post(room.Message{Stale: true, Posts: posts})
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	golden(t, "post-folded", messages)

	for i := range posts {
		posts[i].Text = strings.Repeat("many words ", 60)
	}
	messages = newRenderer().Post(room.Message{Stale: true, Posts: posts})
	if len(messages) < 2 || len(messages) > 4 {
		t.Errorf("%d messages", len(messages))
	}
	told := 0
	for i, m := range messages {
		legal(t, m)
		told += strings.Count(m.Embeds[0].Description, "alertmanager")
		got, ok := EntryOf(seen(t, m))
		if i == len(messages)-1 && got != posts[22].Entry {
			t.Errorf("the last entry is %v, %v", got, ok)
		}
	}
	if told != len(posts) {
		t.Errorf("%d of %d entries are told", told, len(posts))
	}
}

func TestOtherMessagesAreNoPosts(t *testing.T) {
	for _, m := range []rest.Message{
		{Content: "INC-1#17"},
		newRenderer().Living(living(), nil),
		newRenderer().Tombstone(),
		newRenderer().Overview(nil)[0],
	} {
		if got, ok := EntryOf(seen(t, m)); ok {
			t.Errorf("%+v is the post of %v", m, got)
		}
	}
	if _, ok := EntryOf(nil); ok {
		t.Error("nothing is a post")
	}
}

func living() room.Living {
	do := func(label, path string, style command.Style, form bool) command.Action {
		return command.Action{Label: label, Style: style, Form: form, Ask: command.Ask{Path: path, Options: map[string]string{"incident": "INC-1"}}}
	}
	return room.Living{
		ID: "INC-1", Title: "PostgreSQL is out of connections", Severity: alert.SEV2, Status: incident.Investigating,
		StartedAt: at("00:25"), Age: 7 * time.Minute,
		Alerts: alert.Tally{Total: 3, Firing: 2}, AlertNames: []string{"postgres/connection-limit", "redis/down"}, MoreNames: 1,
		Acts: []command.Action{ack("INC-1"), do("Lead", "incident assign", command.Secondary, false), do("Post status", "status post", command.Secondary, true), do("What can I do?", "incident acts", command.Secondary, false)},
	}
}

func TestLivingMessage(t *testing.T) {
	works := []room.Working{{Name: "Discord", OK: true}, {Name: "cluster", OK: true}, {Name: "Linode", Why: "503", Since: at("00:50"), Means: "no recycle, no detach"}}
	change := func(f func(*room.Living)) room.Living {
		l := living()
		f(&l)
		return l
	}
	notice := &statuspage.Notice{State: statuspage.Identified, StartedAt: at("00:25"), Backdated: true, Updates: make([]statuspage.Update, 2)}
	for name, l := range map[string]room.Living{
		"living-new": living(),
		"living-led": change(func(l *room.Living) {
			l.Lead, l.AcknowledgedBy, l.AcknowledgedAt, l.Notice, l.Status = "joe", "chris", at("00:33"), notice, incident.Identified
		}),
		"living-lead-on-it": change(func(l *room.Living) { l.Lead, l.AcknowledgedBy, l.AcknowledgedAt = "joe", "joe", at("00:33") }),
		"living-reopened":   change(func(l *room.Living) { l.Lead, l.Reopened = "joe", true }),
		"living-parked":     change(func(l *room.Living) { l.Status, l.Park = incident.Parked, "Parked until the *provider* answers" }),
		"living-resolved": change(func(l *room.Living) {
			l.Status, l.Until, l.Age, l.Alerts.Firing = incident.Resolved, at("02:00"), 95*time.Minute, 0
		}),
		"living-merged":       change(func(l *room.Living) { l.MergedInto, l.Acts = "INC-2", []command.Action{ack("INC-2")} }),
		"living-without-room": change(func(l *room.Living) { l.MergedInto, l.Acts = "INC-9", nil }),
	} {
		m := newRenderer().Living(l, works)
		legal(t, m)
		golden(t, name, m)
	}
	r := newRenderer()
	r.Keeper = &keeper{broken: true}
	l := living()
	l.Acts[0].Ask.Options["note"] = strings.Repeat("x", 100)
	m := r.Living(l, nil)
	legal(t, m)
	if !strings.Contains(m.Embeds[0].Description, "Acknowledge: `/incident ack`") {
		t.Errorf("an act that no button carries is not told: %s", m.Embeds[0].Description)
	}
}

func TestALivingMessageStaysTheSameWhileNothingHappens(t *testing.T) {
	l := living()
	before := newRenderer().Living(l, nil)
	l.Age += time.Hour
	golden(t, "living-quiet", before)
	golden(t, "living-quiet", newRenderer().Living(l, nil))
}

func TestOverview(t *testing.T) {
	lines := []room.OverviewLine{
		{ID: "INC-3", Title: "Everything is down", Severity: alert.SEV1, Status: incident.Investigating, NeedsAck: true, Since: at("00:25"), Alerts: alert.Tally{Total: 4, Firing: 4}},
		{ID: "INC-2", Title: "Redis *is* slow", Severity: alert.SEV3, Status: incident.Identified, Lead: "joe", OnIt: "joe", Since: at("00:10"), Place: room.Place{Channel: "300000000000000002"}},
		{ID: "INC-1", Title: "Disk", Severity: alert.SEV4, Status: incident.Parked, Park: "Parked until 2021-07-12 09:00 UTC", OnIt: "chris", Since: at("00:01")},
		{ID: "INC-4", Title: "It was DNS", Severity: alert.SEV2, Status: incident.Resolved, Lead: "joe", Since: at("00:01"), Until: at("00:09")},
	}
	for name, lines := range map[string][]room.OverviewLine{"overview": lines, "overview-quiet": nil, "overview-over": lines[3:]} {
		messages := newRenderer().Overview(lines)
		if len(messages) != 1 {
			t.Fatalf("%d messages", len(messages))
		}
		legal(t, messages[0])
		golden(t, name, messages[0])
	}
	var many []room.OverviewLine
	for n := range 200 {
		l := lines[0]
		l.ID = timeline.Incident(n + 1)
		many = append(many, l)
	}
	m := newRenderer().Overview(many)[0]
	legal(t, m)
	told := strings.Count(m.Embeds[0].Description, "Everything")
	if want := fmt.Sprintf("**and %d more**", 200-told); told == 0 || !strings.Contains(m.Embeds[0].Description, want) {
		t.Errorf("%d are told, and not %q", told, want)
	}
}

func TestProblems(t *testing.T) {
	hidden := problem.New(problem.Internal, "internal error %s", "ab12cd34").WithHint("Wardroom's log says more under ab12cd34").
		Because(&command.Fault{ID: "ab12cd34", Err: errors.New("password is hunter2")})
	for name, err := range map[string]error{
		"problem":          problem.New(problem.NotFound, "there is no incident INC-9").WithHint("`/incident list all:yes` shows those there are"),
		"problem-hostile":  problem.New(problem.Invalid, "%q is not a severity", "`<@1>` ```**@everyone").WithHint("one of: SEV1, SEV2"),
		"problem-internal": hidden,
		"problem-unknown":  errors.New("dial tcp 10.0.0.1: refused"),
	} {
		m := newRenderer().Problem(err)
		legal(t, m)
		if strings.Contains(m.Content, "hunter2") || strings.Contains(m.Content, "10.0.0.1") {
			t.Errorf("%s tells the cause: %s", name, m.Content)
		}
		if m.Flags != rest.Ephemeral {
			t.Errorf("%s is shown to all", name)
		}
		golden(t, name, m)
	}
}
