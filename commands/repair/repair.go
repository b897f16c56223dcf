// Package repair holds the remediations: one file for each, which says what it
// would do, and the steps that they share, in step_*.go.
//
// A plan only reads. Its steps ask once and return; what comes of them is observed
// later, perhaps by another process. The safe order in which volumes are freed is
// that of https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/
package repair

import (
	"maps"
	"time"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// Ports are what the repairs read and change.
type Ports struct {
	Cluster fleet.Cluster
	Cloud   fleet.Cloud
	Redis   fleet.Redis // nil: there is none
	Clock   timeline.Clock
	Blast   fleet.BlastOptions
	Past    Past          // what earlier runs have recorded; nil: nothing
	Support fleet.Support // the cloud's support desk; nil: there is none
	NotBack NotBack       // what was Ready before an incident and is not; nil: nobody knows
	Talos   fleet.Talos   // the way to machines that run Talos; nil: there is none
}

// All are the remediations, in the order in which they are offered: the least
// disruptive first.
func All(p Ports) []remediation.Remediation {
	if p.Talos == nil {
		p.Talos = fleet.NoTalos{}
	}
	if p.Redis == nil {
		p.Redis = fleet.NoRedis{}
	}
	if p.Support == nil {
		p.Support = fleet.NoSupport{}
	}
	plans := planner{talos: p.Talos, cluster: p.Cluster, cloud: p.Cloud, redis: p.Redis, clock: p.Clock, blast: p.Blast, past: p.Past, notBack: p.NotBack}
	steps := allSteps(p.Cluster, p.Cloud, p.Talos)
	steps[stepOpenTicket], steps[stepTicketThere] = openTicketStep(p.Support), ticketThereStep(p.Support)
	maps.Copy(steps, redisSteps(p.Cluster, p.Redis))
	return []remediation.Remediation{
		nodeUncordon{plans, steps},
		nodeCordon{plans, steps},
		workloadRestore{plans, steps},
		redisExpand{plans, steps},
		partRestart{plans, steps, dns},
		partRestart{plans, steps, kubeProxy},
		partRestart{plans, steps, csi},
		partRestart{plans, steps, calico},
		coreRestart{plans, steps},
		workloadRestart{plans, steps},
		workloadScale{plans, steps},
		volumeTicket{plans, steps, p.Support},
		redisCollapse{plans, steps},
		volumeRemount{plans, steps},
		podForceDelete{plans, steps},
		nodeDrain{plans, steps},
		nodeReboot{plans, steps},
		nodeRebootAll{plans, steps},
		nodeRecycle{plans, steps},
	}
}

// The names of the remediations.
const (
	NodeUncordon  = "node-uncordon"
	NodeCordon    = "node-cordon"
	NodeDrain     = "node-drain"
	NodeReboot    = "node-reboot"
	NodeRebootAll = "node-reboot-all"
	NodeRecycle   = "node-recycle"
	VolumeRemount = "volume-remount"
	VolumeTicket  = "volume-ticket"

	WorkloadScale   = "workload-scale"
	WorkloadRestore = "workload-restore"
	WorkloadRestart = "workload-restart"

	PodForceDelete = "pod-force-delete"

	RedisCollapse = "redis-collapse"
	RedisExpand   = "redis-expand"

	RestartCoreDNS   = "restart-coredns"
	RestartCalico    = "restart-calico"
	RestartCSI       = "restart-csi"
	RestartKubeProxy = "restart-kube-proxy"
	RestartCore      = "restart-core"
)

// stepTable holds every shared step by its name. A plan names only those that its
// remediation uses.
type stepTable map[string]remediation.Step

func (t stepTable) Step(name string) (remediation.Step, bool) {
	s, ok := t[name]
	return s, ok
}

// The names of the steps. They mean the same for as long as the versions of the
// remediations that use them stay.
const (
	stepCordon          = "cordon"
	stepUncordon        = "uncordon"
	stepPause           = "pause-keeper"
	stepResume          = "resume-keeper"
	stepScaleTo         = "scale-to"
	stepScaleBack       = "scale-back"
	stepPodsGone        = "pods-gone"
	stepEvictPods       = "evict-pods"
	stepVolumesLetGo    = "volume-pods-gone"
	stepShutdown        = "shutdown-instance"
	stepInstanceOff     = "wait-instance-off"
	stepTaint           = "taint-out-of-service"
	stepUntaint         = "untaint-out-of-service"
	stepForceDelete     = "force-delete-left"
	stepAttachmentsGone = "attachments-gone"
	stepDetach          = "detach-at-cloud"
	stepVolumeFree      = "volume-free"
	stepTargetProven    = "target-proven"
	stepRecycle         = "recycle"
	stepReplaced        = "replacement-known"
	stepReboot          = "reboot-instance"
	stepBoot            = "boot-instance"
	stepBootKept        = "boot-unless-replaced"
	stepRestarted       = "node-restarted"
	stepNodeReady       = "node-ready"
	stepCSIRegistered   = "csi-registered"
	stepDaemonsReady    = "daemonsets-ready"
	stepVolumesUsable   = "volumes-usable"
	stepPodsReady       = "pods-ready"
	stepRestart         = "restart-workload"
	stepRestartLeft     = "restart-if-not-back"
	stepRolledOut       = "rolled-out"
	stepRegisteredOn    = "csi-registered-everywhere"
	stepGivenTime       = "given-time"
	stepProbed          = "probes-ready"
	stepOpenTicket      = "open-ticket"
	stepTicketThere     = "ticket-there"
	stepForceDeletePod  = "force-delete-pod"
	stepPodGone         = "pod-gone"
	stepReached         = "replicas-reached"
	stepUnscale         = "scale-back-unless-reached"
	stepUnpause         = "resume-keeper-unless-reached"
	stepNoteReady       = "note-ready"
	stepNotWorse        = "not-worse"
	stepEtcdQuorum      = "etcd-quorum"
	stepNodeDetached    = "node-detached"
	stepReleaseLeft     = "release-left-at-cloud"
	stepRebootTalos     = "reboot-talos"
	stepRedisProven     = "redis-master-proven"
	stepRedisJoined     = "redis-replica-in-sync"
	stepRedisPrefer     = "redis-prefer"
	stepRedisUnprefer   = "redis-prefer-as-before"
	stepRedisFailover   = "redis-failover"
	stepRedisAlone      = "redis-alone"
	stepRedisPromote    = "redis-promote"
	stepRedisRemains    = "redis-data-is-there"
	stepRedisAgreed     = "redis-sentinels-agree"
	stepRedisGrow       = "redis-scale-up-by-one"
)

func allSteps(cluster fleet.Cluster, cloud fleet.Cloud, talos fleet.Talos) stepTable {
	return stepTable{
		stepCordon:          cordonStep(cluster),
		stepUncordon:        uncordonStep(cluster),
		stepPause:           pauseStep(cluster),
		stepResume:          resumeStep(cluster),
		stepScaleTo:         scaleToStep(cluster),
		stepScaleBack:       scaleBackStep(cluster),
		stepPodsGone:        podsGoneStep(cluster),
		stepEvictPods:       evictPodsStep(cluster),
		stepVolumesLetGo:    volumesLetGoStep(cluster),
		stepShutdown:        shutdownStep(cluster, cloud),
		stepInstanceOff:     instanceOffStep(cloud),
		stepTaint:           taintStep(cluster, cloud),
		stepUntaint:         untaintStep(cluster),
		stepForceDelete:     forceDeleteStep(cluster, cloud),
		stepAttachmentsGone: attachmentsGoneStep(cluster),
		stepDetach:          detachStep(cluster, cloud),
		stepVolumeFree:      volumeFreeStep(cloud),
		stepTargetProven:    targetProvenStep(cluster, cloud),
		stepRecycle:         recycleStep(cluster, cloud),
		stepReplaced:        replacedStep(cluster, cloud),
		stepReboot:          rebootStep(cluster, cloud),
		stepBoot:            bootStep(cluster, cloud),
		stepBootKept:        bootKeptStep(cluster, cloud),
		stepRestarted:       restartedStep(cluster),
		stepNodeReady:       nodeReadyStep(cluster),
		stepCSIRegistered:   csiRegisteredStep(cluster),
		stepDaemonsReady:    daemonsReadyStep(cluster),
		stepVolumesUsable:   volumesUsableStep(cluster, cloud),
		stepPodsReady:       podsReadyStep(cluster),
		stepRestart:         restartStep(cluster),
		stepRestartLeft:     restartLeftStep(cluster),
		stepRolledOut:       rolledOutStep(cluster),
		stepRegisteredOn:    registeredOnStep(cluster),
		stepGivenTime:       givenTimeStep(cluster),
		stepProbed:          probedStep(cluster),
		stepForceDeletePod:  forceDeletePodStep(cluster),
		stepPodGone:         podGoneStep(cluster),
		stepReached:         reachedStep(cluster),
		stepUnscale:         unlessReached(scaleBackStep(cluster)),
		stepUnpause:         unlessReached(resumeStep(cluster)),
		stepNoteReady:       noteReadyStep(cluster),
		stepNotWorse:        notWorseStep(cluster),
		stepEtcdQuorum:      etcdQuorumStep(cluster, talos),
		stepNodeDetached:    nodeDetachedStep(cluster),
		stepReleaseLeft:     releaseLeftStep(cluster, cloud),
		stepRebootTalos:     rebootTalosStep(cluster, talos),
	}
}

const (
	// planFresh is how old a snapshot may be that a plan is made from, stepFresh one that
	// a step is observed by.
	planFresh = 12 * time.Second
	stepFresh = 15 * time.Second
	// lastKnown: any snapshot is better than none, its age is said.
	lastKnown = 365 * 24 * time.Hour
	// cloudName is what people call the cloud.
	cloudName = "Linode"
)
