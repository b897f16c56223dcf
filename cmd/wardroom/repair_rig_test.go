package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/remediation"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/discordtest"
	"wardroom/integrations/linode/linodetest"
	"wardroom/integrations/socket"
)

// What stands in the world of these tests: three nodes, and Redis with its volume on
// the first one.
const (
	redisNode  = "lke13311-16405-5fafd1b46dcf"
	siteNode   = "lke13311-20304-5ffa4d11faab"
	spareNode  = "lke13311-20304-60aa11c0de01"
	redisDisk  = "pvc-bb1d06139b334c1f"
	redisHost  = 28412345 // the machine of redisNode
	lastOfNode = "6dcf"   // what is typed for redisNode
)

const repairScenario = `
scenario: repairs
title: Repairs
people: {joe: [responder, lead], chris: [responder], dana: [responder], viv: [viewer]}
world:
  nodes:
    - {name: ` + redisNode + `, linode: 28412345}
    - {name: ` + siteNode + `, linode: 28412346}
    - {name: ` + spareNode + `, linode: 28412347}
  workloads:
    - {name: kube-system/csi-linode-node, kind: DaemonSet}
    - {name: default/redis, kind: Deployment, replicas: 1, node: ` + redisNode + `, volume: ` + redisDisk + `, cpu: 500m, used_by: [default/bot]}
    - {name: default/bot, kind: Deployment, replicas: 1, node: ` + siteNode + `, cpu: 500m}
events:
  - {at: "2021-07-11 00:50", by: joe, command: "/incident declare title:Redis is slow severity:SEV1"}
expect: []
`

// repairs is the whole bot on a simulated Discord, cluster and Linode, with INC-1 open.
// People ask in Discord and in the shell, where everybody has a Unix user of their own.
type repairs struct {
	*stage
	t    *testing.T
	walk strings.Builder // what people did and what they were told
	// asked is the run as it was asked for, asking the message that asked for its approval.
	asked  remediation.Run
	asking *discordtest.Message
}

// repairOptions change the rehearsal before it begins.
type repairOptions struct {
	scenario string // "": repairScenario
	config   func(*config.Config)
	world    func(*stageWorld)
	discord  func(*scenario.Clock) discordtest.Options
	wire     func(*repairs, *settings) // changes what the system is wired from
}

// newRepairs starts the bot. dana has two Discord accounts; the Unix user of this
// process is joe's, so that joe's shell speaks over the real socket.
func newRepairs(t *testing.T, o repairOptions) *repairs {
	t.Helper()
	f, err := scenario.Read(strings.NewReader(cmp.Or(o.scenario, repairScenario)))
	if err != nil {
		t.Fatal(err)
	}
	r := &repairs{t: t, stage: &stage{file: f, clock: scenario.NewClock(f.Opens()), client: &http.Client{Timeout: 30 * time.Second}, dir: t.TempDir(), show: newStageScreen(io.Discard, f.Zone())}}
	var chat discordtest.Options
	if o.discord != nil {
		chat = o.discord(r.clock)
	}
	chat.Limits = discordtest.NoLimits
	if r.chat, err = newStageChat(f, r.clock, chat); err != nil {
		t.Fatal(err)
	}
	if r.world, err = newStageWorld(f, r.clock); err != nil {
		r.chat.Close()
		t.Fatal(err)
	}
	if o.world != nil {
		o.world(r.world)
	}
	cfg, err := rehearsalConfig(f, r.chat.UserID)
	if err != nil {
		t.Fatal(err)
	}
	persons := cfg.People.All()
	for i := range persons {
		persons[i].UIDs = []int{unixUser(persons[i].Name)}
		if persons[i].Name == "dana" {
			persons[i].Discord = append(persons[i].Discord, r.chat.UserID("dana-phone"))
		}
	}
	if cfg.People, err = people.NewDirectory(persons); err != nil {
		t.Fatal(err)
	}
	if o.config != nil {
		o.config(cfg)
	}
	if o.wire != nil {
		r.adjust = func(s *settings) { o.wire(r, s) }
	}
	if err := r.open(t.Context(), cfg, rand.NewChaCha8([32]byte{7})); err != nil {
		r.chat.Close()
		r.world.close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.listen()
	r.pass(f.Start().Sub(r.clock.Now()))
	if line := f.Events[0].Command; line != "" {
		if _, err := r.Ask(r.soon(), "joe", line); err != nil {
			t.Fatal(err)
		}
		r.pass(10 * time.Second)
	}
	return r
}

// unixUser is the Unix user of a person.
func unixUser(person string) int {
	if person == "joe" {
		return os.Getuid()
	}
	return 70000 + slices.Index([]string{"joe", "chris", "dana", "viv"}, person)
}

// listen serves the socket beside the rehearsal, which has none.
func (r *repairs) listen() {
	r.t.Helper()
	s, err := socket.Listen(socket.Options{Path: filepath.Join(r.dir, socket.FileName), Runner: r.runner, Store: r.db,
		Prominence: r.codec.Prominence, People: r.config.People, Log: r.log})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			r.t.Error(err)
		}
	})
}

