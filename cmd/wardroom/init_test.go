package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
)

// newcomer answers line by line; what is typed stands in the transcript, as on a
// terminal.
type newcomer struct {
	lines []string
	out   io.Writer
}

func (n *newcomer) Read(b []byte) (int, error) {
	if len(n.lines) == 0 {
		return 0, io.EOF
	}
	line := n.lines[0] + "\n"
	n.lines = n.lines[1:]
	io.WriteString(n.out, line)
	return copy(b, line), nil
}

// initRig is a machine on which nothing is set up.
type initRig struct {
	*wizard
	t    *testing.T
	out  bytes.Buffer
	port int
}

func newInitRig(t *testing.T, yes bool, lines ...string) *initRig {
	r := &initRig{t: t, port: freePort(t)}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "PORT", fmt.Sprint(r.port))
	}
	data := filepath.Join(t.TempDir(), "data")
	r.wizard = &wizard{dialogue: newDialogue(&newcomer{lines, &r.out}, &r.out, yes), data: data, file: filepath.Join(data, configName),
		machine: machine{uid: 1000, user: "Joe", fullName: "Joe Example", zone: "Europe/Berlin", hostname: "watch-1",
			lookup: func(_ context.Context, host string) ([]string, error) {
				if host == "wardroom.example.org" {
					return []string{"192.0.2.7"}, nil
				}
				return nil, errors.New("no such host")
			},
			clock: scenario.NewClock(checkNow)}}
	return r
}

// transcript is what stands on the terminal, with stable names.
func (r *initRig) transcript() string {
	return strings.NewReplacer(r.data, "DATA", fmt.Sprint(r.port), "PORT").Replace(r.out.String())
}

