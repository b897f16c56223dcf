package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/people"
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
		Path: "volume list", Summary: "List the volumes, who uses them, and what is wrong with them",
		Examples: []string{"/volume list"}, Access: people.Viewer, Handle: v.list,
	}, {
		Path: "volume show", Summary: "Show the cluster's, the cloud's and its events' view of a volume side by side",
		Examples: []string{"/volume show " + example}, Access: people.Viewer,
		Options: []command.Option{volume}, Form: &command.Form{Title: "Which volume?", Submit: "Show", Fields: []string{"volume"}}, Handle: v.show,
	}, v.command("volume remount", repair.VolumeRemount, "Free a volume and attach it anew, down to a Ready pod",
		"Scales its workload to 0, waits until cluster and cloud have let go, detaches it at the cloud if that has not, scales back and checks. It puts back by itself what it changes.", volume, "/volume remount "+example)}
}

type volumes struct{ repairs }

func (v volumes) complete(ctx context.Context, _ timeline.View, typed string) (names []string) {
	s, err := v.Cluster.Snapshot(ctx, anyAge)
	if err != nil {
		return nil
	}
	for _, volume := range s.Volumes {
		if strings.Contains(volume.Name, strings.ToLower(typed)) || strings.Contains(volume.Claim.String(), strings.ToLower(typed)) {
			names = append(names, volume.Name)
		}
	}
	return names
}

// volumeData is what --json prints.
type volumeData struct {
	Volume      fleet.Volume       `json:"volume"`
	Attachments []fleet.Attachment `json:"attachments,omitempty"`
	Cloud       *fleet.CloudVolume `json:"cloud,omitempty"` // null: not to be read
	Diagnosis   fleet.Diagnosis    `json:"diagnosis"`
}

func (v volumes) list(ctx context.Context, r command.Request) (command.Reply, error) {
	s, err := v.Cluster.Snapshot(ctx, seenAge)
	if err != nil {
		return command.Reply{}, err
	}
	table := &command.TableData{Headings: []string{"VOLUME", "CLAIM", "ON", "STATE"}}
	var all []volumeData
	sick := 0
	for _, volume := range s.Volumes {
		if volume.CloudID == 0 {
			continue
		}
		d, facts, err := repair.Diagnose(ctx, v.Cluster, v.Cloud, s, volume.Name, r.Now)
		if err != nil {
			return command.Reply{}, err
		}
		if d.Case.Sick() {
			sick++
		}
		all = append(all, volumeData{volume, attachmentsOf(s, volume.Name), facts.Cloud, d})
	}
	slices.SortStableFunc(all, func(x, y volumeData) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[x.Diagnosis.Case.Sick()], map[bool]int{true: 0, false: 1}[y.Diagnosis.Case.Sick()])
	})
	for _, one := range all {
		state := one.Diagnosis.Case.Name()
		if len(one.Diagnosis.Case) == 1 {
			state = strings.ToUpper(state) + " (" + string(one.Diagnosis.Case) + ")"
		}
		table.Rows = append(table.Rows, []string{one.Volume.Name, one.Volume.Claim.String(), one.Diagnosis.Node, state})
	}
	reply := command.Reply{Text: fmt.Sprintf("%d volumes, %d sick.", len(all), sick), Table: table, Data: all}
	for _, one := range all[:min(sick, 5)] {
		reply.Actions = append(reply.Actions, volumeAct("Show "+one.Volume.Name, "volume show", one.Volume.Name, command.Secondary))
	}
	return reply, nil
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
		b.WriteString("\n" + command.Escape(e))
	}
	if len(d.Do) > 0 {
		b.WriteString("\n**What to do**")
		for i, do := range d.Do {
			fmt.Fprintf(&b, "\n%d. %s", i+1, command.Escape(do))
		}
	}
	reply := command.Reply{Text: b.String(), Embeds: []command.Embed{{Title: "Three views", Fields: []command.Field{
		{Name: "Cluster", Value: clusterView(data), Inline: true}, {Name: "Linode", Value: cloudView(facts), Inline: true}, {Name: "Linode's events", Value: eventView(r, facts), Inline: true},
	}}}, Data: data}
	if d.Case.Sick() {
		reply.Actions = []command.Action{volumeAct("Remount", "volume remount", volume.Name, command.Danger)}
	}
	return reply, nil
}

func volumeAct(label, path, volume string, style command.Style) command.Action {
	return command.Action{Label: label, Ask: command.Ask{Path: path, Options: map[string]string{"volume": volume}}, Style: style}
}

func attachmentsOf(s *fleet.Snapshot, volume string) (all []fleet.Attachment) {
	for _, a := range s.Attachments {
		if a.Volume == volume {
			all = append(all, a)
		}
	}
	return all
}

func clusterView(d volumeData) string {
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
		lines = append(lines, command.Escape(text))
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