func (r *repairs) soon() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	r.t.Cleanup(cancel)
	return ctx
}

// comesToRest waits until nothing is in flight. It is each rest that real time bounds: how many
// a night has is no matter of time.
func comesToRest(t *testing.T, s *stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), chatTimeout)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go by, for the bot and for the world, with a rest wherever something
// happens.
func (r *repairs) pass(d time.Duration) {
	r.t.Helper()
	for end := r.clock.Now().Add(d); ; {
		r.Advance()
		comesToRest(r.t, r.stage)
		if !r.clock.Now().Before(end) {
			return
		}
		wake, sleeping := r.clock.Next()
		if due, any := r.NextInWorld(); any && (!sleeping || due.Before(wake)) {
			wake, sleeping = due, true
		}
		if !sleeping || wake.After(end) {
			wake = end
		}
		r.clock.MoveTo(wake)
	}
}

func (r *repairs) note(format string, args ...any) { fmt.Fprintf(&r.walk, format+"\n", args...) }

// room is the channel of the incident.
func (r *repairs) room() string { return r.channelOf("INC-1") }

// readOut is what a person read, and the answer itself.
type readOut struct {
	text  string
	error bool // the shell ended with an error
	seen  discordtest.Seen
}

// says fails the test unless the answer contains all of it.
func (r *repairs) says(a readOut, parts ...string) readOut {
	r.t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.text, part) {
			r.t.Errorf("%q is missing in the answer:\n%s", part, a.text)
		}
	}
	return a
}

// do does something in Discord and lets what follows come to rest.
func (r *repairs) do(by, what string, act func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error)) readOut {
	r.t.Helper()
	release := r.app.Runtime.Hold()
	seen, err := act(r.soon(), r.chat.As(by))
	release()
	if err != nil || seen.Failed != "" {
		r.t.Fatalf("%s %s: %v %s\n%s", by, what, err, seen.Failed, r.walk.String())
	}
	r.note("%s %s %s", r.clock.Now().Format("15:04"), by, what)
	a := readOut{seen: seen}
	if seen.Answer != nil {
		a.text = r.chat.Shown(seen.Answer)
	}
	if seen.Modal != nil {
		a.text += r.chat.ShownForm(seen.Modal)
	}
	r.note("%s", strings.TrimRight(a.text, "\n"))
	r.pass(0)
	return a
}

// slash types a command in the incident's room.
func (r *repairs) slash(by, line string) readOut {
	r.t.Helper()
	return r.do(by, "types "+line, func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		return p.Slash(ctx, r.room(), line)
	})
}

// press taps a button of a message.
func (r *repairs) press(by string, m *discordtest.Message, label string) readOut {
	r.t.Helper()
	return r.do(by, "taps ["+label+"]", func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		return p.Click(ctx, m, label)
	})
}

// fill sends the form that the last act opened.
func (r *repairs) fill(by string, opened readOut, inputs map[string]string) readOut {
	r.t.Helper()
	if opened.seen.Modal == nil {
		r.t.Fatalf("no form opened: %s", opened.text)
	}
	return r.do(by, fmt.Sprintf("fills in %v", inputs), func(ctx context.Context, p *discordtest.Person) (discordtest.Seen, error) {
		return p.Submit(ctx, opened.seen.Modal, inputs)
	})
}

// shell types a command at a terminal, as the Unix user of a person: joe's goes
// through the socket, the others' are asked of the runner as the socket does.
func (r *repairs) shell(by string, args ...string) readOut {
	r.t.Helper()
	release := r.app.Runtime.Hold()
	a := r.typed(by, args...)
	release()
	r.note("%s %s$ wardroom %s", r.clock.Now().Format("15:04"), by, strings.Join(args, " "))
	r.note("%s", strings.TrimRight(a.text, "\n"))
	r.pass(0)
	return a
}

