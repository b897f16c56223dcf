package repair_test

import (
	"fmt"
	"slices"
	"time"

	"wardroom/bot/fleet"
)

// pass lets so much time pass, and whatever follows by itself come about.
func (w *world) pass(d time.Duration) {
	w.clock.MoveTo(w.clock.Now().Add(d))
	w.controllers()
}

func (w *world) controllers() {
	w.machines()
	w.garbage()
	w.replicas()
	w.attach()
	w.kubelets()
	w.rollouts()
	w.swim()
}

func (w *world) machines() {
	for _, i := range w.inst {
		switch {
		case i.Status == "shutting_down" && !w.stuck["shutdown"]:
			i.Status = "offline"
			if n := w.byInstance(i.ID); n != nil {
				n.Ready = fleet.Unknown
			}
		case (i.Status == "booting" || i.Status == "rebooting") && !w.stuck["boot"]:
			i.Status = "running"
			if n := w.byInstance(i.ID); n != nil {
				n.Identity.BootID += "-again"
				n.Ready = fleet.True
			}
		case i.Status == "provisioning" && !w.stuck["join"]:
			i.Status = "running"
			n := w.nodeOf(sick)
			if n == nil {
				w.s.Nodes = append(w.s.Nodes, fleet.Node{Name: sick})
				n = w.nodeOf(sick)
			}
			*n = fleet.Node{Name: sick, Ready: fleet.True, Unschedulable: w.stuck["stays cordoned"], Drivers: []string{driver}, Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110},
				Identity: fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", i.ID), BootID: "boot-new", MachineID: "machine-new", Instance: i.ID}}
		}
	}
	for address, stage := range w.talos {
		if n := w.at(address); stage == "rebooting" && !w.stuck["boot"] {
			n.Identity.BootID += "-again"
			n.Ready = fleet.True
			delete(w.talos, address)
		}
	}
	for k := range w.slots {
		if w.slots[k].Instance == 0 && !w.stuck["machine"] {
			w.next++
			w.inst[w.next] = &fleet.Instance{ID: w.next, Label: sick, Status: "provisioning", Cluster: 13311}
			w.slots[k].Instance = w.next
		}
	}
}

// garbage removes pods that are Terminating, if their kubelet or the taint lets them.
func (w *world) garbage() {
	w.s.Pods = slices.DeleteFunc(w.s.Pods, func(p fleet.Pod) bool {
		n := w.nodeOf(p.Node)
		tainted := n != nil && slices.Contains(n.Taints, fleet.OutOfService) && !w.stuck["taint"]
		leaving := !p.Terminating.IsZero() || tainted && !p.Daemon
		return leaving && !w.stuck["pods"] && (n == nil || n.Ready == fleet.True || tainted)
	})
}

func (w *world) replicas() {
	for i := range w.s.Workloads {
		wl := &w.s.Workloads[i]
		if wl.Kind == "DaemonSet" {
			w.daemons(wl.Object)
			continue
		}
		var pods []int
		for k, p := range w.s.Pods {
			if p.Owner == wl.Object && p.Terminating.IsZero() {
				pods = append(pods, k)
			}
		}
		for len(pods) > wl.Replicas {
			w.s.Pods[pods[len(pods)-1]].Terminating = w.clock.Now()
			pods = pods[:len(pods)-1]
		}
		for ; len(pods) < wl.Replicas; pods = append(pods, len(w.s.Pods)-1) {
			w.uid++
			name := fmt.Sprintf("%s-new%d", wl.Name, w.uid)
			if wl.Kind == "StatefulSet" {
				name = fmt.Sprintf("%s-%d", wl.Name, len(pods))
			}
			p := fleet.Pod{Object: object("Pod", name), Owner: wl.Object, Phase: "Pending", Node: w.schedulable(), Reason: "ContainerCreating", Created: w.clock.Now()}
			if on := w.tolerant[wl.Name]; on != "" { // and the scheduler sees most room there
				p.Node, p.BearsCordon = on, true
			}
			for _, c := range w.s.Claims {
				if c.Name == wl.Name+"-data" {
					p.Claims = []string{c.Name}
				}
			}
			w.s.Pods = append(w.s.Pods, p)
		}
	}
}

