package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

func askTeam(ctx context.Context, w *wizard) (err error) {
	a := &w.answers
	me := &a.persons[0]
	if me.name, err = w.ask(ctx, question{text: "Your short name", proposed: me.name, valid: validName,
		help: "What timelines show, as joe: \"joe acknowledged\". Lower-case letters, digits, dots and hyphens."}); err != nil {
		return err
	}
	if me.fullName, err = w.ask(ctx, question{text: "Your full name", proposed: me.fullName, optional: true, valid: validLine,
		help: "The author's name in post-mortems."}); err != nil {
		return err
	}
	uid, err := w.ask(ctx, question{text: "Your Unix user, by number", proposed: strconv.Itoa(me.uid), valid: validUID,
		help: "The user whose shell is yours, here or where Wardroom will run: id -u prints it. Its commands are then yours."})
	if err != nil {
		return err
	}
	if me.uid, err = strconv.Atoi(uid); err != nil {
		return err
	}
	if a.zone, err = w.ask(ctx, question{text: "The team's time zone", proposed: a.zone, valid: validZone,
		help: "What 00:25 means when one of you types it. A name such as UTC, Europe/Berlin or America/New_York."}); err != nil {
		return err
	}
	return w.askOthers(ctx)
}

// askOthers goes through the people that are known already and then asks for more.
func (w *wizard) askOthers(ctx context.Context) error {
	a := &w.answers
	known := a.persons[1:]
	a.persons = a.persons[:1:1]
	for i := 0; ; i++ {
		next := answeredPerson{role: string(people.Responder), uid: -1}
		if i < len(known) {
			next = known[i]
		}
		var err error
		if next.name, err = w.ask(ctx, question{text: "Somebody else's short name", proposed: next.name, optional: true, valid: w.freshName,
			help: "One after the other; - when there is nobody more. You can add people to " + configName + " at any time."}); err != nil {
			return err
		}
		if next.name == "" {
			if i >= len(known) {
				return nil
			}
			continue // one that was there is left out
		}
		if next.role, err = w.ask(ctx, question{text: "  May be a viewer, responder or lead", proposed: next.role, valid: oneOf("viewer", "responder", "lead"),
			help: "A viewer reads, a responder runs incidents, a lead may also merge, erase, freeze and approve."}); err != nil {
			return err
		}
		proposed := ""
		if next.uid >= 0 {
			proposed = strconv.Itoa(next.uid)
		}
		uid, err := w.ask(ctx, question{text: "  Unix user, by number", proposed: proposed, optional: true, valid: w.freshUID,
			help: "Needed only for the shell on the machine where Wardroom runs."})
		if err != nil {
			return err
		}
		next.uid = -1
		if uid != "" {
			if next.uid, err = strconv.Atoi(uid); err != nil {
				return err
			}
		}
		a.persons = append(a.persons, next)
	}
}

// tryTeam finds whoever answers among the people, as the shell will.
func tryTeam(_ context.Context, w *wizard, cfg *config.Config) error {
	me := w.answers.persons[0]
	p, known := cfg.People.ByUID(me.uid)
	if !known || !p.Has(people.Lead) {
		return problem.New(problem.Invalid, "Unix user %d is nobody who may do everything", me.uid)
	}
	w.works("Unix user %d is %s, who may do everything", me.uid, p.Name)
	now := w.machine.clock.Now()
	if cfg.Timezone.String() == "UTC" {
		w.works("it is %s UTC", now.UTC().Format("15:04"))
	} else {
		w.works("it is %s in %s, %s UTC", now.In(cfg.Timezone).Format("15:04"), cfg.Timezone, now.UTC().Format("15:04"))
	}
	return nil
}

