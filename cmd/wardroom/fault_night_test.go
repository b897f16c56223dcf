package main

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/bot/scenario"
	pages "wardroom/bot/statuspage"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/statuspage"
	"wardroom/integrations/statuspage/statuspagetest"
	"wardroom/storage/storagetest"
)

// faultScenario is the world of [repairScenario] with an alert that opens the incident.
var faultScenario = strings.Replace(strings.Replace(repairScenario, "scenario: repairs\n", "scenario: faults\nroutes:\n  - {match: 'severity=\"page\"', open: SEV1}\n", 1),
	`{at: "2021-07-11 00:50", by: joe, command: "/incident declare title:Redis is slow severity:SEV1"}`,
	`{at: "2021-07-11 00:30", chat: up}`, 1)

// moment is when in the night something breaks.
type moment int

const (
	never    moment = iota
	asked           // the recycle is asked for, and nobody has approved it
	approved        // it is approved, and nothing is done
	running         // its first steps are done
)

func (m moment) String() string {
	return []string{"never", brokenAt + ", before the recycle is approved,", approvedAt + ", when the recycle was just approved,", approvedAt + ", half a minute after the approval, in the middle of the recycle,"}[m]
}

// faultNight is a short night with the whole bot: an alert, the incident, a recycle that
// is asked for, approved and run, and what the public is told. One system breaks in it.
type faultNight struct {
	*repairs
	wall   *wallClock
	disk   *storagetest.Disk
	public *statuspagetest.Server

	discord, cluster, cloud, paper late

	mute         bool          // what the bot answers does not come to Discord
	waits        chan struct{} // somebody waits for Discord's answer
	logs         *logbook
	acts         []act
	shown        []string  // what the room's message said that it does not say in a calm night
	waited, back []string  // see account
	broken       time.Time // since when something is
}

func newFaultNight(t *testing.T, disk *storagetest.Disk) *faultNight {
	t.Helper()
	n := &faultNight{disk: disk, waits: make(chan struct{}, 16)}
	n.repairs = newRepairs(t, repairOptions{scenario: faultScenario, discord: n.patience, wire: n.wire})
	n.watchesWorking()
	return n
}

// patience lets Discord's three seconds pass on the clock of the night.
func (n *faultNight) patience(clock *scenario.Clock) discordtest.Options {
	return discordtest.Options{After: func(d time.Duration) (<-chan time.Time, func()) {
		c, stop := clock.At(clock.Now().Add(d))
		n.waits <- struct{}{}
		return c, stop
	}}
}

// wire puts what breaks between the bot and its surroundings.
func (n *faultNight) wire(r *repairs, s *settings) {
	n.wall = newWallClock(r.clock)
	n.logs = newLogbook(r.clock)
	s.clock, s.log = n.wall, slog.New(n.logs)
	for _, l := range []*late{&n.discord, &n.cloud, &n.paper} {
		l.inner = http.DefaultTransport.(*http.Transport).Clone()
	}
	s.discord.http = &http.Client{Transport: &n.discord}
	s.fleet.cluster.Wrap = func(inner http.RoundTripper) http.RoundTripper {
		n.cluster.inner = inner
		return &n.cluster
	}
	s.fleet.cloud.Transport = &n.cloud
	n.public = statuspagetest.New(r.t, r.clock.Now)
	s.pages = []pages.Page{statuspage.New(statuspage.Options{PageID: statuspagetest.PageID, Key: config.NewSecret(statuspagetest.Key),
		URL: n.public.URL, HTTP: &http.Client{Transport: &n.paper}, Every: time.Microsecond, Settle: time.Microsecond})}
}

// to lets time go by until hh:mm.
func (n *faultNight) to(hhmm string) {
	n.t.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+hhmm)
	if err != nil {
		n.t.Fatal(err)
	}
	n.pass(at.Sub(n.clock.Now()))
}

// The times of the night. What breaks is whole again at backAt.
const (
	alertAt, ackAt, askedAt, brokenAt, approvedAt = "00:31", "00:32", "00:33", "00:34", "00:35"
	postAt, secondAt, noteAt, runAt, nodesAt      = "00:37", "00:38", "00:39", "00:40", "00:41"
	backAt, againAt, endAt                        = "00:50", "00:51", "01:20"
)

const (
	publicText = "Redis is slow, and with it the bot. We replace its machine."
	noteOfDana = "Commands of the bot take 20 s"
)

// play lets the night go by with one system broken from a moment on until backAt.
func (n *faultNight) play(when moment, f fault) {
	n.t.Helper()
	n.to(alertAt)
	n.alerts("RedisSlow", "Redis answers in 4 s")
	n.to(ackAt)
	n.asks("joe", "/incident ack", "incident", "ack")
	n.to(askedAt)
	n.asks("joe", "/node recycle node:"+redisNode, "node", "recycle", redisNode)
	n.to(brokenAt)
	n.breaks(when == asked, f)
	n.to(approvedAt)
	run := n.run()
	n.asks("chris", approveLine(run), approveWords(run)...)
	n.breaks(when == approved, f)
	n.pass(30 * time.Second)
	n.breaks(when == running, f)
	n.to(postAt)
	n.asks("joe", "/status post text:"+publicText, "status", "post", "--text", publicText)
	n.to(secondAt)
	n.alerts("SiteErrors", "The site answers with errors")
	n.to(noteAt)
	n.asks("dana", "/timeline add text:"+noteOfDana, "timeline", "add", noteOfDana)
	n.to(runAt)
	n.looks()
	n.asks("chris", "/run show run:"+string(run.ID), "run", "show", string(run.ID))
	n.to(nodesAt)
	n.asks("joe", "/node list", "node", "list")
	n.to(backAt)
	n.looks()
	n.account()
	if err := f.heal(n); err != nil {
		n.t.Fatal(err)
	}
	n.mute = false
	n.catchUp()
	n.to(endAt)
}

func (n *faultNight) breaks(now bool, f fault) {
	n.t.Helper()
	if !now {
		return
	}
	n.broken = n.clock.Now()
	if err := f.strike(n); err != nil {
		n.t.Fatal(err)
	}
}

// backTime is when what is broken is whole again.
func (n *faultNight) backTime() time.Time {
	at, err := time.Parse("2006-01-02 15:04", "2021-07-11 "+backAt)
	if err != nil {
		n.t.Fatal(err)
	}
	return at
}
