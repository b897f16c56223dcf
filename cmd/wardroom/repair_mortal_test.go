package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/kubernetes/kubetest"
	"wardroom/integrations/linode"
	"wardroom/integrations/linode/linodetest"
)

// asMortal makes the test binary be the bot of a night in which it is killed: a
// [lifetime] as JSON.
const asMortal = "WARDROOM_TEST_AS_MORTAL"

// lifetime is what one process of that bot is told.
type lifetime struct {
	Folder  string            `json:"folder"`          // of the night; see below
	Control string            `json:"control"`         // the simulated cluster's strings, and its clock's
	Linode  string            `json:"linode"`          // the simulated Linode's API
	Redis   map[string]string `json:"redis,omitempty"` // where the simulated Redis answers, by its addresses
	Began   time.Time         `json:"began"`           // when the night did
	Now     time.Time         `json:"now"`
	Kill    int               `json:"kill"`             // the point at which it dies; 0: none
	Asks    []string          `json:"asks"`             // what joe asks for, one after the other
	Says    map[string]string `json:"says"`             // joe's answers, by the code of the question
	Spoils  string            `json:"spoils,omitempty"` // the workload that is spoiled as the incident begins
}

// seen is how long a workload that is to be spoiled is given to be seen Ready before
// the incident, and then to be seen spoiled before joe asks.
const seen = time.Minute

// Files in the folder of a night.
const (
	mortalData   = "data"
	mortalPoints = "points" // a line for each point that a process came to
	mortalGiven  = "given"  // a line for each approval that chris was about to give
	mortalRead   = "observe.kubeconfig"
	mortalAct    = "act.kubeconfig"
)

// mortalEnds bounds a night, in its own time.
const mortalEnds = 4 * time.Hour

// mortalBot is a whole system without a chat, on a clock that it moves itself: when
// nothing is in flight, to where something is waited for, the simulators first.
type mortalBot struct {
	*system
	lifetime
	clock *scenario.Clock
	world *kubetest.Remote
	death *death
}

// live is a process of the bot. It returns when every run is over.
func live(told string) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b := &mortalBot{}
	err := json.Unmarshal([]byte(told), &b.lifetime)
	if err == nil {
		err = b.live(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (b *mortalBot) live(ctx context.Context) (err error) {
	b.clock, b.world = scenario.NewClock(b.Now), kubetest.Dial(ctx, b.Control)
	if b.death, err = newDeath(b.Folder, b.Kill); err != nil {
		return err
	}
	if err := b.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.app.Stop(ctx)) }()
	for end := b.Now.Add(mortalEnds); ; {
		if err := b.app.Settle(ctx); err != nil {
			return fmt.Errorf("it does not settle: %w", err)
		}
		acted, over, err := b.act(ctx)
		switch {
		case err != nil || over:
			return err
		case acted:
			continue
		}
		next, waits := b.clock.Next()
		if !waits || next.After(end) {
			return fmt.Errorf("at %s it is not over\n%s", b.clock.Now().Format(time.TimeOnly), b.told(ctx))
		}
		if err := b.world.Advance(next); err != nil {
			return err
		}
		b.clock.MoveTo(next)
	}
}

// open wires the bot as serve does, without its doors.
func (b *mortalBot) open(ctx context.Context) (err error) {
	cfg := config.Default()
	cfg.Mode = config.Act
	cfg.People, err = people.NewDirectory([]people.Person{
		{Name: "joe", Roles: []people.Role{people.Responder, people.Lead}}, {Name: "chris", Roles: []people.Role{people.Responder}}})
	if err != nil {
		return err
	}
	machines := fleetSettings{
		cluster: &kubernetes.Options{Live: true, Wrap: b.death.around, Settings: kubernetes.Settings{
			Observe: kubernetes.Credential{Kubeconfig: filepath.Join(b.Folder, mortalRead)}, Act: kubernetes.Credential{Kubeconfig: filepath.Join(b.Folder, mortalAct)}}},
		cloud: &linode.Options{Pause: time.Millisecond, Transport: b.death.around(&http.Transport{}), Settings: linode.Settings{Cluster: 13311, URL: b.Linode,
			Read: config.NewSecret(linodetest.ReadToken), Act: config.NewSecret(linodetest.ActToken)}},
	}
	if slices.Contains(b.Asks, askTicket) {
		machines.cloud.Ticket = config.NewSecret(linodetest.TicketToken)
	}
	machines.redis = b.death.mortalRedis(b.Redis)
	b.system, err = wire(ctx, settings{config: cfg, data: filepath.Join(b.Folder, mortalData), clock: b.clock, log: shellLog(), fleet: machines})
	if err != nil {
		return err
	}
	b.db.OnCommit(b.death.committed)
	b.app.Runtime.InTurn() // so that the points come in the same order every time
	b.operate()
	return b.app.Start(ctx)
}

