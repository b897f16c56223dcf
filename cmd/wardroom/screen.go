package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"wardroom/bot/postmortem"
	chat "wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
)

const (
	// widestScreen is where lines are broken on terminals that are wider: longer ones
	// are hard to read.
	widestScreen = 110
	// eventIndent is the column of what happens, after its time.
	eventIndent = 7
	// actorWidth is room for "kubernetes" and most names.
	actorWidth = 10
	// quiet is the pause from which it is said how long nothing happened.
	quiet = 10 * time.Minute
)

// stageScreen is the running commentary: what happens outside and, behind a bar
// below it, what Wardroom made of it. It is a poster, so it shows what a room
// would. Lines are wrapped, and coloured, on a terminal only.
type stageScreen struct {
	out   io.Writer
	clock chat.Clock
	style style
	codec *timeline.Codec
	view  func(context.Context, func(timeline.View) error) error
	sight chat.Sight

	mu      sync.Mutex
	at      time.Time // of the event that is shown
	day     string
	told    bool                  // something stands below it
	details []detail              // what stands there when no key entry does
	seen    map[timeline.ID]int64 // how far each timeline was shown
}

type detail struct {
	id   timeline.ID
	post chat.Post
}

var _ timeline.Poster = (*stageScreen)(nil)

func newStageScreen(out io.Writer, zone *time.Location) *stageScreen {
	s := &stageScreen{out: out, clock: chat.Clock{Zone: zone}, seen: map[timeline.ID]int64{}}
	if f, ok := out.(*os.File); ok {
		s.style = terminalStyle(f)
		s.style.width = min(s.style.width, widestScreen)
	}
	return s
}

func (s *stageScreen) title(f *scenario.File) {
	begin, end := s.clock.Full(f.Start()), s.clock.Beside(f.End(), f.Start())
	fmt.Fprintf(s.out, "%s\n%s to %s\n\n", s.style.bold(sanitize(f.Title)), begin, end)
	s.paragraph("", span{text: "Played through the real bot: alerts come over HTTP, people type commands. Behind each bar stands what Wardroom makes of it."})
	s.day = s.clock.Day(f.Start())
}

// passes says that nothing happens for a while.
func (s *stageScreen) passes(d time.Duration) {
	if d >= quiet {
		fmt.Fprintf(s.out, "\n%s%s\n", strings.Repeat(" ", eventIndent), s.style.faint("⋯ "+postmortem.Words(d)+" later"))
	}
}

// event is a [scenario.Narrator].
func (s *stageScreen) event(at time.Time, who, what string) {
	s.mu.Lock()
	s.at, s.told, s.details = at, false, nil
	s.mu.Unlock()
	if day := s.clock.Day(at); day != s.day {
		s.day = day
		fmt.Fprintf(s.out, "\n%s\n", s.style.faint("-- "+day+" --"))
	}
	what = sanitize(what)
	fmt.Fprintln(s.out)
	s.hang(s.style.faint(s.hour(at))+"  ", strings.Repeat(" ", eventIndent), eventIndent,
		span{text: sanitize(who), bold: true}, span{text: " "}, span{text: what, code: strings.HasPrefix(what, "/")})
}

// hour is a time without its zone, which the title says.
func (s *stageScreen) hour(t time.Time) string {
	hour, _, _ := strings.Cut(s.clock.Time(t), " ")
	return hour
}

// Post implements [timeline.Poster]. What was shown already is not shown again.
func (s *stageScreen) Post(ctx context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range d.Entries {
		if e.Seq <= s.seen[d.Timeline] {
			continue
		}
		var post chat.Post
		err := s.view(ctx, func(v timeline.View) (err error) {
			post, err = chat.PostIn(v, s.codec, e, s.sight)
			return err
		})
		if err != nil {
			return nil, err
		}
		s.seen[d.Timeline] = e.Seq
		if e.Kind == "run.done" {
			post.More = nil // each step stands above
		}
		switch {
		case post.Key:
			s.told = true
			s.entry(d.Timeline, post)
		case !strings.HasPrefix(string(e.Kind), "command.") && !strings.HasPrefix(string(e.Kind), "timer."):
			s.details = append(s.details, detail{d.Timeline, post})
		}
	}
	return nil, nil
}

// settled shows the details of an event that led to no key entry: something came
// of it, too.
func (s *stageScreen) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.told {
		for _, d := range s.details {
			s.entry(d.id, d.post)
		}
	}
	s.details = nil
}

// entry shows one entry behind the bar. Its time is said where it is not the
// event's: people tell of what was before.
func (s *stageScreen) entry(id timeline.ID, p chat.Post) {
	bar := strings.Repeat(" ", eventIndent) + s.style.faint("│") + " "
	column := eventIndent + 2
	actor := pad(chat.Cut(chat.Plain(p.Actor), 40), actorWidth)
	head := s.style.faint(actor) + "  "
	if len(s.seen) > 1 {
		head = s.style.faint(pad(string(id), 6)) + "  " + head
		column += 8
	}
	column += displayWidth(actor) + 2
	text := []span{{text: chat.Plain(p.Text)}}
	if s.hour(p.At) != s.hour(s.at) {
		text = append([]span{{text: s.hour(p.At), bold: true}, {text: " "}}, text...)
	}
	if recorded := s.clock.Recorded(p.At, p.Recorded); recorded != "" {
		text = append(text, span{text: " (" + recorded + ")"})
	}
	margin := bar + strings.Repeat(" ", column-eventIndent-2)
	s.hang(bar+head, margin, column, text...)
	for _, d := range p.More {
		switch line := chat.Plain(d.Text); d.As {
		case chat.Head:
			s.hang(margin, margin, column, span{text: line, bold: true})
		case chat.Code:
			s.hang(margin+"    ", margin+"    ", column+4, span{text: line, code: true})
		default:
			s.hang(margin+"  ", margin+"  ", column+2, span{text: line})
		}
	}
}

// hang writes a paragraph whose lines after the first begin with margin, which
// takes as many columns as first does.
func (s *stageScreen) hang(first, margin string, columns int, text ...span) {
	narrow := s.style
	if narrow.width > 0 {
		narrow.width = max(20, narrow.width-columns)
	}
	fmt.Fprintln(s.out, first+strings.ReplaceAll(narrow.wrap(text, 0), "\n", "\n"+margin))
}

// paragraph writes text that is set in as far as margin is long.
func (s *stageScreen) paragraph(margin string, text ...span) {
	s.hang(margin, margin, len(margin), text...)
}
