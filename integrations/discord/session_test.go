package discord

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"wardroom/integrations/discord/discordtest"
)

// sessions waits until a bot has identified so often and resumed so often.
func (r *rig) sessions(identified, resumed int) {
	r.t.Helper()
	err := r.sim.Wait(r.soon(), func() bool {
		i, n, connected := r.sim.Sessions()
		return i == identified && n == resumed && connected == 1
	})
	if err != nil {
		i, n, connected := r.sim.Sessions()
		r.t.Fatalf("identified %d, resumed %d, connected %d\n%s", i, n, connected, r.log)
	}
	r.eventually("up", func() bool { return r.bot.Working().OK })
}

func (r *rig) works() {
	r.t.Helper()
	check(r.t, r.sim.Wait(r.soon(), func() bool { return len(r.sim.Commands()) > 0 }))
	seen, err := r.sim.As("joe").Slash(r.soon(), "general", "/incident list")
	check(r.t, err)
	if seen.Failed != "" {
		r.t.Errorf("it does not work: %s\n%s", seen.Failed, r.log)
	}
}

func TestASessionGoesOn(t *testing.T) {
	content := discordtest.Options{Intents: discordtest.IntentContent}
	for name, c := range map[string]struct {
		before              []discordtest.GatewayFault // the first connection
		after               []discordtest.GatewayFault // once it is up
		identified, resumed int
	}{
		"after an op 7":                         {after: []discordtest.GatewayFault{{Do: discordtest.GatewayReconnect}}, identified: 1, resumed: 1},
		"after a cut":                           {after: []discordtest.GatewayFault{{Do: discordtest.GatewayDrop}}, identified: 1, resumed: 1},
		"after a close that allows it":          {after: []discordtest.GatewayFault{{Do: discordtest.GatewayClose, Code: 4000}}, identified: 1, resumed: 1},
		"after an op 9 that keeps the session":  {after: []discordtest.GatewayFault{{Do: discordtest.GatewayInvalid, Resumable: true}}, identified: 1, resumed: 1},
		"anew after an op 9 that does not":      {after: []discordtest.GatewayFault{{Do: discordtest.GatewayInvalid}}, identified: 2},
		"anew when the session is forgotten":    {after: []discordtest.GatewayFault{{Do: discordtest.GatewayForget}, {Do: discordtest.GatewayDrop}}, identified: 2},
		"anew after 4009":                       {after: []discordtest.GatewayFault{{Do: discordtest.GatewayClose, Code: 4009}}, identified: 2},
		"when op 7 comes right after IDENTIFY":  {before: []discordtest.GatewayFault{{Do: discordtest.GatewayFirst, Code: 7}}, identified: 2},
		"when op 9 comes right after IDENTIFY":  {before: []discordtest.GatewayFault{{Do: discordtest.GatewayFirst, Code: 9}}, identified: 2},
		"when op 11 comes right after IDENTIFY": {before: []discordtest.GatewayFault{{Do: discordtest.GatewayFirst, Code: 11}}, identified: 1},
		"when op 7 comes right after RESUME":    {after: []discordtest.GatewayFault{{Do: discordtest.GatewayFirst, Code: 7}, {Do: discordtest.GatewayDrop}}, identified: 1, resumed: 1},
		"when op 11 comes right after RESUME":   {after: []discordtest.GatewayFault{{Do: discordtest.GatewayFirst, Code: 11}, {Do: discordtest.GatewayDrop}}, identified: 1, resumed: 1},
		"through garbage":                       {after: []discordtest.GatewayFault{{Do: discordtest.GatewayGarbage}}, identified: 1, resumed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, content)
			for _, f := range c.before {
				r.sim.Gateway(f)
			}
			if len(c.before) > 0 {
				r.begin()
			} else {
				r.connected()
			}
			for _, f := range c.after {
				r.sim.Gateway(f)
			}
			r.sessions(c.identified, c.resumed)
			r.works()
		})
	}
}

func TestADisallowedIntentCostsThePinAndNotTheRoom(t *testing.T) {
	r := newRig(t, discordtest.Options{Intents: discordtest.IntentContent})
	r.connected()
	r.sim.SetIntents(0) // and the application still says that it has it
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayClose, Code: 4014})
	r.eventually("without Message Content", func() bool { return r.bot.Working().OK && !r.bot.readsContent() })
	r.works()
	if w := r.bot.Working(); !strings.Contains(w.Why, "Message Content Intent") {
		t.Errorf("it does not say what is missing: %+v", w)
	}
}