func (w *world) schedulable() string {
	for _, n := range w.s.Nodes {
		if n.Ready == fleet.True && !n.Unschedulable {
			return n.Name
		}
	}
	return ""
}

// attach makes VolumeAttachments for pods that need them and takes others away.
func (w *world) attach() {
	for _, v := range w.s.Volumes {
		var need string
		held := false
		i := slices.IndexFunc(w.s.Attachments, func(a fleet.Attachment) bool { return a.Volume == v.Name })
		for _, p := range w.s.Pods {
			if slices.Contains(p.Claims, v.Claim.Name) {
				held = held || i >= 0 && w.s.Attachments[i].Node == p.Node
				if p.Terminating.IsZero() {
					need = p.Node
				}
			}
		}
		cv := w.volumes[v.CloudID]
		switch {
		case i >= 0 && !held && !w.stuck["attachments"]:
			w.s.Attachments = slices.Delete(w.s.Attachments, i, i+1)
			if !w.stuck["detach"] {
				cv.Instance, cv.Usable, cv.Updated = 0, false, w.clock.Now()
			}
		case i >= 0 && !w.s.Attachments[i].Attached && cv.Instance == 0 && w.s.Attachments[i].Node == need:
			w.s.Attachments[i].Attached = true // the driver tries again
			cv.Instance, cv.Usable, cv.Updated = w.nodeOf(need).Identity.Instance, true, w.clock.Now()
		case i < 0 && need != "" && w.nodeOf(need) != nil:
			a := fleet.Attachment{Name: "csi-new-" + v.Name, Volume: v.Name, Node: need, Created: w.clock.Now()}
			if cv.Instance == 0 {
				a.Attached = true
				cv.Instance, cv.Usable, cv.Updated = w.nodeOf(need).Identity.Instance, !w.stuck["limbo "+v.Name], w.clock.Now()
				if w.stuck["limbo "+v.Name] {
					w.k8s = append(w.k8s, fleet.Event{At: w.clock.Now().Add(time.Second), About: object("Pod", v.Claim.Name), Type: "Warning", Reason: "FailedMount",
						Message: "MountVolume.MountDevice failed for volume \"" + v.Name + "\" : rpc error: code = Internal desc = Unable to find device path out of attempted paths"})
				}
			}
			w.s.Attachments = append(w.s.Attachments, a)
		}
	}
}

func (w *world) kubelets() {
	for i := range w.s.Pods {
		p := &w.s.Pods[i]
		n := w.nodeOf(p.Node)
		p.Ready = n != nil && n.Ready == fleet.True && p.Terminating.IsZero() && !w.stuck["ready "+p.Owner.Name] && !w.stuck["ready "+p.Name]
		for _, c := range p.Claims {
			for _, v := range w.s.Volumes {
				if v.Claim.Name == c {
					cv := w.volumes[v.CloudID]
					p.Ready = p.Ready && n != nil && cv.Usable && cv.Instance == n.Identity.Instance
				}
			}
		}
		if p.Ready {
			p.Phase, p.Reason = "Running", ""
		}
	}
	w.sense()
	if w.stuck["daemons"] {
		for i := range w.s.Pods {
			w.s.Pods[i].Ready = w.s.Pods[i].Ready && !w.s.Pods[i].Daemon
		}
	}
	if n := w.byInstance(w.next); n != nil && w.stuck["driver"] {
		n.Drivers = nil
	}
}

// sense lets the probes, where there are any, be Ready as DNS and their node's network
// are.
func (w *world) sense() {
	dns := slices.ContainsFunc(w.s.Pods, func(p fleet.Pod) bool { return p.Owner == system("Deployment", "coredns") && p.Ready })
	for i := range w.s.Pods {
		if p := &w.s.Pods[i]; p.Owner == probes {
			p.Ready = p.Ready && dns && !w.stuck["network of "+p.Node]
		}
	}
}
