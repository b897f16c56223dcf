package kubetest

import (
	"fmt"
	"sync"
	"time"
)

// CloudOf is what the cluster sees of the cloud that it stands in. Calls are made
// with the cluster locked: they must not call the cluster.
type CloudOf interface {
	// Machines are those of the cluster, whether they run or not; one that was deleted
	// is not among them.
	Machines() ([]Machine, error)
	Disks() ([]Disk, error)
	// Attach and Detach are asked for once; what comes of them is in later Disks. The
	// error's text becomes the VolumeAttachment's.
	Attach(disk, machine int) error
	Detach(disk int) error
}

// Notifier is a cloud that tells of changes, so that nobody has to look again and
// again. f only passes a signal on.
type Notifier interface{ OnChange(f func()) }

// Timed is a cloud in which things happen by themselves, and that says when the next
// one does.
type Timed interface{ Next() (time.Time, bool) }

// Seeder is a cloud that takes in what the cluster begins with, so that a test puts
// each node and each volume there once. What is there already is left as it is.
type Seeder interface {
	SeedMachine(Machine)
	SeedDisk(Disk)
}

// Machine is a machine of the cluster.
type Machine struct {
	ID      int    `json:"id"`
	Name    string `json:"name"` // the node's
	Running bool   `json:"running"`
	Boot    int    `json:"boot"` // another number after every boot
}

// Disk is a volume.
type Disk struct {
	ID      int    `json:"id"`
	Label   string `json:"label,omitempty"`
	Machine int    `json:"machine,omitempty"` // 0: attached to none
	Usable  bool   `json:"usable,omitempty"`  // the machine has the device
}

// Plain is a cloud in which everything happens at once, and that does what it is told.
type Plain struct {
	mu       sync.Mutex
	machines []Machine
	disks    []Disk
	refuse   map[int]string // by disk: why attaching fails
	limbo    map[int]bool   // by disk: the next attaching brings no device
	changed  []func()
}

// NewPlain makes an empty one.
func NewPlain() *Plain { return &Plain{refuse: map[int]string{}, limbo: map[int]bool{}} }

var (
	_ CloudOf  = (*Plain)(nil)
	_ Notifier = (*Plain)(nil)
	_ Seeder   = (*Plain)(nil)
)

// Machines implements [CloudOf].
func (p *Plain) Machines() ([]Machine, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Machine(nil), p.machines...), nil
}

// Disks implements [CloudOf].
func (p *Plain) Disks() ([]Disk, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Disk(nil), p.disks...), nil
}

// Attach implements [CloudOf].
func (p *Plain) Attach(disk, machine int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why := p.refuse[disk]; why != "" {
		return fmt.Errorf("%s", why)
	}
	d := p.disk(disk)
	d.Machine, d.Usable = machine, !p.limbo[disk]
	delete(p.limbo, disk)
	return nil
}

// Detach implements [CloudOf].
func (p *Plain) Detach(disk int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.disk(disk)
	d.Machine, d.Usable = 0, false
	return nil
}

func (p *Plain) disk(id int) *Disk {
	for i := range p.disks {
		if p.disks[i].ID == id {
			return &p.disks[i]
		}
	}
	p.disks = append(p.disks, Disk{ID: id})
	return &p.disks[len(p.disks)-1]
}

// SeedMachine implements [Seeder].
func (p *Plain) SeedMachine(m Machine) {
	m.Boot = 1
	p.SetMachine(m)
}

// SeedDisk implements [Seeder].
func (p *Plain) SeedDisk(d Disk) { p.SetDisk(d) }

// SetMachine adds a machine or changes it.
func (p *Plain) SetMachine(m Machine) {
	p.change(func() {
		for i := range p.machines {
			if p.machines[i].ID == m.ID {
				p.machines[i] = m
				return
			}
		}
		p.machines = append(p.machines, m)
	})
}

// Delete deletes a machine; its disks are detached.
func (p *Plain) Delete(machine int) {
	p.change(func() {
		var rest []Machine
		for _, m := range p.machines {
			if m.ID != machine {
				rest = append(rest, m)
			}
		}
		p.machines = rest
		for i := range p.disks {
			if p.disks[i].Machine == machine {
				p.disks[i].Machine, p.disks[i].Usable = 0, false
			}
		}
	})
}

// SetDisk adds a disk or changes it.
func (p *Plain) SetDisk(d Disk) { p.change(func() { *p.disk(d.ID) = d }) }

// Refuse makes attaching a disk fail with these words; "" lets it succeed again.
func (p *Plain) Refuse(disk int, why string) { p.change(func() { p.refuse[disk] = why }) }

// Limbo makes the next attaching of a disk succeed without a device.
func (p *Plain) Limbo(disk int) { p.change(func() { p.limbo[disk] = true }) }

// OnChange implements [Notifier].
func (p *Plain) OnChange(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = append(p.changed, f)
}

func (p *Plain) change(f func()) {
	p.mu.Lock()
	f()
	tell := p.changed
	p.mu.Unlock()
	for _, t := range tell {
		t()
	}
}
