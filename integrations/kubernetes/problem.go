package kubernetes

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"wardroom/bot/problem"
)

// asked is what was asked of the cluster, as its roles call it.
type asked struct {
	verb, resource string // "patch", "deployments/scale"
	object         string // "default/redis"; "" for a list
}

func (a asked) String() string { return strings.TrimSpace(a.verb + " " + a.resource + " " + a.object) }

// said turns an error of client-go into a problem. Outside words stand in the
// cause alone, cut to a length that logs and chats bear.
func (a asked) said(err error) error {
	if err == nil {
		return nil
	}
	if _, done := errors.AsType[*problem.Error](err); done {
		return err
	}
	cause := short(err)
	switch {
	case apierrors.IsUnauthorized(err):
		return problem.New(problem.Unavailable, "the cluster does not accept Wardroom's credential").Because(cause).
			WithHint("its token has run out or was revoked: put a new kubeconfig in place; it is read again by itself")
	case apierrors.IsForbidden(err):
		return problem.New(problem.Forbidden, "the cluster does not let Wardroom %s", a).Because(cause).
			WithHint("its role lacks the verb %s on %s; deploy/kubernetes has the roles", a.verb, a.resource)
	case apierrors.IsNotFound(err):
		return problem.New(problem.NotFound, "the cluster has no %s %s", singular(a.resource), a.object).Because(cause)
	case apierrors.IsTooManyRequests(err) && apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause):
		return problem.New(problem.Conflict, "a disruption budget forbids the eviction of %s now", a.object).Because(cause)
	case a.resource == "pods/eviction" && strings.Contains(err.Error(), overlapping):
		return problem.New(problem.Unsupported, "%s cannot be evicted: more than one disruption budget covers it: leave one of them", a.object).Because(cause).WithHint("%s", oneBudget)
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return problem.New(problem.Conflict, "%s %s is not the one that was meant, or was changed meanwhile", singular(a.resource), a.object).Because(cause)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err):
		return problem.New(problem.Invalid, "the cluster refuses to %s", a).Because(cause)
	case errors.Is(err, context.Canceled):
		return err
	}
	why := "does not answer"
	switch {
	case isTimeout(err):
		why = "does not answer in time"
	case apierrors.IsTooManyRequests(err):
		why = "asks to be asked less"
	case apierrors.ReasonForError(err) != "":
		why = "answers with an error"
	case strings.Contains(err.Error(), unreadable):
		why = "gives an answer that cannot be read: something else may stand at its address"
	}
	return problem.New(problem.Unavailable, "the cluster %s", why).Because(cause).
		WithHint("kubectl with the same kubeconfig tells whether it is the cluster or the way there; Wardroom tries again by itself")
}

// overlapping is what the API server says, with 500 and neither a reason nor a cause, of
// a pod that more than one budget covers, whatever they allow:
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/registry/core/pod/storage/eviction.go
const overlapping = "more than one PodDisruptionBudget"

// oneBudget is what to do about it.
const oneBudget = "delete all budgets but one, or change their selectors so that each pod is covered by one; then make a new plan"

// unreadable is what client-go says of an answer of a type that it does not know:
// https://github.com/kubernetes/client-go/blob/master/rest/request.go, transformResponse.
const unreadable = "serializer for "

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// cause is an error with its text cut.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// short leaves out the address with its query, and cuts what a hostile or broken
// server may have made long.
func short(err error) error {
	text := err.Error()
	if in, ok := errors.AsType[*url.Error](err); ok {
		text = in.Err.Error()
	}
	return &cause{cut(text, 300), err}
}

// cut shortens text to n runes.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "�")
	runes := 0
	for i := range text {
		if runes++; runes > n {
			return text[:i] + "…"
		}
	}
	return text
}

// singular is "deployment" for "deployments/scale".
func singular(resource string) string {
	resource, _, _ = strings.Cut(resource, "/")
	switch {
	case strings.HasSuffix(resource, "classes"):
		return strings.TrimSuffix(resource, "es")
	default:
		return strings.TrimSuffix(resource, "s")
	}
}
