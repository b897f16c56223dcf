package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"wardroom/bot"
	"wardroom/bot/config"
	"wardroom/bot/fleet"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	chats "wardroom/bot/room"
	"wardroom/bot/suggest"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/commands"
	"wardroom/commands/repair"
	"wardroom/integrations/discord/rooms"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/linode"
	"wardroom/integrations/redis"
	"wardroom/integrations/talos"
)

// nodeEnv names the node that Wardroom's own pod runs on, as the downward API gives it.
const nodeEnv = "WARDROOM_NODE"

// fleetSettings are what the machines are reached with.
type fleetSettings struct {
	cluster *kubernetes.Options // nil: there is none
	cloud   *linode.Options     // nil: there is none
	talos   *talos.Options      // nil: there is no way to machines that run it
	redis   *redis.Options      // nil: none is declared
	own     string              // the node that Wardroom runs on; "" when it runs elsewhere
}

// fleetOf reads the configured cluster and cloud.
func fleetOf(cfg *config.Config) (fleetSettings, error) {
	f := fleetSettings{own: os.Getenv(nodeEnv)}
	if !cfg.Kubernetes.IsZero() {
		s, err := kubernetes.Decode(cfg.Kubernetes)
		if err != nil {
			return fleetSettings{}, err
		}
		f.cluster = &kubernetes.Options{Settings: s}
	}
	if !cfg.Linode.IsZero() {
		s, err := linode.Decode(cfg.Linode)
		if err != nil {
			return fleetSettings{}, err
		}
		f.cloud = &linode.Options{Settings: s}
	}
	if !cfg.Talos.IsZero() {
		s, err := talos.Decode(cfg.Talos)
		if err != nil {
			return fleetSettings{}, err
		}
		f.talos = &talos.Options{Settings: s}
	}
	if !cfg.Redis.IsZero() {
		sets, err := redis.Decode(cfg.Redis)
		if err != nil {
			return fleetSettings{}, err
		}
		f.redis = &redis.Options{Declared: sets}
	}
	return f.in(cfg.Mode), nil
}

// in takes the credentials for changes away where Wardroom only observes.
func (f fleetSettings) in(mode config.Mode) fleetSettings {
	if mode == config.Act {
		return f
	}
	if f.cluster != nil {
		o := *f.cluster
		o.Act = kubernetes.Credential{}
		f.cluster = &o
	}
	if f.cloud != nil {
		o := *f.cloud
		o.Act, o.Ticket = config.Secret{}, config.Secret{}
		f.cloud = &o
	}
	if f.talos != nil {
		o := *f.talos
		o.Observe = true
		f.talos = &o
	}
	if f.redis != nil {
		o := *f.redis
		o.LooksOnly = true
		f.redis = &o
	}
	return f
}

// live are the same for a single command, which keeps no caches.
func (f fleetSettings) live() fleetSettings {
	if f.cluster != nil {
		o := *f.cluster
		o.Live = true
		f.cluster = &o
	}
	return f
}

// machines are the cluster, the cloud and Redis, and the repairs on them.
type machines struct {
	cluster *kubernetes.Cluster // nil: none is configured
	linode  *linode.Linode      // nil: none is configured
	talos   *talos.Talos        // nil: none is configured
	redis   *redis.Redis        // nil: none is configured
	ports   repair.Ports        // what answers in either case
	repairs []remediation.Remediation
	desk    *remediation.Desk
	engine  *remediation.Engine
	watch   *checks.Baseline // nil: there is no cluster to look at
	clones  *checks.Clones   // nil: the same
}

// reachMachines makes what reads and changes the machines; nothing is asked yet.
func (s *system) reachMachines() (*machines, error) {
	m := &machines{ports: repair.Ports{Cluster: fleet.NoCluster{}, Cloud: fleet.NoCloud{}, Redis: fleet.NoRedis{}, Clock: s.clock, Blast: fleet.BlastOptions{Own: s.fleet.own}, Past: repair.PastOf(s.db.View)}}
	m.ports.NotBack = func(ctx context.Context, id timeline.ID) (checks.Comparison, error) {
		if m.watch == nil { // it is made later; without a cluster there is none
			return checks.Comparison{}, problem.New(problem.Unavailable, "Wardroom knows no cluster")
		}
		return m.watch.NotBack(ctx, id)
	}
	if o := s.fleet.cluster; o != nil {
		with := *o
		with.Clock, with.Log = s.clock, s.log.With("system", "kubernetes")
		m.cluster = kubernetes.New(with)
		m.ports.Cluster, m.ports.Blast.UsedBy = m.cluster, with.UsedBy
	}
	if o := s.fleet.cloud; o != nil {
		with := *o
		with.Clock, with.Log = s.clock, s.log.With("system", "linode")
		var err error
		if m.linode, err = linode.New(with); err != nil {
			return nil, err
		}
		m.ports.Cloud, m.ports.Support = m.linode, m.linode
	}
	if o := s.fleet.talos; o != nil {
		with := *o
		with.Clock, with.Log = s.clock, s.log.With("system", "talos")
		m.talos = talos.New(with)
		m.ports.Talos = m.talos
	}
	if o := s.fleet.redis; o != nil {
		with := *o
		with.Clock, with.Log = s.clock, s.log.With("system", "redis")
		m.redis = redis.New(with)
		m.ports.Redis = m.redis
	}
	return m, nil
}

