package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	chats "wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
)

// added is how many notes are written while Discord is away.
const added = 24

// lastWord stands in the last post before Discord goes away: it arrives, and its
// answer does not.
const lastWord = "The last word before Discord goes away"

// night is the demo, played in parts, so that something may happen between them.
type night struct {
	*stage
	t    *testing.T
	fall sync.Once
	// waits is told when somebody begins to wait for an answer.
	waits chan struct{}
}

// newNight begins the demo. With falls, Discord goes away the moment it has taken the
// last word: the answer is lost with it.
func newNight(t *testing.T, falls bool) *night {
	t.Helper()
	f, err := scenario.Read(bytes.NewReader(demoFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	n := &night{t: t, waits: make(chan struct{}, 1)}
	o := discordtest.Options{After: n.after}
	if falls {
		o.Wrap = n.falling
	}
	if n.stage, err = newStage(t.Context(), f, t.TempDir(), io.Discard, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// falling ends Discord after it has taken the last word and before it says so.
func (n *night) falling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			n.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/messages") && bytes.Contains(body, []byte(lastWord)) {
			n.fall.Do(func() { n.chat.Down(true) })
		}
	})
}

// after lets Discord's three seconds pass on the clock of the night.
func (n *night) after(d time.Duration) (<-chan time.Time, func()) {
	c, stop := n.clock.At(n.clock.Now().Add(d))
	select {
	case n.waits <- struct{}{}:
	default:
	}
	return c, stop
}

// clickInVain presses a button that nobody answers. What came of it is known once the
// clock has gone on.
func (n *night) clickInVain(person, label string) (seen func() discordtest.Seen) {
	n.t.Helper()
	message, out, failed := n.living(), make(chan discordtest.Seen, 1), make(chan error, 1)
	select { // of earlier acts
	case <-n.waits:
	default:
	}
	go func() {
		s, err := n.chat.As(person).Click(n.t.Context(), message, label)
		out <- s
		failed <- err
	}()
	<-n.waits
	return func() discordtest.Seen {
		s := <-out
		if err := <-failed; err != nil {
			n.t.Fatal(err)
		}
		return s
	}
}