// typed is shell for many at once: it neither waits nor notes anything.
func (r *repairs) typed(by string, args ...string) (a readOut) {
	var out bytes.Buffer
	open := func(context.Context) (Asker, error) {
		if by == "joe" {
			return socket.Dial(filepath.Join(r.dir, socket.FileName))
		}
		return &local{runner: r.runner, store: r.db, prominence: r.codec.Prominence, caller: socket.Caller(r.config.People, unixUser(by)),
			close: func() error { return nil }}, nil
	}
	s := &shell{table: r.table, open: open, peek: open, now: r.clock.Now, retry: time.Millisecond, stdin: strings.NewReader(""), stdout: &out, stderr: &out}
	root := &cobra.Command{Use: "wardroom", SilenceErrors: true, SilenceUsage: true}
	s.bind(root.PersistentFlags())
	list, err := s.commands(root.PersistentFlags())
	if err == nil {
		root.AddCommand(list...)
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(args)
		err = root.ExecuteContext(r.t.Context())
	}
	printError(&out, err, r.table, false)
	return readOut{text: out.String(), error: err != nil}
}

// run is the newest run of the incident.
func (r *repairs) run() (newest remediation.Run) {
	r.t.Helper()
	err := r.View(r.t.Context(), func(v timeline.View) error {
		all, err := remediation.RunsOf(v, "INC-1")
		if len(all) > 0 {
			newest = all[len(all)-1]
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return newest
}

// wants fails the test unless the newest run is as it should be.
func (r *repairs) wants(status remediation.Status) remediation.Run {
	r.t.Helper()
	run := r.run()
	if run.Status != status {
		r.t.Fatalf("%s is %s, not %s: %s\n%s", run.ID, run.Status, status, run.Why, strings.Join(r.told("INC-1"), "\n"))
	}
	return run
}

// entries of a timeline.
func (r *repairs) entries(id timeline.ID) (all []timeline.Entry) {
	r.t.Helper()
	err := r.View(r.t.Context(), func(v timeline.View) (err error) {
		all, err = v.Entries(id, 0, 5000)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// told are the entries of a timeline in words.
func (r *repairs) told(id timeline.ID) (lines []string) {
	for _, e := range r.entries(id) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.RecordedAt.Format("15:04:05"), e.Actor.Display(), e.Payload.Text()))
	}
	return lines
}

// refusals are the refusals of repairs that are recorded, by their code.
func (r *repairs) refusals() (codes []string) {
	for _, e := range r.entries("INC-1") {
		if p, is := e.Payload.(*remediation.RunRefused); is {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

// recycles are the requests to recycle a machine that Linode was sent.
func (r *repairs) recycles() (list []linodetest.Request) {
	for _, q := range r.world.linode.Writes() {
		if strings.HasSuffix(q.Path, "/recycle") {
			list = append(list, q)
		}
	}
	return list
}

// redisReady reports whether the one pod of Redis is Ready.
func (r *repairs) redisReady() bool {
	ready := 0
	for _, p := range r.world.kube.Pods() {
		if strings.HasPrefix(p.Name, "default/redis") && p.Ready && !p.Terminating {
			ready++
		}
	}
	return ready == 1
}

// approveLine is how a person approves a run in Discord by typing.
func approveLine(run remediation.Run) string {
	return fmt.Sprintf("/run approve run:%s plan:%s confirm:%s", run.ID, remediation.ShortHash(run.Hash), remediation.Confirmation(run.Plan.Target))
}

// approveWords are the same in the shell.
func approveWords(run remediation.Run) []string {
	return []string{"run", "approve", string(run.ID), "--plan", remediation.ShortHash(run.Hash), "--confirm", remediation.Confirmation(run.Plan.Target)}
}

// recycle lets joe ask for a recycle of the node with Redis.
func (r *repairs) recycle() remediation.Run {
	r.t.Helper()
	r.says(r.slash("joe", "/node recycle node:"+redisNode), "node-recycle of "+redisNode)
	r.asked, r.asking = r.wants(remediation.Requested), r.posted("Approve")
	return r.asked
}

// approved lets chris approve the newest run in Discord.
func (r *repairs) approved() remediation.Run {
	r.t.Helper()
	r.slash("chris", approveLine(r.run()))
	return r.wants(remediation.Running)
}

// posted is the newest message of the room that has a button of that label.
func (r *repairs) posted(label string) *discordtest.Message {
	r.t.Helper()
	posts := r.chat.Messages(r.room())
	for _, m := range slices.Backward(posts) {
		if slices.Contains(buttonsOf(m), label) {
			return m
		}
	}
	r.t.Fatalf("no message has a button %q\n%s", label, r.chat.Transcript())
	return nil
}

// leadsAlone lets only leads make a recycle.
func leadsAlone(on bool) func(*config.Config) {
	return func(cfg *config.Config) {
		if on {
			cfg.Repairs.Rules = map[string]remediation.Rule{"node-recycle": {Roles: []people.Role{people.Lead}}}
		}
	}
}

var planNumber = regexp.MustCompile("(plan[: ]`?)[0-9a-f]{12}")

// withoutPlans leaves the numbers of plans out, which change with every step's words.
func withoutPlans(text string) string { return planNumber.ReplaceAllString(text, "${1}PLAN") }
