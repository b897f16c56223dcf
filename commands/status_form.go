package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// What the forms of the status commands propose. It goes out to the public as it
// stands when nobody changes it: it says what is recorded and promises nothing.

// postForm asks how far it is and what is affected by choice, and for the words.
func (s status) postForm() *command.Form {
	return &command.Form{
		Title: "Tell the public", Submit: "Post",
		Fields:  []string{"state", "components", "text", "title"},
		Prefill: prefillPost,
		Propose: func(v timeline.View, r command.Request) (map[string][]command.Proposal, error) {
			moves, err := componentMoves(v)
			if err != nil {
				return nil, err
			}
			_, posted, err := statuspage.Get(v, r.Incident("incident"))
			return map[string][]command.Proposal{"components": moves, "state": publicStates(posted)}, err
		},
		Explain: func(timeline.View, command.Request) (map[string]string, error) {
			return map[string]string{"state": "How far are you?", "components": "What is affected, and how?"}, nil
		},
	}
}

// publicStates can be posted, with what they say. Nothing that was not told
// before can be over.
func publicStates(posted bool) []command.Proposal {
	all := []command.Proposal{
		{Value: string(statuspage.Investigating), Help: "the cause is not known"},
		{Value: string(statuspage.Identified), Help: "the cause is known, it is not repaired"},
		{Value: string(statuspage.Monitoring), Help: "repaired; does it hold?"},
	}
	if posted {
		all = append(all, command.Proposal{Value: string(statuspage.Resolved), Help: "it is over"})
	}
	return all
}

func prefillPost(v timeline.View, r command.Request) (map[string]string, error) {
	id := r.Incident("incident")
	if id == "" {
		return nil, nil // which one is still to be asked
	}
	i, err := incident.Get(v, id)
	if err != nil {
		return nil, err
	}
	n, posted, err := statuspage.Get(v, id)
	if err != nil {
		return nil, err
	}
	state := cmp.Or(statuspage.State(r.String("state")), nextState(i, n, posted))
	levels, err := affected(n, r.String("components"))
	if err != nil {
		return nil, err
	}
	title := n.Title
	if !posted {
		if title, err = publicTitle(v, i, levels); err != nil {
			return nil, err
		}
	}
	return map[string]string{"state": string(state), "title": title, "text": publicText(i, n, posted, state, levels)}, nil
}

// nextState is what the incident's status lets the public read next.
func nextState(i incident.Incident, n statuspage.Notice, posted bool) statuspage.State {
	now := i.Status
	if i.Park != nil {
		now = i.Park.Before
	}
	switch now {
	case incident.Identified:
		return statuspage.Identified
	case incident.Monitoring:
		return statuspage.Monitoring
	case incident.Resolved, incident.Closed:
		if posted && n.Open() {
			return statuspage.Resolved
		}
		return statuspage.Monitoring // a first update never says resolved
	}
	return statuspage.Investigating
}

// affected are the levels of the components that are not well: those of the
// notice, and over them those that are chosen.
func affected(n statuspage.Notice, chosen string) (map[string]statuspage.Level, error) {
	levels := map[string]statuspage.Level{}
	said, err := parseLevels(chosen)
	if err != nil {
		return nil, err
	}
	for _, all := range []map[string]statuspage.Level{n.Components, said} {
		for name, level := range all {
			if levels[name] = level; level == statuspage.Operational {
				delete(levels, name)
			}
		}
	}
	return levels, nil
}

// publicTitle heads a first update: a title that a person wrote; else what is
// affected; else what the alert says, without its name.
func publicTitle(v timeline.View, i incident.Incident, levels map[string]statuspage.Level) (string, error) {
	if ref := i.Sources[incident.FactTitle]; !ref.IsZero() {
		e, err := v.Entry(ref)
		if err != nil {
			return "", err
		}
		if e.Actor.IsPerson() {
			return i.Title, nil
		}
	}
	if names := levelNames(levels); len(names) > 0 {
		return clipped("Problems with "+enumerate(names), 100), nil
	}
	title := i.Title
	for _, name := range i.AlertNames {
		title = strings.TrimPrefix(strings.TrimPrefix(title, name), ": ")
	}
	if strings.TrimSpace(title) == "" {
		return "Service disruption", nil
	}
	return title, nil
}

