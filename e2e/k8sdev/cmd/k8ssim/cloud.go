package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/nodelifecycle"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
)

// lookEvery is how often the nodes that are not Ready are looked up, which is every
// five seconds elsewhere.
const lookEvery = 2 * time.Second

// runNodeLifecycle runs the cloud controller manager's node lifecycle controller: a
// node that is not Ready and whose machine is gone is deleted, one whose machine is off
// gets a taint.
func runNodeLifecycle(ctx context.Context, cluster kubernetes.Interface, at *linode) error {
	f := informers.NewSharedInformerFactory(cluster, 0)
	c, err := nodelifecycle.NewCloudNodeLifecycleController(f.Core().V1().Nodes(), cluster, cloud{at}, lookEvery)
	if err != nil {
		return err
	}
	f.Start(ctx.Done())
	c.Run(ctx, controllersmetrics.NewControllerManagerMetrics("cloud-node-lifecycle"))
	return nil
}

// cloud is what linode-cloud-controller-manager tells of machines.
// https://github.com/linode/linode-cloud-controller-manager/blob/main/cloud/linode/instances.go
type cloud struct{ *linode }

func (cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                  { return nil, false }
func (cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                  { return c, true }
func (cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (cloud) ProviderName() string                                              { return "linode" }
func (cloud) HasClusterID() bool                                                { return true }

func (c cloud) state(ctx context.Context, n *corev1.Node) (string, error) {
	var machine struct {
		Status string `json:"status"`
	}
	err := c.call(ctx, http.MethodGet, "/linode/instances/"+strings.TrimPrefix(n.Spec.ProviderID, "linode://"), nil, &machine)
	return machine.Status, err
}

func (c cloud) InstanceExists(ctx context.Context, n *corev1.Node) (bool, error) {
	_, err := c.state(ctx, n)
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	return err == nil, err
}

func (c cloud) InstanceShutdown(ctx context.Context, n *corev1.Node) (bool, error) {
	s, err := c.state(ctx, n)
	return s == "offline" || s == "shutting_down", err
}

func (c cloud) InstanceMetadata(context.Context, *corev1.Node) (*cloudprovider.InstanceMetadata, error) {
	return nil, cloudprovider.NotImplemented
}