func askPage(ctx context.Context, w *wizard) (err error) {
	a := &w.answers
	if a.title, err = w.ask(ctx, question{text: "The page's title", proposed: a.title, valid: validLine,
		help: "The heading that the public reads, as \"Example status\"."}); err != nil {
		return err
	}
	names, err := w.ask(ctx, question{text: "The parts of your service, with commas between", proposed: strings.Join(a.components, ", "), optional: true, valid: validComponents,
		help: "As the public knows them, in the order of the page: Website, API, Bot. Incidents say which of them are affected."})
	if err != nil {
		return err
	}
	a.components = splitList(names)
	a.url, err = w.ask(ctx, question{text: "Its public address, if you have one", proposed: a.url, optional: true, valid: validURL,
		help: "As https://status.example.org. It goes into feeds and messages. The page is served under /status/ of Wardroom, and can be\nexported as plain files for any web server."})
	return err
}

// tryPage renders the page on an empty record and looks for what must stand in it.
func tryPage(ctx context.Context, w *wizard, cfg *config.Config) error {
	return rehearse(ctx, cfg, func(sys *system, folder string) error {
		out := filepath.Join(folder, "page")
		if err := sys.own.Export(ctx, out); err != nil {
			return err
		}
		body, err := os.ReadFile(filepath.Join(out, "index.html"))
		if err != nil {
			return err
		}
		for _, text := range append([]string{w.answers.title}, w.answers.components...) {
			if !strings.Contains(html.UnescapeString(string(body)), text) {
				return problem.New(problem.Invalid, "the page does not show %q", text).WithHint("choose plainer words")
			}
		}
		var parts []statuspage.Component
		err = sys.db.View(ctx, func(v timeline.View) (err error) {
			parts, err = statuspage.AllComponents(v)
			return err
		})
		shown := "without parts"
		if len(parts) > 0 {
			shown = plural(len(parts), "part, operational", "parts, all operational")
		}
		w.works("the page renders: %q, %s", w.answers.title, shown)
		return err
	})
}

func validName(s string) (string, error) {
	if !shortName.MatchString(s) {
		return "", fmt.Errorf("%q is no short name: want lower-case letters, digits, dots and hyphens, at most 32", s)
	}
	return s, nil
}

func (w *wizard) freshName(s string) (string, error) {
	for _, p := range w.answers.persons {
		if p.name == s {
			return "", fmt.Errorf("%s is there already", s)
		}
	}
	return validName(s)
}

func validUID(s string) (string, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return "", fmt.Errorf("%q is no number of a Unix user: id -u prints yours", s)
	}
	return strconv.FormatUint(n, 10), nil
}

func (w *wizard) freshUID(s string) (string, error) {
	n, err := validUID(s)
	for _, p := range w.answers.persons {
		if err == nil && strconv.Itoa(p.uid) == n {
			return "", fmt.Errorf("Unix user %s is %s already", n, p.name)
		}
	}
	return n, err
}

// validLine is the configuration's own limit of a text for people.
func validLine(s string) (string, error) {
	if len(s) > 200 {
		return "", errors.New("that is more than 200 bytes")
	}
	return s, nil
}

func validZone(s string) (string, error) {
	zone, err := config.ParseZone(s)
	if err != nil {
		return "", err
	}
	return zone.String(), nil
}

func validURL(s string) (string, error) {
	u, err := config.ParseURL(s)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func validComponents(s string) (string, error) {
	seen := map[string]bool{}
	list := splitList(s)
	for _, name := range list {
		if seen[strings.ToLower(name)] {
			return "", fmt.Errorf("%q is there twice", name)
		}
		seen[strings.ToLower(name)] = true
		if _, err := validLine(name); err != nil {
			return "", err
		}
	}
	return strings.Join(list, ", "), nil
}

func oneOf(choices ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		for _, c := range choices {
			if strings.EqualFold(s, c) {
				return c, nil
			}
		}
		return "", fmt.Errorf("%q is not one of %s", s, strings.Join(choices, ", "))
	}
}

// splitList takes "a, b" apart, without what is empty.
func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
