package commands_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/command"
	"wardroom/bot/fleet"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/statuspage"
	"wardroom/bot/suggest"
	"wardroom/bot/timeline"
	"wardroom/commands"
	"wardroom/commands/repair"
	"wardroom/storage"
)

// The machines of the night of 2021-07-11.
const (
	sickNode = "lke13311-16405-5fafd1b46dcf"
	wellNode = "lke13311-20304-5ffa4d11faab"
	redisPV  = "pvc-bb1d06139b334c1f"
	pgPV     = "pvc-0a4c2f6e7d8b9a10"
)

// ground is a cluster that only shows itself: a change of it is a nil call, which
// fails the test. What asks for repairs must never change anything by itself.
type ground struct {
	fleet.Cluster
	s    fleet.Snapshot
	k8s  []fleet.Event
	logs string
	last fleet.LogOptions // that logs were asked with
	mute error            // why there are none
	down bool
}

// heaven is its cloud, of the same sort.
type heaven struct {
	fleet.Cloud
	slots     []fleet.Slot
	instances map[int]fleet.Instance
	volumes   []fleet.CloudVolume
	events    []fleet.CloudEvent
	down      bool
	asked     int // requests
	tickets   []fleet.SupportTicket
}

func (h *heaven) Tickets(context.Context) ([]fleet.SupportTicket, error)    { return h.tickets, h.ask() }
func (h *heaven) Replies(context.Context, int) ([]fleet.TicketReply, error) { return nil, h.ask() }

// OpenTicket must not be called: what asks for repairs changes nothing by itself.
func (h *heaven) OpenTicket(context.Context, fleet.Ticket) (int, error) {
	panic("a ticket was opened by a command")
}

func (g *ground) Snapshot(context.Context, time.Duration) (*fleet.Snapshot, error) {
	if g.down {
		return nil, problem.New(problem.Unavailable, "Wardroom knows no cluster").WithHint("give the configuration a section `kubernetes` with a kubeconfig")
	}
	s := g.s
	s.At = night("00:32")
	return &s, nil
}

func (g *ground) Events(_ context.Context, about fleet.Object, limit int) (all []fleet.Event, err error) {
	for _, e := range g.k8s {
		if e.About.Name == about.Name && len(all) < limit {
			all = append(all, e)
		}
	}
	return all, nil
}

func (g *ground) Logs(_ context.Context, _ fleet.Object, o fleet.LogOptions) ([]byte, error) {
	g.last = o
	return []byte(g.logs), g.mute
}

func (h *heaven) ask() error {
	h.asked++
	if h.down {
		return problem.New(problem.Unavailable, "Linode answers 503")
	}
	return nil
}

func (h *heaven) Slots(context.Context) ([]fleet.Slot, error)          { return h.slots, h.ask() }
func (h *heaven) Volumes(context.Context) ([]fleet.CloudVolume, error) { return h.volumes, h.ask() }
func (h *heaven) Events(context.Context, int64) ([]fleet.CloudEvent, error) {
	return h.events, h.ask()
}

func (h *heaven) Instance(_ context.Context, id int) (fleet.Instance, error) {
	i, known := h.instances[id]
	if !known && !h.down {
		return i, problem.New(problem.NotFound, "no instance %d", id)
	}
	return i, h.ask()
}

func (h *heaven) Volume(_ context.Context, id int) (fleet.CloudVolume, error) {
	i := slices.IndexFunc(h.volumes, func(v fleet.CloudVolume) bool { return v.ID == id })
	if i < 0 && !h.down {
		return fleet.CloudVolume{}, problem.New(problem.NotFound, "no volume %d", id)
	}
	return h.volumes[max(i, 0)], h.ask()
}

func object(kind, name string) fleet.Object {
	return fleet.Object{Kind: kind, Namespace: "default", Name: name}
}

func (y *yard) node(name string, instance int, slot string) {
	y.ground.s.Nodes = append(y.ground.s.Nodes, fleet.Node{Name: name, Ready: fleet.True, ReadySince: night("00:00").Add(-24 * time.Hour), Drivers: []string{"linodebs.csi.linode.com"},
		Identity:    fleet.Identity{ProviderID: fmt.Sprintf("linode://%d", instance), BootID: fmt.Sprintf("boot-%d", instance), MachineID: fmt.Sprintf("machine-%d", instance), Instance: instance},
		Allocatable: fleet.Resources{MilliCPU: 4000, Memory: 8 << 30, Pods: 110}})
	y.heaven.instances[instance] = fleet.Instance{ID: instance, Label: name, Status: "running", Cluster: 13311}
	y.heaven.slots = append(y.heaven.slots, fleet.Slot{ID: slot, Pool: 1, Instance: instance, Status: "ready"})
}

