package commands

import (
	"context"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// statusDesk is what the status commands need of [statuspage.Desk].
type statusDesk interface {
	Post(ctx context.Context, who statuspage.Who, p statuspage.Post) (statuspage.Outcome, error)
	Correct(ctx context.Context, who statuspage.Who, c statuspage.Correction) (statuspage.Outcome, error)
	Resolve(ctx context.Context, who statuspage.Who, p statuspage.Post) (statuspage.Outcome, error)
	Backdate(ctx context.Context, who statuspage.Who, id timeline.ID, startedAt time.Time, why string) (statuspage.Outcome, error)
	SetComponent(ctx context.Context, who statuspage.Who, id timeline.ID, name string, level statuspage.Level) (statuspage.Outcome, error)
	Propose(ctx context.Context, id timeline.ID) (n statuspage.Notice, posted bool, found []statuspage.Evidence, err error)
	Shown(ctx context.Context, id timeline.ID) ([]statuspage.Shown, error)
	Site(ctx context.Context) (statuspage.Site, error)
	View(ctx context.Context, read func(timeline.View) error) error
	Evidence(v timeline.View, id timeline.ID) ([]statuspage.Evidence, error)
}

// Status is `/status`: what the public is told.
func Status(desk statusDesk) []command.Command {
	s := status{desk}
	incident := command.Option{Name: "incident", Help: "Which incident; left out: the room's, or the only open one", Type: command.Incident, Positional: true}
	named := incident // after a text that takes every word
	named.Positional = false
	aside := []command.Option{
		{Name: "components", Help: "What is affected and how: Website=down, API=degraded", Type: command.String, Many: true, Complete: completeLevels},
		{Name: "at", Help: "The time that is shown; left out: now", Type: command.Time},
		{Name: "quiet", Help: "Spare subscribers, where the page can", Type: command.Bool},
	}
	return []command.Command{{
		Path:        "status post",
		Summary:     "Tell the public something",
		Description: "Adds an update to the status page; the first one of an incident creates its status incident. It is recorded at once and reaches every page as soon as that can be reached. The text is public: write what users notice, not what broke.",
		Examples:    []string{"/status post text:We are investigating", "/status post state:identified text:The database is out of connections components:Website=down, API=degraded"},
		Access:      people.Responder,
		Records:     true,
		Options: append([]command.Option{
			{Name: "text", Help: "What the public reads", Type: command.String, Required: true, Positional: true, Long: true},
			named,
			{Name: "state", Help: "How far it is; left out: as before, on the first update what the incident's status says", Type: command.Choice, Choices: stateChoices()},
			{Name: "title", Help: "What it is called; left out: as before, on the first update the incident's title", Type: command.String},
		}, aside...),
		Form:   s.postForm(),
		Handle: s.post,
	}, s.correctCommand(named), {
		Path:        "status backdate",
		Summary:     "Say on the status page when it really began",
		Description: "Without a time it shows the proposed start with all that speaks for it, and asks. The public start is independent of the incident's own. Pages that cannot backdate get the start in the text.",
		Examples:    []string{"/status backdate", "/status backdate at:00:25", "/status backdate at:00:25 why:the first HTTP 524"},
		Access:      people.Responder,
		Records:     true,
		Options: []command.Option{
			incident,
			{Name: "at", Help: "When it began; left out: propose a time", Type: command.Time, Positional: true},
			{Name: "why", Help: "What speaks for it; left out: the evidence", Type: command.String},
		},
		Form:   s.backdateForm(),
		Handle: s.backdate,
	}, {
		Path:        "status component",
		Summary:     "Set how a part of the service is",
		Description: "Levels: operational, under_maintenance, degraded_performance, partial_outage, major_outage; short: ok, maintenance, degraded, partial, major.",
		Examples:    []string{"/status component name:Website level:degraded", "/status component name:API level:ok incident:log"},
		Access:      people.Responder,
		Records:     true,
		Options: []command.Option{
			{Name: "name", Help: "The component", Type: command.String, Required: true, Positional: true, Complete: completeComponents},
			{Name: "level", Help: "How it is", Type: command.String, Required: true, Positional: true, Complete: completeLevel},
			{Name: "incident", Help: "The incident it belongs to, or log for none; left out: the one that names it", Type: command.Incident, Default: "none", Choices: []string{"log"}},
		},
		Form:   s.componentForm(),
		Handle: s.component,
	}, {
		Path:        "status resolve",
		Summary:     "Tell the public that it is over",
		Description: "Components that the status incident names return to operational, unless another open one holds them or you say otherwise.",
		Examples:    []string{"/status resolve", "/status resolve text:All services are back"},
		Access:      people.Responder,
		Records:     true,
		Options: append([]command.Option{
			incident,
			{Name: "text", Help: "What the public reads; left out: that it has been resolved", Type: command.String, Positional: true, Long: true},
		}, aside...),
		Form:   s.resolveForm(),
		Handle: s.resolve,
	}, {
		Path:        "status show",
		Summary:     "Show what the public reads",
		Description: "Without an incident: every component and what is open. With one: its updates, and which pages have them.",
		Examples:    []string{"/status show", "/status show incident:INC-1"},
		Options: []command.Option{
			{Name: "incident", Help: "Which incident; left out: all that is open", Type: command.Incident, Positional: true, Default: "none"},
		},
		Access: people.Viewer,
		Handle: s.show,
	}}
}

type status struct{ desk statusDesk }

func whoAsks(r command.Request) statuspage.Who {
	return statuspage.Who{Actor: r.Actor(), Cause: r.Cause}
}

func (s status) post(ctx context.Context, r command.Request) (command.Reply, error) {
	p, err := postOf(r)
	if err != nil {
		return command.Reply{}, err
	}
	out, err := s.desk.Post(ctx, whoAsks(r), p)
	if err != nil {
		return command.Reply{}, err
	}
	return s.posted(ctx, r, out)
}

func (s status) resolve(ctx context.Context, r command.Request) (command.Reply, error) {
	p, err := postOf(r)
	if err != nil {
		return command.Reply{}, err
	}
	out, err := s.desk.Resolve(ctx, whoAsks(r), p)
	if err != nil {
		return command.Reply{}, err
	}
	return s.posted(ctx, r, out)
}

// postOf reads what post and resolve have in common.
func postOf(r command.Request) (statuspage.Post, error) {
	levels, err := parseLevels(r.String("components"))
	return statuspage.Post{
		Incident: r.Incident("incident"), Title: r.String("title"), State: statuspage.State(r.String("state")),
		Text: r.String("text"), At: r.Time("at"), Quiet: r.Bool("quiet"), Components: levels,
	}, err
}

func (s status) backdate(ctx context.Context, r command.Request) (command.Reply, error) {
	id := r.Incident("incident")
	if !r.Has("at") {
		return s.propose(ctx, r, id)
	}
	out, err := s.desk.Backdate(ctx, whoAsks(r), id, r.Time("at"), r.String("why"))
	if err != nil {
		return command.Reply{}, err
	}
	return backdated(r, out), nil
}

func (s status) propose(ctx context.Context, r command.Request, id timeline.ID) (command.Reply, error) {
	n, isPosted, found, err := s.desk.Propose(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	if !isPosted {
		return command.Reply{}, nothingPosted(id)
	}
	return proposal(r, n, found), nil
}

func (s status) component(ctx context.Context, r command.Request) (command.Reply, error) {
	level, err := statuspage.ParseLevel(r.String("level"))
	if err != nil {
		return command.Reply{}, err
	}
	id := r.Incident("incident")
	if id == "" {
		id = r.Caller.Room
	}
	out, err := s.desk.SetComponent(ctx, whoAsks(r), id, r.String("name"), level)
	if err != nil {
		return command.Reply{}, err
	}
	site, err := s.desk.Site(ctx)
	if err != nil {
		return command.Reply{}, err
	}
	return componentSet(r, out, site), nil
}

func (s status) show(ctx context.Context, r command.Request) (command.Reply, error) {
	id := r.Incident("incident")
	if id == "" {
		site, err := s.desk.Site(ctx)
		if err != nil {
			return command.Reply{}, err
		}
		return siteShown(r, site), nil
	}
	n, isPosted, _, err := s.desk.Propose(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	if !isPosted {
		return command.Reply{
			Text:    "The public has been told nothing of " + string(id) + ".",
			Actions: []command.Action{statusForm("Post status", "status post", id, command.Primary)},
			Data:    noticeData{},
		}, nil
	}
	shown, err := s.desk.Shown(ctx, id)
	if err != nil {
		return command.Reply{}, err
	}
	return noticeShown(r, n, shown), nil
}

// parseLevels reads "Website=down, API=degraded"; names may hold spaces.
func parseLevels(text string) (map[string]statuspage.Level, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	levels := map[string]statuspage.Level{}
	for part := range strings.SplitSeq(text, ",") {
		i := strings.LastIndexAny(part, "=:")
		if i < 0 || strings.TrimSpace(part[:i]) == "" {
			return nil, problem.New(problem.Invalid, "%q does not say how a component is", strings.TrimSpace(part)).
				WithHint("write it as Website=down, API=degraded")
		}
		level, err := statuspage.ParseLevel(part[i+1:])
		if err != nil {
			return nil, err
		}
		name := strings.TrimSpace(part[:i])
		for known, other := range levels {
			if strings.EqualFold(known, name) && other != level {
				return nil, problem.New(problem.Invalid, "%s is named twice: as %s and as %s", name, strings.ToLower(other.Title()), strings.ToLower(level.Title())).
					WithHint("choose one")
			}
		}
		levels[name] = level
	}
	return levels, nil
}

func stateChoices() []string {
	words := make([]string, len(statuspage.States))
	for i, state := range statuspage.States {
		words[i] = string(state)
	}
	return words
}