func (r *initRig) mustRun() *config.Config {
	r.t.Helper()
	if err := r.run(r.t.Context()); err != nil {
		r.t.Fatalf("%v\n%s", err, r.transcript())
	}
	cfg, err := config.Load(r.file)
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

func TestInitLeadsANewcomerThrough(t *testing.T) {
	am := httptest.NewServer(&alertmanagerSim{alerts: 2, started: checkNow.Add(-time.Hour)})
	defer am.Close()
	chat := newInitChat(t)
	r := newInitRig(t, false,
		// The team.
		"?", "Joe!", "", "", "", "Berlin", "", "joe", "ann", "boss", "responder", "1000", "1001", "-",
		// The alerts: a wrong word, then somewhere on the internet.
		"there", "?", "internet", "8080", "127.0.0.1:PORT", "https://wardroom.example.org", "wardroom.example.org", "ops", "-",
		"localhost:9093", am.URL, "",
		// The page.
		"Example status", "Website, API, website", "Website, API", "",
		// Discord: a sentence, a token that was reset, then a server that the bot is not in.
		"?", "my token", "old.token.that.was.reset", "?", "wardroom", "267624335836053506", "?", chat.UserID("joe"), "-",
		"yes", chat.Token(), "", "", "",
		"", "", chat.GuildID(), "", "joe", chat.UserID("joe"), "165023948638126080",
		// No cluster, and no Linode.
		"?", "-", "?", "-",
	)
	r.machine.discord = chat.API()
	cfg := r.mustRun()
	stable := strings.NewReplacer(fmt.Sprint(r.port), "8080", am.URL, "http://alertmanager:9093", chat.API(), "https://discord.example/api/v10")
	text := strings.ReplaceAll(r.transcript(), am.URL, "http://alertmanager:9093")
	text = strings.ReplaceAll(text, strings.TrimPrefix(am.URL, "http://"), "alertmanager:9093")
	goldenText(t, "../init/newcomer.txt", text)
	written, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	goldenText(t, "../init/wardroom.yaml", stable.Replace(string(written)))
	ann, _ := cfg.People.ByUID(1001)
	joe, _ := cfg.People.ByUID(1000)
	if ann.Name != "ann" || ann.Has(people.Lead) || !joe.Has(people.Lead) || joe.FullName != "Joe Example" {
		t.Errorf("people: %+v", cfg.People.All())
	}
	if cfg.Public.Host != "wardroom.example.org" || len(cfg.Intake.Alertmanager.URLs) != 1 || len(cfg.StatusPage.Components) != 2 || cfg.Timezone.String() != "Europe/Berlin" {
		t.Errorf("got %+v", cfg)
	}
}

func TestInitTakesEveryDefault(t *testing.T) {
	r := newInitRig(t, true)
	// A configuration that is there proposes a free port, and is not replaced.
	r.listenOn(fmt.Sprintf("127.0.0.1:%d", r.port))
	r.mustRun()
	cfg, err := config.Load(r.file + ".new")
	if err != nil {
		t.Fatalf("%v\n%s", err, r.transcript())
	}
	if p, ok := cfg.People.ByUID(1000); !ok || p.Name != "joe" || len(cfg.Warnings) > 0 {
		t.Errorf("people %+v, warnings %v", cfg.People.All(), cfg.Warnings)
	}
	info, err := os.Stat(filepath.Join(r.data, tokenFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token: %v, %v; want mode 0600", info, err)
	}
}

// listenOn puts a configuration in place.
func (r *initRig) listenOn(address string) {
	r.t.Helper()
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte("listen: "+address+"\n"), 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

func TestInitWithoutQuestionsFailsWhereADefaultDoesNotWork(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := newInitRig(t, true)
	r.listenOn(taken.Addr().String())
	if err := r.run(t.Context()); !problem.Is(err, problem.Unavailable) {
		t.Errorf("an address in use: %v", err)
	}
	r = newInitRig(t, true)
	r.machine.user = "CORP\\Joe" // what some directories call people
	if err := r.run(t.Context()); !problem.Is(err, problem.Invalid) {
		t.Errorf("a name that cannot be proposed: %v", err)
	}
	if _, err := os.Stat(r.data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

// enough answers for everything to work, on the port of the rig.
var enough = []string{"", "", "", "", "-", "here", "127.0.0.1:PORT", "-", "", "", "-", "-", "-", "-", "-"}

func TestInitNeverReplacesWithoutAsking(t *testing.T) {
	const mine = "# mine\ntimezone: Asia/Tokyo\nstatus_page: {title: Ours, components: [{name: Bot}]}\npeople: {jo: {roles: [lead], uid: 1000}, ann: {roles: [viewer], ntfy: 3f0c6d51a87b4e2f9d10c5b7e8a42f96}}\n"
	for name, c := range map[string]struct {
		answer   string
		replaced bool
	}{"Enter": {"", false}, "no": {"n", false}, "yes": {"y", true}} {
		t.Run(name, func(t *testing.T) {
			r := newInitRig(t, false, append([]string{"", "", "", "", "", "", "", "-", "here", "127.0.0.1:PORT", "-", "", "", "", "", "", "", ""}, c.answer)...)
			if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte(mine), 0o600)); err != nil {
				t.Fatal(err)
			}
			r.mustRun()
			kept, err := os.ReadFile(r.file)
			if err != nil {
				t.Fatal(err)
			}
			path := r.file
			if !c.replaced {
				path += ".new"
				if string(kept) != mine {
					t.Errorf("the file that was there is now %q", kept)
				}
			}
			cfg, err := config.Load(path)
			if err != nil {
				t.Fatalf("%v\n%s", err, r.transcript())
			}
			if want := "and the new one does not: people.ann.ntfy\n"; !strings.Contains(r.transcript(), want) {
				t.Errorf("nobody is told what is lost:\n%s", r.transcript())
			}
			// What was configured is what was proposed.
			if cfg.Timezone.String() != "Asia/Tokyo" || cfg.StatusPage.Title != "Ours" || len(cfg.StatusPage.Components) != 1 || len(cfg.People.All()) != 2 {
				t.Errorf("got %+v, %+v", cfg, cfg.People.All())
			}
		})
	}
}

func TestInitSaysWhenTheAddressIsInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	r := newInitRig(t, false, "", "", "", "", "-", "none", address, "maybe", "yes", "none", "127.0.0.1:PORT", "", "-", "-", "-", "-", "-")
	r.mustRun()
	goldenText(t, "../init/in-use.txt", strings.ReplaceAll(r.transcript(), address, "127.0.0.1:TAKEN"))

	r = newInitRig(t, false, append([]string{"", "", "", "", "-", "none", address, "no"}, "", "-", "-", "-", "-", "-")...)
	if cfg := r.mustRun(); cfg.Listen.String() != address {
		t.Errorf("listen %s: kept answers are written", cfg.Listen)
	}
}

func TestInitWritesNothingWhenItEndsEarly(t *testing.T) {
	for n := range len(enough) {
		r := newInitRig(t, false, append([]string(nil), enough[:n]...)...)
		err := r.run(t.Context())
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "nothing was written") {
			t.Fatalf("after %d answers: %v", n, err)
		}
		if _, err := os.Stat(r.data); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("after %d answers there is %s: %v", n, r.data, err)
		}
	}
	r := newInitRig(t, false, append([]string(nil), enough...)...)
	r.mustRun()
}