func (y *yard) workload(name string, node string, instance int, pv string, cloud int, usedBy ...string) {
	s := &y.ground.s
	o := object("Deployment", name)
	s.Workloads = append(s.Workloads, fleet.Workload{Object: o, Replicas: 1, Ready: 1, UsedBy: usedBy, Scalable: true})
	pod := fleet.Pod{Object: object("Pod", name+"-0"), Node: node, Owner: o, Phase: "Running", Ready: true, Requests: fleet.Resources{MilliCPU: 500, Memory: 1 << 29}}
	if pv != "" {
		claim := object("PersistentVolumeClaim", name+"-data")
		pod.Claims = []string{claim.Name}
		s.Claims = append(s.Claims, fleet.Claim{Object: claim, Volume: pv})
		s.Volumes = append(s.Volumes, fleet.Volume{Name: pv, Claim: claim, Driver: "linodebs.csi.linode.com", Handle: fmt.Sprintf("%d-%s", cloud, strings.ReplaceAll(pv, "-", "")), CloudID: cloud, Modes: []string{"ReadWriteOnce"}, Phase: "Bound"})
		s.Attachments = append(s.Attachments, fleet.Attachment{Name: "csi-" + pv, Volume: pv, Node: node, Attached: true, Created: night("00:00")})
		y.heaven.volumes = append(y.heaven.volumes, fleet.CloudVolume{ID: cloud, Label: strings.ReplaceAll(pv, "-", ""), Status: "active", Instance: instance, Usable: true, Updated: night("00:00")})
	}
	s.Pods = append(s.Pods, pod)
}

// yard serves /node, /volume and /run on a real store with the real repairs.
type yard struct {
	*watch
	ground *ground
	heaven *heaven
	redis  fleet.Redis // nil: none is declared
	desk   *remediation.Desk
	rota   []string
	crew   []people.Person
}

func (y *yard) Order(time.Time) []string { return y.rota }

// placed puts a run into a state that an engine would have brought it to.
type placed struct {
	Run remediation.Run `json:"run"`
}

func (*placed) Kind() timeline.Kind { return "test.placed" }
func (*placed) Text() string        { return "placed" }

var placing = timeline.Fold{Name: "placing", Apply: func(w timeline.Writer, e timeline.Entry) error {
	if p, is := e.Payload.(*placed); is {
		return remediation.Runs.Put(w, p.Run)
	}
	return nil
}}

func newYard(t *testing.T) *yard {
	t.Helper()
	codec, err := timeline.NewCodec(alert.Kinds, command.Kinds, incident.Kinds, statuspage.Kinds, remediation.Kinds, []timeline.KindSpec{timeline.KindOf[placed](timeline.Detail)})
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, clock: scenario.NewClock(night("00:32")), persons: map[string]*people.Person{}}
	y := &yard{watch: w, ground: &ground{}, heaven: &heaven{instances: map[int]fleet.Instance{}}}
	y.node(wellNode, 28312346, "20304-5ffa4d11faab")
	y.node(sickNode, 28312345, "16405-5fafd1b46dcf")
	y.workload("redis", sickNode, 28312345, redisPV, 6002, "default/bot")
	y.workload("postgres", sickNode, 28312345, pgPV, 6001, "default/site")
	y.workload("bot", wellNode, 28312346, "", 0)
	y.ground.s.Backups = []fleet.Backup{{Object: object("CronJob", "postgres-backup"), LastSuccess: night("00:00").Add(-2 * time.Hour)}, {Object: object("CronJob", "redis-backup"), LastSuccess: night("00:00").Add(-2 * time.Hour)}}
	w.store, err = storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Clock: w.clock, Log: slog.New(slog.DiscardHandler),
		Folds: []timeline.Fold{alert.Fold, incident.Fold, statuspage.Fold, remediation.FreezeFold, remediation.RunFold, placing}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	crew := []people.Person{{Name: "joe", Roles: []people.Role{people.Responder}}, {Name: "chris", Roles: []people.Role{people.Responder}}, {Name: "vic", Roles: []people.Role{people.Viewer}}}
	for n := range crew {
		w.persons[crew[n].Name] = &crew[n]
	}
	y.rota, y.crew = []string{"joe", "chris"}, crew
	y.serve(crew)
	return y
}

