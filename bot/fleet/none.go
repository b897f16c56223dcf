package fleet

import (
	"context"
	"time"

	"wardroom/bot/problem"
)

// NoCluster stands for a cluster where none is configured: every call is an
// Unavailable problem that says so.
type NoCluster struct{}

// NoTalos stands for machines that run Talos where no way to them is configured: every
// call is an Unavailable problem that says so.
type NoTalos struct{}

// NoCloud stands for a cloud where none is configured: every call is an
// Unavailable problem that says so.
type NoCloud struct{}

// NoRedis stands for Redis where none is declared: there are no sets.
type NoRedis struct{}

var (
	_ Cluster = NoCluster{}
	_ Cloud   = NoCloud{}
	_ Talos   = NoTalos{}
	_ Redis   = NoRedis{}
)

func noCluster() error {
	return problem.New(problem.Unavailable, "Wardroom knows no cluster").
		WithHint("give the configuration a section `kubernetes` with a kubeconfig; docs/guide/repairs.md says how")
}

func noCloud() error {
	return problem.New(problem.Unavailable, "Wardroom knows no cloud that owns the machines").
		WithHint("give the configuration a section `linode` with the cluster's id and a token; docs/guide/repairs.md says how")
}

func noTalos() error {
	return problem.New(problem.Unavailable, "Wardroom knows no way to machines that run Talos").
		WithHint("give the configuration a section `talos` with a talosconfig; docs/talos.md says how")
}

func noRedis() error {
	return problem.New(problem.NotFound, "Wardroom knows no Redis").
		WithHint("declare it in the configuration's section `redis`; docs/guide/repairs.md says how")
}

func (NoCluster) Snapshot(context.Context, time.Duration) (*Snapshot, error)  { return nil, noCluster() }
func (NoCluster) Cordon(context.Context, string, Identity, bool) error        { return noCluster() }
func (NoCluster) Taint(context.Context, string, Identity, Taint, bool) error  { return noCluster() }
func (NoCluster) Evict(context.Context, Object) error                         { return noCluster() }
func (NoCluster) DeletePod(context.Context, Object, bool) error               { return noCluster() }
func (NoCluster) Scale(context.Context, Object, int) error                    { return noCluster() }
func (NoCluster) Pause(context.Context, Keeper, bool, string) (string, error) { return "", noCluster() }
func (NoCluster) Restart(context.Context, Object, time.Time) error            { return noCluster() }
func (NoCluster) Events(context.Context, Object, int) ([]Event, error)        { return nil, noCluster() }
func (NoCluster) Logs(context.Context, Object, LogOptions) ([]byte, error)    { return nil, noCluster() }
func (c NoCluster) DryRun() Cluster                                           { return c }
func (NoCloud) Slots(context.Context) ([]Slot, error)                         { return nil, noCloud() }
func (NoCloud) Instance(context.Context, int) (Instance, error)               { return Instance{}, noCloud() }
func (NoCloud) Volumes(context.Context) ([]CloudVolume, error)                { return nil, noCloud() }
func (NoCloud) Volume(context.Context, int) (CloudVolume, error)              { return CloudVolume{}, noCloud() }
func (NoCloud) Events(context.Context, int64) ([]CloudEvent, error)           { return nil, noCloud() }
func (NoCloud) Recycle(context.Context, string) error                         { return noCloud() }
func (NoCloud) Reboot(context.Context, int) error                             { return noCloud() }
func (NoCloud) Shutdown(context.Context, int) error                           { return noCloud() }
func (NoCloud) Boot(context.Context, int) error                               { return noCloud() }
func (NoCloud) Detach(context.Context, int) error                             { return noCloud() }
func (NoTalos) Machines(context.Context, []string) ([]TalosMachine, error)    { return nil, noTalos() }
func (NoTalos) Etcd(context.Context, []string) ([]EtcdMember, error)          { return nil, noTalos() }
func (NoTalos) Reboot(context.Context, string) error                          { return noTalos() }
func (NoRedis) Sets() []RedisSet                                              { return nil }
func (NoRedis) Look(context.Context, string, []string) (RedisView, error) {
	return RedisView{}, noRedis()
}
func (NoRedis) Promote(context.Context, string, string) error     { return noRedis() }
func (NoRedis) Prefer(context.Context, string, string, int) error { return noRedis() }
func (NoRedis) Failover(context.Context, string, string) error    { return noRedis() }