// openMachines makes what repairs the machines, too.
func (s *system) openMachines() error {
	m, err := s.reachMachines()
	if err != nil {
		return err
	}
	for _, r := range repair.All(m.ports) {
		m.repairs = append(m.repairs, able{r, m.unable(r.Spec()), m.may()})
	}
	if err := s.knownRules(m.repairs); err != nil {
		return err
	}
	o := remediation.Settings{Store: s.db, Clock: s.clock, Remediations: m.repairs, Policy: s.config.Repairs, People: s.config.People}
	if m.cluster != nil {
		o.Cluster = m.cluster
	}
	if rota := s.config.OnCall.Rota; rota != nil {
		o.Rota = rota
	}
	if m.desk, err = remediation.NewDesk(o); err != nil {
		return err
	}
	seat := s.app.Runtime.NewSeat()
	m.engine = remediation.NewEngine(m.desk, seat, s.log.With("system", "repairs"))
	m.engine.Owned = s.db.Owned
	seat.Wait(m.engine.NextDue)
	if m.cluster != nil {
		seat := s.app.Runtime.NewSeat()
		m.watch = checks.NewBaseline(s.db, m.cluster, s.clock, seat, s.log.With("system", "baseline"))
		seat.Wait(m.watch.NextDue)
		seat = s.app.Runtime.NewSeat()
		m.clones = checks.NewClones(s.db, m.cluster, s.intake, s.clock, seat, s.log.With("system", "clones"))
		seat.Wait(m.clones.NextDue)
	}
	s.machines = m
	return nil
}

// knownRules refuses rules for a repair that there is not.
func (s *system) knownRules(all []remediation.Remediation) error {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Spec().Name
	}
	for name := range s.config.Repairs.Rules {
		if !slices.Contains(names, name) {
			return problem.New(problem.Invalid, "repairs.rules.%s: there is no such repair", name).WithHint("%s", problem.OneOf(names))
		}
	}
	return nil
}

// unable names the systems that a repair changes and that Wardroom may not change,
// as it was started.
func (m *machines) unable(s remediation.Spec) (systems []string) {
	can := map[string]bool{"kubernetes": m.cluster == nil || m.cluster.CanChange(), "linode": m.linode == nil || m.linode.CanChange(),
		"talos": m.talos == nil || m.talos.CanChange(), redis.System: m.redis == nil || m.redis.CanChange()}
	for _, a := range s.Access {
		if may, known := can[a.System]; known && !may && a.Changes() && !slices.Contains(systems, a.System) {
			systems = append(systems, a.System)
		}
	}
	return systems
}

// may asks the cluster what the credential for changes may; nil where there is none.
func (m *machines) may() remediation.May {
	if m.cluster == nil || !m.cluster.CanChange() {
		return nil
	}
	return func(ctx context.Context, a remediation.Access) (bool, error) {
		return m.cluster.May(ctx, kubernetes.Acting, a.Verb, a.What)
	}
}

// able says in the plans of a repair that Wardroom may not carry them out.
type able struct {
	remediation.Remediation
	lacks []string        // systems in which nothing may be changed
	may   remediation.May // asks the cluster; nil: nothing can be changed there anyway
}

// Plan implements [remediation.Remediation].
func (a able) Plan(ctx context.Context, params map[string]string) (remediation.Plan, error) {
	p, err := a.Remediation.Plan(ctx, params)
	if err == nil && a.may != nil {
		p.Findings = append(p.Findings, remediation.Denied(ctx, kubernetes.System, a.Spec(), p.Steps, a.may)...)
	}
	if err == nil && len(a.lacks) > 0 {
		p.Findings = append(p.Findings, remediation.Finding{Code: "observe-only", Strength: remediation.Hard,
			Sentence: fmt.Sprintf("Wardroom only observes: it holds no credential that may change anything in %s", strings.Join(a.lacks, " and ")),
			Hint:     "`mode: act` and credentials to act with in the configuration; docs/guide/repairs.md says which. Until then the commands of its steps can be carried out by hand"})
	}
	return p, err
}

