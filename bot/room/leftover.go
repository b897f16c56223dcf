package room

import (
	"fmt"
	"slices"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Leftover is something that an incident leaves behind, with what undoes it.
type Leftover struct {
	Text string          // outside text, one line
	Undo *command.Action // nil: nothing has to be done, or only by hand
}

// Leftovers lists what an incident leaves behind, as recorded, for whoever resolves
// it: runs that are not over, what runs changed and did not put back, the reviews of
// broken glass, a freeze, an open status entry; and what sight knows that runs were
// made to leave. Whether a leftover of a run still is so only its undo tells: `/run
// undo` looks first.
func Leftovers(v timeline.View, id timeline.ID, sight Sight) (all []Leftover, err error) {
	runs, err := remediation.RunsOf(v, id)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Status.Active() {
			undo := command.Action{Label: fmt.Sprintf("Abort run-%d", r.Number), Style: command.Danger, Form: true,
				Ask: command.Ask{Path: "run abort", Options: map[string]string{"run": string(r.ID)}}}
			all = append(all, Leftover{fmt.Sprintf("%s is not over: %s is %s", r.ID, r.Title(), r.Status), &undo})
			continue
		}
		for i, left := range stillLeft(runs, r) {
			l := Leftover{Text: fmt.Sprintf("%s left: %s", r.ID, LeftWords(left))}
			if i == 0 { // one undo puts all of a run back
				undo := RunActs(r, false)[0]
				undo.Label = fmt.Sprintf("Put back what run-%d left", r.Number)
				l.Undo = &undo
			}
			all = append(all, l)
		}
	}
	if sight.Kept != nil {
		kept, err := sight.Kept(v, id)
		if err != nil {
			return nil, err
		}
		all = append(all, kept...)
	}
	for _, r := range runs {
		if r.Glass != nil {
			all = append(all, Leftover{Text: because(fmt.Sprintf("Review why %s broke the glass for %s", r.Glass.By.Display(), r.ID), r.Glass.Reason)})
		}
	}
	freeze, frozen, err := remediation.Frozen(v)
	if err != nil {
		return nil, err
	}
	if frozen {
		undo := command.Action{Label: "Lift the freeze", Style: command.Danger, Ask: command.Ask{Path: "freeze off"}}
		all = append(all, Leftover{because("Repairs are frozen", freeze.Reason), &undo})
	}
	notice, posted, err := statuspage.Get(v, id)
	if err != nil {
		return nil, err
	}
	if posted && notice.Open() {
		undo := command.Action{Label: "Tell that it is over", Style: command.Primary, Form: true,
			Ask: command.Ask{Path: "status resolve", Options: map[string]string{"incident": string(id)}}}
		all = append(all, Leftover{fmt.Sprintf("The status page still says %s", notice.State), &undo})
	}
	return all, nil
}

// resolved lists below the post of a resolution what the incident leaves behind.
// Told later, when it was taken up again, it lists nothing.
func (p *Post) resolved(v timeline.View, id timeline.ID, s Sight) error {
	if i, err := incident.Get(v, id); err != nil || i.Open() {
		return err
	}
	all, err := Leftovers(v, id, s)
	if err != nil {
		return err
	}
	lines := make([]string, len(all))
	for i, l := range all {
		lines[i] = l.Text
		if l.Undo != nil && len(p.Acts) < MaxActs {
			p.Acts = append(p.Acts, *l.Undo)
		}
	}
	p.list("Left behind", lines, Item)
	return nil
}

// stillLeft is what a run that is over left, until a run that undoes it is done.
func stillLeft(runs []remediation.Run, r remediation.Run) []remediation.Leftover {
	undone := slices.ContainsFunc(runs, func(u remediation.Run) bool { return u.Plan.Undoes == r.ID && u.Status == remediation.Done })
	if undone {
		return nil
	}
	return r.Left
}