func TestAFatalCloseStopsWithOneSentenceAndHealsSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		code  int
		when  discordtest.GatewayAct
		times int // of handshakes that are refused
		says  string
	}{
		"4014 after IDENTIFY, without and with": {4014, discordtest.GatewayRefuse, 2, "does not grant"},
		"4014 after READY and ever after":       {4014, discordtest.GatewayClose, 2, "does not grant"},
		"4004 after IDENTIFY":                   {4004, discordtest.GatewayRefuse, 1, "Reset Token"},
		"4004 after READY":                      {4004, discordtest.GatewayClose, 0, "Reset Token"},
		"4013 after IDENTIFY":                   {4013, discordtest.GatewayRefuse, 1, "update Wardroom"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, discordtest.Options{Intents: discordtest.IntentContent})
			if c.when == discordtest.GatewayClose {
				r.connected()
				r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayRefuse, Code: c.code, Times: max(c.times, 1)})
				if c.times == 0 {
					r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayRefuse, Code: c.code})
				}
				r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayClose, Code: c.code})
			} else {
				r.sim.Gateway(discordtest.GatewayFault{Do: c.when, Code: c.code, Times: c.times})
				r.begin()
			}
			r.eventually("stopped", func() bool { return strings.Contains(r.bot.Working().Why, c.says) && !r.bot.Working().OK })
			r.eventually("waits", func() bool { next, waits := r.clock.Next(); return waits && next.Sub(r.clock.Now()) == 10*time.Minute })
			before, _, _ := r.sim.Sessions()
			for range 5 { // it heals by itself, some refusals later
				r.clock.MoveTo(r.clock.Now().Add(10 * time.Minute))
				r.eventually("tried", func() bool {
					_, waits := r.clock.Next()
					return waits || r.bot.Working().OK
				})
				if r.bot.Working().OK {
					break
				}
			}
			r.eventually("healed", func() bool { return r.bot.Working().OK })
			after, _, _ := r.sim.Sessions()
			if after-before > 6 {
				t.Errorf("%d IDENTIFYs to heal", after-before)
			}
			r.works()
			if n := strings.Count(r.log.String(), "level=ERROR"); n != 1 {
				t.Errorf("said %d times\n%s", n, r.log)
			}
		})
	}
}

func TestADeadConnectionIsNoticed(t *testing.T) {
	r := newRig(t, discordtest.Options{Heartbeat: 50 * time.Millisecond})
	r.connected()
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayMute})
	r.eventually("noticed", func() bool {
		r.bot.session.state.mu.Lock()
		defer r.bot.session.state.mu.Unlock()
		return !r.bot.session.state.up
	})
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayUnmute})
	r.eventually("back", func() bool { return r.bot.Working().OK })
}

func TestDiscordIsAwayFromTheStartAndComesBack(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.sim.Down(true)
	r.pace.first, r.pace.most = time.Second, time.Second
	r.begin()
	r.eventually("waits", func() bool { _, waits := r.clock.Next(); return waits && r.bot.Working().Why != "not connected yet" })
	if w := r.bot.Working(); w.OK || w.Why == "" {
		t.Errorf("it does not say why: %+v", w)
	}
	check(t, r.sim.Up())
	r.eventually("back", func() bool {
		r.clock.MoveTo(r.clock.Now().Add(time.Second))
		return r.bot.Working().OK
	})
	select {
	case <-r.back:
	case <-r.soon().Done():
		t.Error("the followers were not told")
	}
}

func TestAForgottenSessionIsReplacedSoonAfterALongOutage(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.pace.first, r.pace.most, r.pace.forgotten = time.Minute, time.Hour, time.Second
	r.connected()
	r.sim.Down(true)
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget})
	asleep := func() bool {
		due, waits := r.bot.NextDue()
		return waits && due.After(r.clock.Now())
	}
	for range 4 {
		r.eventually("waits", asleep)
		next, _ := r.clock.Next()
		r.clock.MoveTo(next)
	}
	r.eventually("waits", asleep)
	check(t, r.sim.Up())
	r.eventually("knows", func() bool {
		if !asleep() {
			return false
		}
		if strings.Contains(r.bot.Working().Why, "forgotten") {
			return true
		}
		next, _ := r.clock.Next()
		r.clock.MoveTo(next)
		return false
	})
	r.clock.MoveTo(r.clock.Now().Add(5 * time.Second))
	r.sessions(2, 0)
}

func TestCommandsAreRegisteredOnlyWhenTheyDiffer(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	puts := func() int { return r.sim.Requests()["PUT 200"] }
	r.eventually("registered", func() bool { return puts() == 1 })
	r.stop()
	gets := r.sim.Requests()["GET 200"]
	r.begin()
	r.eventually("compared", func() bool {
		return r.bot.Working().OK && r.sim.Requests()["GET 200"] >= gets+4 && r.bot.flight.n.Load() == 0
	})
	if n := puts(); n != 1 {
		t.Errorf("the same commands were put %d times", n)
	}
}

func TestIdentifiesAreRationed(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.pace.identify, r.pace.burst = rate.Every(150*time.Second), 1
	r.connected()
	r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayInvalid}) // the session is gone
	r.eventually("waits for its turn", func() bool {
		next, waits := r.clock.Next()
		return waits && next.Sub(r.clock.Now()) > time.Minute
	})
	if identified, _, _ := r.sim.Sessions(); identified != 1 {
		t.Errorf("identified %d times", identified)
	}
	r.clock.MoveTo(r.clock.Now().Add(150 * time.Second))
	r.sessions(2, 0)
}

func TestUsualPaceStaysBelowDiscordsThousandADay(t *testing.T) {
	if aDay := float64(usualPace.identify)*(24*time.Hour).Seconds() + float64(usualPace.burst); aDay > 600 {
		t.Errorf("%.0f IDENTIFYs a day", aDay)
	}
}