// repairOptions are empty for a system that only declares its commands.
func (s *system) repairOptions() commands.RepairOptions {
	if s.machines == nil {
		return commands.RepairOptions{}
	}
	m := s.machines
	return commands.RepairOptions{Desk: m.desk, Cluster: m.ports.Cluster, Cloud: m.ports.Cloud, Redis: m.ports.Redis, Blast: m.ports.Blast, View: s.db.View}
}

// notBack is nil for a system that only declares its commands, and without a cluster.
func (s *system) notBack() commands.NotBack {
	if s.machines == nil || s.machines.watch == nil {
		return nil
	}
	return s.machines.watch.NotBack
}

// resolver is nil for a system that only declares its commands, and without a cluster.
func (s *system) resolver() *suggest.Resolver {
	if s.machines == nil || s.machines.cluster == nil {
		return nil
	}
	return &suggest.Resolver{Rules: s.config.Targets, Snapshot: s.machines.cluster.Snapshot, Serves: s.serves}
}

// serves reports whether people can ask for a command.
func (s *system) serves(path string) bool {
	_, err := s.table.Lookup(path)
	return err == nil
}

func (s *system) runOptions() commands.RunOptions {
	if s.machines == nil {
		return commands.RunOptions{}
	}
	return commands.RunOptions{Desk: s.machines.desk, View: s.db.View, Saw: s.machines.engine.Saw}
}

// operate carries runs on, and follows what cluster and cloud report.
func (s *system) operate() {
	m, rt := s.machines, s.app.Runtime
	m.engine.Observed = func(id remediation.RunID) {
		if s.guild != nil {
			rt.Refresh(rooms.LivingName, id.Incident())
		}
	}
	if m.cluster != nil {
		s.app.Add(bot.Service{Name: "kubernetes", Run: m.cluster.Run})
	}
	if m.linode != nil {
		w := m.linode.NewWatcher(s.db, s.log.With("system", "linode"))
		seat := rt.NewSeat()
		seat.Wait(w.NextDue)
		w.Names, w.Turns = m.volumeNames, seat
		s.app.Add(bot.Service{Name: "linode's events", Run: w.Run})
	}
	if m.linode != nil && m.linode.CanOpenTickets() {
		w := m.linode.NewTicketWatcher(s.db, s.log.With("system", "linode"))
		seat := rt.NewSeat()
		seat.Wait(w.NextDue)
		w.Opened, w.Turns = repair.OpenedTickets, seat
		s.app.Add(bot.Service{Name: "support tickets", Run: w.Run})
	}
	s.app.Add(bot.Service{Name: "repairs", Run: m.engine.Run, Begun: m.engine.Begun()})
	if m.watch != nil {
		s.app.Add(bot.Service{Name: "baseline", Run: m.watch.Run, Begun: m.watch.Begun()})
		s.app.Add(bot.Service{Name: "clones", Run: m.clones.Run, Begun: m.clones.Begun()})
	}
}

// lastKnown: any snapshot is better than none.
const lastKnown = 365 * 24 * time.Hour

// volumeNames are the cluster's volumes by the cloud's number.
func (m *machines) volumeNames(ctx context.Context) (map[int]string, error) {
	snapshot, err := m.ports.Cluster.Snapshot(ctx, lastKnown)
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, v := range snapshot.Volumes {
		if v.CloudID != 0 {
			names[v.CloudID] = v.Name
		}
	}
	return names, nil
}

// sight is what rooms show of repairs beside the record.
func (s *system) sight() chats.Sight {
	m := s.machines
	return chats.Sight{Saw: m.engine.Saw, Approvers: func(r remediation.Run) []string { return m.desk.Approvers(s.clock.Now(), r) }, Kept: repair.Kept}
}

// working tells what of the machines can be used now.
func (m *machines) working() (all []chats.Working) {
	if m.cluster != nil {
		all = append(all, m.cluster.Working())
	}
	if m.linode != nil {
		all = append(all, m.linode.Working())
	}
	if m.talos != nil {
		if w, asked := m.talos.Working(); asked {
			all = append(all, w)
		}
	}
	if m.redis != nil {
		all = append(all, m.redis.Working()...)
	}
	return all
}