// publicText is an update that says what is recorded: the state, whether it is
// new, and how the components are.
func publicText(i incident.Incident, n statuspage.Notice, posted bool, state statuspage.State, levels map[string]statuspage.Level) string {
	said := posted && n.State == state
	var text string
	switch {
	case state == statuspage.Resolved:
		return overText(levels)
	case state == statuspage.Monitoring:
		return watchText(i, said)
	case state == statuspage.Identified && said:
		text = "We are still working on a fix."
	case state == statuspage.Identified:
		text = "We have found the cause and are working on a fix."
	case said:
		text = "We are still investigating the problem."
	case posted && !n.Open():
		text = "The problem seems to be back. We are investigating it."
	default:
		text = "We are investigating a problem."
	}
	if how := levelSentence(levels); how != "" {
		text += " " + how
	}
	return text
}

// watchText speaks of a fix only where a person said that there is one, and of no
// component: how those are is for whoever posts to choose.
func watchText(i incident.Incident, said bool) string {
	switch {
	case said:
		return "We are still watching whether the problem comes back."
	case i.Status == incident.Monitoring && i.StatusBy == people.Bot.String():
		return "The problem seems to be over. We are watching whether it comes back."
	case !i.Open():
		return "There was a problem, which is over by now. We are watching whether it comes back."
	}
	return "A fix is in place. We are watching whether it holds."
}

// overText says that it is over, and of which components.
func overText(levels map[string]statuspage.Level) string {
	names := levelNames(levels)
	switch len(names) {
	case 0:
		return "This incident has been resolved."
	case 1:
		return "This incident has been resolved. " + names[0] + " is back to normal."
	}
	return "This incident has been resolved. " + enumerate(names) + " are back to normal."
}

