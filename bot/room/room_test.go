package room_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

var update = flag.Bool("update", false, "write the golden files")

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestPlainTamesOutsideText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ordinary", "Alert postgres/connection-limit firing: 34 €", "Alert postgres/connection-limit firing: 34 €"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"cursor and clear", "a\x1b[2J\x1b[1;1Hb", "ab"},
		{"title", "\x1b]0;evil\x07ok", "ok"},
		{"hyperlink", "\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"sequence never ended", "\x1b]0;all of this stays", "0;all of this stays"},
		{"one character CSI", "\u009b31mred", "red"},
		{"reset", "\x1bcok", "ok"},
		{"bell, backspace, nul", "a\x07\x08\x00b", "ab"},
		{"carriage return", "good\rbad", "good bad"},
		{"lines", "a\nb\r\n\n c", "a b c"},
		{"bidi", "user \u202egnp.exe\u202c \u2066x\u2069", "user gnp.exe x"},
		{"zero widths", "pass\u200bword\ufeff", "password"},
		{"tags", "a\U000e0041b", "ab"},
		{"fillers", "a\u3164\u115fb", "ab"},
		{"zalgo", "z" + strings.Repeat("\u0301", 40) + "a", "z\u0301\u0301\u0301a"},
		{"living scripts", "Việt Nam हिन्दी العربية", "Việt Nam हिन्दी العربية"},
		{"emoji with joiner", "🙋🏿‍♂️ Response", "🙋🏿‍♂️ Response"},
		{"broken UTF-8", "a\xffb", "a\ufffdb"},
		{"separators", "a\u2028b\u2029c", "a b c"},
	} {
		if got := room.Plain(c.in); got != c.want {
			t.Errorf("%s: Plain(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
	if got, want := room.PlainLines("a \r\n\tb\x1b[1m\n\n"), "a\n b"; got != want {
		t.Errorf("PlainLines = %q, want %q", got, want)
	}
}

func TestCorrectionOfAPublicTextDoesNotReadLikeANewOne(t *testing.T) {
	e := timeline.Entry{Ref: timeline.Ref{Timeline: "INC-1", Seq: 9}, Supersedes: timeline.Ref{Timeline: "INC-1", Seq: 7}, OccurredAt: at("00:42"), RecordedAt: at("01:10"),
		Payload: &statuspage.Posted{State: statuspage.Investigating, Body: "Some customers cannot sign in", First: true}}
	if got, want := room.PostOf(nil, e).Text, "Status page, text corrected: Some customers cannot sign in (corrects INC-1#7)"; got != want {
		t.Errorf("the room reads %q, want %q", got, want)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;x\x07")
	f.Fuzz(func(t *testing.T, s string) {
		got := room.Plain(s)
		for _, r := range got {
			if unicode.IsControl(r) {
				t.Fatalf("%q leaves %q", s, r)
			}
		}
		if again := room.Plain(got); again != got {
			t.Fatalf("not the same a second time: %q, %q", got, again)
		}
	})
}

func entry(seq int64, occurred, recorded time.Time, p timeline.Payload) timeline.Entry {
	return timeline.Entry{Ref: timeline.Ref{Timeline: "INC-1", Seq: seq}, Kind: p.Kind(), OccurredAt: occurred, RecordedAt: recorded, Actor: people.Human("joe"), Payload: p}
}

func TestLineShowsBothTimesWhereTheyDiffer(t *testing.T) {
	note := &incident.Noted{Body: "Django\nstarts \x1b[31m"}
	for _, c := range []struct {
		occurred, recorded time.Time
		want               string
	}{
		{at("00:32"), at("00:32"), "00:32 UTC  joe  Django starts"},
		{at("00:32"), at("00:32").Add(time.Minute), "00:32 UTC  joe  Django starts"},
		{at("00:25"), at("00:42"), "00:25 UTC (recorded 00:42)  joe  Django starts"},
		{at("00:25").AddDate(0, 0, -1), at("00:42"), "00:25 UTC (recorded 2021-07-11 00:42)  joe  Django starts"},
	} {
		if got := room.Line(entry(1, c.occurred, c.recorded, note), nil); got != c.want {
			t.Errorf("Line = %q, want %q", got, c.want)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := room.Line(entry(1, at("00:25"), at("00:42"), note), berlin), "02:25 CEST (recorded 02:42)  joe  Django starts"; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
}

func TestPrinterNamesTheDayWhenItChanges(t *testing.T) {
	post := func(occurred time.Time) room.Post {
		return room.PostOf(nil, entry(1, occurred, occurred, &incident.Noted{Body: "x"}))
	}
	p := room.Printer{}
	got := p.Lines(post(at("23:59")), post(at("23:59").Add(time.Minute)), post(at("23:59").Add(2*time.Minute)))
	want := []string{"23:59 UTC  joe  x", "-- 2021-07-12 --", "00:00 UTC  joe  x", "00:01 UTC  joe  x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAStaleBacklogIsOneMessage(t *testing.T) {
	var posts []room.Post
	for i := range 25 {
		posts = append(posts, room.Post{Recorded: at("00:00").Add(time.Duration(i) * time.Second)})
	}
	posts = append(posts, room.Post{Recorded: at("01:00")}, room.Post{Recorded: at("01:01")})
	for _, c := range []struct {
		name  string
		posts []room.Post
		now   time.Time
		want  string
	}{
		{"fresh", posts[:25], at("00:02"), strings.Repeat("1 ", 25)},
		{"25 old, two fresh", posts, at("01:02"), "25 stale 1 1 "},
		{"20 old are told one by one", posts[:20], at("02:00"), strings.Repeat("1 ", 20)},
		{"21 old", posts[:21], at("02:00"), "21 stale "},
		{"none", nil, at("02:00"), ""},
	} {
		got := ""
		for _, m := range room.Messages(c.posts, c.now) {
			got += fmt.Sprint(len(m.Posts), " ")
			if m.Stale {
				got += "stale "
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func newCodec(t *testing.T) *timeline.Codec {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, incident.Kinds, statuspage.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func TestLivingMessage(t *testing.T) {
	clock := scenario.NewClock(at("00:30"))
	codec := newCodec(t)
	store, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Clock: clock,
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, timeline.DeliveriesFold}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var out strings.Builder
	actor := people.Human("joe")
	step := func(what, clockTime string, id timeline.ID, payloads ...timeline.Payload) {
		t.Helper()
		clock.MoveTo(at(clockTime))
		_, err := store.Update(t.Context(), func(timeline.View) (d timeline.Decision, _ error) {
			for _, p := range payloads {
				d.Entries = append(d.Entries, timeline.Draft{Timeline: id, Actor: actor, Payload: p})
			}
			return d, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = store.View(t.Context(), func(v timeline.View) error {
			l, err := room.LivingOf(v, id, v.Now())
			fmt.Fprintf(&out, "== %s\n%s\n", what, strings.Join(l.Lines(nil), "\n"))
			for _, a := range l.Acts {
				first := ""
				if a.Form {
					first = "the form of "
				}
				fmt.Fprintf(&out, "   %s = %s/%s %v\n", a.Label, first, a.Ask.Path, a.Ask.Options)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	brief := func(name string) alert.Brief {
		return alert.Brief{Key: "alertmanager/" + name, Name: name, Status: alert.Firing, StartsAt: at("00:31")}
	}
	step("declared", "00:32", "INC-1", &incident.Declared{Title: "PostgreSQL is \x1b[31mfull", Severity: alert.SEV2, StartedAt: at("00:25")},
		&alert.Joined{Alerts: []alert.Brief{brief("postgres/connection-limit"), brief("postgres/table-locks")}, Now: &alert.Tally{Total: 2, Firing: 2}})
	step("public told, not yet since when", "00:41", "INC-1", &statuspage.Posted{State: statuspage.Investigating, Body: "x", First: true})
	step("acknowledged, start told", "00:42", "INC-1", &incident.Acknowledged{},
		&statuspage.Backdated{StartedAt: at("00:25"), From: at("00:42")})
	step("led, monitoring", "01:40", "INC-1", &incident.Assigned{Role: incident.RoleLead, Person: "joe"}, &incident.StatusChanged{From: incident.Investigating, To: incident.Monitoring})
	step("resolved", "02:10", "INC-1", &incident.StatusChanged{From: incident.Monitoring, To: incident.Resolved})
	actor = people.Bot
	step("reopened by an alert", "02:12", "INC-1", &incident.StatusChanged{From: incident.Resolved, To: incident.Investigating, Reopened: true})
	actor = people.Human("chris")
	step("acknowledged again", "02:13", "INC-1", &incident.Acknowledged{})
	step("parked", "02:20", "INC-2", &incident.Declared{Title: "Disk fills", Severity: alert.SEV3, StartedAt: at("02:20")}, &incident.ParkedUntil{Park: incident.Park{For: "the vendor answers", Before: incident.Investigating}})
	step("merged", "02:30", "INC-2", &incident.MergedInto{Into: "INC-1"})
	golden(t, "living.txt", out.String())
}

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
		t.Errorf("-update writes the golden file\n%s", diff)
	}
}
