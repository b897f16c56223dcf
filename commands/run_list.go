package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// mostOver is how many of the runs that are over are listed; an incident's own list
// has all of them.
const mostOver = 500

// overRuns returns the runs that are over, the newest first.
func overRuns(v timeline.Reader, most int) ([]remediation.Run, error) {
	return remediation.Runs.Select(v, timeline.Query{Where: []timeline.Where{{Column: "is_active", Value: false}}, OrderBy: "ended_at", Desc: true, Limit: most})
}

// leavers are the runs that are over and left something that no later run has put
// back, the newest first; of one incident, unless that is "".
func leavers(v timeline.Reader, of timeline.ID) (left []remediation.Run, err error) {
	over, err := overRuns(v, mostOver)
	if err != nil {
		return nil, err
	}
	undone := map[remediation.RunID]bool{}
	for _, r := range over {
		undone[r.Plan.Undoes] = undone[r.Plan.Undoes] || r.Status == remediation.Done
	}
	for _, r := range over {
		if len(r.Left) > 0 && !undone[r.ID] && (of == "" || r.Incident == of) {
			left = append(left, r)
		}
	}
	return left, nil
}

// completeRuns proposes the runs that are not over, and with over those that are.
func completeRuns(over bool) func(context.Context, timeline.View, string) []string {
	return func(_ context.Context, v timeline.View, typed string) []string {
		all, err := remediation.ActiveRuns(v)
		if err != nil {
			return nil
		}
		if over {
			ended, err := overRuns(v, mostActs)
			if err != nil {
				return nil
			}
			all = append(all, ended...)
		}
		return idsOf(all, typed)
	}
}

func completeLeft(_ context.Context, v timeline.View, typed string) []string {
	left, err := leavers(v, "")
	if err != nil {
		return nil
	}
	return idsOf(left, typed)
}

func idsOf(all []remediation.Run, typed string) (ids []string) {
	for _, r := range all {
		if strings.Contains(strings.ToLower(string(r.ID)), strings.ToLower(typed)) {
			ids = append(ids, string(r.ID))
		}
	}
	return ids
}

// id is the run named, else the only one that is not over: of the room's incident,
// when the request comes out of a room.
func (c runs) id(ctx context.Context, r command.Request) (id remediation.RunID, err error) {
	err = c.View(ctx, func(v timeline.View) (err error) {
		id, err = runOf(v, r)
		return err
	})
	return id, err
}

func runOf(v timeline.View, r command.Request) (remediation.RunID, error) {
	if r.Has("run") {
		return remediation.ParseRunID(r.String("run"))
	}
	all, err := remediation.ActiveRuns(v)
	if err != nil {
		return "", err
	}
	fit := slices.DeleteFunc(all, func(run remediation.Run) bool { return r.Caller.Room != "" && run.Incident != r.Caller.Room })
	switch len(fit) {
	case 1:
		return fit[0].ID, nil
	case 0:
		return "", problem.New(problem.NotFound, "no run is under way").WithHint("name one: run:INC-1/run-1; `/run list all:yes` shows those that are over")
	}
	var list []string
	for _, run := range fit[:min(len(fit), 5)] {
		list = append(list, fmt.Sprintf("%s (%s)", run.ID, clipped(run.Title(), 60)))
	}
	return "", problem.New(problem.Invalid, "%d runs are under way", len(fit)).WithHint("name one, as run:%s: %s", fit[0].ID, strings.Join(list, ", "))
}

func (c runs) list(ctx context.Context, r command.Request) (command.Reply, error) {
	of, all := r.Incident("incident"), r.Bool("all")
	found := []remediation.Run{}
	err := c.View(ctx, func(v timeline.View) (err error) {
		if of != "" {
			found, err = remediation.RunsOf(v, of)
			slices.Reverse(found)
			return err
		}
		if found, err = remediation.ActiveRuns(v); err != nil || !all {
			return err
		}
		over, err := overRuns(v, mostOver)
		found = append(found, over...)
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	return listedRuns(r, found)
}

func listedRuns(r command.Request, found []remediation.Run) (command.Reply, error) {
	turn := map[string]string{}
	if id := r.Incident("incident"); id != "" {
		turn["incident"] = string(id)
	}
	if r.Bool("all") {
		turn["all"] = "yes"
	}
	rows, where, acts, err := paged(r, found, turn)
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: fmt.Sprintf("%s.%s", count(len(found), "run"), where), Actions: acts, Data: found}
	if len(found) == 0 {
		reply.Text, reply.Data = "No run is under way. `/run list all:yes` shows those that are over.", []remediation.Run{}
		if r.Bool("all") || len(turn) > 0 {
			reply.Text = "Nothing has been repaired yet."
		}
		return reply, nil
	}
	reply.Table = &command.TableData{Headings: []string{"RUN", "STATUS", "STEP", "WHAT", "ASKED FOR", "BY"}}
	for _, run := range rows {
		reply.Table.Rows = append(reply.Table.Rows, []string{string(run.ID), string(run.Status), fmt.Sprintf("%d/%d", min(run.Step, len(run.Plan.Steps)), len(run.Plan.Steps)),
			clipped(run.Title(), 120), r.FormatTime(run.RequestedAt), run.Requester.Display()})
		if len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, targetAct("Show "+string(run.ID), "run show", "run", string(run.ID), command.Secondary))
		}
	}
	return reply, nil
}