// act does what people do next: joe declares an incident, asks for each repair and
// answers what he is asked, chris approves. acted: somebody did something.
func (b *mortalBot) act(ctx context.Context) (acted, over bool, err error) {
	var open []command.Named
	err = b.db.View(ctx, func(v timeline.View) (err error) {
		open, err = incidents{}.OpenIDs(v)
		return err
	})
	if err != nil {
		return false, false, err
	}
	night := b.clock.Now().Sub(b.Began)
	if b.Spoils != "" && (night < seen || len(open) > 0 && night < 2*seen) {
		return false, false, nil
	}
	if len(open) == 0 {
		if b.Spoils != "" {
			if err := b.world.Spoil(b.Spoils); err != nil {
				return false, false, err
			}
		}
		return true, false, b.ask(ctx, "joe", "", "/incident declare title:A node is not healthy severity:SEV1")
	}
	var before remediation.Run
	for n, line := range b.Asks {
		if line == askUndo && len(before.Left) == 0 {
			continue
		}
		id := remediation.RunID(fmt.Sprintf("%s/run-%d", open[0].ID, n+1))
		r, err := b.machines.desk.Get(ctx, id)
		if problem.Is(err, problem.NotFound) {
			b.death.during(line)
			return true, false, b.ask(ctx, "joe", open[0].ID, line)
		}
		if err != nil {
			return false, false, err
		}
		if r.Status.Active() {
			b.death.during(line)
			acted, err = b.decide(ctx, r)
			return acted, false, err
		}
		before = r
	}
	return false, true, nil
}

func (b *mortalBot) decide(ctx context.Context, r remediation.Run) (acted bool, err error) {
	switch r.Status {
	case remediation.Requested:
		if err := b.death.write(mortalGiven, "chris "+r.Hash); err != nil {
			return false, err
		}
		line := fmt.Sprintf("/run approve run:%s plan:%s", r.ID, remediation.ShortHash(r.Hash))
		if r.Plan.Tier == remediation.Destructive {
			line += " confirm:" + remediation.Confirmation(r.Plan.Target)
		}
		return true, b.ask(ctx, "chris", r.Incident, line)
	case remediation.Asking:
		answer, knows := b.Says[r.Ask.Code]
		if !knows {
			return false, fmt.Errorf("it asks %s: %s\n%s", r.Ask.Code, r.Ask.Sentence, b.told(ctx))
		}
		return true, b.ask(ctx, "joe", r.Incident, fmt.Sprintf("/run resume run:%s answer:%s", r.ID, answer))
	}
	return false, nil
}

// ask is what somebody types.
func (b *mortalBot) ask(ctx context.Context, person string, room timeline.ID, line string) error {
	defer b.app.Runtime.Hold()()
	p, _ := b.config.People.ByName(person)
	ask, err := b.table.ParseLine(line)
	if err == nil {
		_, err = b.runner.Run(ctx, command.Caller{Person: &p, Actor: p.Actor(), Via: "discord", Room: room}, ask)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", person, line, err)
	}
	return nil
}

// told is the incident's timeline, for whoever has to find a fault.
func (b *mortalBot) told(ctx context.Context) string {
	lines, err := entriesOf(ctx, b.db)
	if err != nil {
		return err.Error()
	}
	return strings.Join(lines, "\n")
}

// death ends the process at one point of the journal: when a commit that tells of a
// run is durable, before a request that changes something is sent, and when it was
// answered.
type death struct {
	folder string
	points *os.File
	at     int

	mu   sync.Mutex
	n    int
	what string // the repair that is asked for
}

func newDeath(folder string, at int) (*death, error) {
	f, err := os.OpenFile(filepath.Join(folder, mortalPoints), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &death{folder: folder, points: f, at: at}, err
}

// write adds a line to a file of the folder, which outlives the process.
func (d *death) write(name, line string) error {
	f, err := os.OpenFile(filepath.Join(d.folder, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// during says which repair the points belong to from now on.
func (d *death) during(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.what, _, _ = strings.Cut(strings.TrimPrefix(line, "/"), ":")
	d.what = strings.Join(strings.Fields(d.what)[:2], " ")
}

// point is one at which it may die.
func (d *death) point(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	if _, err := fmt.Fprintf(d.points, "%s: %s\n", d.what, what); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if d.n == d.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nothing comes after it
		select {}
	}
}

// committed is for a store's OnCommit.
func (d *death) committed(c timeline.Commit) {
	for _, g := range c.Gained {
		var kinds []string
		for _, k := range g.Kinds {
			if strings.HasPrefix(string(k), "run.") || strings.HasPrefix(string(k), "step.") {
				kinds = append(kinds, string(k))
			}
		}
		if len(kinds) > 0 {
			d.point("recorded " + strings.Join(kinds, ", "))
		}
	}
}

// around is a transport whose changing requests are points.
func (d *death) around(inner http.RoundTripper) http.RoundTripper { return dying{d, inner} }

type dying struct {
	*death
	inner http.RoundTripper
}

func (d dying) RoundTrip(r *http.Request) (*http.Response, error) {
	changes := r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "selfsubjectaccessreviews") && r.URL.Query().Get("dryRun") == ""
	what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v4")
	if changes {
		d.point("about to send " + what)
	}
	res, err := d.inner.RoundTrip(r)
	if changes {
		d.point("was answered " + what)
	}
	return res, err
}
