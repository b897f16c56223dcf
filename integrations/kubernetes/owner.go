package kubernetes

import (
	"wardroom/bot/fleet"
)

// builtIn are the controllers that Kubernetes itself brings. Whoever else owns an
// object is an operator, which makes it again as its own resource says.
var builtIn = map[string]map[string]bool{
	"":      {"ReplicationController": true},
	"apps":  {"Deployment": true, "ReplicaSet": true, "StatefulSet": true, "DaemonSet": true},
	"batch": {"Job": true, "CronJob": true},
}

func (o owner) builtIn() bool { return builtIn[o.Group][o.Kind] }

// owners finds controllers, by their uid and, for those who were made again, not at all.
type owners map[string]*record

func newOwners(e everything) owners {
	out := owners{}
	for _, name := range []string{"deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"} {
		for _, r := range e[name] {
			out[string(r.UID)] = r
		}
	}
	return out
}

// deepest bounds a chain of owners; nothing that Kubernetes makes is longer than two.
const deepest = 8

// top follows a chain to the last built-in controller: a pod's ReplicaSet to its
// Deployment, a Job to its CronJob. A pod that an operator owns directly has the
// operator's resource there. It is zero for what nobody owns; a static pod's node
// is not an owner.
func (all owners) top(of owner) (fleet.Object, *record) {
	if of.Kind == "" || of.Group == "" && of.Kind == "Node" {
		return fleet.Object{}, nil
	}
	for range deepest {
		r := all[of.UID]
		if r == nil || !r.Owner.builtIn() {
			return of.Object, r
		}
		of = r.Owner
	}
	return of.Object, nil
}
