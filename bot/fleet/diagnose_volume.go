package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DiagnoseVolume compares the views of a volume and names the case. It never guesses:
// without the cluster's or the cloud's word the case is Unclear.
func DiagnoseVolume(f VolumeFacts) Diagnosis {
	if f.CloudName == "" {
		f.CloudName = "the cloud"
	}
	e := examiner{VolumeFacts: f}
	if !e.read() {
		return e.is(Unclear, "too little can be read to tell", "Wait until both can be read, then look again")
	}
	e.look()
	if f.CloudGone {
		return e.is(Gone, e.CloudName+" has no such volume", "Restore it from a backup; nothing here can be remounted")
	}
	if d, found := e.busy(); found {
		return d
	}
	if f.Cloud.Instance == 0 {
		return e.detached()
	}
	return e.attached()
}

// examiner gathers evidence on the way to a case.
type examiner struct {
	VolumeFacts
	pv         Volume
	attachment *Attachment // the one that is not being deleted, else any
	needer     *Pod        // that waits for the volume or uses it
	node       Node        // that needs the volume; zero when none does
	member     bool        // the cluster has that node
	failure    *CloudEvent // the last attach or detach, when it failed
	noDevice   *Event      // the cluster's word that the machine has no device
	evidence   []string
}

func (e *examiner) saw(format string, args ...any) {
	e.evidence = append(e.evidence, fmt.Sprintf(format, args...))
}

func (e *examiner) is(c Case, says string, do ...string) Diagnosis {
	d := Diagnosis{Case: c, Says: says, Evidence: e.evidence, Do: do, Node: e.node.Name}
	if e.Cloud != nil {
		d.Holder = e.Cloud.Instance
	}
	d.Released = e.released()
	return d
}

// released: the machine that has it is proven off or deleted.
func (e *examiner) released() bool { return e.HolderGone || e.Holder != nil && e.Holder.Off() }

// read reports whether enough could be read.
func (e *examiner) read() bool {
	if e.Snapshot == nil {
		e.saw("The cluster cannot be read")
	} else {
		for _, what := range []string{"persistentvolumes", "persistentvolumeclaims", "volumeattachments", "pods", "nodes"} {
			if slices.Contains(e.Snapshot.Missing, what) {
				e.saw("The cluster's %s cannot be read", what)
			}
		}
	}
	if e.Cloud == nil && !e.CloudGone {
		e.saw("%s cannot be read", upperFirst(e.CloudName))
	}
	return len(e.evidence) == 0
}

// look writes down what each view says.
func (e *examiner) look() {
	e.pv = e.Snapshot.volume(e.Volume)
	e.lookAtAttachments()
	for i, p := range e.Snapshot.Pods {
		if p.alive() && p.Terminating.IsZero() && p.Node != "" && e.Snapshot.uses(p, e.Volume) && (e.needer == nil || !p.Ready) {
			e.needer = &e.Snapshot.Pods[i]
		}
	}
	e.lookForNode()
	e.lookAtCloud()
	for i := range e.Events {
		ev := &e.Events[i]
		if strings.Contains(ev.Message, "Unable to find device path") {
			e.saw("%s of %s: the machine has no device", ev.Reason, ev.About)
			e.noDevice = ev
			break
		}
	}
}

func (e *examiner) lookAtAttachments() {
	for i, a := range e.Snapshot.Attachments {
		if a.Volume == e.Volume && (e.attachment == nil || e.attachment.Deleting) {
			e.attachment = &e.Snapshot.Attachments[i]
		}
	}
	switch a := e.attachment; {
	case a == nil:
		e.saw("The cluster has no VolumeAttachment")
	default:
		e.saw("The cluster's VolumeAttachment to %s says attached=%t%s", a.Node, a.Attached, map[bool]string{true: ", being deleted"}[a.Deleting])
		if a.Error != "" {
			e.saw("Its error: %s", a.Error)
		}
	}
}

// lookForNode finds who needs the volume: the pod's node, else the attachment's.
func (e *examiner) lookForNode() {
	name := ""
	switch {
	case e.needer != nil:
		name = e.needer.Node
		e.saw("Pod %s on %s needs it and is %s", e.needer.Object, name, map[bool]string{true: "Ready", false: "not Ready"}[e.needer.Ready])
	case e.attachment != nil && !e.attachment.Deleting:
		name = e.attachment.Node
	}
	if name == "" {
		return
	}
	e.node.Name = name
	if i := slices.IndexFunc(e.Snapshot.Nodes, func(n Node) bool { return n.Name == name }); i >= 0 {
		e.node, e.member = e.Snapshot.Nodes[i], true
	} else {
		e.saw("The cluster has no node %s any more", name)
	}
}

