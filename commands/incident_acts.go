package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

func asker(r command.Request) incident.Who { return incident.Who{Actor: r.Actor(), Cause: r.Cause} }

func (c incidents) declare(ctx context.Context, r command.Request) (command.Reply, error) {
	severity, err := alert.ParseSeverity(r.String("severity"))
	if err != nil {
		return command.Reply{}, problem.New(problem.Invalid, "%v", err)
	}
	i, err := c.desk.Declare(ctx, asker(r), incident.Declaration{Title: r.String("title"), Severity: severity, StartedAt: r.Time("at"), Why: r.String("why")})
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s is open**, %s: %s\nIt began at %s.", i.ID, i.Severity, command.Escape(i.Title), r.FormatTime(i.StartedAt))), nil
}

func (c incidents) ack(ctx context.Context, r command.Request) (command.Reply, error) {
	i, already, err := c.desk.Acknowledge(ctx, asker(r), r.Incident("incident"))
	if err != nil {
		return command.Reply{}, err
	}
	who := command.Escape(i.OnIt)
	if already {
		if i.OnIt == r.Actor().Name {
			who = "You"
		}
		return stands(r, i, fmt.Sprintf("%s acknowledged %s at %s already.", who, i.ID, r.FormatTime(i.OnItAt))), nil
	}
	since, what := i.DetectedAt, "detected"
	if i.ReopenedAt.After(since) {
		since, what = i.ReopenedAt, "reopened"
	}
	passed := i.OnItAt.Sub(since)
	if passed < time.Second {
		return stands(r, i, fmt.Sprintf("**%s is on %s**.", who, i.ID)), nil
	}
	return stands(r, i, fmt.Sprintf("**%s is on %s**, %s after it was %s.", who, i.ID, command.FormatDuration(passed), what)), nil
}

func (c incidents) assign(ctx context.Context, r command.Request) (command.Reply, error) {
	person := r.Person("person").Name
	if r.Bool("nobody") {
		person = ""
	} else if person == "" {
		return command.Reply{}, problem.New(problem.Invalid, "say who").WithHint("person:joe")
	}
	i, err := c.desk.Assign(ctx, asker(r), r.Incident("incident"), r.String("role"), person)
	if err != nil {
		return command.Reply{}, err
	}
	role := command.Escape(strings.ToLower(r.String("role")))
	if person == "" {
		return stands(r, i, fmt.Sprintf("Nobody is **%s** of %s any more.", role, i.ID)), nil
	}
	return stands(r, i, fmt.Sprintf("**%s is %s** of %s.", command.Escape(person), role, i.ID)), nil
}