// serve makes the commands for a team.
func (y *yard) serve(crew []people.Person) {
	y.t.Helper()
	t, w := y.t, y.watch
	directory, err := people.NewDirectory(crew)
	if err != nil {
		t.Fatal(err)
	}
	policy := remediation.DefaultPolicy()
	policy.MinHealthy = 1
	y.desk, err = remediation.NewDesk(remediation.Settings{Store: w.store, Clock: w.clock, Policy: policy, People: directory, Rota: y, Cluster: y.ground,
		Remediations: repair.All(repair.Ports{Cluster: y.ground, Cloud: y.heaven, Redis: y.redis, Support: y.heaven, Clock: w.clock, Past: repair.PastOf(w.store.View)})})
	if err != nil {
		t.Fatal(err)
	}
	o := commands.RepairOptions{Desk: y.desk, Cluster: y.ground, Cloud: y.heaven, Redis: y.redis, View: w.store.View}
	resolver := &suggest.Resolver{Rules: suggest.Rules{List: suggest.DefaultRules(), Exporters: incident.DefaultRules().Exporters}, Snapshot: y.ground.Snapshot,
		Serves: func(path string) bool {
			_, err := w.runner.Table.Lookup(path)
			return err == nil
		}}
	incidents := incident.NewDesk(w.store)
	table, err := commands.All(commands.Incident(incidents, nil, resolver), commands.Alert(incidents, nil, resolver), commands.Freeze(w.store), commands.Node(o), commands.Volume(o), commands.Workload(o), commands.Scale(o), commands.Redis(o), commands.Restart(o), commands.Pod(o),
		commands.Run(commands.RunOptions{Desk: y.desk, View: w.store.View, Saw: func(remediation.RunID) string { return "2 of 3 pods gone" }}))
	if err != nil {
		t.Fatal(err)
	}
	w.runner = &command.Runner{Table: table, Store: w.store, Incidents: incident.Directory{}, People: directory, Clock: w.clock,
		Zone: time.FixedZone("CEST", 2*60*60), Log: slog.New(slog.DiscardHandler)}
}

// open declares an incident of a severity.
func (y *yard) open(title string, severity alert.Severity) timeline.ID {
	y.t.Helper()
	i, err := incident.NewDesk(y.store).Declare(y.t.Context(), incident.Who{Actor: y.persons["joe"].Actor()}, incident.Declaration{Title: title, Severity: severity})
	if err != nil {
		y.t.Fatal(err)
	}
	return i.ID
}

// limbo is what the night did to Redis's volume: the cloud says attached, the machine
// has no device, the pod waits.
func (y *yard) limbo() {
	v := &y.heaven.volumes[0]
	v.Usable = false
	for i := range y.ground.s.Pods {
		if p := &y.ground.s.Pods[i]; p.Name == "redis-0" {
			p.Ready, p.Phase, p.Reason = false, "Pending", "ContainerCreating"
			y.ground.k8s = append(y.ground.k8s, fleet.Event{At: night("00:20"), About: p.Object, Type: "Warning", Reason: "FailedMount",
				Message: "MountVolume.MountDevice failed: rpc error: code = Internal desc = Unable to find device path out of attempted paths"})
		}
	}
	y.heaven.events = []fleet.CloudEvent{{ID: 7, Action: "volume_attach", Status: "failed", Entity: fleet.Entity{Type: "volume", ID: "6002"}, Created: night("00:13")}}
}

// place stores a run as an engine would have left it.
func (y *yard) place(change func(*remediation.Run)) {
	y.t.Helper()
	r := y.run("INC-1/run-1")
	change(&r)
	_, err := y.store.Update(y.t.Context(), func(timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{{Timeline: r.Incident, Payload: &placed{r}}}}, nil
	})
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) run(id remediation.RunID) remediation.Run {
	y.t.Helper()
	r, err := y.desk.Get(y.t.Context(), id)
	if err != nil {
		y.t.Fatal(err)
	}
	return r
}

// entries counts all that is recorded anywhere.
func (y *yard) entries() (n int) {
	y.t.Helper()
	err := y.store.View(y.t.Context(), func(v timeline.View) error {
		for _, id := range []timeline.ID{timeline.Log, "INC-1", "INC-2"} {
			all, err := v.Entries(id, 0, 10000)
			if err != nil && !problem.Is(err, problem.NotFound) {
				return err
			}
			n += len(all)
		}
		return nil
	})
	if err != nil {
		y.t.Fatal(err)
	}
	return n
}

// kinds counts what is recorded in an incident, by kind.
func (y *yard) kinds(id timeline.ID) map[timeline.Kind]int {
	y.t.Helper()
	count := map[timeline.Kind]int{}
	err := y.store.View(y.t.Context(), func(v timeline.View) error {
		all, err := v.Entries(id, 0, 10000)
		for _, e := range all {
			count[e.Kind]++
		}
		return err
	})
	if err != nil {
		y.t.Fatal(err)
	}
	return count
}

// busy: the cloud has not ended what somebody asked for.
func (y *yard) busy() {
	y.heaven.events = []fleet.CloudEvent{{ID: 8, Action: "linode_reboot", Status: "started", Entity: fleet.Entity{Type: "linode", ID: "28312345"}, Created: night("00:30")}}
}

func (y *yard) freeze() {
	y.t.Helper()
	if _, err := y.ask("joe", "/freeze on reason:the restore runs"); err != nil {
		y.t.Fatal(err)
	}
}

// alone: chris may not approve any more, and nobody else could.
func (y *yard) alone() {
	y.t.Helper()
	y.serve([]people.Person{y.crew[0], y.crew[2]})
}