// until plays the demo's events from one time of its night up to another.
func (n *night) until(from, to string) {
	n.t.Helper()
	part := *n.file
	part.Events = slices.DeleteFunc(slices.Clone(n.file.Events), func(e scenario.Event) bool {
		at := e.Time().Format("15:04")
		return at < from || at >= to
	})
	p := &scenario.Player{File: &part, Clock: n.clock, Driver: n.stage, Linger: 10 * time.Second}
	if err := p.Play(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// pass lets time go by.
func (n *night) pass(d time.Duration) {
	n.t.Helper()
	p := &scenario.Player{Clock: n.clock, Driver: n}
	if err := p.Pass(n.t.Context(), n.clock.Now().Add(d)); err != nil {
		n.t.Fatal(err)
	}
}

// Settle implements [scenario.Driver], each time bounded.
func (n *night) Settle(context.Context) error {
	n.rest()
	return nil
}

func (n *night) rest() {
	n.t.Helper()
	comesToRest(n.t, n.stage)
}

func (n *night) ask(person, line string) command.Reply {
	n.t.Helper()
	reply, err := n.Ask(n.t.Context(), person, line)
	if err != nil {
		n.t.Fatalf("%s asked %q: %v", person, line, err)
	}
	n.rest()
	return reply
}

// room is the channel of the incident.
func (n *night) room() string { return n.channelOf("INC-1") }

// living is the pinned message.
func (n *night) living() *discordtest.Message {
	n.t.Helper()
	pinned := n.chat.Pinned(n.room())
	if len(pinned) != 1 {
		n.t.Fatalf("%d pinned messages", len(pinned))
	}
	return pinned[0]
}

// minute is the middle of the demo: notes, a raised severity, and the click on a button.
// What happens in the outage happens the same way in a night without one.
func (n *night) minute(click func()) {
	n.t.Helper()
	n.pass(40 * time.Second)
	n.ask("joe", "/timeline add text:"+lastWord)
	n.pass(time.Second)
	click()
	for i := range added {
		n.pass(2 * time.Second)
		n.ask("joe", "/timeline add text:"+noteText(i))
	}
	n.ask("joe", "/incident severity severity:SEV1 reason:It is worse than it looked")
}

func noteText(i int) string { return fmt.Sprintf("Note %d of what happened meanwhile.", i+1) }

// end plays what is left of the demo, and holds it to what the demo expects.
func (n *night) end() {
	n.t.Helper()
	n.ask("joe", "/incident severity severity:SEV2 reason:It was not")
	n.until("00:55", "99:99")
	if err := n.finish(n.t.Context(), replayOptions{}); err != nil {
		n.t.Error(err)
	}
}

// footer is what names the entry that a post tells of.
var footer = regexp.MustCompile(`^INC-1#(\d+) · `)

// told are the posts of the room: which entry each names, and what it says.
func (n *night) told() (refs []int64, texts []string) {
	n.t.Helper()
	for _, m := range n.chat.Messages(n.room()) {
		for _, e := range m.Embeds {
			if e.Footer == nil || !footer.MatchString(e.Footer.Text) {
				continue
			}
			seq, err := strconv.ParseInt(footer.FindStringSubmatch(e.Footer.Text)[1], 10, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			_, text, _ := strings.Cut(e.Description, "\n")
			refs, texts = append(refs, seq), append(texts, text)
		}
	}
	return refs, texts
}

// key are the entries that a room has to tell, in order.
func (n *night) key() (refs []int64, entries []timeline.Entry) {
	n.t.Helper()
	err := n.View(n.t.Context(), func(v timeline.View) error {
		all, err := v.Entries("INC-1", 0, 10_000)
		for _, e := range all {
			if chats.Tells(n.codec, e.Kind) && !e.Kind.IsDelivery() {
				refs, entries = append(refs, e.Seq), append(entries, e)
			}
		}
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return refs, entries
}

// line is a line of a folded post.
var line = regexp.MustCompile(`^<t:(\d+):t> \*\*(\w+)\*\* (.*)$`)

// unfolded are the lines of the folded posts of a room, with the times that they give.
func (n *night) unfolded() (posts int, times []time.Time, texts []string) {
	n.t.Helper()
	for _, m := range n.chat.Messages(n.room()) {
		if len(m.Embeds) == 0 || !strings.HasSuffix(m.Embeds[0].Title, "while nobody could be told") {
			continue
		}
		posts++
		for l := range strings.Lines(m.Embeds[0].Description) {
			found := line.FindStringSubmatch(strings.TrimRight(l, "\n"))
			if found == nil {
				continue // the date
			}
			unix, err := strconv.ParseInt(found[1], 10, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			times, texts = append(times, time.Unix(unix, 0).UTC()), append(texts, found[3])
		}
	}
	return posts, times, texts
}

// up brings Discord back, and gives the bot time to come back by itself.
func (n *night) up(d time.Duration) {
	n.t.Helper()
	if err := n.chat.Up(); err != nil {
		n.t.Fatal(err)
	}
	n.pass(d)
	if !n.chatWorks() {
		n.t.Fatalf("%s after Discord is back the bot is not", d)
	}
}

// shows fails unless the pinned message and the overview stand as things stand.
func (n *night) shows(pinned []string, overview ...string) {
	n.t.Helper()
	for text, wants := range map[string][]string{n.living().Text(): pinned, n.chat.Messages("incidents")[0].Text(): overview} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				n.t.Errorf("want %q in:\n%s", want, text)
			}
		}
	}
	if boards := n.chat.Messages("incidents"); len(boards) != 1 {
		n.t.Errorf("%d overviews", len(boards))
	}
}

// identified are the entries of the click.
func (n *night) identified() (count int) {
	n.t.Helper()
	_, entries := n.key()
	for _, e := range entries {
		if s, is := e.Payload.(*incident.StatusChanged); is && s.To == incident.Identified && e.Actor.Name == "chris" {
			count++
		}
	}
	return count
}

// rested plays the same night without an outage, and returns what its room was told.
func rested(t *testing.T) []string {
	t.Helper()
	n := newNight(t, false)
	n.until("00:00", "00:43")
	n.minute(func() {})
	if seen, err := n.chat.As("chris").Click(t.Context(), n.living(), "Identified"); err != nil || seen.Failed != "" {
		t.Fatal(seen.Failed, err)
	}
	n.rest()
	n.end()
	_, texts := n.told()
	return texts
}

// TestAnOutageOfAMinuteLosesAndDoublesNothing takes Discord away in the middle of the
// demo, with the answer to a post on its way: 25 posts and a click fall into a minute.
func TestAnOutageOfAMinuteLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	n := newNight(t, true)
	n.until("00:00", "00:43")
	var click func() discordtest.Seen
	n.minute(func() {
		if n.chatWorks() {
			t.Fatal("Discord did not go away with the last word")
		}
		click = n.clickInVain("chris", "Identified")
	})
	if refs, texts := n.told(); texts[len(texts)-1] != lastWord {
		t.Fatalf("something was posted in the outage: %d posts, the last %q", len(refs), texts[len(texts)-1])
	}
	if seen := click(); seen.Failed != discordtest.FailedComponent {
		t.Errorf("chris sees %+v", seen)
	}
	n.pass(10 * time.Second)
	n.up(30 * time.Second)

	// Discord hands the click over when the bot is back. Who pressed it saw it fail, and
	// asks again: it counts once.
	n.shows([]string{"INC-1 SEV1", "**Identified**", "Discord ✓"}, "**SEV1** **INC-1**", "identified")
	if reply := n.ask("chris", "/incident status status:identified"); !strings.Contains(reply.Text, "INC-1 is identified") {
		t.Errorf("chris is told %q", reply.Text)
	}
	if c := n.identified(); c != 1 {
		t.Errorf("the click counted %d times", c)
	}
	n.end()
	n.shows([]string{"**Resolved**"}, "**resolved**")

	want, _ := n.key()
	got, texts := n.told()
	if !slices.Equal(got, want) {
		t.Errorf("the room tells of\n%v\nand the timeline of\n%v", got, want)
	}
	if calm := rested(t); !slices.Equal(texts, calm) {
		t.Errorf("with the outage the room reads\n%s\n\nwithout it\n%s", strings.Join(texts, "\n"), strings.Join(calm, "\n"))
	}
}

// TestALongOutageIsToldInOnePost keeps Discord away for more than five minutes, until it
// has forgotten the session, and loses the answers to the first post after it.
func TestALongOutageIsToldInOnePost(t *testing.T) {
	t.Parallel()
	n := newNight(t, true)
	n.until("00:00", "00:43")
	n.minute(func() {})
	before, _ := n.told()
	n.pass(6 * time.Minute)
	n.ask("joe", "/timeline add text:Told by itself: it is new")
	n.chat.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget})
	n.chat.Fault(discordtest.Fault{Method: "POST", Path: "/channels/*/messages", Times: 3, Lost: true})
	n.up(90 * time.Second)
	if lost := n.chat.Requests()["POST lost"]; lost != 3 {
		t.Errorf("%d answers were lost", lost)
	}
	n.shows([]string{"INC-1 SEV1", "**Investigating**"}, "**SEV1** **INC-1**")

	posts, times, texts := n.unfolded()
	if posts != 1 || len(texts) != added+1 {
		t.Fatalf("%d entries in %d folded posts:\n%s", len(texts), posts, strings.Join(texts, "\n"))
	}
	for i := range added {
		if texts[i] != noteText(i) {
			t.Errorf("line %d is %q", i+1, texts[i])
		}
	}
	refs, entries := n.key()
	told, _ := n.told()
	// All that was told before, the fold with its last entry, what is new.
	if want := append(slices.Clone(before), refs[len(refs)-2:]...); !slices.Equal(told, want) {
		t.Errorf("the room tells of %v instead of %v", told, want)
	}
	for i, e := range entries[len(before) : len(before)+added+1] {
		if !times[i].Equal(e.OccurredAt) {
			t.Errorf("%q happened at %s and is told at %s", texts[i], e.OccurredAt, times[i])
		}
	}
	n.end()
	n.shows([]string{"**Resolved**"}, "**resolved**")
}
