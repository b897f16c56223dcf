package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lines say the blast radius to people, the worst first, each short enough for a
// phone. They hold names from outside and no mark-up: surfaces escape them.
func (b Blast) Lines() []string {
	l := &lines{}
	for _, what := range b.Unknown {
		l.add("UNKNOWN: %s could not be read", what)
	}
	if b.LastReady {
		l.add("The last Ready node: everything stops")
	}
	if b.Own {
		l.add("Wardroom itself runs here and stops with it")
	}
	if b.Control {
		l.add("A control-plane node")
	}
	for _, h := range b.Workloads {
		l.hit(h)
	}
	for _, o := range b.Bare {
		l.add("%s is lost: nobody makes this pod again", o)
	}
	for _, o := range b.LocalData {
		l.add("%s loses its local data", o)
	}
	for _, v := range b.Volumes {
		l.volume(v)
	}
	l.backups(b)
	for _, budget := range b.Blocking {
		l.add("Budget %s allows no eviction now", budget)
	}
	for _, o := range b.Overlaps {
		l.add("CANNOT be evicted: %s", o)
	}
	l.capacity(b.Capacity)
	for _, k := range b.Keepers {
		l.keeper(k)
	}
	if len(*l) == 0 {
		return []string{"Nothing runs there that would be missed"}
	}
	return *l
}

type lines []string

func (l *lines) add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

func (l *lines) hit(h Hit) {
	switch {
	case h.Down:
		l.add("%s is down already", h.Object)
	case h.Single && h.Replicas == 1:
		l.add("%s goes down: its only replica", h.Object)
	case h.All:
		l.add("%s goes down: all of its Ready pods (%d)", h.Object, h.Pods)
	default:
		l.add("%s loses %s of %d", h.Object, counted(h.Pods, "pod"), h.Replicas)
	}
	if len(h.Breaks) > 0 {
		verb := "breaks"
		if h.Down {
			verb = "is missed by"
		}
		l.add("  %s %s", verb, strings.Join(h.Breaks, ", "))
	}
}

func (l *lines) volume(v Held) {
	if len(v.By) == 0 {
		l.add("Volume %s is attached, no pod uses it", v.Volume)
		return
	}
	var by []string
	for _, o := range v.By {
		by = append(by, o.String())
	}
	l.add("Volume %s of %s has to move", v.Volume, strings.Join(by, ", "))
}

func (l *lines) backups(b Blast) {
	for _, o := range b.Unbacked {
		l.add("No backup of %s is known", o)
	}
	for _, stale := range []bool{true, false} {
		for _, backup := range b.Backups {
			old := age(b.At.Sub(backup.LastSuccess))
			switch {
			case slices.Contains(b.Stale, backup.Object) != stale:
			case backup.LastSuccess.IsZero():
				l.add("Backup %s never succeeded, as far as is known", backup.Object)
			case backup.Suspended:
				l.add("Backup %s is suspended; the last one is %s old", backup.Object, old)
			case stale:
				l.add("Backup %s is stale: the last one is %s old", backup.Object, old)
			default:
				l.add("Backup %s: the last one is %s old", backup.Object, old)
			}
		}
	}
}

func (l *lines) capacity(c Capacity) {
	if c.Needed == (Resources{}) {
		return
	}
	if c.Fits() {
		l.add("Room elsewhere for %s, on %s", counted(int(c.Needed.Pods), "pod"), counted(c.Nodes, "node"))
		return
	}
	l.add("NO ROOM elsewhere for all of %s", counted(int(c.Needed.Pods), "pod"))
	l.add("  needed: %s", c.Needed)
	l.add("  free: %s", c.Free)
}

func (l *lines) keeper(k Keeper) {
	if k.Pause {
		l.add("%s %s would undo it: it is paused", k.How, k.Object)
		return
	}
	l.add("%s %s would undo it and CANNOT be paused", k.How, k.Object)
}

// String is "1.5 CPU, 2.0 GiB, 3 pods".
func (r Resources) String() string {
	return fmt.Sprintf("%.4g CPU, %.1f GiB, %s", float64(r.MilliCPU)/1000, float64(r.Memory)/(1<<30), counted(int(r.Pods), "pod"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// age is in the largest unit that says enough: "40 min", "5 h", "3 days".
func age(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
