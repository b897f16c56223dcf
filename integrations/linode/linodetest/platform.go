package linodetest

import "time"

// Lassie's limits: at most five boots in fifteen minutes.
// https://techdocs.akamai.com/cloud-computing/docs/recover-from-unexpected-shutdowns-with-lassie
const (
	lassieBoots  = 5
	lassieWindow = 15 * time.Minute
)

// PowerLoss turns a machine off from within, as a crash does. No event tells of it.
// The watchdog boots it again unless it is switched off or has done so too often.
func (s *Server) PowerLoss(linode int) {
	s.do(func() {
		i := s.state.instance(linode)
		if i == nil || i.Status != "running" {
			return
		}
		at := s.now()
		i.Status = "offline"
		s.off(at, i, "")
		if i.Watchdog {
			s.in(at, s.opt.Timing.Lassie, "Lassie looks", func(at time.Time) { s.lassie(at, i) })
		}
	})
}

func (s *Server) lassie(at time.Time, i *instance) {
	recent := 0
	for _, t := range i.lassie {
		if at.Sub(t) < lassieWindow {
			recent++
		}
	}
	if i.Status != "offline" || recent >= lassieBoots || s.state.instance(i.ID) != i {
		return
	}
	i.lassie = append(i.lassie, at)
	s.bootBy(at, "lassie_reboot", i)
}

// HostReboot restarts the host below a machine.
func (s *Server) HostReboot(linode int) {
	s.do(func() {
		i := s.state.instance(linode)
		if i == nil || i.Status != "running" {
			return
		}
		s.off(s.now(), i, "")
		s.bootBy(s.now(), "host_reboot", i)
	})
}

func (s *Server) bootBy(at time.Time, action string, i *instance) {
	i.Status = "booting"
	e := s.emit(at, action, "scheduled", "", i.entity(), nil)
	s.follow(at, e, s.opt.Timing.Boot, func(at time.Time) (string, string) {
		s.booted(at, i, "")
		return "finished", ""
	})
}
