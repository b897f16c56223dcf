package postmortem_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/postmortem"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

var update = flag.Bool("update", false, "write the golden files")

var joePeople = func() *people.Directory {
	d, err := people.NewDirectory([]people.Person{{Name: "joe", FullName: "Joe Banks"}})
	if err != nil {
		panic(err)
	}
	return d
}()

func export(t *testing.T, r *rig, id timeline.ID, o postmortem.Options) (string, string) {
	t.Helper()
	var name string
	var body []byte
	r.view(func(v timeline.View) {
		var err error
		if name, body, err = postmortem.Export(v, r.codec, id, o); err != nil {
			t.Fatal(err)
		}
	})
	return name, string(body)
}

// The salts are zeros, so even the hashes repeat.
func TestExportsOfTheFirstSeed(t *testing.T) {
	n := seed(t, 0)
	for _, f := range postmortem.Formats {
		t.Run(string(f), func(t *testing.T) {
			name, body := export(t, n.rig, inc1, postmortem.Options{Format: f, People: joePeople})
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), body); diff != "" {
				t.Errorf("-update writes the golden file\n%s", diff)
			}
			_, again := export(t, n.rig, inc1, postmortem.Options{Format: f, People: joePeople})
			if again != body {
				t.Error("a second export has other bytes")
			}
		})
	}
}

func TestMarkdownTellsWhatTheSeedTells(t *testing.T) {
	_, body := export(t, seed(t, 0).rig, inc1, postmortem.Options{})
	leadup, _, _ := strings.Cut(body, "# 🥏 Impact")
	for _, want := range []string{
		"# 2021-07-11: Cascading node failures and ensuing volume problems\n", "# ⚠️ Leadup\n\n*List the sequence of events that led to the incident*\n",
		"- **00:27 UTC:** Django starts rapidly using connections to our PostgreSQL database *(recorded 00:39 UTC)*\n",
		"- **00:32 UTC:** Alert postgres/connection-limit firing: PostgreSQL has saturated its 115 max connections limit\n",
		"- **00:33 UTC:** Alert postgres/table-locks firing: A service has claimed 34 dangerous table locks (peaked at 61)\n",
		"- **00:42 UTC:** Status incident posted and backdated to 00:25 UTC: We are investigating problems with our database. [Status incident](https://status.pythondiscord.com/incident/92712)\n",
		"- **00:55 UTC:** It's clear", "- **01:01 UTC:** Node `lke13311-16405-5fafd1b46dcf` begins its restart\n", "- **01:13 UTC:**", "- **06:36 UTC:**",
	} {
		if !strings.Contains(leadup, want) {
			t.Errorf("the lead-up lacks %q", want)
		}
	}
	if strings.Contains(leadup, "Djagno") {
		t.Error("the lead-up shows an entry that was corrected")
	}
	for _, want := range []string{
		"# 🥏 Impact", "# 👁️ Detection", "# 🙋🏿‍♂️ Response", "# 🙆🏽‍♀️ Recovery", "# 🔎 Five Why's", "# 🌱 Blameless root cause", "# 🤔 Lessons learned", "# ☑️ Follow-up tasks",
		"- Began at 2021-07-11 00:25 UTC: the connections began to rise\n", "- Detected at 00:32 UTC, 7 minutes after it began, by alertmanager: alert postgres/connection-limit\n",
		"- Acknowledged by joe at 00:32 UTC, less than a minute after detection\n", "- Resolved at 07:00 UTC, 6 hours 35 minutes after it began\n",
		"- [ ] Investigate why Django", "Djagno starts (corrected by #", "_To be written._", "wardroom verify --head INC-1=",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the document lacks %q", want)
		}
	}
}

