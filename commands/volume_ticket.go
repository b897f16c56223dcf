package commands

import (
	"context"
	"fmt"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// ticketURL is where a person opens the ticket.
const ticketURL = "https://cloud.linode.com/support/tickets"

func (v volumes) ticketCommand(volume command.Option) command.Command {
	return command.Command{
		Path: "volume ticket", Summary: "Draft the support ticket for a volume that the cloud does not let go of",
		Description: "From what is known: the cluster's, the cloud's and its events' view, the pods' events, and the repairs that the incident has seen. Nothing is sent: read it, change it, and open it in the Cloud Manager, or ask for that with `/volume open-ticket`.",
		Examples:    []string{"/volume ticket volume:pvc-bb1d06139b334c1f"}, Access: people.Responder, Timeout: time.Minute,
		Options: []command.Option{volume,
			{Name: "incident", Help: "Whose repairs are told; left out: the room's, or the only open one", Type: command.Incident, Default: "none"}},
		Form:   &command.Form{Title: "A ticket about which volume?", Submit: "Draft it", Fields: []string{"volume"}, Propose: v.propose},
		Handle: v.ticket,
	}
}

func (v volumes) ticket(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := v.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	volume, err := repair.FindVolume(s, r.String("volume"))
	if err != nil {
		return command.Reply{}, err
	}
	d, facts, err := repair.Diagnose(ctx, v.Cluster, v.Cloud, s, volume.Name, r.Now)
	if err != nil {
		return command.Reply{}, err
	}
	if d.Case == fleet.Unclear {
		return command.Reply{}, problem.New(problem.Unavailable, "what is wrong with %s cannot be told now: %s", volume.Name, d.Says).WithHint("/volume show tells what is seen")
	}
	if !isSick(d) {
		return command.Reply{}, problem.New(problem.Conflict, "%s is %s: there is nothing to ask support for", volume.Name, d).WithHint("/volume show tells what is seen")
	}
	var began time.Time
	var tried []string
	id, _, err := v.incident(ctx, r, nil)
	if err == nil && id != "" { // without one the ticket tells of no repairs
		began, tried, err = v.tried(ctx, id, volume, d)
	}
	if err != nil && !problem.Is(err, problem.Conflict) {
		return command.Reply{}, err
	}
	t := fleet.DraftTicket(facts, d, tried, began)
	text := fmt.Sprintf("**A ticket about %s, to read and send yourself**: %s\nSubject: %s", command.Escape(volume.Name), ticketURL, command.Code(t.Summary))
	if t.Volume != 0 {
		text += fmt.Sprintf("\nEntity: volume %d", t.Volume)
	}
	var acts []command.Action
	if t.Volume != 0 {
		acts = []command.Action{targetAct("Ask to open it", "volume open-ticket", "volume", volume.Name, command.Secondary)}
	}
	return command.Reply{Text: text, Data: t, Actions: acts,
		Embeds: []command.Embed{{Title: "Draft", Description: command.Escape(clipped(t.Body, maxDraft))}},
		Files:  []command.File{{Name: "ticket-" + volume.Name + ".txt", ContentType: "text/plain; charset=utf-8", Body: []byte(t.Summary + "\n\n" + t.Body)}},
	}, nil
}

// maxDraft is how much of a draft is shown beside the file that holds all of it.
const maxDraft = 1500

// tried is when the incident began, and what its repairs of the volume or of a node
// have come to, in order.
func (v volumes) tried(ctx context.Context, id timeline.ID, volume fleet.Volume, d fleet.Diagnosis) (began time.Time, tried []string, err error) {
	err = v.View(ctx, func(view timeline.View) error {
		i, err := incident.Get(view, id)
		if err != nil {
			return err
		}
		began = i.StartedAt
		runs, err := remediation.RunsOf(view, id)
		tried = repair.Tried(runs, volume, d.Node)
		return err
	})
	return began, tried, err
}