func (e *examiner) lookAtCloud() {
	if e.Cloud == nil {
		return
	}
	switch c := e.Cloud; {
	case c.Instance == 0:
		e.saw("%s says detached, status %s", upperFirst(e.CloudName), c.Status)
	default:
		e.saw("%s says attached to instance %d, status %s, device ready: %t", upperFirst(e.CloudName), c.Instance, c.Status, c.Usable)
	}
	switch {
	case e.HolderGone:
		e.saw("Instance %d is deleted", e.Cloud.Instance)
	case e.Holder != nil:
		e.saw("Instance %d is %s", e.Holder.ID, e.Holder.Status)
	case e.HolderUnasked:
	case e.Cloud.Instance != 0:
		e.saw("Instance %d cannot be read", e.Cloud.Instance)
	}
	if e.EventsUnread {
		e.saw("%s's events cannot be read", upperFirst(e.CloudName))
	}
	if last, found := e.lastEvent(); found && (last.Status == "failed" || last.Status == "canceled") {
		e.failure = &last
		e.saw("%s's last event is %s %s at %s", upperFirst(e.CloudName), last.Action, last.Status, last.Created.UTC().Format("15:04 UTC"))
	}
}

// lastEvent is the newest attach or detach of this volume.
func (e *examiner) lastEvent() (last CloudEvent, found bool) {
	for _, ev := range e.CloudEvents {
		if ev.Is("volume", e.cloudID()) && (ev.Action == "volume_attach" || ev.Action == "volume_detach") && (!found || ev.ID >= last.ID) {
			last, found = ev, true
		}
	}
	return last, found
}

func (e *examiner) cloudID() int {
	if e.Cloud != nil {
		return e.Cloud.ID
	}
	return e.pv.CloudID
}

// Is reports whether the event is about this object, as its first or second entity.
func (e CloudEvent) Is(kind string, id int) bool {
	for _, entity := range []Entity{e.Entity, e.Second} {
		if entity.Type == kind && entity.ID == strconv.Itoa(id) {
			return true
		}
	}
	return false
}

// busy: the cloud itself holds the volume up.
func (e *examiner) busy() (Diagnosis, bool) {
	if e.Cloud.Status != "active" {
		return e.is(Locked, fmt.Sprintf("%s is busy with it: status %s", e.CloudName, e.Cloud.Status),
			"Wait until its status is active again", "If it stays so, open a support ticket; clone the volume once it is active"), true
	}
	for _, ev := range e.CloudEvents {
		if !ev.Is("volume", e.Cloud.ID) || ev.Over() {
			continue
		}
		since := e.Now.Sub(ev.Created)
		e.saw("%s's event %d, %s, is %s since %s", upperFirst(e.CloudName), ev.ID, ev.Action, ev.Status, ev.Created.UTC().Format("15:04 UTC"))
		if since < slowAttach {
			return e.is(Moving, fmt.Sprintf("%s is at it: %s", e.CloudName, ev.Action), "Wait"), true
		}
		return e.is(Locked, fmt.Sprintf("%s has been at %s for %s", e.CloudName, ev.Action, age(since)),
			"Open a support ticket with the events of the pod", "Clone the volume once it can be"), true
	}
	return Diagnosis{}, false
}

// detached: the cloud says that no machine has it.
func (e *examiner) detached() Diagnosis {
	a := e.attachment
	switch {
	case a != nil && a.Attached && a.Deleting:
		return e.is(Moving, "it is detached and its VolumeAttachment is being deleted", "Wait")
	case a != nil && a.Attached:
		return e.is(Lost, fmt.Sprintf("the cluster says attached, %s says detached", e.CloudName),
			"Scale its workload to 0, so that the VolumeAttachment goes", "Check that it is gone", "Scale back")
	case e.failure != nil && e.failure.Action == "volume_attach" && (a != nil || e.needer != nil):
		return e.is(Locked, e.CloudName+" could not attach it", "Look whether a later attempt succeeds", "If none does, open a support ticket")
	case a != nil && a.Error != "" && e.Now.Sub(a.Created) > slowAttach:
		return e.is(Locked, "attaching fails again and again", "Read the error; open a support ticket if it is "+e.CloudName+"'s")
	case e.noDriver():
		return e.driverless()
	case a != nil || e.needer != nil:
		return e.is(Moving, "it is about to be attached", "Wait")
	}
	return e.is(Free, "it is attached to nothing, and nobody asks for it")
}

