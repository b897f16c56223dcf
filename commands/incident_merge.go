package commands

import (
	"context"
	"fmt"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

func (c incidents) merge(ctx context.Context, r command.Request) (command.Reply, error) {
	from := r.Incident("from")
	before, err := c.desk.Get(ctx, r.Incident("into"))
	if err != nil {
		return command.Reply{}, err
	}
	i, err := c.desk.Merge(ctx, asker(r), from, before.ID)
	if err != nil {
		return command.Reply{}, err
	}
	reply := stands(r, i, fmt.Sprintf("**%s goes on as %s**%s.", from, i.ID, alertsOf(i, ", which has %s now, %d firing")))
	source, err := c.desk.Get(ctx, from)
	if err != nil {
		return command.Reply{}, err
	}
	if i.Severity != before.Severity {
		reply.Text += fmt.Sprintf("\n%s is %s now, as %s was; to unmerge leaves that as it is.", i.ID, i.Severity, from)
	}
	if source.StartedAt.Before(i.StartedAt) {
		reply.Text += fmt.Sprintf("\n%s began earlier, at %s: is that when %s began, too?", from, r.FormatTime(source.StartedAt), i.ID)
		began := act("It began at "+source.StartedAt.UTC().Format("15:04 UTC"), "incident start", i.ID, command.Primary)
		began.Ask.Options["at"] = source.StartedAt.UTC().Format(time.RFC3339)
		began.Ask.Options["why"] = fmt.Sprintf("%s began then: %s", from, source.StartedWhy)
		reply.Actions = append([]command.Action{began}, reply.Actions...)
	}
	reply.Actions = append(reply.Actions, act("Unmerge", "incident unmerge", from, command.Secondary))
	return reply, nil
}

func (c incidents) unmerge(ctx context.Context, r command.Request) (command.Reply, error) {
	i, err := c.desk.Unmerge(ctx, asker(r), r.Incident("incident"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**%s stands by itself again**: %s%s.", i.ID, i.Status, alertsOf(i, ", %s, %d firing"))), nil
}

// alertsOf fills format with the count of the incident's alerts and of those that
// fire; "" when it has none.
func alertsOf(i incident.Incident, format string) string {
	if i.Alerts.Total == 0 {
		return ""
	}
	return fmt.Sprintf(format, count(i.Alerts.Total, "alert"), i.Alerts.Firing)
}

func (c incidents) split(ctx context.Context, r command.Request) (command.Reply, error) {
	var a alert.Current
	err := c.desk.View(ctx, func(v timeline.View) (err error) { a, err = findAlert(v, r.String("alert")); return err })
	if err != nil {
		return command.Reply{}, err
	}
	if a.Last.Incident == "" {
		return command.Reply{}, problem.New(problem.Conflict, "alert %s belongs to no incident", a.Name())
	}
	i, err := c.desk.Move(ctx, asker(r), a.Last.Incident, []string{a.Key()}, r.Incident("into"), r.String("reason"))
	if err != nil {
		return command.Reply{}, err
	}
	return stands(r, i, fmt.Sprintf("**Alert %s moved** from %s to %s: %s", command.Escape(a.Name()), a.Last.Incident, i.ID, command.Escape(i.Title))), nil
}
