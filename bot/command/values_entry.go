package command

import (
	"strconv"
	"strings"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// entry reads "INC-7#12", or "12" and "#12" within the incident asked about.
func (p *values) entry(text string) (any, error) {
	if seq := strings.TrimPrefix(text, "#"); !strings.Contains(seq, "#") {
		if n, err := strconv.ParseInt(seq, 10, 64); err != nil || n < 1 {
			return nil, problem.New(problem.Invalid, "%q is not an entry", clip(text, 30)).WithHint("write it as INC-7#12, or 12")
		}
		within, err := p.within()
		if err != nil {
			return nil, err
		}
		text = string(within) + "#" + seq
	}
	ref, err := timeline.ParseRef(text)
	if err != nil {
		return nil, err
	}
	if _, err := p.view.Entry(ref); err != nil {
		return nil, err
	}
	return ref, nil
}

func (p *values) within() (timeline.ID, error) {
	for _, o := range p.command.Options {
		if id, ok := p.parsed[o.Name].(timeline.ID); ok {
			return id, nil
		}
	}
	v, err := p.defaultIncident(Option{Name: "incident"})
	if err != nil {
		return "", problem.New(problem.Invalid, "it is not clear which incident's entry is meant").WithHint("write it as INC-7#12")
	}
	return v.(timeline.ID), nil
}

// ofEntry is the incident of an entry that was named in full; "" when there is none.
func (p *values) ofEntry() (timeline.ID, error) {
	for _, o := range p.command.Options {
		ref, err := timeline.ParseRef(p.typed[o.Name])
		if o.Type != Entry || err != nil {
			continue
		}
		if exists, err := p.exists(ref.Timeline); exists || err != nil {
			return ref.Timeline, err
		}
	}
	return "", nil
}