func TestInitEndsWithItsContext(t *testing.T) {
	r := newInitRig(t, false)
	reader, writer := io.Pipe() // a terminal at which nobody types
	defer writer.Close()
	r.dialogue = newDialogue(reader, &r.out, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestInitQuotesWhatIsTyped holds the file to texts that mean something in YAML.
func TestInitQuotesWhatIsTyped(t *testing.T) {
	for _, text := range []string{`no`, `1.0`, `"quoted"`, `it's: a # trap`, `- [x] {y}`, `&anchor *alias !!tag`, `<b>&amp;`, "tab\there", `Zürich 統計 🚢`, `back\slash`, `%TAG`, "a\u2028line"} {
		a := proposals(machine{uid: 7, user: "no", fullName: text, zone: "UTC"})
		a.title, a.components, a.receiver = text, []string{text}, text
		cfg, err := config.Parse("wardroom.yaml", "", []byte(a.yaml("/var/lib/"+text)))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		p, _ := cfg.People.ByUID(7)
		if p.FullName != text || p.Name != "no" || cfg.StatusPage.Title != text || cfg.StatusPage.Components[0].Name != text || cfg.Data != "/var/lib/"+text {
			t.Errorf("%q became %q, %q, %q, %q", text, p.FullName, cfg.StatusPage.Title, cfg.StatusPage.Components[0].Name, cfg.Data)
		}
	}
}

func TestNamesThatInitTakesAreThoseOfTheConfiguration(t *testing.T) {
	for _, name := range []string{"joe", "j", "joe.e-x_1", "Joe", "-joe", "joe-", "jöe", "", strings.Repeat("j", 32), strings.Repeat("j", 33), "a b"} {
		_, err := validName(name)
		_, refused := config.Parse("", "", []byte("people: {"+quoted(name)+": {roles: [lead]}}"))
		if (err == nil) != (refused == nil) {
			t.Errorf("%q: init says %v, the configuration %v", name, err, refused)
		}
	}
}

// TestReceiverSnippet holds what is pasted into alertmanager.yml to its meaning:
// Wardroom first, and every alert still reaches the receiver that was there.
func TestReceiverSnippet(t *testing.T) {
	for name, c := range map[string]struct {
		answers answers
		url     string
	}{
		"here":     {answers{listen: "127.0.0.1:8080", receiver: "team"}, "http://127.0.0.1:8080/webhooks/alertmanager"},
		"network":  {answers{listen: ":8080", receiver: "on call: all"}, "http://watch-1:8080/webhooks/alertmanager"},
		"internet": {answers{listen: "127.0.0.1:8080", host: "wardroom.example.org", receiver: "team"}, "https://wardroom.example.org/webhooks/alertmanager"},
	} {
		var got struct {
			Route struct {
				Receiver string
				Routes   []struct {
					Receiver string
					Continue bool
				}
			}
			Receivers []struct {
				Name     string
				Webhooks []struct {
					URL          string
					SendResolved bool `yaml:"send_resolved"`
					HTTP         struct {
						Authorization struct {
							File string `yaml:"credentials_file"`
						}
					} `yaml:"http_config"`
				} `yaml:"webhook_configs"`
			}
		}
		text := c.answers.receiverSnippet(machine{hostname: "watch-1"}, "data")
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		routes := got.Route.Routes
		if got.Route.Receiver != c.answers.receiver || len(routes) != 2 || routes[0].Receiver != "wardroom" || !routes[0].Continue || routes[1].Receiver != c.answers.receiver {
			t.Errorf("%s: %+v", name, got.Route)
		}
		hook := got.Receivers[0].Webhooks[0]
		if got.Receivers[0].Name != "wardroom" || hook.URL != c.url || !hook.SendResolved || hook.HTTP.Authorization.File == "" {
			t.Errorf("%s: %+v", name, got.Receivers)
		}
	}
}

// TestInitCommandAndWhatItPrints sends the printed curl line's request to a server that
// runs on what was written.
func TestInitCommandAndWhatItPrints(t *testing.T) {
	data := filepath.Join(t.TempDir(), "my data")
	port := freePort(t)
	cmd := asProcess(t.Context(), "init", "--data", data)
	answers := strings.Join([]string{"joe", "", "", "UTC", "-", "none", fmt.Sprintf("127.0.0.1:%d", port), "", "Website", "-", "-", "-", "-"}, "\n") + "\n"
	cmd.Stdin = strings.NewReader(answers)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "wardroom serve --data '" + data + "'"; !strings.Contains(string(out), want) {
		t.Errorf("it does not print %s:\n%s", want, out)
	}
	p := startServe(t, data, port)
	_, body, found := strings.Cut(string(out), "-d '")
	body, _, _ = strings.Cut(body, "'\n")
	_, url, _ := strings.Cut(string(out), "curl ")
	url, _, _ = strings.Cut(url, " ")
	if !found {
		t.Fatalf("no curl line in:\n%s", out)
	}
	status, err := post(&http.Client{}, url, p.token(), []byte(body))
	if err != nil || status != 200 {
		t.Errorf("%s answered %d, %v", url, status, err)
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for list := ""; !strings.Contains(list, "A test alert of wardroom init"); list = mustRun(t, "incident", "list", "--data", data) {
		select {
		case <-poll.C: // correlation follows the answer
		case <-ctx.Done():
			t.Fatalf("incident list:\n%s", list)
		}
	}
	p.stop()
}

func TestWhatANewConfigurationLacksIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ old, now, want string }{
		"nothing":         {"a: 1\nb: {c: 2}", "b: {c: 3}\na: 4\nd: 5", ""},
		"a section":       {"oncall: {rotation: [joe]}\na: 1", "a: 1", "oncall"},
		"a key below":     {"people: {joe: {ntfy: x, uid: 1}}", "people: {joe: {uid: 1}}", "people.joe.ntfy"},
		"moved to a file": {"discord: {token: x}", "discord: {token_file: y}", ""},
		"another kind":    {"a: {b: 1}", "a: 1", ""},
		"no YAML":         {"\t{", "a: 1", ""},
	} {
		if got := strings.Join(onlyIn([]byte(c.old), []byte(c.now)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
