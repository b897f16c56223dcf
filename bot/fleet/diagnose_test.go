package fleet_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
)

const (
	driver = "linodebs.csi.linode.com"
	pv     = "pvc-bb1d06139b334c1f"
)

// facts are those of a healthy volume on the sick node, instance 101.
func facts() *fleet.VolumeFacts {
	return &fleet.VolumeFacts{Volume: pv, Snapshot: snapshot(), Now: night, CloudName: "Linode",
		Cloud:  &fleet.CloudVolume{ID: 6002, Status: "active", Instance: 101, Usable: true, Updated: night.Add(-time.Hour)},
		Holder: &fleet.Instance{ID: 101, Status: "running"}}
}

func about(volume int, id int64, action, status string, ago time.Duration) fleet.CloudEvent {
	return fleet.CloudEvent{ID: id, Action: action, Status: status, Created: night.Add(-ago), Entity: fleet.Entity{Type: "volume", ID: strconv.Itoa(volume)}}
}

func TestDiagnose(t *testing.T) {
	detached := func(f *fleet.VolumeFacts) { f.Cloud.Instance, f.Cloud.Usable, f.Holder = 0, false, nil }
	waiting := func(f *fleet.VolumeFacts) { f.Snapshot.Pods[0].Ready = false }
	onto := func(f *fleet.VolumeFacts, node string) {
		waiting(f)
		f.Snapshot.Pods[0].Node = node
		f.Snapshot.Attachments[0].Node, f.Snapshot.Attachments[0].Attached = node, false
	}
	idle := func(f *fleet.VolumeFacts) { f.Snapshot.Pods, f.Snapshot.Attachments = nil, nil }
	tests := map[string]struct {
		change   func(*fleet.VolumeFacts)
		want     fleet.Case
		says     string // a part of what it says
		released bool
	}{
		"healthy": {nil, fleet.Healthy, "has its device", false},
		"healthy, holder not asked because its node is Ready": {func(f *fleet.VolumeFacts) { f.Holder, f.HolderUnasked = nil, true }, fleet.Healthy, "", false},
		"free": {func(f *fleet.VolumeFacts) { idle(f); detached(f) }, fleet.Free, "nobody asks for it", false},

		"A: cloud detached, cluster says attached": {func(f *fleet.VolumeFacts) { waiting(f); detached(f) }, fleet.Lost, "cluster says attached, Linode says detached", false},
		"A no more once the attachment goes":       {func(f *fleet.VolumeFacts) { waiting(f); detached(f); f.Snapshot.Attachments[0].Deleting = true }, fleet.Moving, "", false},

		"B: another machine has it":        {func(f *fleet.VolumeFacts) { onto(f, well) }, fleet.Elsewhere, "instance 101 has it, not 102, which needs it", false},
		"B: a machine that is off has it":  {func(f *fleet.VolumeFacts) { onto(f, well); f.Holder.Status = "offline" }, fleet.Elsewhere, "instance 101", true},
		"B: a deleted machine has it":      {func(f *fleet.VolumeFacts) { onto(f, well); f.Cloud.Instance, f.Holder, f.HolderGone = 99, nil, true }, fleet.Elsewhere, "instance 99 has it", true},
		"B: nobody asks for it":            {idle, fleet.Elsewhere, "nobody in the cluster asks for it", false},
		"B: the cluster has lost its node": {func(f *fleet.VolumeFacts) { f.Snapshot.Nodes = f.Snapshot.Nodes[1:] }, fleet.Elsewhere, "whose node the cluster no longer has", false},
		"moving: it is being detached":     {func(f *fleet.VolumeFacts) { f.Snapshot.Pods = nil; f.Snapshot.Attachments[0].Deleting = true }, fleet.Moving, "being detached", false},
		"B: detaching from a dead one": {func(f *fleet.VolumeFacts) {
			f.Snapshot.Pods = nil
			f.Snapshot.Attachments[0].Deleting = true
			f.Holder.Status = "offline"
		}, fleet.Elsewhere, "", true},
		"B: its own machine is off": {func(f *fleet.VolumeFacts) {
			waiting(f)
			f.Snapshot.Nodes[0].Ready, f.Holder.Status = fleet.Unknown, "offline"
		}, fleet.Elsewhere, "which is off or deleted", true},
		"unclear: which machine the node is": {func(f *fleet.VolumeFacts) { f.Snapshot.Nodes[0].Identity.Instance = 0 }, fleet.Unclear, "cannot be matched", false},

		"C: attached, no device":                     {func(f *fleet.VolumeFacts) { waiting(f); f.Cloud.Usable = false }, fleet.Limbo, "Linode says attached, the machine has no device", false},
		"C: cloud says ready, kubelet finds nothing": {func(f *fleet.VolumeFacts) { waiting(f); noDevice(f, time.Minute) }, fleet.Limbo, "", false},
		"moving: attached a moment ago": {func(f *fleet.VolumeFacts) {
			waiting(f)
			f.Cloud.Usable, f.Cloud.Updated = false, night.Add(-time.Minute)
		}, fleet.Moving, "a moment ago", false},
		"C: attached a moment ago, kubelet looked": {func(f *fleet.VolumeFacts) {
			waiting(f)
			f.Cloud.Usable, f.Cloud.Updated = false, night.Add(-time.Minute)
			noDevice(f, 0)
		}, fleet.Limbo, "", false},
		"healthy: kubelet's word is older than that": {func(f *fleet.VolumeFacts) { noDevice(f, 2*time.Hour) }, fleet.Healthy, "", false},
		"moving: the cluster is yet to notice it":    {func(f *fleet.VolumeFacts) { f.Snapshot.Attachments[0].Attached = false }, fleet.Moving, "yet to notice", false},
		"D: status is not active":                    {func(f *fleet.VolumeFacts) { f.Cloud.Status = "resizing" }, fleet.Locked, "status resizing", false},
		"D: attach failed": {func(f *fleet.VolumeFacts) {
			onto(f, well)
			detached(f)
			f.CloudEvents = []fleet.CloudEvent{about(6002, 7, "volume_attach", "failed", time.Minute)}
		}, fleet.Locked, "could not attach", false},
		"D: an event hangs": {func(f *fleet.VolumeFacts) {
			f.CloudEvents = []fleet.CloudEvent{about(6002, 7, "volume_detach", "started", 10*time.Minute)}
		}, fleet.Locked, "volume_detach for 10 min", false},
		"D: attaching fails again and again": {func(f *fleet.VolumeFacts) { onto(f, well); detached(f); f.Snapshot.Attachments[0].Error = "rpc error" }, fleet.Locked, "again and again", false},
		"moving: an event is young": {func(f *fleet.VolumeFacts) {
			f.CloudEvents = []fleet.CloudEvent{about(6002, 7, "volume_detach", "started", time.Minute)}
		}, fleet.Moving, "at it", false},
		"healthy: the event is of another volume": {func(f *fleet.VolumeFacts) {
			f.CloudEvents = []fleet.CloudEvent{about(60021, 7, "volume_detach", "started", 10*time.Minute)}
		}, fleet.Healthy, "", false},
		"E: no driver": {func(f *fleet.VolumeFacts) { onto(f, well); detached(f); f.Snapshot.Nodes[1].Drivers = nil }, fleet.NoDriver, "has not registered the driver", false},
		"not E when drivers cannot be read": {func(f *fleet.VolumeFacts) {
			onto(f, well)
			detached(f)
			f.Snapshot.Nodes[1].Drivers, f.Snapshot.Missing = nil, []string{"csinodes"}
		}, fleet.Moving, "", false},
		"gone":             {func(f *fleet.VolumeFacts) { f.Cloud, f.CloudGone = nil, true }, fleet.Gone, "no such volume", false},
		"unclear: cloud":   {func(f *fleet.VolumeFacts) { f.Cloud = nil }, fleet.Unclear, "too little", false},
		"unclear: cluster": {func(f *fleet.VolumeFacts) { f.Snapshot = nil }, fleet.Unclear, "too little", false},
		"unclear: no claims, so nobody seems to care": {func(f *fleet.VolumeFacts) {
			f.Snapshot.Claims, f.Snapshot.Missing = nil, []string{"persistentvolumeclaims"}
		}, fleet.Unclear, "too little", false},
		"unclear: no attachments": {func(f *fleet.VolumeFacts) {
			f.Snapshot.Attachments, f.Snapshot.Missing = nil, []string{"volumeattachments"}
		}, fleet.Unclear, "too little", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := facts()
			if tt.change != nil {
				tt.change(f)
			}
			d := fleet.DiagnoseVolume(*f)
			if d.Case != tt.want || !strings.Contains(d.Says, tt.says) || d.Released != tt.released {
				t.Errorf("%s released=%t\n%s", d, d.Released, strings.Join(d.Evidence, "\n"))
			}
			if d.Case.Sick() && len(d.Do) == 0 {
				t.Errorf("%s: nobody is told what to do", d)
			}
		})
	}
}

// noDevice is the kubelet's word of so long ago that the machine has no device.
func noDevice(f *fleet.VolumeFacts, ago time.Duration) {
	f.Events = append(f.Events, fleet.Event{At: night.Add(-ago), Reason: "FailedMount", About: object("Pod", "redis-1"), Message: "MountVolume.MountDevice failed: Unable to find device path out of attempted paths"})
}

// The case is told by name and by letter.
func TestDiagnosisNamesTheCase(t *testing.T) {
	f := facts()
	f.Snapshot.Pods[0].Ready, f.Cloud.Usable = false, false
	if got, want := fleet.DiagnoseVolume(*f).String(), "limbo (C): Linode says attached, the machine has no device"; got != want {
		t.Errorf("%q", got)
	}
}