// A post-mortem is often published: what was public by mistake is not told there again.
func TestCorrectedPublicTextIsToldAsItReadsNow(t *testing.T) {
	n := nightAt(t, 0)
	n.by(people.Bot, "00:32", "", &incident.Declared{Title: "Sign-in fails", Severity: alert.SEV2, StartedAt: n.at("00:31")})
	post := func(now, text string, p statuspage.Posted, supersedes timeline.Ref) timeline.Ref {
		p.Body = text
		asked := n.by(n.joe, now, "", &command.Asked{Line: "/status post text:" + text, Via: "shell"})
		d := timeline.Draft{Timeline: inc1, Actor: n.joe, Cause: asked, Supersedes: supersedes, Payload: &p}
		if !supersedes.IsZero() {
			d.OccurredAt = n.at("00:42")
		}
		return n.record(n.at(now), d)
	}
	created := statuspage.Posted{State: statuspage.Investigating, First: true, Components: map[string]statuspage.Level{"Site": statuspage.MajorOutage}}
	wrong := post("00:42", "Acme Ltd cannot sign in", created, timeline.Ref{})
	n.by(n.joe, "00:43", "", &statuspage.Backdated{StartedAt: n.at("00:25"), From: n.at("00:42"), Why: "joe says so"})
	n.by(n.joe, "00:50", "", &statuspage.ComponentSet{Component: "Site", Level: statuspage.Operational})
	post("01:10", "Some customers cannot sign in", created, wrong)
	for _, f := range postmortem.Formats {
		if f == postmortem.JSON {
			continue // the record as it is
		}
		t.Run(string(f), func(t *testing.T) {
			_, body := export(t, n.rig, inc1, postmortem.Options{Format: f})
			if strings.Contains(body, "Acme") {
				t.Error("it tells again what must not be public")
			}
			for _, want := range []string{"Status incident posted and backdated to 00:25 UTC: Some customers cannot sign in (text corrected at 01:10 UTC)", "that #7 corrects"} {
				if !strings.Contains(body, want) {
					t.Errorf("it lacks %q", want)
				}
			}
			if n := strings.Count(body, "text corrected at 01:10 UTC"); n != 2 { // in the lead-up, and as what the public was told
				t.Errorf("it says %d times that the text was corrected", n)
			}
		})
	}
	_, body := export(t, n.rig, inc1, postmortem.Options{Format: postmortem.JSON})
	var doc struct {
		Notice     statuspage.Notice `json:"notice"`
		Components []struct {
			Until time.Time `json:"until"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if u := doc.Notice.Updates[0]; u.Text != "Some customers cannot sign in" || !u.CorrectedAt.Equal(n.at("01:10")) {
		t.Errorf("the public reads %+v", u)
	}
	if len(doc.Components) != 1 || !doc.Components[0].Until.Equal(n.at("00:50")) {
		t.Errorf("the correction broke the component again: %+v", doc.Components)
	}
}

func TestLinesOfSeveralDaysCarryDates(t *testing.T) {
	n := seed(t, -3*time.Hour-17*time.Minute)
	_, body := export(t, n.rig, inc1, postmortem.Options{})
	for _, want := range []string{"# 2021-07-10: Cascading", "- **2021-07-10 21:10 UTC:** Django", "- **2021-07-11 03:19 UTC:** DevOps team", "Resolved at 2021-07-11 03:43 UTC, 6 hours 35"} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestTimesAreInTheTeamsZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	_, body := export(t, seed(t, 0).rig, inc1, postmortem.Options{Zone: berlin})
	if want := "- **02:27 CEST:** Django starts rapidly using connections to our PostgreSQL database *(recorded 02:39 CEST)*"; !strings.Contains(body, want) {
		t.Errorf("lacks %q", want)
	}
}

func TestMkDocsHasItsFrontMatter(t *testing.T) {
	_, body := export(t, seed(t, 0).rig, inc1, postmortem.Options{Format: postmortem.MkDocs, Authors: []string{"jb3"}})
	if !regexp.MustCompile(`(?s)^---\ndraft: true\ndate: 2021-07-11\nauthors:\n  - "jb3"\ncategories:\n  - "Post-mortems"\ndescription: "[^\n]+"\n---\n\n# 2021-07-11: Cascading[^\n]+\n\nINC-1 was a SEV2[^\n]+\n\n<!-- more -->\n`).MatchString(body) {
		t.Errorf("front matter:\n%s", body[:min(len(body), 900)])
	}
}

// An outsider recomputes every hash from the JSON export alone.
func TestJSONCanBeVerifiedWithoutTheDatabase(t *testing.T) {
	_, body := export(t, seed(t, 0).rig, inc1, postmortem.Options{Format: postmortem.JSON})
	var doc struct {
		Schema string
		AsOf   struct {
			Entry timeline.Ref
			Hash  timeline.Hash
		} `json:"as_of"`
		Metrics map[string]*int64
		Entries []struct {
			Entry       timeline.Ref
			Pos         int64
			Kind        timeline.Kind
			OccurredAt  time.Time `json:"occurred_at"`
			RecordedAt  time.Time `json:"recorded_at"`
			Actor       people.Actor
			Cause       timeline.Ref
			Supersedes  timeline.Ref
			Effects     timeline.Effects
			Payload     json.RawMessage
			Salt        string
			PayloadHash timeline.Hash `json:"payload_hash"`
			PrevHash    timeline.Hash `json:"prev_hash"`
			Hash        timeline.Hash
		}
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	var prev timeline.Hash
	for _, e := range doc.Entries {
		var salt timeline.Salt
		if _, err := hex.Decode(salt[:], []byte(e.Salt)); err != nil {
			t.Fatal(err)
		}
		if got := timeline.PayloadHash(salt, e.Payload); got != e.PayloadHash {
			t.Errorf("%s: payload hash %s, want %s", e.Entry, got, e.PayloadHash)
		}
		entry := timeline.Entry{Ref: e.Entry, Pos: e.Pos, Kind: e.Kind, OccurredAt: e.OccurredAt, RecordedAt: e.RecordedAt,
			Actor: e.Actor, Cause: e.Cause, Supersedes: e.Supersedes, Effects: e.Effects}
		got, err := timeline.ChainHash(prev, &entry, e.PayloadHash)
		if err != nil || got != e.Hash || e.PrevHash != prev {
			t.Errorf("%s: hash %s, want %s (%v)", e.Entry, got, e.Hash, err)
		}
		prev = e.Hash
	}
	if doc.Schema != postmortem.Schema || doc.AsOf.Hash != prev || doc.AsOf.Entry != doc.Entries[len(doc.Entries)-1].Entry {
		t.Errorf("as of %+v", doc.AsOf)
	}
	for name, want := range map[string]int64{"time_to_detect": 7 * 60, "time_to_acknowledge": 0, "time_to_mitigate": 385 * 60, "time_to_resolve": 395 * 60, "time_to_public": 17 * 60} {
		if got := doc.Metrics[name]; got == nil || *got != want {
			t.Errorf("%s = %v, want %d", name, got, want)
		}
	}
}

func TestUnfinishedIncidentsAskForWhatIsMissing(t *testing.T) {
	begin := time.Date(2021, 7, 11, 0, 30, 0, 0, time.UTC)
	n := night{rig: newRig(t, begin), id: inc1, joe: people.Human("joe")}
	n.by(n.joe, "00:32", "", &incident.Declared{Title: "x", Severity: alert.SEV1, StartedAt: n.at("00:32"), StartedWhy: "declared then"})
	_, body := export(t, n.rig, inc1, postmortem.Options{})
	for _, want := range []string{"- [ ] Say when the incident ended: the record leaves it investigating", "- [ ] Say who was on it", "- [ ] Decide whether the public", "by joe; no alert fired", "Not resolved when this record ends"} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q in\n%s", want, body)
		}
	}
}