// levelSentence is "Site is down; Bot and API are degraded.", the worst first.
func levelSentence(levels map[string]statuspage.Level) string {
	words := []struct {
		level statuspage.Level
		how   string
	}{{statuspage.MajorOutage, "down"}, {statuspage.PartialOutage, "partly down"}, {statuspage.Degraded, "degraded"}, {statuspage.Maintenance, "under maintenance"}}
	var parts []string
	for _, w := range words {
		var names []string
		for _, name := range levelNames(levels) {
			if levels[name] == w.level {
				names = append(names, name)
			}
		}
		switch len(names) {
		case 0:
		case 1:
			parts = append(parts, names[0]+" is "+w.how)
		default:
			parts = append(parts, enumerate(names)+" are "+w.how)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "."
}

func levelNames(levels map[string]statuspage.Level) []string {
	names := make([]string, 0, len(levels))
	for name := range levels {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// enumerate is "Site, Bot and API".
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// componentMoves are the changes of components that can be chosen, as the option
// `components` takes them: "Site=down". Those of one kind stand together, so that
// what is cut where there are many components is the least likely.
func componentMoves(v timeline.View) ([]command.Proposal, error) {
	all, err := statuspage.AllComponents(v)
	if err != nil {
		return nil, err
	}
	const most = 25
	var moves []command.Proposal
	for _, to := range []struct {
		word  string
		level statuspage.Level
		says  string
	}{{"ok", statuspage.Operational, "is well"}, {"down", statuspage.MajorOutage, "is down"}, {"degraded", statuspage.Degraded, "is degraded"},
		{"partial", statuspage.PartialOutage, "is partly down"}, {"maintenance", statuspage.Maintenance, "is under maintenance"}} {
		for _, c := range all {
			// A name with a comma or an equals sign could not be told from the list.
			if c.Level == to.level || strings.ContainsAny(c.Name, ",=:") || len(moves) == most {
				continue
			}
			moves = append(moves, command.Proposal{Value: c.Name + "=" + to.word, Label: c.Name + " " + to.says, Help: "now " + strings.ToLower(c.Level.Title())})
		}
	}
	return moves, nil
}

// resolveForm asks for the last words.
func (s status) resolveForm() *command.Form {
	return &command.Form{
		Title: "Tell the public that it is over", Submit: "Post",
		Fields: []string{"text"},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			n, err := openNotice(v, r.Incident("incident"))
			if err != nil {
				return nil, err
			}
			levels, err := affected(n, r.String("components"))
			return map[string]string{"text": overText(levels)}, err
		},
	}
}

func openNotice(v timeline.View, id timeline.ID) (statuspage.Notice, error) {
	if id == "" {
		return statuspage.Notice{}, nil // which one is still to be asked
	}
	n, posted, err := statuspage.Get(v, id)
	switch {
	case err != nil:
		return n, err
	case !posted:
		return n, nothingPosted(id)
	case !n.Open():
		return n, problem.New(problem.Conflict, "the status page already says that %s is resolved", id)
	}
	return n, nil
}

func nothingPosted(id timeline.ID) error {
	return problem.New(problem.NotFound, "nothing is posted on the status page for %s yet", id).
		WithHint("post first: `/status post text:We are investigating`")
}

// backdateForm asks when it really began, filled with what the evidence says.
func (s status) backdateForm() *command.Form {
	return &command.Form{
		Title: "When did it really begin?", Submit: "Backdate",
		Fields: []string{"at", "why"},
		Prefill: func(v timeline.View, r command.Request) (map[string]string, error) {
			n, best, found, err := s.best(v, r.Incident("incident"))
			if err != nil || !found {
				return nil, err
			}
			at := best.At
			if settled(n, best) {
				at = n.StartedAt
			}
			return map[string]string{"at": r.TypeTime(at)}, nil
		},
		Explain: func(v timeline.View, r command.Request) (map[string]string, error) {
			n, best, found, err := s.best(v, r.Incident("incident"))
			switch {
			case err != nil:
				return nil, err
			case !found:
				return map[string]string{"at": "When? As 00:25. Nothing recorded says it"}, nil
			case settled(n, best):
				return map[string]string{"at": "When? This is what the page says now"}, nil
			}
			return map[string]string{"at": "When? " + best.Why}, nil
		},
	}
}

// best is the evidence that speaks for a start before the first update, if any.
func (s status) best(v timeline.View, id timeline.ID) (statuspage.Notice, statuspage.Evidence, bool, error) {
	if id == "" {
		return statuspage.Notice{}, statuspage.Evidence{}, false, nil
	}
	n, posted, err := statuspage.Get(v, id)
	if err == nil && !posted {
		err = nothingPosted(id)
	}
	if err != nil {
		return n, statuspage.Evidence{}, false, err
	}
	all, err := s.desk.Evidence(v, id)
	if all = earlier(n, all); err != nil || len(all) == 0 {
		return n, statuspage.Evidence{}, false, err
	}
	return n, all[0], true, nil
}

// earlier is the evidence for a start that the notice can be moved to.
func earlier(n statuspage.Notice, all []statuspage.Evidence) []statuspage.Evidence {
	return slices.DeleteFunc(slices.Clone(all), func(e statuspage.Evidence) bool { return e.At.After(n.CreatedAt) })
}

// backdateActs offer the start that the evidence proposes as one tap, and any
// other as a form.
func backdateActs(r command.Request, n statuspage.Notice, all []statuspage.Evidence) (says string, acts []command.Action) {
	all = earlier(n, all)
	other := statusForm("Backdate", "status backdate", n.Incident, command.Secondary)
	if len(all) == 0 || settled(n, all[0]) {
		return "", []command.Action{other}
	}
	best := all[0]
	other.Label = "Another start"
	return fmt.Sprintf("It seems to have begun at %s: %s.", r.FormatTime(best.At), command.Escape(best.Why)),
		[]command.Action{backdateTo(r, n.Incident, best, command.Primary), other}
}

func backdateTo(r command.Request, id timeline.ID, e statuspage.Evidence, style command.Style) command.Action {
	return statusAct("Backdate to "+buttonTime(e.At, r.Now), "status backdate", id, style, "at", e.At.UTC().Format(time.RFC3339Nano), "why", e.Why)
}

func statusForm(label, path string, id timeline.ID, style command.Style, options ...string) command.Action {
	a := statusAct(label, path, id, style, options...)
	a.Form = true
	return a
}

func (s status) componentForm() *command.Form {
	return &command.Form{
		Title: "How is it?", Submit: "Set",
		Fields: []string{"name", "level"},
	}
}
