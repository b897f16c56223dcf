package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/commands/repair"
)

// Volume is `/volume`: the volumes as the cluster and the cloud see them, and the
// repair of one on which they disagree.
func Volume(o RepairOptions) []command.Command {
	v := volumes{repairs{o}}
	volume := command.Option{Name: "volume", Help: "Which volume: its name, its claim, or its number at the cloud", Type: command.String, Required: true, Positional: true, Complete: v.complete}
	const example = "volume:pvc-bb1d06139b334c1f"
	return []command.Command{{
		Path: "volume list", Summary: "List the volumes, the sick ones first: who uses them, what is wrong with them",
		Examples: []string{"/volume list", "/volume list page:2"}, Access: people.Viewer, Timeout: time.Minute,
		Options: []command.Option{pageOption}, Handle: v.list,
	}, {
		Path: "volume show", Summary: "Show the cluster's, the cloud's and its events' view of a volume side by side",
		Examples: []string{"/volume show " + example}, Access: people.Viewer,
		Options: []command.Option{volume}, Form: &command.Form{Title: "Which volume?", Submit: "Show", Fields: []string{"volume"}, Propose: v.propose}, Handle: v.show,
	}, v.ticketCommand(volume), v.command(asking{
		path: "volume open-ticket", repair: repair.VolumeTicket, summary: "Open the support ticket for a volume that the cloud does not let go of", title: "Open a ticket about which volume?",
		description: "Sends the draft of `/volume ticket`, or your own words, to the cloud's support, exactly as a second person approves them: the plan shows all of it. Answers are read into the timeline, and that it is closed. Needs a token of its own. **Breaks**: nothing; people outside the team read it. **No undo**.",
		target:      volume, more: []command.Option{
			{Name: "subject", Help: "The subject in your own words, at most 64 characters; left out: the draft's", Type: command.String},
			{Name: "text", Help: "The text in your own words; left out: the draft's", Type: command.String, Long: true},
		}, ofIncident: true, propose: v.propose, example: "/volume open-ticket " + example,
	}), v.command(asking{
		path: "volume remount", repair: repair.VolumeRemount, summary: "Free a volume and attach it anew, down to a Ready pod", title: "Remount which volume?",
		description: "Scales its workload to 0, waits until cluster and cloud have let go, detaches it at the cloud if that has not, scales back and checks that the pod is Ready with its volume. **Breaks**: the workload is down meanwhile, with whatever depends on it; nothing on the volume is changed. **Undo**: not needed, the run puts back by itself what it changes. `/volume show` says first what is wrong with it.",
		target:      volume, propose: v.propose, example: "/volume remount " + example,
	})}
}

type volumes struct{ repairs }

// known are the volumes of the last snapshot, those of pods that are not Ready first.
func (v volumes) known(ctx context.Context) []fleet.Volume {
	s, err := v.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil
	}
	wanting := map[string]bool{}
	for _, p := range s.Pods {
		for _, claim := range p.Claims {
			if !p.Ready {
				wanting[p.Namespace+"/"+claim] = true
			}
		}
	}
	all := slices.Clone(s.Volumes)
	rank := func(v fleet.Volume) int {
		if wanting[v.Claim.String()] {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(x, y fleet.Volume) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Name, y.Name)) })
	return all
}

func (v volumes) complete(ctx context.Context, _ timeline.View, typed string) (names []string) {
	typed = strings.ToLower(typed)
	for _, volume := range v.known(ctx) {
		if strings.Contains(strings.ToLower(volume.Name), typed) || strings.Contains(strings.ToLower(volume.Claim.String()), typed) {
			names = append(names, volume.Name)
		}
	}
	return names
}

// propose says of each volume whose it is: their own names tell nobody.
func (v volumes) propose(timeline.View, command.Request) (map[string][]command.Proposal, error) {
	ctx, cancel := context.WithTimeout(context.Background(), proposeWithin) // a form has no other
	defer cancel()
	var all []command.Proposal
	for _, volume := range v.known(ctx) {
		all = append(all, command.Proposal{Value: volume.Name, Help: volume.Claim.String()})
	}
	return map[string][]command.Proposal{"volume": all}, nil
}

