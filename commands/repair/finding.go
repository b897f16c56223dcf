package repair

import (
	"fmt"

	"wardroom/bot/remediation"
)

// The codes of findings beside the governor's own. Where both find the same, the code
// is the same and it is shown once. They are stable: they are part of what an approval is for,
// and configuration and documentation name them.
const (
	IdentityUnproven   = "identity-unproven"    // hard: which machine it is, is not certain
	ClonedIdentity     = "cloned-identity"      // hard: two nodes with one identity
	EventUnfinished    = "provider-busy"        // hard: the cloud is at it already
	HolderMayWrite     = "holder-may-write"     // hard: the machine that holds a volume is not proven off
	VolumeGone         = "volume-gone"          // hard: there is nothing to remount
	VolumeUnclear      = "volume-unclear"       // hard: too little is known of the volume
	VolumeNotSick      = "volume-not-sick"      // soft: nothing is wrong that a remount mends
	VolumeLocked       = "volume-locked"        // soft: the cloud is busy with it
	TicketOpen         = "ticket-open"          // soft: somebody has asked already
	TicketsUnread      = "tickets-unread"       // hard: whether somebody has asked is not known
	TicketTokenMissing = "ticket-token-missing" // hard
	DriverMissing      = "driver-missing"       // soft: the node lacks the driver, a remount does not mend that
	LastReadyNode      = "last-ready-node"      // soft
	StaleBackup        = "stale-backup"         // soft
	OwnNode            = "own-node"             // soft: Wardroom would stop itself
	KeeperUnpausable   = "keeper-unpausable"    // soft: somebody would undo it
	OwnerUnscalable    = "owner-not-scalable"   // soft: a volume's workload cannot be scaled to 0
	ControlPlaneNode   = "control-plane-node"   // warning
	NoBackup           = "no-backup"            // warning
	NoCapacity         = "no-capacity"          // warning
	BudgetBlocks       = "budget-blocks"        // warning
	BudgetsOverlap     = "budgets-overlap"      // hard: no eviction takes a pod under more than one
	BarePodsLost       = "bare-pods-lost"       // warning
	LocalDataLost      = "local-data-lost"      // warning
	NotEverythingKnown = "not-everything-known" // warning
	NodeNotReady       = "node-not-ready"       // warning: its pods cannot be evicted, they are removed once it is off
	AlreadySo          = "already-so"           // warning: nothing would change
	ClusterUnread      = "cluster-unread"       // hard: it cannot be read now
	RolloutManual      = "rollout-manual"       // hard: a restart would replace no pod
	PodNodeAnswers     = "pod-node-answers"     // soft: no force is needed
	OperatorMayUndo    = "operator-may-undo"    // warning
	NotBackUnknown     = "not-back-unknown"     // warning
	KeeperStaysPaused  = "keeper-stays-paused"  // warning: until the workload is restored
	ChangedSince       = "changed-since"        // warning: somebody else has changed it since
	ProviderUnknown    = "provider-unknown"     // hard: nobody is known who could restart the machine
	NodeSilent         = "node-silent"          // hard: it does not answer; it is for a repair of its own
	TooManyNodes       = "too-many-nodes"       // hard: a run could not hold the steps
	EtcdQuorum         = "etcd-quorum"          // hard: it would be lost; soft where it is whenever a member restarts
	EtcdUnknown        = "etcd-unknown"         // hard: how its members are cannot be read

	RedisTwoMasters        = "redis-two-masters"        // hard: more than one instance claims to be the master
	RedisFailingOver       = "redis-failing-over"       // hard: Sentinel is at it
	RedisNoMaster          = "redis-no-master"          // hard: nobody to follow
	RedisFirstUnfit        = "redis-first-unfit"        // hard: the one that would remain is not fit to be the master
	RedisMasterUnseen      = "redis-master-unseen"      // hard: there is one that does not answer Wardroom
	RedisNeedsReplicas     = "redis-needs-replicas"     // soft: alone it takes no writes
	RedisNoReferee         = "redis-no-referee"         // hard: no Sentinel answers that could make it the master
	RedisSentinelDisagrees = "redis-sentinel-disagrees" // soft: it names another one
	RedisSentinelSilent    = "redis-sentinel-silent"    // warning
	RedisNoFailover        = "redis-no-failover"        // warning: one instance alone
	RedisWritesAtRisk      = "redis-writes-at-risk"     // warning
)

// found adds a finding to a plan.
func found(p *remediation.Plan, code string, strength remediation.Strength, hint, format string, args ...any) {
	p.Findings = append(p.Findings, remediation.Finding{Code: code, Strength: strength, Sentence: fmt.Sprintf(format, args...), Hint: hint})
}
