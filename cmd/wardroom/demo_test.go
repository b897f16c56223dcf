package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/docs/scenarios"
	"wardroom/integrations/discord/discordtest"
)

// play replays a scenario as fast as the bot is and returns the folder it left.
func play(t *testing.T, file []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	var out bytes.Buffer
	if err := replay(t.Context(), bytes.NewReader(file), replayOptions{out: dir}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return dir
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func demoFile(t *testing.T) []byte { return scenarioFile(t, scenarios.Demo) }

func scenarioFile(t *testing.T, name string) []byte {
	t.Helper()
	f, err := scenarios.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every scenario ends as it expects, and leaves in Discord what a golden file holds:
// the channel, the pinned message, every post in order.
func TestEveryScenarioEndsAsItExpects(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goldenText(t, "../scenarios/"+name+".txt", read(t, play(t, scenarioFile(t, name)), "transcript.txt"))
		})
	}
}

func TestDemoLeavesThePostMortemOfTheSeed(t *testing.T) {
	t.Parallel()
	dir := play(t, demoFile(t))
	for _, name := range []string{databaseFile, "INC-0001.md", "INC-0001.mkdocs.md", "INC-0001.rst", "INC-0001.json", "INC-0001.html", "status/index.html", "transcript.txt"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	md := read(t, dir, "INC-0001.md")
	for _, heading := range []string{"Leadup", "Impact", "Detection", "Response", "Recovery", "Five Why's", "Blameless root cause", "Lessons learned", "Follow-up tasks"} {
		if !regexp.MustCompile(`(?m)^# \S+ ` + heading + `$`).MatchString(md) {
			t.Errorf("the post-mortem has no section %q", heading)
		}
	}
	leadup, _, _ := strings.Cut(md[strings.Index(md, "Leadup"):], "Impact")
	for _, at := range []string{"00:27", "00:32", "00:33", "00:42", "00:25", "00:55", "01:01", "01:13", "06:36"} {
		if !strings.Contains(leadup, at+" UTC") {
			t.Errorf("the lead-up does not mention %s", at)
		}
	}
	page := read(t, dir, "status/index.html")
	if !strings.Contains(page, "00:25") || strings.Contains(page, "00:42") {
		t.Error("the status page does not say 00:25 alone")
	}
}

// shift moves the demo over midnight, backwards.
const shift = -(3*time.Hour + 17*time.Minute)

// names are every name of the demo, and what it is called in the copy. The copy's
// names sort as the originals do.
var names = func() *strings.Replacer {
	pairs := []string{"default-src", "default-src"} // a word of the page, not a namespace
	for _, n := range []string{"lke13311-16405-5fafd1b46dcf", "lke13311-20304-5ffa4d11faab", "pvc-a14c0fe2d9b74e60", "pvc-bb1d06139b334c1f", "redis-599887d778-wggbl"} {
		pairs = append(pairs, n, "q"+n)
	}
	for _, n := range []string{"joe", "chris", "postgres", "connection-limit", "table-locks", "statping", "Python", "python", "PostgreSQL", "Django", "Hastebin", "Redis", "redis", "default", "Site", "site"} {
		pairs = append(pairs, n, n+"q")
	}
	return strings.NewReplacer(pairs...)
}()

// TestDemoIsNotScripted plays a copy of the demo in which every time is shifted
// and every name is another: it must leave the same exports, shifted and renamed.
func TestDemoIsNotScripted(t *testing.T) {
	t.Parallel()
	original, copied := play(t, demoFile(t)), play(t, disguise(t, demoFile(t)))
	for _, name := range []string{"INC-0001.md", "INC-0001.mkdocs.md", "INC-0001.rst", "INC-0001.json", "INC-0001.html", "transcript.txt"} {
		t.Run(name, func(t *testing.T) {
			want, wantTimes := template(names.Replace(read(t, original, name)))
			got, gotTimes := template(read(t, copied, name))
			if want != got {
				t.Errorf("not the same but for times and names:\n%s", firstDifference(want, got))
			}
			for i := range min(len(wantTimes), len(gotTimes)) {
				moved := wantTimes[i].Add(shift)
				if moved.Format("15:04:05") != gotTimes[i].Format("15:04:05") {
					t.Errorf("time %d is %s, shifted from %s", i, gotTimes[i].Format("15:04:05"), wantTimes[i].Format("15:04:05"))
				}
			}
			if len(wantTimes) == 0 {
				t.Error("no times at all")
			}
		})
	}
}

// disguise shifts every time and changes every name of a scenario.
func disguise(t *testing.T, file []byte) []byte {
	t.Helper()
	f, err := scenario.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Load(file, &doc); err != nil {
		t.Fatal(err)
	}
	root := doc.Content[0]
	n := 0
	each(child(root, "events"), func(event *yaml.Node) {
		at := f.Events[n].Time()
		n++
		child(event, "at").SetString(moved(at))
		for _, act := range []string{"alertmanager", "generic"} {
			for _, key := range []string{"startsAt", "starts_at", "endsAt"} {
				if v := child(child(event, act), key); v != nil {
					v.SetString(moved(before(t, v.Value, at)))
				}
			}
		}
		if c := child(event, "command"); c != nil {
			c.Value = regexp.MustCompile(`at:\d\d:\d\d`).ReplaceAllStringFunc(c.Value, func(s string) string {
				return "at:" + moved(before(t, strings.TrimPrefix(s, "at:"), at))
			})
		}
	})
	each(child(child(root, "world"), "backups"), func(b *yaml.Node) {
		at, err := time.Parse("2006-01-02 15:04", child(b, "last").Value)
		if err != nil {
			t.Fatal(err)
		}
		child(b, "last").SetString(moved(at))
	})
	each(child(root, "expect"), func(x *yaml.Node) {
		for _, key := range []string{"started_at", "public_started_at"} {
			if v := child(x, key); v != nil {
				at, err := time.Parse("2006-01-02 15:04", v.Value)
				if err != nil {
					t.Fatal(err)
				}
				v.SetString(moved(at))
			}
		}
		each(child(x, "timeline_contains"), func(v *yaml.Node) {
			v.Value = regexp.MustCompile(`\d\d:\d\d`).ReplaceAllStringFunc(v.Value, func(s string) string {
				return before(t, s, f.End()).Add(shift).Format("15:04")
			})
		})
	})
	rename(root)
	out, err := yaml.Dump(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func moved(at time.Time) string { return at.Add(shift).UTC().Format("2006-01-02 15:04:05") }

// before is the last time of day s at or before ref.
func before(t *testing.T, s string, ref time.Time) time.Time {
	t.Helper()
	clock, err := time.Parse("15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(ref.Year(), ref.Month(), ref.Day(), clock.Hour(), clock.Minute(), 0, 0, time.UTC)
	if at.After(ref) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func each(n *yaml.Node, f func(*yaml.Node)) {
	if n != nil {
		for _, c := range n.Content {
			f(c)
		}
	}
}

// rename changes names in every value, and in the keys of people.
func rename(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Value = names.Replace(n.Value)
	}
	for _, c := range n.Content {
		rename(c)
	}
}

var (
	anyTime   = regexp.MustCompile(`(?:\d{4}-\d\d-\d\d[T ])?(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?Z?`)
	anyDay    = regexp.MustCompile(`\d{4}-\d\d-\d\d`)
	anyPod    = regexp.MustCompile(`-[0-9a-f]{10}-[0-9a-z]{5}\b`)
	anyHash   = regexp.MustCompile(`\b[0-9a-f]{12,64}\b`)
	anyRule   = regexp.MustCompile(`(?m)^[=~^"-]{4,}$`)
	dayBreaks = regexp.MustCompile(`(?m)^── .*\n`)
	roomName  = regexp.MustCompile(`#inc-0001-[a-z0-9-]+`)   // as much of the title as there is room for
	roomBrand = regexp.MustCompile(`wardroom [0-9a-f]{6}\b`) // of a hash
)

// template takes the times out of a text, and what follows from them: days and hashes.
func template(text string) (string, []time.Time) {
	var times []time.Time
	text = dayBreaks.ReplaceAllString(text, "")
	text = roomBrand.ReplaceAllString(roomName.ReplaceAllString(text, "#room"), "wardroom <hash>")
	text = anyTime.ReplaceAllStringFunc(text, func(s string) string {
		clock := anyTime.FindStringSubmatch(s)[1]
		if len(clock) == len("15:04") {
			clock += ":00"
		}
		at, err := time.Parse("15:04:05", clock)
		if err != nil {
			return s
		}
		times = append(times, at)
		return "<time>"
	})
	text = anyDay.ReplaceAllString(text, "<day>")
	text = anyRule.ReplaceAllString(text, "<rule>") // as long as the heading above it
	text = anyPod.ReplaceAllString(text, "-<pod>")
	return anyHash.ReplaceAllString(text, "<hash>"), times
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n got: %.300s\nwant: %.300s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(g), len(w))
}

// TestDemoReadsWellOnATerminal holds what a newcomer sees first to a golden file
// of 100 columns. The heads are left out: they change with every new field.
func TestDemoReadsWellOnATerminal(t *testing.T) {
	t.Parallel()
	f, err := scenario.Read(bytes.NewReader(demoFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	stage, err := newStage(t.Context(), f, t.TempDir(), &out, discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stage.show.style = style{width: 100}
	if err := stage.play(t.Context(), pace{}); err != nil {
		t.Fatal(err)
	}
	if err := stage.finish(t.Context(), replayOptions{again: "wardroom demo", brief: true}); err != nil {
		t.Fatal(err)
	}
	if err := stage.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := displayWidth(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	goldenText(t, "demo.txt", anyHash.ReplaceAllString(out.String(), "HASH"))
}

func TestReplaySaysInWordsWhatCameOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ events, want string }{
		"nothing": {`
  - at: "2021-07-11 00:32"
    alertmanager: {status: firing, labels: {alertname: a, severity: none}}`, "No incident was opened."},
		"nobody cared": {`
  - at: "2021-07-11 23:32"
    alertmanager: {status: firing, labels: {alertname: a, severity: page}}`, "- Nobody acknowledged it.\n  - At the end it is still investigating."},
		"it went away": {`
  - at: "2021-07-11 23:32"
    alertmanager: {status: firing, labels: {alertname: a, severity: page}}
  - at: "2021-07-11 23:40"
    alertmanager: {status: resolved, labels: {alertname: a, severity: page}, startsAt: "23:32"}
  - {at: "2021-07-12 00:40", by: joe, command: "/alert list"}`, "It recovered by itself at 23:40 UTC, 8 minutes after it began."},
		"told at once": {`
  - {at: "2021-07-11 00:32", by: joe, command: "/incident declare title:Down"}
  - {at: "00:32", by: joe, command: "/status post text:Down"}`, "The status page says so since 00:32 UTC, when it was posted."},
		"merged": {`
  - {at: "2021-07-11 00:32", by: joe, command: "/incident declare title:Down"}
  - {at: "00:33", by: joe, command: "/incident declare title:Slow"}
  - {at: "00:34", by: joe, command: "/incident merge from:INC-2 into:INC-1"}`, "It went on as INC-1."},
	} {
		t.Run(name, func(t *testing.T) {
			file := "scenario: s\ntitle: S\npeople: {joe: [lead]}\nevents:" + c.events + "\nexpect: []\n"
			var out bytes.Buffer
			if err := replay(t.Context(), strings.NewReader(file), replayOptions{}, &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("lacks %q:\n%s", c.want, out.String())
			}
		})
	}
}

func TestDemoNamesWhatThereIs(t *testing.T) {
	c := newDemo()
	c.SetArgs([]string{"2021-07-12"})
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(t.Context())
	if p, is := errors.AsType[*problem.Error](err); !is || p.Code != problem.NotFound || !strings.Contains(p.Hint, scenarios.Demo) {
		t.Errorf("got %v", err)
	}
}

// TestAnswersAndButtonsAreHeldToTheFile: what a scenario says that people read has to
// stand there, and what they tap has to be under it.
func TestAnswersAndButtonsAreHeldToTheFile(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		`{at: "00:33", by: joe, command: "/incident list", answers: [INC-1, INC-2]}`: `asked "/incident list": the answer lacks "INC-2"`,
		`{at: "00:33", by: joe, tap: Launch}`:                                        `joe has no button "Launch"`,
		`{at: "00:33", by: joe, command: "/incident list", answers: [INC-1]}`:        "",
	} {
		file := "scenario: s\ntitle: S\npeople: {joe: [lead]}\nevents:\n  - {at: \"2021-07-11 00:32\", by: joe, command: \"/incident declare title:Down\"}\n  - " + event + "\nexpect: []\n"
		err := replay(t.Context(), strings.NewReader(file), replayOptions{}, io.Discard)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", event, err, want)
		}
	}
}
