package commands

import (
	"context"
	"fmt"
	"slices"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// actsCommand is `/incident acts`: what "What can I do?" in a room asks.
func (c incidents) actsCommand() command.Command {
	return command.Command{
		Path:        "incident acts",
		Summary:     "Show everything that can be done with an incident now",
		Description: "The most pressing first. Each can be tapped; what needs an answer opens a form.",
		Examples:    []string{"/incident acts", "/incident acts incident:INC-7"},
		Access:      people.Viewer, Visibility: command.Private,
		Options: []command.Option{theIncident},
		Handle:  c.acts,
	}
}

func (c incidents) acts(ctx context.Context, r command.Request) (command.Reply, error) {
	var now situationNow
	err := c.desk.View(ctx, func(v timeline.View) (err error) {
		now, err = readSituation(v, r.Incident("incident"))
		if err == nil && c.resolver != nil {
			now.firing, err = firingOf(v, now.ID)
		}
		return err
	})
	if err != nil {
		return command.Reply{}, err
	}
	var about string
	about, now.views = subjectsOf(ctx, c.resolver, now.firing)
	who := r.Caller.Person
	acts := now.allowed(func(role people.Role) bool { return who != nil && who.Has(role) })
	reply := command.Reply{
		Text:    fmt.Sprintf("**%s** %s: %s\n%s", now.ID, now.Severity, command.Escape(now.Title), situation(r, now.Incident)) + about,
		Actions: acts, Data: acts,
	}
	return reply, nil
}

// situationNow is the state that decides what can be done.
type situationNow struct {
	incident.Incident
	notice statuspage.Notice
	posted bool
	others int               // other open incidents
	runs   []remediation.Run // of the incident, that are not over
	frozen bool
	firing []alert.Current  // of its alerts, some
	views  []command.Action // suggested by what they are about
}

func readSituation(v timeline.View, id timeline.ID) (situationNow, error) {
	var s situationNow
	var err error
	if s.Incident, err = incident.Get(v, id); err != nil {
		return s, err
	}
	if s.notice, s.posted, err = statuspage.Get(v, id); err != nil {
		return s, err
	}
	open, err := incident.Open(v)
	if err != nil {
		return s, err
	}
	for _, i := range open {
		if i.ID != id {
			s.others++
		}
	}
	if s.runs, err = remediation.RunsOf(v, id); err != nil {
		return s, err
	}
	s.runs = slices.DeleteFunc(s.runs, func(r remediation.Run) bool { return !r.Status.Active() })
	_, s.frozen, err = remediation.Frozen(v)
	return s, err
}

// possible is an act with the least role that may ask for it.
type possible struct {
	command.Action
	role people.Role
}

// mostActs is what one message holds: five rows of five buttons.
// https://discord.com/developers/docs/components/reference#action-row
const mostActs = 25

// allowed lists what somebody with these roles can do, the most pressing first.
func (s situationNow) allowed(has func(people.Role) bool) []command.Action {
	var all []possible
	if s.MergedInto != "" {
		all = s.onward()
	} else {
		all = slices.Concat(s.decide(), suggested(s.views), s.respond(), s.tell(), machines(), s.hold(), s.record(), s.arrange(), s.look())
	}
	var acts []command.Action
	for _, p := range all {
		if has(p.role) {
			acts = append(acts, p.Action)
		}
	}
	if n := len(acts); n > mostActs { // the last one leads to all the others
		acts = append(acts[:mostActs-1], acts[n-1])
	}
	return acts
}

func (s situationNow) act(label, path string, style command.Style, options ...string) possible {
	return possible{statusAct(label, path, s.ID, style, options...), people.Responder}
}

func (s situationNow) form(label, path string, style command.Style, options ...string) possible {
	return possible{statusForm(label, path, s.ID, style, options...), people.Responder}
}

// bare is an act that takes no incident, or another one than this.
func bare(label, path string, role people.Role, asks bool, options ...string) possible {
	a := command.Action{Label: label, Ask: command.Ask{Path: path}, Form: asks}
	for i := 0; i+1 < len(options); i += 2 {
		if a.Ask.Options == nil {
			a.Ask.Options = map[string]string{}
		}
		a.Ask.Options[options[i]] = options[i+1]
	}
	return possible{a, role}
}

// onward is what is left of an incident that was merged away.
func (s situationNow) onward() []possible {
	return []possible{
		bare("What can I do with "+string(s.MergedInto)+"?", "incident acts", people.Viewer, false, "incident", string(s.MergedInto)),
		bare("Show "+string(s.MergedInto), "incident show", people.Viewer, false, "incident", string(s.MergedInto)),
		{statusAct("Timeline", "timeline show", s.ID, command.Secondary), people.Viewer},
		{statusAct("Unmerge", "incident unmerge", s.ID, command.Secondary), people.Lead},
	}
}

// decide is what the newest repair waits for from people.
func (s situationNow) decide() (all []possible) {
	if len(s.runs) == 0 {
		return nil
	}
	run := s.runs[len(s.runs)-1]
	for _, a := range room.RunActs(run, false) {
		if a.Ask.Path == "run show" {
			continue // it comes last, with its number
		}
		all = append(all, possible{a, people.Responder})
	}
	return append(all, bare("Show "+string(run.ID), "run show", people.Viewer, false, "run", string(run.ID)))
}

// machines lead to what can be repaired.
func machines() []possible {
	return []possible{bare("Nodes", "node list", people.Viewer, false), bare("Volumes", "volume list", people.Viewer, false),
		bare("Workloads", "workload list", people.Viewer, false)}
}

// hold is what stops repairs, and lets them go on.
func (s situationNow) hold() []possible {
	switch {
	case s.frozen:
		return []possible{bare("Lift the freeze", "freeze off", people.Lead, false)}
	case s.Open():
		return []possible{bare("Freeze repairs", "freeze on", people.Responder, true)}
	}
	return nil
}

// respond is what moves the incident along.
func (s situationNow) respond() []possible {
	var all []possible
	if s.NeedsAck() {
		all = append(all, s.act("Acknowledge", "incident ack", command.Primary))
	}
	if s.Open() && s.Lead == "" {
		all = append(all, s.act("Lead", "incident assign", command.Secondary, "person", "me", "role", incident.RoleLead))
	}
	switch s.Status {
	case incident.Parked:
		all = append(all, s.act("Take it up again", "incident unpark", command.Primary))
	case incident.Resolved:
		all = append(all, s.act("Close", "incident close", command.Primary), s.act("Reopen", "incident reopen", command.Secondary))
	case incident.Closed:
		all = append(all, s.act("Reopen", "incident reopen", command.Secondary))
	case incident.Investigating:
		all = append(all, s.act("Identified", "incident status", command.Secondary, "status", string(incident.Identified)))
	}
	if s.Status == incident.Investigating || s.Status == incident.Identified {
		all = append(all, s.act("Monitoring", "incident status", command.Secondary, "status", string(incident.Monitoring)))
	}
	if s.Open() {
		all = append(all, s.form("Resolve", "incident resolve", command.Secondary))
	}
	return all
}

// tell is what the public learns.
func (s situationNow) tell() []possible {
	switch {
	case s.posted && s.notice.Open():
		all := []possible{
			s.form("Post update", "status post", command.Secondary),
			s.form("Backdate", "status backdate", command.Secondary),
			bare("Component", "status component", people.Responder, true, "incident", string(s.ID)),
		}
		over := s.form("Tell that it is over", "status resolve", command.Secondary)
		if !s.Open() {
			over.Style = command.Primary
			return append([]possible{over}, all...)
		}
		return append(all, over)
	case s.posted:
		return []possible{s.form("Post update", "status post", command.Secondary)}
	case s.Open():
		return []possible{s.form("Post status", "status post", command.Primary)}
	}
	return nil
}

// record is what the timeline learns.
func (s situationNow) record() []possible {
	all := []possible{
		s.form("Note", "timeline add", command.Secondary),
		s.form("Note the cause", "timeline add", command.Secondary, "cause", "yes"),
		s.form("Correct an entry", "timeline correct", command.Secondary),
		s.form("Link", "incident link", command.Secondary),
		s.form("It began at…", "incident start", command.Secondary),
	}
	return all
}

// arrange is who has it, how bad it is, and where it belongs.
func (s situationNow) arrange() []possible {
	all := []possible{s.form("Title", "incident title", command.Secondary)}
	if s.Open() {
		all = append(all,
			s.form("Severity", "incident severity", command.Secondary),
			s.form("Assign", "incident assign", command.Secondary),
		)
		if s.Status != incident.Parked {
			all = append(all, s.form("Park", "incident park", command.Secondary))
		}
	}
	if s.Alerts.Firing > 0 {
		all = append(all,
			bare("Silence an alert", "alert silence", people.Responder, true),
			bare("An alert does not belong here", "incident split", people.Responder, true),
		)
	}
	if s.Open() && s.others > 0 {
		merge := bare("Merge another into this", "incident merge", people.Lead, true, "into", string(s.ID))
		all = append(all, merge)
	}
	return all
}

// look is what only reads.
func (s situationNow) look() []possible {
	all := []possible{
		{statusAct("Show", "incident show", s.ID, command.Secondary), people.Viewer},
		{statusAct("Timeline", "timeline show", s.ID, command.Secondary), people.Viewer},
	}
	if s.posted {
		all = append(all, possible{statusAct("What the public reads", "status show", s.ID, command.Secondary), people.Viewer})
	}
	if s.Alerts.Total > 0 {
		all = append(all, possible{statusAct("Alerts", "alert list", s.ID, command.Secondary, "all", "yes"), people.Viewer})
	}
	return append(all, bare("All commands", "help", people.Viewer, false))
}
