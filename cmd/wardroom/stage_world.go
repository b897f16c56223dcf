package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
	"wardroom/integrations/redis/redistest"
	"wardroom/integrations/talos"
	"wardroom/integrations/talos/talostest"
)

// console is who acts in the cloud's own console.
const console = "oncall-colleague"

// firstDisk is the cloud's number of the first volume of a scenario.
const firstDisk = 41001

// firstMachine is the number of the first machine to which a scenario gives none.
const firstMachine = 28000001

// stageWorld is the simulated cluster on the simulated Linode that a scenario's
// machines stand in, on its clock.
type stageWorld struct {
	linode *linodetest.Server
	kube   *kubetest.Server
	talos  *talostest.Server // nil: no node runs it
	folder string            // of kubeconfigs
	disks  map[string]int
	nodes  map[string]int
	seeded []scenario.Node // that are there at first
	ponds  ponds
}

// newStageWorld builds what a scenario says; nil when it has no world.
func newStageWorld(f *scenario.File, clock *scenario.Clock) (_ *stageWorld, err error) {
	if f.World == nil {
		return nil, nil
	}
	w := &stageWorld{disks: map[string]int{}, nodes: map[string]int{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.linode, err = linodetest.New(linodetest.Options{Now: clock.Now, Limits: linodetest.Limits{Collections: 1e6, Others: 1e6, Tickets: 1e6}}); err != nil {
		return nil, err
	}
	if w.kube, err = kubetest.New(kubetest.Options{Now: clock.Now, Cloud: kubetest.OnLinode(w.linode)}); err != nil {
		return nil, err
	}
	w.ponds.kube, w.ponds.clock, w.seeded = w.kube, clock, f.World.Nodes
	if w.folder, err = os.MkdirTemp("", "wardroom-world-*"); err != nil {
		return nil, err
	}
	if err = w.kubeconfigs(); err != nil {
		return nil, err
	}
	for i, n := range f.World.Nodes {
		n.Linode = cmp.Or(n.Linode, firstMachine+i)
		w.nodes[n.Name] = n.Linode
		if err = w.node(i, n); err != nil {
			return nil, err
		}
	}
	for _, l := range f.World.Workloads {
		with := kubetest.Workload{Name: l.Name, Kind: l.Kind, Replicas: l.Replicas, Node: l.Node, Volume: l.Volume, UsedBy: l.UsedBy, CPU: l.CPU, Memory: l.Memory, Frail: l.Frail, Needs: l.Needs}
		if l.Volume != "" {
			with.Disk = firstDisk + len(w.disks)
			w.disks[l.Volume] = with.Disk
		}
		w.kube.AddWorkload(with)
		if l.Redis != nil {
			if err = w.ponds.add(l); err != nil {
				return nil, err
			}
		}
	}
	for _, b := range f.World.Backups {
		if err = w.backup(b); err != nil {
			return nil, err
		}
	}
	for _, x := range f.World.Faults {
		w.linode.Fault(w.fault(x))
	}
	return w, nil
}

// node adds a node, and where it runs Talos its machine, which is the simulated
// Linode's only in that it takes time to restart.
func (w *stageWorld) node(i int, n scenario.Node) (err error) {
	with := kubetest.Node{Name: n.Name, Linode: n.Linode, ControlPlane: n.Control, Talos: n.Talos}
	if n.Talos != "" {
		with.Address = fmt.Sprintf("10.0.0.%d", i+1)
		if w.talos == nil {
			w.talos, err = talostest.New(talostest.Options{Restart: w.restart, Up: w.isUp})
		}
		if err != nil {
			return err
		}
		w.talos.Add(talostest.Machine{Address: with.Address, Node: n.Name, Control: n.Control})
	}
	w.kube.AddNode(with)
	return nil
}

// clone has a machine join that calls itself as the node does that it was copied from.
func (w *stageWorld) clone(node string) error {
	i := slices.IndexFunc(w.seeded, func(n scenario.Node) bool { return n.Name == node })
	if i < 0 {
		return fmt.Errorf("there is no node %q at first", node)
	}
	name := scenario.CloneOf(node)
	w.nodes[name] = firstMachine + len(w.nodes)
	w.kube.AddNode(kubetest.Node{Name: name, Linode: w.nodes[name], Hostname: node, Talos: w.seeded[i].Talos, Address: fmt.Sprintf("10.0.0.%d", len(w.nodes))})
	return nil
}

func (w *stageWorld) restart(node string) error {
	return w.linode.Act(console, linodetest.Act{Do: "reboot", Linode: w.nodes[node]})
}

func (w *stageWorld) isUp(node string) bool {
	return slices.ContainsFunc(w.linode.Machines(), func(m linodetest.Machine) bool { return m.ID == w.nodes[node] && m.Running })
}

func (w *stageWorld) backup(b scenario.Backup) error {
	namespace, name, _ := strings.Cut(b.Name, "/")
	raw, err := json.Marshal(map[string]any{"apiVersion": "batch/v1", "kind": "CronJob",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec":     map[string]any{"schedule": "0 3 * * *"},
		"status":   map[string]any{"lastSuccessfulTime": b.LastSuccess().UTC().Format(time.RFC3339)}})
	if err != nil {
		return err
	}
	return w.kube.Apply(raw)
}

func (w *stageWorld) fault(x scenario.Fault) linodetest.Fault {
	f := linodetest.Fault{When: x.When, Volume: x.Volume, Times: x.Times, Linode: w.nodes[x.Node]}
	switch {
	case x.Limbo:
		f.Effect, f.Message = linodetest.Limbo, "The volume could not be attached"
	case x.Fail:
		f.Effect = linodetest.Fail
	default:
		f.Effect, f.By = linodetest.Slow, x.Longer()
	}
	return f
}

// close may be called on a world that is not there.
func (w *stageWorld) close() {
	if w == nil {
		return
	}
	w.ponds.close()
	if w.kube != nil {
		w.kube.Close()
	}
	if w.talos != nil {
		w.talos.Close()
	}
	if w.linode != nil {
		w.linode.Close()
	}
	if w.folder != "" {
		os.RemoveAll(w.folder)
	}
}

// kubeconfigs writes what the bot reaches the cluster with: to look, and to act.
func (w *stageWorld) kubeconfigs() error {
	return errors.Join(w.kube.WriteKubeconfig(w.kubeconfig("observe"), kubetest.ObserveToken), w.kube.WriteKubeconfig(w.kubeconfig("act"), kubetest.ActToken))
}

func (w *stageWorld) kubeconfig(name string) string {
	return filepath.Join(w.folder, name+".kubeconfig")
}

// settings are what the bot reaches the world with.
func (w *stageWorld) settings() (f fleetSettings) {
	if w == nil {
		return f
	}
	f.cluster = &kubernetes.Options{Live: true, Settings: kubernetes.Settings{
		Observe: kubernetes.Credential{Kubeconfig: w.kubeconfig("observe")}, Act: kubernetes.Credential{Kubeconfig: w.kubeconfig("act")}}}
	if slices.ContainsFunc(w.seeded, func(n scenario.Node) bool { return n.Talos == "" }) {
		f.cloud = &linode.Options{Pause: time.Millisecond, Settings: linode.Settings{Cluster: 13311, URL: w.linode.URL(),
			Read: config.NewSecret(linodetest.ReadToken), Act: config.NewSecret(linodetest.ActToken)}}
	}
	if w.talos != nil {
		f.talos = &talos.Options{Run: w.talos.Run}
	}
	f.redis = w.ponds.settings()
	return f
}

// NextInWorld implements [scenario.Driver].
func (s *stage) NextInWorld() (time.Time, bool) {
	if s.world == nil {
		return time.Time{}, false
	}
	return s.world.kube.Next() // it knows of the cloud's, too
}

// Advance implements [scenario.Driver].
func (s *stage) Advance() {
	if s.world == nil {
		return
	}
	for {
		s.world.linode.Advance()
		s.world.kube.Advance()
		s.world.ponds.advance()
		if due, any := s.world.kube.Next(); !any || due.After(s.clock.Now()) {
			return
		}
	}
}

// Befall implements [scenario.Driver].
func (s *stage) Befall(_ context.Context, e *scenario.WorldEvent) error {
	w := s.world
	var err error
	switch {
	case e.Hang != "":
		w.kube.Hang(e.Hang)
	case e.Power != "":
		w.linode.PowerLoss(w.nodes[e.Power])
	case e.Sever != "":
		w.kube.Sever(e.Sever, true)
	case e.Clone != "":
		err = w.clone(e.Clone)
	case e.Gone != "":
		err = errors.Join(w.linode.Act(console, linodetest.Act{Do: "delete", Linode: w.nodes[e.Gone]}), w.kube.Delete("nodes", e.Gone, false))
	case e.Break != "":
		w.kube.Break(e.Break, "CrashLoopBackOff")
	case e.Mend != "":
		w.kube.Break(e.Mend, "")
	case e.Spoil != "":
		w.kube.Spoil(e.Spoil)
	case e.Jam != "":
		w.kube.Jam(e.Jam)
	case e.Recycle != "":
		err = w.linode.Act(console, linodetest.Act{Do: "recycle", Slot: w.linode.SlotOf(e.Recycle)})
	case e.Detach != "":
		err = w.linode.Act(console, linodetest.Act{Do: "detach", Volume: w.disks[e.Detach]})
	case e.Split != "":
		err = w.ponds.befall(e.Split, (*redistest.Server).Split)
	case e.Join != "":
		err = w.ponds.befall(e.Join, (*redistest.Server).Join)
	case e.Mute != "":
		err = w.ponds.befall(e.Mute, func(sim *redistest.Server, pod string) { sim.Cut(pod, true) })
	case e.Hear != "":
		err = w.ponds.befall(e.Hear, func(sim *redistest.Server, pod string) { sim.Cut(pod, false) })
	case e.Repair:
		w.linode.Clear()
	}
	s.Advance()
	return err
}

// latest is how a scenario calls the newest run that waits for its approval.
const latest = "latest"

// Approve implements [scenario.Driver]: the person types the command that the
// button asks for, with the plan's number and what confirms it.
func (s *stage) Approve(ctx context.Context, person, run string) error {
	var r remediation.Run
	err := s.db.View(ctx, func(v timeline.View) (err error) {
		if run != latest {
			r, err = remediation.GetRun(v, remediation.RunID(run))
			return err
		}
		active, err := remediation.ActiveRuns(v)
		for _, one := range active {
			if one.Status == remediation.Requested && !one.RequestedAt.Before(r.RequestedAt) {
				r = one
			}
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case r.ID == "":
		return problem.New(problem.NotFound, "no repair waits for an approval")
	}
	line := fmt.Sprintf("/run approve run:%s plan:%s", r.ID, remediation.ShortHash(r.Hash))
	if r.Plan.Tier == remediation.Destructive {
		line += " confirm:" + remediation.Confirmation(r.Plan.Target)
	}
	_, err = s.Ask(ctx, person, line)
	return err
}
