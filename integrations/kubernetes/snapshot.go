package kubernetes

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// Snapshot implements [fleet.Cluster]. It comes from the caches while they are
// young enough, and is read anew otherwise; with a maxAge of 0 always. A large
// maxAge gives the last that is known, also while the cluster is down.
//
// What was read before a change of our own says nothing of what became of it: then
// it is read anew as long as that can be done, whatever maxAge is.
func (c *Cluster) Snapshot(ctx context.Context, maxAge time.Duration) (*fleet.Snapshot, error) {
	young, overtaken := c.youngest(ctx, maxAge)
	if young != nil && !overtaken {
		return young, nil
	}
	s, err := c.readShared(ctx, maxAge)
	if err != nil && young != nil && ctx.Err() == nil {
		return young, nil
	}
	return s, err
}

// youngest is the newest snapshot that is at hand, nil when that is older than maxAge,
// and whether we have changed something since. The caches are told of changes.
func (c *shared) youngest(ctx context.Context, maxAge time.Duration) (s *fleet.Snapshot, overtaken bool) {
	if maxAge <= 0 {
		return nil, false
	}
	now := c.Clock.Now()
	c.mu.Lock()
	last := c.last
	overtaken = c.known != c.changes
	c.mu.Unlock()
	at, e, missing, ok := c.caches.everything()
	if ok && (last == nil || !at.Before(last.At)) && now.Sub(at) <= maxAge {
		return c.assemble(ctx, e, missing, at), false
	}
	if last != nil && now.Sub(last.At) <= maxAge {
		return last, overtaken
	}
	return nil, false
}

// parallel is how many lists are read at the same time.
const parallel = 5

func (c *shared) readAnew(ctx context.Context) (*fleet.Snapshot, error) {
	began := c.Clock.Now()
	c.mu.Lock()
	changes, l := c.changes, c.lists
	c.mu.Unlock()
	stands, err := c.stands(ctx, l)
	if err != nil {
		return nil, err
	}
	if !stands {
		if l, err = c.readLists(ctx); err != nil {
			return nil, err
		}
	}
	s := c.assemble(ctx, l.e, slices.Clone(l.missing), began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || !s.At.Before(c.last.At) {
		c.last, c.known = s, max(c.known, changes)
		if c.Live {
			c.lists = l
		}
	}
	return s, nil
}

// lists is what was read of the cluster, and what is missing in it.
type lists struct {
	e       everything
	missing []string
	version string // of the whole cluster, when all of it is of one; ""
}

// stands reports whether what was read is still how the cluster is: its version, which
// every change of any object counts up, is the same. It is asked for where a jumping
// clock makes a rehearsal read hundreds of times, mostly with nothing new.
func (c *shared) stands(ctx context.Context, l lists) (bool, error) {
	if l.version == "" {
		return false, nil
	}
	now := ""
	err := c.read(ctx, asked{"list", "nodes", ""}, func(ctx context.Context, with *clients) error {
		nodes, err := with.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			now = nodes.ResourceVersion
		}
		return err
	})
	if absent(err) {
		return false, nil
	}
	return now == l.version, err
}

func (c *shared) readLists(ctx context.Context) (lists, error) {
	l := lists{e: everything{}}
	versions := map[string]bool{}
	var mu sync.Mutex
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, r := range resources() {
		group.Go(func() error {
			records, version, err := c.readAll(inner, r)
			mu.Lock()
			defer mu.Unlock()
			if absent(err) {
				l.missing = append(l.missing, r.name)
				return nil
			}
			l.e[r.name] = records
			versions[version] = true
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return lists{}, err
	}
	if len(versions) == 1 {
		l.version = slices.Collect(maps.Keys(versions))[0]
	}
	return l, nil
}

// absent reports whether one resource cannot be read while the others can.
func absent(err error) bool {
	return problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound)
}

// assemble makes a snapshot of records. Its order is that of names, so that the
// same cluster gives the same snapshot.
func (c *shared) assemble(ctx context.Context, e everything, missing []string, at time.Time) *fleet.Snapshot {
	argo := c.applications(ctx, e, at)
	if argo.err != nil {
		missing = append(missing, "applications.argoproj.io")
	}
	slices.Sort(missing)
	s := &fleet.Snapshot{At: at, Missing: missing, Volumes: of[fleet.Volume](e, "persistentvolumes"),
		Claims: of[fleet.Claim](e, "persistentvolumeclaims"), Attachments: of[fleet.Attachment](e, "volumeattachments")}
	s.Nodes = nodes(e)
	tops := newOwners(e)
	s.Pods, s.Workloads = c.pods(e, tops, argo)
	s.Budgets = budgets(e, s.Pods)
	s.Backups = c.backups(e)
	slices.SortFunc(s.Volumes, func(a, b fleet.Volume) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Attachments, func(a, b fleet.Attachment) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Claims, func(a, b fleet.Claim) int { return byName(a.Object, b.Object) })
	return s
}

func byName(a, b fleet.Object) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
}