// attached: the cloud says that some machine has it.
func (e *examiner) attached() Diagnosis {
	switch {
	case e.attachment != nil && e.attachment.Deleting && e.needer == nil && e.attachment.Error == "" && !e.released():
		return e.is(Moving, "it is being detached", "Wait")
	case e.node.Name == "" || e.attachment == nil && e.needer == nil:
		return e.elsewhere("and nobody in the cluster asks for it")
	case !e.member:
		return e.elsewhere("whose node the cluster no longer has")
	case e.node.Identity.Instance == 0:
		e.saw("Which machine %s is, is not known", e.node.Name)
		if e.HolderGone {
			return e.elsewhere("which is deleted")
		}
		return e.is(Unclear, "the node that needs it cannot be matched to a machine", "Look at the node first")
	case e.node.Identity.Instance != e.Cloud.Instance:
		return e.elsewhere(fmt.Sprintf("not %d, which needs it", e.node.Identity.Instance))
	case e.node.Ready != True && e.released(): // whatever it said of its device before
		return e.elsewhere("which is off or deleted")
	case e.Cloud.Usable && !e.stillNoDevice():
		return e.onMachine()
	case e.justAttached():
		return e.is(Moving, "it was attached a moment ago, the device is yet to appear", "Wait")
	}
	return e.is(Limbo, e.CloudName+" says attached, the machine has no device",
		"Scale its workload to 0", "Wait until its VolumeAttachment is gone",
		"Detach it at "+e.CloudName+" if it is still attached there", "Wait until "+e.CloudName+" says detached", "Scale back")
}

func (e *examiner) elsewhere(why string) Diagnosis {
	holder := fmt.Sprintf("instance %d has it, %s", e.Cloud.Instance, why)
	if e.released() {
		return e.is(Elsewhere, holder, "Detach it at "+e.CloudName+": that machine is proven off or deleted", "Wait until "+e.CloudName+" says detached")
	}
	return e.is(Elsewhere, holder, fmt.Sprintf("Prove that instance %d is off or deleted: it may still be writing", e.Cloud.Instance), "Then detach it at "+e.CloudName)
}

// onMachine: cloud and machine agree; is the cluster able to use it?
func (e *examiner) onMachine() Diagnosis {
	if e.noDriver() {
		return e.driverless()
	}
	if e.attachment == nil || !e.attachment.Attached {
		return e.is(Moving, "the machine has it, the cluster is yet to notice", "Wait")
	}
	return e.is(Healthy, "attached, and the machine has its device")
}

// noDriver: the node lacks the driver, as far as what it has registered can be read.
func (e *examiner) noDriver() bool {
	return !slices.Contains(e.Snapshot.Missing, "csinodes") && e.pv.Driver != "" && e.node.Ready != "" && !slices.Contains(e.node.Drivers, e.pv.Driver)
}

func (e *examiner) driverless() Diagnosis {
	e.saw("Node %s has not registered %s", e.node.Name, e.pv.Driver)
	return e.is(NoDriver, fmt.Sprintf("node %s has not registered the driver %s", e.node.Name, e.pv.Driver),
		"Restart the driver's DaemonSet", "Wait until the node registers it")
}

// justAttached: no device yet is usual for a while after attaching.
func (e *examiner) justAttached() bool {
	since := e.Cloud.Updated
	if last, found := e.lastEvent(); found && last.Action == "volume_attach" && last.Created.After(since) {
		since = last.Created
	}
	if a := e.attachment; a != nil && a.Created.After(since) {
		since = a.Created
	}
	return (e.noDevice == nil || e.noDevice.At.Before(since)) && !since.IsZero() && e.Now.Sub(since) < deviceDelay
}

// stillNoDevice: the cluster saw no device lately although the cloud calls it ready.
func (e *examiner) stillNoDevice() bool {
	return e.noDevice != nil && e.needer != nil && !e.needer.Ready && e.Now.Sub(e.noDevice.At) < 5*time.Minute && e.noDevice.At.After(e.Cloud.Updated)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
