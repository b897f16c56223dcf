package kubetest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// life is what goes on behind the objects.
type life struct {
	machines map[int]*machine         // by id
	pods     map[types.UID]*podLife   // those that are bound
	volumes  map[string]*volumeLife   // by PersistentVolume/node
	told     map[string]time.Time     // trouble: when it was told last
	noticed  map[string]time.Time     // by node: since when its kubelet is silent
	collect  map[types.UID]time.Time  // pods: since when their node is gone
	broken   map[string]string        // workloads whose containers do not run, and why
	frail    map[string]bool          // workloads whose pods a boot leaves broken
	needs    map[string][]string      // what a workload's pods wait for before they start
	metal    map[string]Node          // by node: those whose machines no provider names
	hung     map[string]int           // nodes whose kubelet is dead, by the boot that it died in
	severed  map[string]severance     // nodes without pod network
	wanted   map[string]int32         // replicas that a delivery tool keeps, by workload
	synced   map[string]time.Time     // when it looked last
	names    int                      // pods named so far
	events   map[string]*corev1.Event // by what they are about, to count repetitions
	cloud    struct {
		machines map[int]Machine
		disks    map[int]Disk
		ok       bool
	} // as of this pass
}

// machine is a machine as its kubelet lives on it.
type machine struct {
	running bool
	boot    int
	since   time.Time // of this boot
	gone    bool
}

type podLife struct {
	boot    int       // of the machine that it was started in
	spoiled bool      // its containers run no more, ever
	jammed  bool      // in this boot they do not end, whoever asks
	mounted bool      // all its volumes
	at      time.Time // since when they are, and its containers start
	ended   time.Time // when it was asked to end

	troubled time.Time // a probe: since when it sees trouble
}

// volumeLife is a volume on a node.
type volumeLife struct {
	machine int
	boot    int       // of the machine when it was mounted
	mounted bool      // its file system is in use there
	idle    time.Time // since when no pod wants it there
	asked   time.Time // when the cloud was asked to attach, or to detach
	since   time.Time // when the driver took it for attached
}

func newLife() life {
	return life{machines: map[int]*machine{}, pods: map[types.UID]*podLife{}, volumes: map[string]*volumeLife{}, told: map[string]time.Time{},
		noticed: map[string]time.Time{}, collect: map[types.UID]time.Time{}, broken: map[string]string{}, hung: map[string]int{}, metal: map[string]Node{},
		frail: map[string]bool{}, needs: map[string][]string{}, severed: map[string]severance{},
		wanted: map[string]int32{}, synced: map[string]time.Time{}, events: map[string]*corev1.Event{}}
}

func (l *life) pod(uid types.UID) *podLife {
	if l.pods[uid] == nil {
		l.pods[uid] = &podLife{boot: -1}
	}
	return l.pods[uid]
}

// passes bounds how often the controllers look again after one of them changed
// something.
const passes = 200

// reconcile lets every controller do what is due, if anybody changed something or
// the time for something has come.
func (s *Server) reconcile() {
	due := !s.next.IsZero() && !s.next.After(s.now())
	if c, timed := s.opt.Cloud.(Timed); timed && !due {
		next, any := c.Next()
		due = any && !next.After(s.now())
	}
	if s.touched.Swap(false) || due {
		s.settle()
	}
}

// settle lets every controller do what is due, until nothing changes any more.
func (s *Server) settle() {
	for range passes {
		s.dirty, s.next = false, time.Time{}
		s.look()
		s.nodes()
		s.evictions()
		s.deliveries()
		s.workloads()
		s.schedule()
		s.attachments()
		s.kubelets()
		s.collectPods()
		s.statuses()
		if !s.dirty {
			return
		}
	}
}

// look reads the cloud; while it does not answer, what was seen last stands.
func (s *Server) look() {
	machines, err := s.opt.Cloud.Machines()
	disks, err2 := s.opt.Cloud.Disks()
	if err != nil || err2 != nil {
		s.due(s.now().Add(s.opt.Timing.Poll))
		return
	}
	c := &s.life.cloud
	c.machines, c.disks, c.ok = map[int]Machine{}, map[int]Disk{}, true
	for _, m := range machines {
		c.machines[m.ID] = m
	}
	for _, d := range disks {
		c.disks[d.ID] = d
	}
	if _, tells := s.opt.Cloud.(Notifier); !tells {
		s.due(s.now().Add(s.opt.Timing.Poll))
	}
}
