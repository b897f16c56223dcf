package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Silencer places silences. It holds a credential that writes, if Alertmanager wants
// one.
type Silencer struct {
	name     string
	api      api
	replicas []*url.URL
	clock    timeline.Clock
}

// NewSilencer makes a silencer from what a puller is made from.
func NewSilencer(o PullerOptions) (*Silencer, error) {
	p, err := NewPuller(o)
	if err != nil {
		return nil, err
	}
	return &Silencer{name: p.options.Name, api: p.api(), replicas: p.replicas, clock: o.Clock}, nil
}

// silence is Alertmanager's, as far as it is used.
type silence struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Status    *struct {
		State string `json:"state"` // expired, active, pending
	} `json:"status,omitempty"`
}

type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Silence places a silence for exactly this alert, every label of it, and returns
// where and under which id. The entry's name stands in the comment and identifies the
// silence: one that is there already, placed by an attempt whose answer was lost, is
// returned instead of a second. Replicas tell each other, so it suffices that one
// takes it.
func (s *Silencer) Silence(ctx context.Context, a alert.Alert, entry timeline.Ref, until time.Time, by, reason string) (at, id string, err error) {
	if a.Source != s.name {
		return "", "", problem.New(problem.Unsupported, "%s cannot be told to keep quiet", a.Source)
	}
	mark := "(wardroom " + entry.String() + ")"
	wanted := silence{StartsAt: s.clock.Now().UTC(), EndsAt: until.UTC(), CreatedBy: by, Comment: reason + " " + mark}
	for _, label := range slices.Sorted(maps.Keys(a.Labels)) {
		wanted.Matchers = append(wanted.Matchers, matcher{Name: label, Value: a.Labels[label], IsEqual: true})
	}
	if len(wanted.Matchers) == 0 {
		return "", "", problem.New(problem.Unsupported, "the alert has no labels, and a silence without any would silence everything")
	}
	var errs []error
	for _, replica := range s.replicas {
		id, err := s.place(ctx, replica, wanted, mark)
		if err == nil {
			return "Alertmanager at " + replica.Host, id, nil
		}
		errs = append(errs, err)
	}
	return "", "", errors.Join(errs...)
}

func (s *Silencer) place(ctx context.Context, replica *url.URL, wanted silence, mark string) (string, error) {
	var have []silence
	if err := s.api.call(ctx, http.MethodGet, replica, "silences", nil, nil, &have); err != nil {
		return "", err
	}
	for _, h := range have {
		if strings.HasSuffix(h.Comment, mark) && (h.Status == nil || h.Status.State != "expired") {
			return h.ID, nil
		}
	}
	var made struct {
		ID string `json:"silenceID"`
	}
	if err := s.api.call(ctx, http.MethodPost, replica, "silences", nil, wanted, &made); err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", fmt.Errorf("alertmanager: %s placed a silence and did not say its id", replica.Host)
	}
	return made.ID, nil
}
