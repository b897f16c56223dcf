package incident

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// RoleLead is the role of the person who decides. Others are free words.
const RoleLead = "lead"

var roleName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,29}$`)

// Assign gives a person a role; person "" takes it back.
func (d *Desk) Assign(ctx context.Context, who Who, id timeline.ID, role, person string) (Incident, error) {
	role = strings.ToLower(strings.TrimSpace(role))
	if !roleName.MatchString(role) {
		return Incident{}, problem.New(problem.Invalid, "%q is not a role", role).WithHint("one word such as lead, scribe or comms")
	}
	return d.steer(ctx, id, func(_ timeline.View, i Incident) ([]timeline.Draft, error) {
		has := i.Roles[role]
		if role == RoleLead {
			has = i.Lead
		}
		if has == person {
			return nil, nil
		}
		return []timeline.Draft{who.draft(id, &Assigned{Role: role, Person: person})}, nil
	})
}

// ClaimStart says when the incident really began: not after it was detected.
func (d *Desk) ClaimStart(ctx context.Context, who Who, id timeline.ID, at time.Time, why string) (Incident, error) {
	why, err := checkReason(why)
	if err != nil {
		return Incident{}, err
	}
	return d.steer(ctx, id, func(v timeline.View, i Incident) ([]timeline.Draft, error) {
		if err := checkStart(v.Now(), i, at); err != nil {
			return nil, err
		}
		p := &StartClaimed{StartedAt: timeline.Stamp(at), Why: why}
		if why == "" {
			p.Why = who.Actor.Display() + " says so"
		}
		if i.StartedAt.Equal(p.StartedAt) && i.StartedWhy == p.Why {
			return nil, nil
		}
		return []timeline.Draft{who.draft(id, p)}, nil
	})
}

func checkStart(now time.Time, i Incident, at time.Time) error {
	if at.IsZero() {
		return problem.New(problem.Invalid, "say when it began").WithHint("at:00:25")
	}
	if err := checkPast(now, at); err != nil {
		return err
	}
	if at.After(i.DetectedAt) {
		return problem.New(problem.Invalid, "%s was detected at %s: it cannot have begun after that", i.ID, clock(i.DetectedAt))
	}
	if !i.MitigatedAt.IsZero() && at.After(i.MitigatedAt) {
		return problem.New(problem.Invalid, "%s was over at %s: it cannot have begun after that", i.ID, clock(i.MitigatedAt))
	}
	return nil
}

// Retitle gives an incident a better title.
func (d *Desk) Retitle(ctx context.Context, who Who, id timeline.ID, title string) (Incident, error) {
	title, err := checkTitle(title)
	if err != nil {
		return Incident{}, err
	}
	return d.steer(ctx, id, func(_ timeline.View, i Incident) ([]timeline.Draft, error) {
		if i.Title == title {
			return nil, nil
		}
		return []timeline.Draft{who.draft(id, &Retitled{Title: title})}, nil
	})
}

// Note records what a person tells, at the time they say it happened (zero:
// now). Notes are taken in every status, in merged incidents and in the log.
func (d *Desk) Note(ctx context.Context, who Who, id timeline.ID, note Noted, at time.Time) (timeline.Entry, error) {
	body, err := checkNote(note.Body)
	if err != nil {
		return timeline.Entry{}, err
	}
	note.Body, note.Source = body, capped(oneLine(note.Source), MaxURL)
	entries, err := d.store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		if id != timeline.Log {
			if _, err := Get(v, id); err != nil {
				return timeline.Decision{}, err
			}
		}
		if err := checkPast(v.Now(), at); err != nil {
			return timeline.Decision{}, err
		}
		draft := who.draft(id, &note)
		draft.OccurredAt = timeline.Stamp(at)
		return timeline.Decision{Entries: []timeline.Draft{draft}}, nil
	})
	if err != nil {
		return timeline.Entry{}, err
	}
	return entries[len(entries)-1], nil
}

func checkNote(s string) (string, error) {
	body := lines(s)
	switch {
	case body == "":
		return "", problem.New(problem.Invalid, "an empty note tells nothing")
	case utf8.RuneCountInString(body) > MaxNote:
		return "", problem.New(problem.TooLarge, "the note is longer than %d characters", MaxNote).WithHint("split it, or link to the long text")
	}
	return body, nil
}

// Link adds a link. The same address again is passed over.
func (d *Desk) Link(ctx context.Context, who Who, id timeline.ID, link Link) (Incident, error) {
	u, err := url.Parse(strings.TrimSpace(link.URL))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return Incident{}, problem.New(problem.Invalid, "that is not a web address").WithHint("it starts with https://")
	}
	link = Link{URL: u.String(), Text: capped(oneLine(link.Text), MaxTitle)}
	if len(link.URL) > MaxURL {
		return Incident{}, problem.New(problem.TooLarge, "the address is longer than %d characters", MaxURL)
	}
	i, _, err := d.change(ctx, id, func(_ timeline.View, i Incident) ([]timeline.Draft, error) {
		for _, have := range i.Links {
			if have.URL == link.URL {
				return nil, nil
			}
		}
		if len(i.Links) >= maxLinks {
			return nil, problem.New(problem.TooLarge, "%s has %d links already", i.ID, maxLinks)
		}
		return []timeline.Draft{who.draft(id, &Linked{Link: link})}, nil
	})
	return i, err
}
