package kubernetes

import (
	"context"
	"errors"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"wardroom/bot/fleet"
	"wardroom/bot/problem"
)

// mostLog bounds logs whose size nobody names: a file that a chat takes.
const mostLog = 1 << 20

// Logs implements [fleet.Cluster]. The API server fetches them from the node's kubelet:
// that it cannot says nothing of the cluster.
func (c *Cluster) Logs(ctx context.Context, pod fleet.Object, o fleet.LogOptions) ([]byte, error) {
	most := int64(mostLog)
	if o.Bytes > 0 {
		most = int64(o.Bytes)
	}
	options := &corev1.PodLogOptions{Container: o.Container, Previous: o.Previous, Timestamps: true, LimitBytes: &most}
	if o.Lines > 0 {
		lines := int64(o.Lines)
		options.TailLines = &lines
	}
	var text []byte
	err := c.read(ctx, asked{"get", "pods/log", pod.String()}, func(ctx context.Context, with *clients) error {
		body, err := with.typed.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
		if err != nil {
			return noLogs(err, pod)
		}
		defer body.Close()
		text, err = io.ReadAll(io.LimitReader(body, most)) // whatever the server makes of the limit
		return err
	})
	if err != nil {
		return nil, err
	}
	return text, nil
}

// noLogs tells a kubelet that hands out nothing from an API server that does not answer.
func noLogs(err error, pod fleet.Object) error {
	status, answered := errors.AsType[*apierrors.StatusError](err)
	switch {
	case !answered, apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsUnauthorized(err), apierrors.IsTooManyRequests(err):
		return err
	case apierrors.IsBadRequest(err):
		return problem.New(problem.Conflict, "no container of %s has logs: none has run, or it has no such one", pod).Because(short(err))
	case status.Status().Code >= 500 && !apierrors.IsServiceUnavailable(err):
		return problem.New(problem.Conflict, "the node of %s does not hand out its logs", pod).Because(short(err)).
			WithHint("its kubelet does not answer; what the cluster reports about the pod is in /workload show")
	}
	return err
}