// volumeData is what --json prints.
type volumeData struct {
	Volume      fleet.Volume       `json:"volume"`
	Attachments []fleet.Attachment `json:"attachments,omitempty"`
	Cloud       *fleet.CloudVolume `json:"cloud"` // null: it could not be read
	Diagnosis   fleet.Diagnosis    `json:"diagnosis"`
}

func (v volumes) list(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := v.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	all, silent, err := v.diagnosed(ctx, r, s)
	if err != nil {
		return command.Reply{}, err
	}
	sick, unknown := 0, ""
	for _, one := range all {
		if isSick(one.Diagnosis) {
			sick++
		}
	}
	if n := countCase(all, fleet.Unclear); n > 0 {
		unknown = fmt.Sprintf(", %d UNKNOWN", n)
	}
	rows, where, turn, err := paged(r, all, nil)
	if err != nil {
		return command.Reply{}, err
	}
	reply := command.Reply{Text: fmt.Sprintf("%s, %d sick%s.%s", count(len(all), "volume"), sick, unknown, where), Actions: turn, Data: all}
	for _, what := range s.Missing {
		reply.Text += fmt.Sprintf("\nUNKNOWN: %s could not be read", command.Escape(what))
	}
	if p, is := errors.AsType[*problem.Error](silent); is {
		reply.Text += "\nUNKNOWN: what the cloud says of them: " + command.Escape(p.Message)
		if p.Hint != "" {
			reply.Text += " → " + command.Escape(p.Hint)
		}
	}
	if len(rows) == 0 {
		return reply, nil
	}
	reply.Table = &command.TableData{Headings: []string{"VOLUME", "CLAIM", "ON", "STATE"}}
	for _, one := range rows {
		state := one.Diagnosis.Case.Name()
		if one.Diagnosis.Case.Sick() { // what is unknown says why, too
			state = one.Diagnosis.String()
		}
		reply.Table.Rows = append(reply.Table.Rows, []string{one.Volume.Name, one.Volume.Claim.String(), one.Diagnosis.Node, state})
		if isSick(one.Diagnosis) && len(reply.Actions) < 5 {
			reply.Actions = append(reply.Actions, targetAct("Show "+cmp.Or(one.Volume.Claim.String(), one.Volume.Name), "volume show", "volume", one.Volume.Name, command.Secondary))
		}
	}
	return reply, nil
}

// diagnosed names the case of every volume of the cloud's, the sick ones first. The
// cloud is asked for all at once, and the cluster's events, which are only evidence,
// are left to the view of one volume. silent is why the cloud could not be asked.
func (v volumes) diagnosed(ctx context.Context, r command.Request, s *fleet.Snapshot) (all []volumeData, silent, err error) {
	cloud, each := newCloudOnce(v.Cloud, s), newVolumeIndex(s)
	all = []volumeData{}
	for _, volume := range s.Volumes {
		if volume.CloudID == 0 {
			continue
		}
		own := each.snapshot(volume)
		d, facts, err := repair.Diagnose(ctx, eventless{v.Cluster}, cloud, own, volume.Name, r.Now)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, volumeData{volume, own.Attachments, facts.Cloud, d})
	}
	rank := func(d volumeData) int {
		switch {
		case isSick(d.Diagnosis):
			return 0
		case d.Diagnosis.Case == fleet.Unclear:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(x, y volumeData) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Volume.Claim.String(), y.Volume.Claim.String()))
	})
	return all, cloud.broken, nil
}

