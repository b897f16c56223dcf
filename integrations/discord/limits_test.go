package discord

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardroom/integrations/discord/discordtest"
)

// callbacks tells of the first answers that arrive at Discord, before it carries them out.
func callbacks(seen func(body string)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/callback") {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					seen(string(body))
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestAHandlerOfAMinuteKeepsTheThreeSeconds has Discord's own limit in real time, and the
// patience that a bot has in earnest.
func TestAHandlerOfAMinuteKeepsTheThreeSeconds(t *testing.T) {
	for _, way := range []string{"over the gateway", "over HTTP"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, discordtest.Options{})
			r.connected()
			if way == "over HTTP" {
				front := httptest.NewServer(r.bot.Interactions())
				t.Cleanup(front.Close)
				check(t, r.sim.SetInteractionsURL(r.soon(), front.URL))
			}
			r.bot.patience = usualPatience
			began := time.Now()
			wait := r.slowly("/slow")
			thinking := func() bool {
				all := r.sim.Messages("general")
				return len(all) == 1 && all[0].Thinking()
			}
			check(t, r.sim.Wait(r.soon(), thinking))
			if took := time.Since(began); took >= ackLimit {
				t.Errorf("promised after %s", took)
			}
			for range 60 { // nothing else is said while it works
				r.clock.MoveTo(r.clock.Now().Add(time.Second))
			}
			if !thinking() {
				t.Errorf("answered before there is an answer:\n%s", r.sim.Transcript())
			}
			close(r.slow)
			seen := wait()
			if seen.Failed != "" || seen.Answer == nil || !strings.Contains(seen.Answer.Content, "done") {
				t.Errorf("%+v\n%s", seen, r.log)
			}
			if n := len(r.sim.Messages("general")); n != 1 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

func TestAPromiseIsNotedBeforeItIsGiven(t *testing.T) {
	noted := make(chan int, 1)
	var r *rig
	r = newRig(t, discordtest.Options{Wrap: callbacks(func(string) { noted <- r.scratchKeys(pendingPrefix) })})
	r.connected()
	wait := r.slowly("/slow")
	if n := <-noted; n != 1 {
		t.Errorf("promised with %d notes: whoever dies now leaves somebody waiting", n)
	}
	close(r.slow)
	wait()
}

func TestATokenThatDiesEarlierThanThoughtCostsNoAnswer(t *testing.T) {
	r := newRig(t, discordtest.Options{TokenLife: 5 * time.Minute})
	r.connected()
	r.slowly("/slow")
	r.clock.MoveTo(night.Add(6 * time.Minute)) // Discord says so; the bot's own count says nine more
	close(r.slow)
	_, err := r.sim.WaitMessage(r.soon(), "general", func(m *discordtest.Message) bool {
		return strings.Contains(m.Content, "done") && strings.Contains(m.Content, "To `/slow` by joe")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.log)
	}
	r.eventually("nothing is owed", func() bool { return r.scratchKeys(pendingPrefix) == 0 })
	r.works() // a dead token is not the bot's
}

func TestARestartAfterTheTokensEndStillTellsWhatCameOfIt(t *testing.T) {
	r := newRig(t, discordtest.Options{})
	r.connected()
	r.slowly("/slow")
	r.stop()
	r.clock.MoveTo(night.Add(16 * time.Minute))
	r.begin()
	_, err := r.sim.WaitMessage(r.soon(), "general", func(m *discordtest.Message) bool {
		return strings.Contains(m.Content, "already taken up") && strings.Contains(m.Content, "To `/slow` by joe")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.log)
	}
	r.eventually("nothing is owed", func() bool { return r.scratchKeys(pendingPrefix) == 0 })
}

// TestADisallowedIntentAtAnyMoment closes with 4014 whenever Discord can, once with an
// intent that was taken away and once for good. Either way the bot says what is wrong,
// owes nobody an answer, does not storm the gateway, and heals when it is mended.
func TestADisallowedIntentAtAnyMoment(t *testing.T) {
	refuse := discordtest.GatewayFault{Do: discordtest.GatewayRefuse, Code: closeDisallowed}
	shut := discordtest.GatewayFault{Do: discordtest.GatewayClose, Code: closeDisallowed}
	for name, strike := range map[string]func(r *rig){
		"after IDENTIFY": func(r *rig) {
			r.sim.Gateway(refuse)
			r.begin()
		},
		"after READY": func(r *rig) {
			r.connected()
			r.sim.Gateway(shut)
		},
		"after RESUME": func(r *rig) {
			r.connected()
			r.sim.Gateway(refuse)
			r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayDrop})
		},
		"after a session was forgotten": func(r *rig) {
			r.connected()
			r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayForget})
			r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayFirst, Code: 9})
			r.sim.Gateway(refuse)
			r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayDrop})
		},
		"while a work goes on": func(r *rig) {
			r.connected()
			wait := r.slowly("/slow")
			r.sim.Gateway(shut)
			close(r.slow)
			if seen := wait(); seen.Failed != "" || seen.Answer == nil || !strings.Contains(seen.Answer.Content, "done") {
				r.t.Errorf("the answer was lost with the connection: %+v", seen)
			}
		},
		"while somebody talks": func(r *rig) {
			r.connected()
			for n := range 10 {
				if n == 5 {
					r.sim.Gateway(shut)
				}
				_, err := r.sim.As("joe").Say(r.soon(), "general", "talk")
				check(r.t, err)
			}
		},
	} {
		for _, mended := range []bool{true, false} {
			kind := " for good"
			if mended {
				kind = " once"
			}
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, discordtest.Options{Intents: discordtest.IntentContent})
				strike(r)
				if !mended { // even what needs no approval is refused, time and again
					r.sim.Gateway(discordtest.GatewayFault{Do: discordtest.GatewayRefuse, Code: closeDisallowed, Times: 3})
					r.sim.Gateway(shut)
					r.eventually("says what is wrong", func() bool { w := r.bot.Working(); return !w.OK && strings.Contains(w.Why, "does not grant") })
					r.eventually("waits ten minutes", func() bool {
						next, waits := r.clock.Next()
						return waits && next.Sub(r.clock.Now()) == 10*time.Minute
					})
				}
				before, _, _ := r.sim.Sessions()
				r.eventually("healed", func() bool {
					if next, waits := r.clock.Next(); waits && !mended {
						r.clock.MoveTo(next)
					}
					identified, _, connected := r.sim.Sessions()
					return identified >= 2 && connected == 1 && r.bot.Working().OK
				})
				if after, _, _ := r.sim.Sessions(); after-before > 6 {
					t.Errorf("%d IDENTIFYs to heal", after-before)
				}
				if strings.Contains(r.log.String(), "even the intents") == mended {
					t.Errorf("the sentence does not fit:\n%s", r.log)
				}
				r.works()
			})
		}
	}
}
