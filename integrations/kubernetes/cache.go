package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// caches hold the records of every resource, kept up by watches.
type caches struct {
	mu    sync.Mutex
	each  []*cached
	proof time.Time // when the cluster last answered while all watches stood
}

// cached is one resource.
type cached struct {
	resource
	informer cache.SharedIndexInformer
	err      error     // why it cannot be read or watched now; nil: it can
	since    time.Time // of err
	heard    time.Time // when its list or watch last brought something, or began to
	open     *watched  // its watch; nil: none stands
}

// probeEvery is how often the cluster is asked for a sign of life while nothing
// else is heard of it.
const probeEvery = 10 * time.Second

// Run keeps the caches until ctx ends, and returns nil then. Without Run, or where
// Live is set, snapshots are read anew.
func (c *Cluster) Run(ctx context.Context) error {
	if c.Live {
		<-ctx.Done()
		return nil
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	c.caches.mu.Lock()
	c.caches.each = nil
	for _, r := range resources() {
		each := &cached{resource: r}
		each.informer = cache.NewSharedIndexInformerWithOptions(paged{c.listWatch(each)}, r.example, cache.SharedIndexInformerOptions{ObjectDescription: r.name})
		if err := each.prepare(c.shared); err != nil {
			c.caches.mu.Unlock()
			return err
		}
		c.caches.each = append(c.caches.each, each)
		wg.Go(func() { each.informer.RunWithContext(quiet(ctx, c.Log)) })
	}
	c.caches.mu.Unlock()
	for {
		c.probe(ctx)
		due, stop := c.Clock.At(c.Clock.Now().Add(probeEvery))
		select {
		case <-due:
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

func (k *cached) prepare(c *shared) error {
	if err := k.informer.SetTransform(func(o any) (any, error) {
		if r, ok := k.record(o); ok {
			return r, nil
		}
		return o, nil // a tombstone
	}); err != nil {
		return fmt.Errorf("kubernetes: %s: %w", k.name, err)
	}
	err := k.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		// Watches end by themselves every few minutes, and with 410 when they are too
		// far behind; the list that follows says how it really is.
		if ctx.Err() == nil {
			c.Log.Debug("a watch of the cluster ended", "resource", k.name, "err", short(err))
		}
	})
	if err != nil {
		return fmt.Errorf("kubernetes: %s: %w", k.name, err)
	}
	return nil
}

// paged makes caches read lists page by page: each page is cut down to records
// before the next arrives, where a streamed list would hold all of it.
type paged struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is what client-go asks for that.
func (paged) IsWatchListSemanticsUnSupported() bool { return true }

func (c *shared) listWatch(k *cached) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			if o.ResourceVersion == "0" {
				o.ResourceVersion = "" // or the limit would not hold
			}
			out := &page{}
			var raw error
			err := c.read(ctx, asked{"list", k.name, ""}, func(ctx context.Context, with *clients) error {
				l, err := k.list(ctx, with.typed, o)
				if raw = err; err != nil {
					return err
				}
				m, err := meta.ListAccessor(l)
				if err != nil {
					return err
				}
				out.ResourceVersion, out.Continue, out.RemainingItemCount = m.GetResourceVersion(), m.GetContinue(), m.GetRemainingItemCount()
				return meta.EachListItem(l, func(item runtime.Object) error {
					if r, ok := k.record(item); ok {
						out.Items = append(out.Items, r)
					}
					return nil
				})
			})
			c.caches.noted(k, err, c.Clock.Now())
			if raw != nil {
				return nil, raw // client-go looks for 410 in it
			}
			return out, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.AllowWatchBookmarks = true
			with, err := c.reads.get()
			if err != nil {
				c.caches.noted(k, err, c.Clock.Now())
				return nil, err
			}
			// A watch has no timeout, but its beginning has one.
			ctx, cancel := context.WithCancel(ctx)
			late := time.AfterFunc(c.Timeout, cancel)
			w, err := k.watch(ctx, with.typed, o)
			late.Stop()
			c.caches.noted(k, asked{"watch", k.name, ""}.said(err), c.Clock.Now())
			if err != nil {
				cancel()
				return nil, err
			}
			return c.listen(k, w, cancel), nil
		},
	}
}

func (c *caches) noted(k *cached, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil || k.err == nil {
		k.since = now
	}
	if k.err = err; err == nil {
		k.heard = now
	}
}

// probe asks the cluster for a sign of life: while watches stand, none is silent and it
// answers, what they brought is how it is.
func (c *shared) probe(ctx context.Context) {
	began := c.Clock.Now()
	for _, w := range c.caches.silent(began) {
		w.Stop()
	}
	err := c.read(ctx, asked{"list", "nodes", ""}, func(ctx context.Context, with *clients) error {
		_, err := with.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
	if err == nil || absent(err) {
		c.caches.mu.Lock()
		c.caches.proof = began
		c.caches.mu.Unlock()
	}
}

// everything returns the caches' content, as of when, and whether they have any: a
// resource that may not be read is missing, one that has not come yet spoils all.
func (c *caches) everything() (at time.Time, e everything, missing []string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, e, missing = c.proof, everything{}, []string{}
	for _, k := range c.each {
		if absent(k.err) {
			missing = append(missing, k.name)
			continue
		}
		if !k.informer.HasSynced() {
			return at, nil, nil, false
		}
		if k.err != nil && k.since.Before(at) {
			at = k.since
		}
		if at.Sub(k.heard) > silentAfter {
			at = k.heard
		}
		for _, o := range k.informer.GetStore().List() {
			if r, is := o.(*record); is {
				e[k.name] = append(e[k.name], r)
			}
		}
	}
	return at, e, missing, len(c.each) > 0 && !at.IsZero()
}
