package linodetest

// Machine is a machine of the cluster, as its node lives on it.
type Machine struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Boots   int    `json:"boots"` // since the start; another number after every boot
}

// Machines are those that are there now, for whoever simulates the cluster.
func (s *Server) Machines() (list []Machine) {
	s.do(func() {
		boots := map[int]int{}
		for _, c := range s.changes {
			if c.What == InstanceBooted {
				boots[c.Linode]++
			}
		}
		for _, i := range s.state.Instances {
			list = append(list, Machine{i.ID, i.Label, i.Status == "running", boots[i.ID]})
		}
	})
	return list
}

// Disks are the volumes as they are now. One that is attached and that its machine
// does not see is Stuck.
func (s *Server) Disks() (list []Disk) {
	s.do(func() {
		for _, v := range s.state.Volumes {
			list = append(list, Disk{ID: v.ID, Label: v.Label, Linode: v.holder(), GiB: v.Size, Persist: v.persist, Stuck: v.Instance != nil && !v.Ready})
		}
	})
	return list
}