func TestMergedIncidentsArePointedTo(t *testing.T) {
	begin := time.Date(2021, 7, 11, 0, 30, 0, 0, time.UTC)
	n := night{rig: newRig(t, begin), id: "INC-2", joe: people.Human("joe")}
	n.by(n.joe, "00:32", "", &incident.Declared{Title: "Redis is gone", Severity: alert.SEV2, StartedAt: n.at("00:32")})
	n.id = inc1
	n.by(n.joe, "00:33", "", &incident.Declared{Title: "Node is gone", Severity: alert.SEV2, StartedAt: n.at("00:32")})
	n.by(n.joe, "00:34", "", &incident.Absorbed{From: "INC-2"})
	_, body := export(t, n.rig, inc1, postmortem.Options{})
	if want := "- INC-2: Redis is gone (merged by INC-1#2); its own record: wardroom export INC-2\n"; !strings.Contains(body, want) {
		t.Errorf("lacks %q in\n%s", want, body)
	}
}

func TestTheLogAndErasedEntriesExport(t *testing.T) {
	n := seed(t, 0)
	ref := timeline.Ref{Timeline: inc1, Seq: 13}
	n.record(n.at("08:00"), timeline.Draft{Timeline: inc1, Actor: n.joe, Payload: &timeline.Erasure{Refs: []timeline.Ref{ref}, Reason: "a customer's name"}, Effects: timeline.Effects{Erase: []timeline.Ref{ref}}})
	for _, id := range []timeline.ID{timeline.Log, inc1} {
		for _, f := range postmortem.Formats {
			name, body := export(t, n.rig, id, postmortem.Options{Format: f})
			if !strings.HasPrefix(name, id.Padded()+".") || body == "" {
				t.Errorf("%s %s: %q", id, f, name)
			}
			if f == postmortem.JSON && !json.Valid([]byte(body)) {
				t.Errorf("%s: invalid JSON", id)
			}
			if id == inc1 && !strings.Contains(body, "erased") {
				t.Errorf("%s does not show the erased entry", f)
			}
		}
	}
}

func TestExportRefusesWhatIsNotThere(t *testing.T) {
	n := seed(t, 0)
	n.view(func(v timeline.View) {
		if _, _, err := postmortem.Export(v, n.codec, "INC-9", postmortem.Options{}); !problem.Is(err, problem.NotFound) {
			t.Errorf("INC-9: %v", err)
		}
		if _, _, err := postmortem.Export(v, n.codec, inc1, postmortem.Options{Format: "docx"}); !problem.Is(err, problem.Unsupported) {
			t.Errorf("docx: %v", err)
		}
	})
}

func TestNoFormatEndsInTwoLineBreaks(t *testing.T) {
	n := seed(t, 0)
	for _, f := range postmortem.Formats {
		_, body := export(t, n.rig, inc1, postmortem.Options{Format: f})
		if !strings.HasSuffix(body, "\n") || strings.HasSuffix(body, "\n\n") || bytes.Contains([]byte(body), []byte("\r")) {
			t.Errorf("%s ends in %q", f, body[len(body)-10:])
		}
	}
}
