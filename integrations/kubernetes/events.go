package kubernetes

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"wardroom/bot/fleet"
)

// Events implements [fleet.Cluster]. The cluster keeps events for an hour.
func (c *Cluster) Events(ctx context.Context, about fleet.Object, limit int) ([]fleet.Event, error) {
	selector := fields.Set{"involvedObject.name": about.Name}
	if about.Kind != "" {
		selector["involvedObject.kind"] = about.Kind
	}
	if about.Kind == "Pod" && about.UID != "" { // a kubelet writes its node's name as the uid of the node
		selector["involvedObject.uid"] = about.UID
	}
	var out []fleet.Event
	o := metav1.ListOptions{Limit: pageSize, FieldSelector: selector.String()}
	for range maxPages {
		err := c.read(ctx, asked{"list", "events", ""}, func(ctx context.Context, with *clients) error {
			l, err := with.typed.CoreV1().Events(about.Namespace).List(ctx, o)
			if err != nil {
				return err
			}
			for i := range l.Items {
				out = append(out, eventOf(&l.Items[i]))
			}
			o.Continue = l.Continue
			return nil
		})
		if err != nil {
			return nil, err
		}
		if o.Continue == "" {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b fleet.Event) int { return b.At.Compare(a.At) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// longest message of an event that is kept, in characters; kubelets write whole
// mount logs into theirs.
const longest = 1000

func eventOf(e *corev1.Event) fleet.Event {
	o := e.InvolvedObject
	return fleet.Event{At: lastSeen(e), Type: e.Type, Reason: cut(e.Reason, 100), Message: cut(e.Message, longest), Count: max(int(e.Count), seriesCount(e)),
		About: fleet.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)}}
}

func seriesCount(e *corev1.Event) int {
	if e.Series != nil {
		return int(e.Series.Count)
	}
	return 1
}

// lastSeen is the newest of the times that the two ways of writing events fill in.
func lastSeen(e *corev1.Event) time.Time {
	at := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.FirstTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time} {
		if t.After(at) {
			at = t
		}
	}
	if e.Series != nil && e.Series.LastObservedTime.After(at) {
		at = e.Series.LastObservedTime.Time
	}
	return at.UTC()
}
