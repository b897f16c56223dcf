package kubernetes

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// silentAfter is how long a watch may bring nothing until it is taken for one that
// hangs: the API server sends a bookmark every minute. One that hangs while the cluster
// answers everything else is noticed by nobody else: client-go leaves it to the server to
// end a watch, HTTP/2's pings tell of a connection and not of a stream, and behind a
// proxy of the connection to that alone. A server without bookmarks is asked to go on
// where a watch was.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks
const silentAfter = 90 * time.Second

// watched is a watch of which it is known when it last brought something, bookmarks too.
type watched struct {
	inner  watch.Interface
	events chan watch.Event
	end    func()
	ended  chan struct{}
}

var _ watch.Interface = (*watched)(nil)

// listen makes w the watch of a resource. cancel lets go of its context.
func (c *shared) listen(k *cached, w watch.Interface, cancel context.CancelFunc) *watched {
	l := &watched{inner: w, events: make(chan watch.Event), ended: make(chan struct{})}
	l.end = sync.OnceFunc(func() {
		close(l.ended)
		w.Stop()
		cancel()
	})
	c.caches.mu.Lock()
	k.open = l
	c.caches.mu.Unlock()
	go func() {
		defer close(l.events)
		for e := range w.ResultChan() {
			select {
			case <-l.ended: // what comes after the end is that it was ended, which is no error
				return
			default:
			}
			c.caches.mu.Lock()
			k.heard = c.Clock.Now()
			c.caches.mu.Unlock()
			select {
			case l.events <- e:
			case <-l.ended:
				return
			}
		}
	}()
	return l
}

func (w *watched) ResultChan() <-chan watch.Event { return w.events }

// Stop may be called by many and again.
func (w *watched) Stop() { w.end() }

// silent takes away the watches that have brought nothing for too long, for which
// client-go begins others when they are stopped.
func (c *caches) silent(now time.Time) (all []*watched) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.each {
		if k.open != nil && now.Sub(k.heard) > silentAfter {
			all, k.open = append(all, k.open), nil
		}
	}
	return all
}