func nodes(e everything) []fleet.Node {
	drivers := map[string][]string{}
	for _, r := range e["csinodes"] {
		if v, ok := r.Value.(csiNode); ok {
			drivers[r.Name] = v.drivers
		}
	}
	out := of[fleet.Node](e, "nodes")
	for i := range out {
		out[i].Drivers = drivers[out[i].Name]
	}
	slices.SortFunc(out, func(a, b fleet.Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// pods gives every pod the workload at the top of its owners, and the workloads
// that were found on the way.
func (c *shared) pods(e everything, tops owners, argo applications) ([]fleet.Pod, []fleet.Workload) {
	found := map[string]*fleet.Workload{}
	add := func(r *record) {
		switch v := r.Value.(type) {
		case workload:
			w := c.workload(v, r, e, argo)
			found[w.UID] = &w
		case cronJob:
			w := c.workload(v.workload, r, e, argo)
			found[w.UID] = &w
		}
	}
	for _, name := range []string{"deployments", "statefulsets", "daemonsets"} {
		for _, r := range e[name] {
			add(r)
		}
	}
	for _, r := range e["replicasets"] {
		if r.Owner.Kind == "" { // nobody's link: a workload also while it has no pods
			add(r)
		}
	}
	out := make([]fleet.Pod, 0, len(e["pods"]))
	for _, r := range e["pods"] {
		p, ok := r.Value.(fleet.Pod)
		if !ok {
			continue
		}
		owner, top := tops.top(r.Owner)
		p.Owner, p.Daemon = owner, owner.Kind == "DaemonSet"
		if _, known := found[owner.UID]; owner.Kind != "" && !known {
			if top != nil {
				add(top)
			} else {
				found[owner.UID] = &fleet.Workload{Object: owner, UsedBy: c.UsedBy[owner.String()], Keepers: operatorOf(r.Owner)}
			}
		}
		if w := found[owner.UID]; w != nil && tops[owner.UID] == nil && p.Terminating.IsZero() { // nobody counts them for us
			w.Replicas++
			if p.Ready {
				w.Ready++
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b fleet.Pod) int { return byName(a.Object, b.Object) })
	workloads := make([]fleet.Workload, 0, len(found))
	for _, w := range found {
		workloads = append(workloads, *w)
	}
	slices.SortFunc(workloads, func(a, b fleet.Workload) int { return byName(a.Object, b.Object) })
	return out, workloads
}

// workload is one with who depends on it and who keeps it.
func (c *shared) workload(w workload, r *record, e everything, argo applications) fleet.Workload {
	out := w.Workload
	out.UsedBy = slices.Clone(c.UsedBy[out.String()])
	for name := range strings.SplitSeq(out.Annotations[UsedByAnnotation], ",") {
		if name = strings.TrimSpace(name); name != "" {
			if !strings.Contains(name, "/") {
				name = out.Namespace + "/" + name
			}
			out.UsedBy = append(out.UsedBy, name)
		}
	}
	slices.Sort(out.UsedBy)
	out.UsedBy = slices.Compact(out.UsedBy)
	out.Keepers = slices.Concat(autoscalers(w, e["horizontalpodautoscalers"]), delivered(w, argo), operatorOf(r.Owner))
	slices.SortFunc(out.Keepers, func(a, b fleet.Keeper) int {
		return cmp.Or(strings.Compare(a.How, b.How), byName(a.Object, b.Object))
	})
	return out
}

// backups are the CronJobs that are told to be backups, or are named like one.
func (c *shared) backups(e everything) []fleet.Backup {
	var out []fleet.Backup
	for _, j := range of[cronJob](e, "cronjobs") {
		told := j.Labels[BackupLabel]
		if told == "true" || slices.Contains(c.Backups, j.backup.String()) || told == "" && strings.Contains(j.Name, "backup") {
			out = append(out, j.backup)
		}
	}
	slices.SortFunc(out, func(a, b fleet.Backup) int { return byName(a.Object, b.Object) })
	return out
}
