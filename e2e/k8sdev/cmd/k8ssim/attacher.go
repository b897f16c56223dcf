package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/external-attacher/v4/pkg/controller"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	csitrans "k8s.io/csi-translation-lib"
	"k8s.io/klog/v2"
)

const (
	driver = "linodebs.csi.linode.com"
	// attachWithin is what the attacher's flag --timeout says; Linode's chart has a minute.
	attachWithin = time.Minute
	// retryAtMost is what --retry-interval-max says, which is five minutes: tests wait less.
	retryAtMost = 5 * time.Second
)

// runAttacher runs external-attacher's controller, with Linode for the driver.
func runAttacher(ctx context.Context, cluster kubernetes.Interface, cloud *linode) error {
	f := informers.NewSharedInformerFactory(cluster, 10*time.Minute)
	d := attacher{cloud}
	handler := controller.NewCSIHandler(cluster, driver, d, d,
		f.Core().V1().PersistentVolumes().Lister(), f.Storage().V1().CSINodes().Lister(), f.Storage().V1().VolumeAttachments().Lister(),
		new(attachWithin), false, false, csitrans.New(), "ext4")
	limiter := func() workqueue.TypedRateLimiter[string] {
		return workqueue.NewTypedItemExponentialFailureRateLimiter[string](200*time.Millisecond, retryAtMost)
	}
	c := controller.NewCSIAttachController(klog.Background(), cluster, driver, handler,
		f.Storage().V1().VolumeAttachments(), f.Core().V1().PersistentVolumes(), limiter(), limiter(), false, time.Minute)
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	var all sync.WaitGroup
	c.Run(ctx, 4, &all)
	all.Wait()
	return nil
}

// attacher is the part of Linode's driver that attaches and detaches.
// https://github.com/linode/linode-blockstorage-csi-driver/blob/main/internal/driver/controllerserver.go
type attacher struct{ *linode }

// Attach is ControllerPublishVolume. It returns when Linode says which machine has
// the volume, not when the machine sees it.
func (a attacher) Attach(ctx context.Context, handle string, _ bool, nodeID string, _ *csi.VolumeCapability, _, _ map[string]string) (published map[string]string, detached bool, err error) {
	id, err := volumeID(handle)
	if err != nil {
		return nil, true, err
	}
	node, err := strconv.Atoi(nodeID)
	if err != nil {
		return nil, true, status.Error(codes.InvalidArgument, err.Error())
	}
	v, err := a.volume(ctx, id)
	if err != nil {
		return nil, false, err
	}
	device := map[string]string{"devicePath": "/dev/disk/by-id/scsi-0Linode_Volume_" + v.Label}
	switch {
	case v.Linode != nil && *v.Linode == node:
		return device, false, nil
	case v.Linode != nil:
		return nil, true, status.Errorf(codes.FailedPrecondition, "volume %d is already attached to node %d", id, *v.Linode)
	}
	ask := map[string]any{"linode_id": node, "persist_across_boots": false}
	if err := a.call(ctx, http.MethodPost, fmt.Sprintf("/volumes/%d/attach", id), ask, nil); err != nil {
		return nil, false, err
	}
	return device, false, a.until(ctx, id, func(on *int) bool { return on != nil && *on == node })
}

// Detach is ControllerUnpublishVolume.
func (a attacher) Detach(ctx context.Context, handle, nodeID string, _ map[string]string) error {
	id, err := volumeID(handle)
	if err != nil {
		return err
	}
	v, err := a.volume(ctx, id)
	switch {
	case status.Code(err) == codes.NotFound:
		return nil
	case err != nil:
		return err
	case v.Linode == nil || strconv.Itoa(*v.Linode) != nodeID:
		return nil
	}
	if err := a.call(ctx, http.MethodPost, fmt.Sprintf("/volumes/%d/detach", id), nil, nil); err != nil {
		return err
	}
	return a.until(ctx, id, func(on *int) bool { return on == nil })
}

// ListVolumes is what the driver does not offer.
func (a attacher) ListVolumes(context.Context) (map[string][]string, error) {
	return nil, errors.New("not supported")
}

// until waits until a volume is where it should be.
func (a attacher) until(ctx context.Context, id int, there func(on *int) bool) error {
	for {
		v, err := a.volume(ctx, id)
		if err != nil || there(v.Linode) {
			return err
		}
		select {
		case <-ctx.Done():
			return status.Error(codes.DeadlineExceeded, "timed out waiting for the volume")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// volumeID is 123 of the handle "123-pvcbb1d06139b334c1f".
func volumeID(handle string) (int, error) {
	number, _, ok := strings.Cut(handle, "-")
	id, err := strconv.Atoi(number)
	if !ok || err != nil {
		return 0, status.Errorf(codes.NotFound, "invalid volume handle %q", handle)
	}
	return id, nil
}