func (c incidents) severity(ctx context.Context, r command.Request) (command.Reply, error) {
	severity, err := alert.ParseSeverity(r.String("severity"))
	if err != nil {
		return command.Reply{}, problem.New(problem.Invalid, "%v", err)
	}
	i, err := c.desk.SetSeverity(ctx, asker(r), r.Incident("incident"), severity, r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s is %s.**", i.ID, i.Severity)), nil
}

func (c incidents) title(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Retitle(ctx, asker(r), r.Incident("incident"), r.String("title"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s**: %s", i.ID, command.Escape(i.Title))), nil
}

func (c incidents) start(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.ClaimStart(ctx, asker(r), r.Incident("incident"), r.Time("at"), r.String("why"))
	if err != nil {
		return command.Reply{}, err
	}
	reply := stands(r, i, fmt.Sprintf("**%s began at %s** (%s), %s before it was detected.", i.ID, r.FormatTime(i.StartedAt),
		command.Escape(i.StartedWhy), command.FormatDuration(i.DetectedAt.Sub(i.StartedAt))))
	if i.Posted {
		reply.Actions = append([]command.Action{form(act("Backdate the status page", "status backdate", i.ID, command.Primary))}, reply.Actions...)
	}
	return reply, nil
}

func (c incidents) status(ctx context.Context, r command.Request) (command.Reply, error) {
	to, err := incident.ParseStatus(r.String("status"))
	if err != nil {
		return command.Reply{}, err
	}
	i, err := c.desk.SetStatus(ctx, asker(r), r.Incident("incident"), to, r.Time("at"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	if to == incident.Resolved {
		return c.resolution(ctx, r, i)
	}
	reply := stands(r, i, fmt.Sprintf("**%s is %s.**", i.ID, i.Status))
	if i.Posted && i.Open() {
		// The form proposes the text for this status.
		reply.Actions = append([]command.Action{form(act("Post update", "status post", i.ID, command.Primary))}, reply.Actions...)
	}
	return reply, nil
}

func (c incidents) link(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Link(ctx, asker(r), r.Incident("incident"), incident.Link{URL: r.String("url"), Text: r.String("text")})
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("Kept with %s, which has %s.", i.ID, count(len(i.Links), "link"))), nil
}

func (c incidents) park(ctx context.Context, r command.Request) (command.Reply, error) {
	until, condition, err := parkUntil(r)
	if err != nil {
		return command.Reply{}, err
	}
	i, err := c.desk.Park(ctx, asker(r), r.Incident("incident"), until, condition)
	if err != nil {
		return command.Reply{}, err
	}
	text := fmt.Sprintf("**%s is parked** until %s.", i.ID, parkedUntil(r, i.Park))
	if condition != "" && condition != incident.UntilAlertsResolved {
		text += " I cannot tell when that is: take it up again with `/incident unpark`."
	}
	return stands(r, i, text), nil
}

// parkUntil reads a time, a length of time, or a condition in words. What begins
// with a digit is meant to be a time, so a slip in it is not taken for words.
func parkUntil(r command.Request) (time.Time, string, error) {
	text := strings.TrimSpace(r.String("until"))
	if d, err := command.ParseDuration(text); err == nil {
		return r.Now.Add(d), "", nil
	}
	t, err := command.ParseFutureTime(text, r.Now, r.Zone)
	if err == nil {
		return t, "", nil
	}
	if text == "" || unicode.IsDigit([]rune(text)[0]) {
		return time.Time{}, "", err
	}
	return time.Time{}, text, nil
}

func (c incidents) unpark(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Unpark(ctx, asker(r), r.Incident("incident"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s is taken up again**: %s.", i.ID, i.Status)), nil
}

func (c incidents) resolve(ctx context.Context, r command.Request) (command.Reply, error) {
	id := r.Incident("incident")
	missing, unknown := c.missing(ctx, id)
	if len(missing) > 0 && !r.Bool("anyway") {
		return c.notYet(r, id, append(missing, unknown...)), nil
	}
	i, err := c.desk.Resolve(ctx, asker(r), id, r.Time("at"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	reply, err := c.resolution(ctx, r, i)
	if len(missing) == 0 && len(unknown) > 0 {
		reply.Text += "\nWhether everything is back cannot be told: " + command.Escape(unknown[0])
	}
	return reply, err
}

// missing is what is not back, and what cannot be told. A cluster that cannot be
// looked at keeps nobody from resolving.
func (c incidents) missing(ctx context.Context, id timeline.ID) (lost, unknown []string) {
	if c.notBack == nil {
		return nil, nil
	}
	compared, err := c.notBack(ctx, id)
	if err != nil {
		sentence := "the cluster cannot be read"
		if p, ok := errors.AsType[*problem.Error](err); ok {
			sentence = p.Message
		}
		return nil, []string{sentence}
	}
	if len(compared.Lost) == 0 {
		return nil, compared.Unknown
	}
	all := compared.Sentences()
	return all[:len(all)-len(compared.Unknown)], compared.Unknown
}

// notYet shows what is not back before anybody says that it is over.
func (c incidents) notYet(r command.Request, id timeline.ID, lines []string) command.Reply {
	text := fmt.Sprintf("**Not everything is back** that was Ready before %s began:", id)
	for _, l := range lines {
		text += "\n• " + command.Escape(l)
	}
	anyway := act("Resolve all the same", "incident resolve", id, command.Danger)
	anyway.Ask.Options["anyway"] = "yes"
	if r.Has("at") {
		anyway.Ask.Options["at"] = r.Time("at").UTC().Format(time.RFC3339)
	}
	if r.Has("reason") {
		anyway.Ask.Options["reason"] = r.String("reason")
	}
	return command.Reply{Text: text, Actions: []command.Action{anyway}, Confirm: true, Data: lines}
}

// resolution says what stands open although the incident is over, first of all
// what the public still reads.
func (c incidents) resolution(ctx context.Context, r command.Request, i incident.Incident) (command.Reply, error) {
	text := fmt.Sprintf("**%s is resolved** as of %s, %s after it began.", i.ID, r.FormatTime(i.ResolvedAt), command.FormatDuration(i.ResolvedAt.Sub(i.StartedAt)))
	if n := i.Alerts.Firing; n == 1 {
		text += "\n1 of its alerts still fires: it stays quiet unless it resolves and fires again."
	} else if n > 1 {
		text += fmt.Sprintf("\n%d of its alerts still fire: they stay quiet unless they resolve and fire again.", n)
	}
	reply := stands(r, i, text)
	var left []room.Leftover
	err := c.desk.View(ctx, func(v timeline.View) (err error) {
		left, err = room.Leftovers(v, i.ID, room.Sight{Kept: repair.Kept})
		return err
	})
	var undo []command.Action
	for _, l := range left {
		reply.Text += "\n" + command.Escape(l.Text)
		if l.Undo != nil {
			undo = append(undo, *l.Undo)
		}
	}
	reply.Actions = append(undo, reply.Actions...)
	return reply, err
}

func (c incidents) close(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Close(ctx, asker(r), r.Incident("incident"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s is closed.**", i.ID)), nil
}

func (c incidents) reopen(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Reopen(ctx, asker(r), r.Incident("incident"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s is open again**: %s.", i.ID, i.Status)), nil
}

// findAlert looks for an alert by key, fingerprint or name. A name must be that
// of exactly one alert that fires.
func findAlert(v timeline.View, text string) (alert.Current, error) {
	text = strings.TrimSpace(text)
	if a, known, err := alert.Table.Get(v, text); known || err != nil {
		return a, err
	}
	var found []alert.Current
	for _, where := range [][]timeline.Where{
		{{Column: "fingerprint", Value: text}},
		{{Column: "name", Value: text}, {Column: "status", Value: string(alert.Firing)}},
		{{Column: "name", Value: text}},
	} {
		some, err := alert.Table.Select(v, timeline.Query{Where: where, OrderBy: "starts_at", Desc: true, Limit: 6})
		if err != nil {
			return alert.Current{}, err
		}
		if found = some; len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return alert.Current{}, problem.New(problem.NotFound, "there is no alert %q", clipped(text, 60)).WithHint("/alert list shows what fires")
	case 1:
		return found[0], nil
	}
	keys := make([]string, len(found))
	for n, a := range found {
		keys[n] = a.Key()
	}
	return alert.Current{}, problem.New(problem.Invalid, "%d alerts or more are called %q", len(found), clipped(text, 60)).WithHint("name one by its key: %s", strings.Join(keys, ", "))
}

func completeRole(_ context.Context, _ timeline.View, typed string) []string {
	return beginning([]string{incident.RoleLead, "scribe", "comms"}, typed)
}

func completePark(_ context.Context, _ timeline.View, typed string) []string {
	return beginning([]string{incident.UntilAlertsResolved, "09:00", "tomorrow 09:00", "1h", "4h"}, typed)
}

// completeAlert proposes the alerts that fire, the newest first.
func completeAlert(_ context.Context, v timeline.View, typed string) []string {
	rows, err := firing(v)
	if err != nil {
		return nil // there is nothing to propose; the command itself will say why
	}
	var keys []string
	for _, a := range rows {
		if typed == "" || strings.Contains(strings.ToLower(a.Key()+" "+a.Name()), strings.ToLower(typed)) {
			keys = append(keys, a.Key())
		}
	}
	return keys[:min(len(keys), 25)]
}

func beginning(words []string, typed string) []string {
	var fit []string
	for _, w := range words {
		if strings.HasPrefix(w, strings.ToLower(typed)) {
			fit = append(fit, w)
		}
	}
	return fit
}
