package kubetest

import (
	"time"

	"wardroom/integrations/linode/linodetest"
)

// OnLinode is the cloud of a cluster whose machines and volumes are a simulated
// Linode's: both tell one truth. Attaching and detaching are asked for as the
// cluster's volume driver does, and what Linode makes of it, limbo too, is what the
// cluster sees. The two must share one clock. It is closed by whoever made it, after
// the cluster.
func OnLinode(sim *linodetest.Server) CloudOf { return &onLinode{sim} }

type onLinode struct{ sim *linodetest.Server }

var (
	_ CloudOf  = (*onLinode)(nil)
	_ Notifier = (*onLinode)(nil)
	_ Timed    = (*onLinode)(nil)
	_ Seeder   = (*onLinode)(nil)
)

func (l *onLinode) Machines() (list []Machine, err error) {
	for _, m := range l.sim.Machines() {
		list = append(list, Machine{ID: m.ID, Name: m.Name, Running: m.Running, Boot: m.Boots})
	}
	return list, nil
}

func (l *onLinode) Disks() (list []Disk, err error) {
	for _, d := range l.sim.Disks() {
		list = append(list, Disk{ID: d.ID, Label: d.Label, Machine: d.Linode, Usable: d.Linode != 0 && !d.Stuck})
	}
	return list, nil
}

// Attach asks with persist_across_boots false, as the driver does.
func (l *onLinode) Attach(disk, machine int) error {
	return l.sim.Act(linodetest.ClusterUser, linodetest.Act{Do: "attach", Volume: disk, Linode: machine})
}

func (l *onLinode) Detach(disk int) error {
	return l.sim.Act(linodetest.ClusterUser, linodetest.Act{Do: "detach", Volume: disk})
}

func (l *onLinode) OnChange(f func())       { l.sim.OnChange(func(linodetest.Change) { f() }) }
func (l *onLinode) Next() (time.Time, bool) { return l.sim.Next() }

func (l *onLinode) SeedMachine(m Machine) {
	l.sim.AddNode(linodetest.Node{Name: m.Name, Linode: m.ID})
}

func (l *onLinode) SeedDisk(d Disk) {
	l.sim.AddVolume(linodetest.Disk{ID: d.ID, Label: d.Label, Linode: d.Machine, Stuck: d.Machine != 0 && !d.Usable})
}
