package kubernetes

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

var argoApplications = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}

// applications are Argo CD's, as far as they can be read.
type applications struct {
	at     time.Time
	asked  bool
	err    error // they cannot be read, although a mark says that Argo CD is there
	absent bool  // the cluster knows no Applications
	byName map[string]application
}

type application struct {
	fleet.Object
	automated bool
}

// forget is how long what was read of Argo CD stands.
const forget = time.Minute

// applications reads Argo CD's Applications where a workload has its mark.
func (c *shared) applications(ctx context.Context, e everything, now time.Time) applications {
	marked := false
	for _, name := range []string{"deployments", "statefulsets", "daemonsets"} {
		for _, w := range of[workload](e, name) {
			if _, _, certain := trackedBy(w); certain {
				marked = true
			}
		}
	}
	c.mu.Lock()
	known := c.argo
	c.mu.Unlock()
	if !marked || known.asked && now.Sub(known.at) < forget && known.err == nil {
		return known
	}
	got := applications{at: now, asked: true, byName: map[string]application{}}
	got.err = c.read(ctx, asked{"list", "applications.argoproj.io", ""}, func(ctx context.Context, with *clients) error {
		o := metav1.ListOptions{Limit: pageSize}
		for range maxPages {
			l, err := with.dynamic.Resource(argoApplications).Namespace(c.ArgoNamespace).List(ctx, o)
			if err != nil {
				return err
			}
			for _, a := range l.Items {
				automated, has, err := unstructured.NestedMap(a.Object, "spec", "syncPolicy", "automated")
				off := has && err == nil && automated["enabled"] == false
				got.byName[a.GetName()] = application{fleet.Object{Kind: "Application", Namespace: a.GetNamespace(), Name: a.GetName(), UID: string(a.GetUID())}, (has || err != nil) && !off}
			}
			if o.Continue = l.GetContinue(); o.Continue == "" {
				return nil
			}
		}
		return nil
	})
	if problem.Is(got.err, problem.NotFound) {
		got.absent, got.err = true, nil
	}
	c.mu.Lock()
	c.argo = got
	c.mu.Unlock()
	return got
}

// keeper is Argo CD where it keeps a workload. An Application that is not synced by
// itself undoes nothing.
func (a applications) keeper(w workload) (fleet.Keeper, bool) {
	name, mark, certain := trackedBy(w)
	namespace, short, foreign := strings.Cut(name, "_")
	k := fleet.Keeper{How: byArgo, Object: fleet.Object{Kind: "Application", Name: name}, Why: "its " + mark}
	if foreign {
		k.Object.Namespace, k.Object.Name = namespace, short
	}
	app, known := a.byName[name]
	switch {
	case name == "" || a.absent:
		return fleet.Keeper{}, false
	case known:
		k.Object, k.Pause = app.Object, true
		return k, app.automated
	case !certain:
		return fleet.Keeper{}, false
	case a.err != nil:
		k.Why += "; its Applications cannot be read, so Wardroom cannot pause it"
	default:
		k.Why += "; Argo CD has no such Application where Wardroom looks"
	}
	return k, true
}
