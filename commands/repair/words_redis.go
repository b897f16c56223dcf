package repair

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"wardroom/bot/fleet"
	"wardroom/bot/remediation"
)

// redisCommand is a line that asks an instance or a Sentinel something. A password is
// not in it: redis-cli takes it from REDISCLI_AUTH.
func redisCommand(address, command string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = "HOST", "6379"
	}
	return fmt.Sprintf("redis-cli -h %s -p %s %s", word(host), word(port), command)
}

// replicaOf is the command that makes a replica of the one at an address.
func replicaOf(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("REPLICAOF %s %s", word(host), word(port))
}

func redisArgs(s redisSubject, pod string) map[string]string {
	args := objectArgs(s.workload.Object)
	args["redis"], args["pod"] = s.set.Name, pod
	return args
}

// lookCommands are how a person asks every instance and one Sentinel.
func lookCommands(s redisSubject) (all []string) {
	for _, i := range s.view.Instances {
		all = append(all, redisCommand(i.Address, "INFO replication"))
	}
	return append(all, sentinelCommand(s, "GET-MASTER-ADDR-BY-NAME")...)
}

// sentinelCommand asks the first Sentinel something about the set.
func sentinelCommand(s redisSubject, what string) []string {
	if len(s.view.Sentinels) == 0 {
		return nil
	}
	at := s.view.Sentinels[0].Address
	if heard := s.view.Heard(); len(heard) > 0 {
		at = heard[0].Address
	}
	return []string{redisCommand(at, "SENTINEL "+what+" "+word(s.set.Master))}
}

func planRedisProven(s redisSubject, master fleet.RedisInstance) remediation.PlannedStep {
	args := redisArgs(s, s.first.Pod)
	if args["master"] = master.Pod; master.Pod == "" {
		return planned(stepRedisProven, args, lookCommands(s), "Prove once more that nobody is the master")
	}
	return planned(stepRedisProven, args, lookCommands(s), "Prove once more that %s is the master and nobody else claims to be", master.Pod)
}

func planRedisJoined(s redisSubject, pod string) remediation.PlannedStep {
	address := "HOST:6379" // where it is not the pod's name that makes the difference
	if strings.Contains(s.first.Address, s.first.Pod) {
		address = strings.Replace(s.first.Address, s.first.Pod, pod, 1)
	}
	if i, asked := s.view.Instance(pod); asked {
		address = i.Address
	}
	return planned(stepRedisJoined, redisArgs(s, pod), []string{redisCommand(address, "INFO replication")},
		"Wait until %s is a replica of the master, its link up and nothing missing", pod)
}

func planRedisPrefer(s redisSubject, priority int) remediation.PlannedStep {
	args := redisArgs(s, s.first.Pod)
	args["to"], args["from"] = strconv.Itoa(priority), strconv.Itoa(s.first.Priority)
	return planned(stepRedisPrefer, args, []string{redisCommand(s.first.Address, "CONFIG SET replica-priority "+args["to"])},
		"Have Sentinel choose %s before any other (replica-priority %s)", s.first.Pod, args["to"])
}

func planRedisUnprefer(s redisSubject) remediation.PlannedStep {
	args := redisArgs(s, s.first.Pod)
	args["to"] = strconv.Itoa(s.first.Priority)
	return planned(stepRedisUnprefer, args, []string{redisCommand(s.first.Address, "CONFIG SET replica-priority "+args["to"])},
		"Put replica-priority of %s back to %s", s.first.Pod, args["to"])
}

func planRedisFailover(s redisSubject, master fleet.RedisInstance) remediation.PlannedStep {
	args := redisArgs(s, s.first.Pod)
	args["from"] = master.Pod
	return planned(stepRedisFailover, args, sentinelCommand(s, "FAILOVER"), "Ask Sentinel to fail over from %s to %s", master.Pod, s.first.Pod)
}

func planRedisAlone(s redisSubject) remediation.PlannedStep {
	return planned(stepRedisAlone, redisArgs(s, s.first.Pod), podsCommand(s.workload.Object), "Wait until %s is the only pod left", s.first.Pod)
}

func planRedisPromote(s redisSubject) remediation.PlannedStep {
	return planned(stepRedisPromote, redisArgs(s, s.first.Pod), []string{redisCommand(s.first.Address, "REPLICAOF NO ONE")}, "Make %s the master", s.first.Pod)
}

func planRedisRemains(s redisSubject) remediation.PlannedStep {
	return planned(stepRedisRemains, redisArgs(s, s.first.Pod), []string{redisCommand(s.first.Address, "INFO replication"), redisCommand(s.first.Address, "DBSIZE")},
		"Ask %s itself: it is the master, its offset is not behind, its keys are there", s.first.Pod)
}

func planRedisAgreed(s redisSubject) remediation.PlannedStep {
	return planned(stepRedisAgreed, redisArgs(s, s.first.Pod), append(sentinelCommand(s, "GET-MASTER-ADDR-BY-NAME"), sentinelCommand(s, "FAILOVER")...),
		"Check that the Sentinels that answer name %s; tell them by a failover if not", s.first.Pod)
}

// planRedisGrow: the last one ends what a collapse began.
func planRedisGrow(s redisSubject, to int, last bool) remediation.PlannedStep {
	args := redisArgs(s, s.set.Pod(to-1))
	args["to"], args["from"] = strconv.Itoa(to), strconv.Itoa(to-1)
	if last {
		args["last"] = "yes"
	}
	return planned(stepRedisGrow, args, scaleCommand(s.workload.Object, to), "Scale %s from %d to %d", s.workload.Object, to-1, to)
}