func (v volumes) show(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := v.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	volume, err := repair.FindVolume(s, r.String("volume"))
	if err != nil {
		return command.Reply{}, err
	}
	d, facts, err := repair.Diagnose(ctx, v.Cluster, v.Cloud, s, volume.Name, r.Now)
	if err != nil {
		return command.Reply{}, err
	}
	data := volumeData{volume, attachmentsOf(s, volume.Name), facts.Cloud, d}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** (%s)\n**%s**", command.Escape(volume.Name), command.Escape(volume.Claim.String()), command.Escape(d.String()))
	for _, e := range d.Evidence {
		b.WriteString("\n- " + command.Escape(clipped(e, 400)))
	}
	if len(d.Do) > 0 {
		b.WriteString("\n**What to do**")
		for i, do := range d.Do {
			fmt.Fprintf(&b, "\n%d. %s", i+1, command.Escape(do))
		}
	}
	reply := command.Reply{Text: b.String(), Embeds: []command.Embed{{Title: "Three views", Fields: []command.Field{
		{Name: "Cluster", Value: clusterView(s, data), Inline: true}, {Name: "Linode", Value: cloudView(facts), Inline: true}, {Name: "Linode's events", Value: eventView(r, facts), Inline: true},
	}}}, Data: data}
	if isSick(d) && d.Case != fleet.Gone {
		reply.Actions = []command.Action{targetAct("Remount", "volume remount", "volume", volume.Name, command.Danger)}
	}
	if isSick(d) {
		reply.Actions = append(reply.Actions, targetAct("Draft a ticket", "volume ticket", "volume", volume.Name, command.Secondary))
	}
	if d.Node != "" {
		reply.Actions = append(reply.Actions, targetAct("Show its node", "node show", "node", d.Node, command.Secondary))
	}
	return reply, nil
}

// isSick: something is wrong, which is another thing than that nothing is known.
func isSick(d fleet.Diagnosis) bool { return d.Case.Sick() && d.Case != fleet.Unclear }

func countCase(all []volumeData, c fleet.Case) (n int) {
	for _, one := range all {
		if one.Diagnosis.Case == c {
			n++
		}
	}
	return n
}

func attachmentsOf(s *fleet.Snapshot, volume string) (all []fleet.Attachment) {
	for _, a := range s.Attachments {
		if a.Volume == volume {
			all = append(all, a)
		}
	}
	return all
}

func clusterView(s *fleet.Snapshot, d volumeData) string {
	if slices.Contains(s.Missing, "volumeattachments") {
		return "UNKNOWN: they cannot be read"
	}
	if len(d.Attachments) == 0 {
		return "no VolumeAttachment"
	}
	var lines []string
	for _, a := range d.Attachments {
		text := "attaching to "
		switch {
		case a.Deleting:
			text = "detaching from "
		case a.Attached:
			text = "attached to "
		}
		text += a.Node
		if a.Error != "" {
			text += ": " + a.Error
		}
		lines = append(lines, command.Escape(clipped(text, 400)))
	}
	return strings.Join(lines, "\n")
}

func cloudView(f fleet.VolumeFacts) string {
	switch {
	case f.CloudGone:
		return "no such volume"
	case f.Cloud == nil:
		return "UNKNOWN: it cannot be read"
	case f.Cloud.Instance == 0:
		return command.Escape("detached, " + f.Cloud.Status)
	}
	return command.Escape(fmt.Sprintf("attached to %d, %s, device ready: %t", f.Cloud.Instance, f.Cloud.Status, f.Cloud.Usable))
}

// eventView shows the last three events about the volume.
func eventView(r command.Request, f fleet.VolumeFacts) string {
	if f.EventsUnread || f.Cloud == nil {
		return "UNKNOWN: they cannot be read"
	}
	var lines []string
	for _, e := range slices.Backward(f.CloudEvents) {
		if e.Is("volume", f.Cloud.ID) && len(lines) < 3 {
			lines = append(lines, command.Escape(fmt.Sprintf("%s %s %s", r.FormatTime(e.Created), e.Action, e.Status)))
		}
	}
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, "\n")
}
