package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
)

const (
	// watchWait is how long a page is waited for; then the age is shown anew.
	watchWait = 15 * time.Second
	// watchRetry is the pause before a Wardroom that has gone is looked for again.
	watchRetry = 2 * time.Second
	// watchTail is how many entries are shown of what was there before.
	watchTail = 20
)

func (s *shell) watchCommand() *cobra.Command {
	w := watch{shell: s}
	cmd := &cobra.Command{
		Use:   "watch [INCIDENT]",
		Short: "Show an incident's room as it goes on",
		Long: "Show the newest key entries of an incident, and below them where it stands; then each entry as it is recorded.\n" +
			"Ctrl-C leaves. It works beside a running Wardroom and, from the file, without one. Times are UTC.",
		Example: "  wardroom incident watch INC-7\n  wardroom incident watch INC-7 --all | grep -i redis",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.run(cmd.Context(), strings.Join(args, ""))
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return s.proposeIncident(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&w.all, "all", false, "every entry, not only the main things")
	cmd.Flags().BoolVar(&w.once, "once", false, "leave when what is there was shown")
	return cmd
}

// proposeIncident proposes through any command that takes an incident.
func (s *shell) proposeIncident(ctx context.Context, typed string) []string {
	for _, c := range s.table.Commands() {
		for _, o := range c.Options {
			if o.Type == command.Incident && o.Complete == nil {
				return s.propose(ctx, c, o, typed)
			}
		}
	}
	return nil
}

// watch shows one incident.
type watch struct {
	*shell
	all  bool
	once bool

	day   string // the last date shown
	board string // where the incident stands, as last shown
	drawn bool   // the board stands below the entries now
}

func (w *watch) run(ctx context.Context, name string) error {
	id, err := w.which(ctx, name)
	if err != nil {
		return err
	}
	defer w.clear()
	after, first := int64(0), true
	for {
		err := w.follow(ctx, id, &after, &first)
		switch {
		case ctx.Err() != nil:
			return nil // whoever watches has seen enough
		case err == nil:
			return nil
		case errors.Is(err, socket.ErrNobody), problem.Is(err, problem.Unavailable):
			w.say(fmt.Sprintf("(%s: looking again)", strings.TrimSuffix(firstLine(err), ".")))
		default:
			return err
		}
		pause := time.NewTimer(w.retry)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

// follow shows pages until one fails, or until the end of what is there with once.
func (w *watch) follow(ctx context.Context, id timeline.ID, after *int64, first *bool) error {
	a, err := w.peek(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }() // it only read
	var before []socket.Entry        // what was there already, until its end is reached
	for {
		wait := watchWait
		if *first {
			wait = 0
		}
		page, err := a.Entries(ctx, id, *after, wait)
		if err != nil {
			return err
		}
		if n := len(page.Entries); n > 0 {
			*after = page.Entries[n-1].Ref.Seq
		}
		if *first {
			before = append(before, w.chosen(page.Entries)...)
			if *after < page.Head && len(page.Entries) > 0 {
				continue
			}
			*first = false
			w.tail(before)
		} else {
			for _, e := range w.chosen(page.Entries) {
				w.entry(e)
			}
		}
		w.show(page.Incident)
		if w.once {
			return nil
		}
	}
}

func (w *watch) tail(entries []socket.Entry) {
	if left := len(entries) - watchTail; left > 0 && !w.all {
		w.say(w.format.faint(fmt.Sprintf("(%d earlier; --all shows everything)", left)))
		entries = entries[left:]
	}
	for _, e := range entries {
		w.entry(e)
	}
}

func (w *watch) chosen(entries []socket.Entry) []socket.Entry {
	if w.all {
		return entries
	}
	var key []socket.Entry
	for _, e := range entries {
		if e.Key {
			key = append(key, e)
		}
	}
	return key
}

// which resolves the incident: the one named, or the only open one.
func (w *watch) which(ctx context.Context, name string) (timeline.ID, error) {
	if name != "" {
		return timeline.ParseID(name)
	}
	open := w.proposeIncident(ctx, "")
	if len(open) == 1 {
		id, _, _ := strings.Cut(open[0], "\t")
		return timeline.ParseID(id)
	}
	var list []string
	for _, o := range open {
		list = append(list, strings.Replace(o, "\t", " ", 1))
	}
	if len(list) == 0 {
		return "", problem.New(problem.Invalid, "no incident is open").WithHint("name one, as INC-7")
	}
	return "", problem.New(problem.Invalid, "%d incidents are open", len(list)).WithHint("name one: %s", strings.Join(list, "; "))
}

// entry shows one entry: when it happened, who did it, what it says.
func (w *watch) entry(e socket.Entry) {
	if day := e.OccurredAt.UTC().Format(time.DateOnly); day != w.day {
		w.day = day
		w.say(w.format.bold(day + " UTC"))
	}
	text := sanitize(e.Text)
	if e.RecordedAt.Sub(e.OccurredAt) >= time.Minute {
		text += " (recorded " + command.FormatTime(e.RecordedAt, time.UTC) + ")"
	}
	if !e.Supersedes.IsZero() {
		text += fmt.Sprintf(" (corrects #%d)", e.Supersedes.Seq)
	}
	head := e.OccurredAt.UTC().Format("15:04") + "  " + pad(fit(sanitize(e.Actor.Display()), actorColumn), actorColumn) + "  "
	column := displayWidth(head)
	narrow := w.format
	if narrow.width > 0 {
		narrow.width = max(20, narrow.width-column)
	}
	body := narrow.wrap([]span{{text: text}}, 0)
	w.say(head + strings.ReplaceAll(body, "\n", "\n"+strings.Repeat(" ", column)))
}

const actorColumn = 14

// show brings the board up to date. On a terminal it stands below the entries;
// elsewhere it is a line of its own whenever something but the age has changed.
func (w *watch) show(i *incident.Incident) {
	if i == nil {
		return
	}
	facts := standing(*i)
	if !w.live {
		if facts != w.board {
			w.board = facts
			w.say("== " + facts)
		}
		return
	}
	w.clear()
	until := w.now()
	if !i.ResolvedAt.IsZero() && !i.Open() {
		until = i.ResolvedAt
	}
	w.board = facts + " · " + command.FormatDuration(until.Sub(i.StartedAt))
	fmt.Fprint(w.stdout, w.format.bold(fit(w.board, max(0, w.format.width-1))))
	w.drawn = true
}

// standing is where the incident stands, but for its age.
func standing(i incident.Incident) string {
	parts := []string{sanitize(i.Headline())}
	if i.Lead != "" {
		parts = append(parts, "lead "+sanitize(i.Lead))
	} else {
		parts = append(parts, "no lead")
	}
	switch {
	case i.Alerts.Total > 0:
		parts = append(parts, fmt.Sprintf("%d of %d alerts firing", i.Alerts.Firing, i.Alerts.Total))
	default:
		parts = append(parts, "no alerts")
	}
	return strings.Join(parts, " · ")
}

// say writes a line above the board.
func (w *watch) say(line string) {
	w.clear()
	fmt.Fprintln(w.stdout, line)
}

// clear takes the board off the terminal: to the start of its line, then all of it.
func (w *watch) clear() {
	if w.drawn {
		fmt.Fprint(w.stdout, "\r\x1b[2K")
		w.drawn = false
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(sanitizeLines(err.Error()), "\n")
	return line
}
