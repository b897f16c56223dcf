package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode/linodetest"
	"wardroom/integrations/statuspage/statuspagetest"
)

// late carries a system's answers. While it is on, each request is carried out and its
// answer comes after the client's limit: to the client, none came in time. No time passes,
// so that it is the same on every machine.
type late struct {
	inner http.RoundTripper
	on    atomic.Bool
}

func (l *late) RoundTrip(q *http.Request) (*http.Response, error) {
	if !l.on.Load() {
		return l.inner.RoundTrip(q)
	}
	res, err := l.inner.RoundTrip(q.Clone(context.WithoutCancel(q.Context())))
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body) // it is not read by whoever asked, either
		res.Body.Close()
	}
	return nil, context.DeadlineExceeded
}

// fault is one way in which one system is broken, and how it is whole again.
type fault struct {
	name         string // "slow"
	strike, heal func(*faultNight) error
}

// outside is one of the systems of the matrix.
type outside struct {
	name   string
	when   moment
	faults []fault
}

// frontPage is what something in front of a system answers in its place.
const frontPage = "<html><title>Sign in</title></html>"

var asHTML = map[string]string{"Content-Type": "text/html"}

func none(*faultNight) error { return nil }

// outsides are the systems and the ways in which they break, in the order of the tables.
func outsides() []outside {
	return []outside{
		{name: "Discord", when: asked, faults: []fault{
			slow(func(n *faultNight) *late { return &n.discord }),
			discordFault("5xx", discordtest.Fault{Status: http.StatusServiceUnavailable}),
			{"closed", func(n *faultNight) error { n.chat.Down(true); return nil }, func(n *faultNight) error { return n.chat.Up() }},
			discordFault("garbage", discordtest.Fault{Status: http.StatusOK, Body: frontPage}),
		}},
		{name: "Kubernetes API", when: running, faults: []fault{
			slow(func(n *faultNight) *late { return &n.cluster }),
			kubeFault("5xx", kubetest.Fault{Status: http.StatusServiceUnavailable}),
			{"closed", func(n *faultNight) error { n.world.kube.Down(true); return nil }, func(n *faultNight) error { n.world.kube.Down(false); return nil }},
			kubeFault("garbage", kubetest.Fault{Garbage: true}),
		}},
		{name: "Linode", when: approved, faults: []fault{
			slow(func(n *faultNight) *late { return &n.cloud }),
			linodeFault("5xx", linodetest.Fault{Status: http.StatusServiceUnavailable}),
			linodeFault("closed", linodetest.Fault{Refused: true}),
			linodeFault("garbage", linodetest.Fault{Status: http.StatusOK, Body: frontPage, Header: asHTML}),
		}},
		{name: "status page", when: asked, faults: []fault{
			slow(func(n *faultNight) *late { return &n.paper }),
			pageFault("5xx", statuspagetest.Fault{Status: http.StatusServiceUnavailable}),
			pageFault("closed", statuspagetest.Fault{Refused: true}),
			pageFault("garbage", statuspagetest.Fault{Status: http.StatusOK, Body: frontPage}),
		}},
		{name: "the disk", when: running, faults: []fault{
			{"full", func(n *faultNight) error { n.disk.Full(n.dir, true); return nil }, func(n *faultNight) error { n.disk.Full(n.dir, false); return nil }},
		}},
		{name: "the clock", when: running, faults: []fault{
			{"back by an hour", func(n *faultNight) error { n.wall.jump(-time.Hour); return nil }, func(n *faultNight) error { n.wall.jump(0); return nil }},
		}},
	}
}

func slow(of func(*faultNight) *late) fault {
	return fault{"slow", func(n *faultNight) error { of(n).on.Store(true); return nil }, func(n *faultNight) error { of(n).on.Store(false); return nil }}
}

func discordFault(name string, f discordtest.Fault) fault {
	return fault{name, func(n *faultNight) error { n.mute = true; n.chat.Fault(f); return nil }, func(n *faultNight) error { n.chat.Clear(); return nil }}
}

func kubeFault(name string, f kubetest.Fault) fault {
	return fault{name, func(n *faultNight) error { n.world.kube.Fault(f); return nil }, func(n *faultNight) error { n.world.kube.Clear(); return nil }}
}

func linodeFault(name string, f linodetest.Fault) fault {
	return fault{name, func(n *faultNight) error { n.world.linode.Fault(f); return nil }, func(n *faultNight) error { n.world.linode.Clear(); return nil }}
}

func pageFault(name string, f statuspagetest.Fault) fault {
	return fault{name, func(n *faultNight) error { n.public.Fault(f); return nil }, func(n *faultNight) error { n.public.Heal(); return nil }}
}

// title is "Kubernetes API, slow".
func title(system, fault string) string { return strings.TrimPrefix(system, "the ") + ", " + fault }
