package postmortem

import (
	"cmp"
	"slices"
	"strings"

	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/room"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// pageSize is how many entries are read at once.
const pageSize = 1000

// Build makes the document of a timeline, an incident's or the log, as of its
// last entry in v. A NotFound problem comes back when it has no entry.
func Build(v timeline.View, codec *timeline.Codec, id timeline.ID, o Options) (Document, error) {
	d := Document{ID: id, Title: string(id), SupersededBy: map[timeline.Ref]int64{}, withheld: map[timeline.Ref]int64{}, codec: codec, clock: room.Clock{Zone: o.Zone}, names: fullNames(o)}
	head, ok, err := v.Head(id)
	if err != nil {
		return d, err
	}
	if !ok {
		return d, problem.New(problem.NotFound, "there is no incident %s", id).WithHint("`/incident list all:yes` shows those there are")
	}
	d.AsOf = head
	if err := d.load(v); err != nil {
		return d, err
	}
	d.Date = d.Entries[0].OccurredAt
	if id.IsIncident() {
		if err := d.loadState(v); err != nil {
			return d, err
		}
	}
	d.repairs()
	d.leadup()
	d.alerts()
	d.components()
	d.respond()
	d.followUps()
	d.Summary = d.summary()
	return d, nil
}

func (d *Document) load(v timeline.View) error {
	d.Entries = make([]timeline.Entry, 0, d.AsOf.Seq)
	for after := int64(0); after < d.AsOf.Seq; {
		page, err := v.Entries(d.ID, after, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return problem.New(problem.Internal, "%s has no entry after #%d, though its head is #%d", d.ID, after, d.AsOf.Seq).
				WithHint("`wardroom verify` names what is missing")
		}
		for _, e := range page {
			if e.Supersedes.Timeline == d.ID {
				d.SupersededBy[e.Supersedes] = e.Seq
			}
		}
		d.Entries = append(d.Entries, page...)
		after = page[len(page)-1].Seq
	}
	for _, e := range d.Entries {
		_, public := e.Payload.(*statuspage.Posted)
		if by, corrected := d.SupersededBy[e.Ref]; public && corrected {
			d.withheld[e.Ref] = by
			if !e.Cause.IsZero() {
				d.withheld[e.Cause] = by
			}
		}
	}
	return nil
}

func (d *Document) loadState(v timeline.View) error {
	i, err := incident.Get(v, d.ID)
	if err != nil {
		return err
	}
	d.Incident, d.Title, d.Date = &i, i.Title, i.StartedAt
	n, posted, err := statuspage.AsOf(v, d.ID, d.AsOf.Seq)
	if err != nil {
		return err
	}
	if posted {
		d.Notice = &n
	}
	for _, e := range d.Entries {
		p, ok := e.Payload.(*incident.Absorbed)
		if !ok || !slices.Contains(i.Merged, p.From) {
			continue
		}
		title, err := titleAt(v, p.From)
		if err != nil {
			return err
		}
		d.Merged = append(d.Merged, MergedIncident{ID: p.From, Title: title, Entry: e.Ref})
	}
	return nil
}

// titleAt is the title under which an incident was declared: what it was called
// later may change after this document's last entry.
func titleAt(v timeline.View, id timeline.ID) (string, error) {
	first, err := v.Entries(id, 0, 1)
	if err != nil || len(first) == 0 {
		return "", err
	}
	if p, ok := first[0].Payload.(*incident.Declared); ok {
		return p.Title, nil
	}
	return "", nil
}

// current reports whether no later entry corrects e.
func (d *Document) current(e timeline.Entry) bool {
	_, corrected := d.SupersededBy[e.Ref]
	return !corrected
}

// event is e as a line.
func (d *Document) event(e timeline.Entry) Event {
	ev := Event{Entry: e.Ref, At: e.OccurredAt, Recorded: e.RecordedAt, Text: e.Payload.Text()}
	if n, ok := e.Payload.(*incident.Noted); ok {
		ev.Noted = true
		if isHTTP(n.Source) {
			ev.Link, ev.LinkText = n.Source, "Source"
		}
	}
	return ev
}

func byTime(a, b Event) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Entry.Seq, b.Entry.Seq))
}

func isHTTP(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}

func fullNames(o Options) func(string) string {
	return func(name string) string {
		if o.People != nil {
			if p, ok := o.People.ByName(name); ok && p.FullName != "" {
				return p.FullName
			}
		}
		return name
	}
}
