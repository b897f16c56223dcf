package commands_test

import (
	"testing"

	"wardroom/bot/fleet"
)

// TestAuditReadsLikeTheDay is 2024-04-10, told of the cluster of the other night: a
// worker was cloned with its system, and a repair left a cordon behind.
func TestAuditReadsLikeTheDay(t *testing.T) {
	y := newYard(t)
	y.says("00:32", "vic", "/node audit")
	clone := y.ground.s.Nodes[0]
	clone.Name, clone.Identity.ProviderID, clone.Identity.BootID, clone.Identity.Instance = "lke13311-clone", "linode://28399999", "boot-clone", 28399999
	y.ground.s.Nodes = append(y.ground.s.Nodes, clone)
	y.ground.s.Nodes[1].Unschedulable = true
	y.ground.s.Nodes[1].Pressure = []string{"DiskPressure"}
	y.ground.s.Nodes[1].Taints = []fleet.Taint{fleet.OutOfService}
	y.says("00:33", "vic", "/node list")
	y.says("00:34", "vic", "/node audit")
	y.ground.s.Missing = []string{"nodes"}
	y.says("00:35", "vic", "/node audit")
	y.ground.down = true
	y.says("00:36", "vic", "/node audit")
	y.golden("audit")
}
