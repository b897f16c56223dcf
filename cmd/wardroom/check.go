package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"wardroom/bot"
	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/discord"
	"wardroom/integrations/web"
)

func (p *program) newCheck() *cobra.Command {
	var rules []string
	c := &cobra.Command{
		Use:   "check [--rules FILE...]",
		Short: "Try every configured outside system; say what is missing or runs out",
		Long: "Tries the configuration, the data folder, the server and every outside system that is\n" +
			"configured, and says what is missing or about to expire. It changes nothing. It ends\n" +
			"with 6 when something failed; `serve` does the same every day and tells it in the log.\n\n" +
			"With --rules it says instead what the alerts of Prometheus rules files would lead to.",
		Example: "  wardroom check\n  wardroom check --json\n  wardroom check --rules rules/*.yml",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(rules) > 0 {
				return p.checkRules(append(rules, args...), c.InOrStdin(), c.OutOrStdout())
			}
			if len(args) > 0 {
				return problem.New(problem.Invalid, "check takes no names").WithHint("rules files are named after --rules")
			}
			return p.check(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&rules, "rules", nil, "say what the alerts of this Prometheus rules `file` would lead to; - is standard input")
	return c
}

// check tries everything and prints what it found.
func (p *program) check(ctx context.Context, out io.Writer) error {
	cfg, data, err := p.load()
	var all []checks.Check
	if err != nil {
		all = []checks.Check{unreadable(err)}
	} else {
		all = newChecker(cfg, data).all()
	}
	results := checks.Run(ctx, all)
	if p.shell.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(results)
	} else {
		err = printResults(out, p.shell.format, results)
	}
	if err != nil {
		return err
	}
	if failed := countLevel(results, checks.Failed); failed > 0 {
		return problem.New(problem.Unavailable, "%s", plural(failed, "check failed", "checks failed"))
	}
	return nil
}

// unreadable stands for all checks where the configuration cannot be read.
func unreadable(err error) checks.Check {
	return checks.Check{Name: "configuration", Try: func(context.Context) (checks.Finding, error) { return checks.Finding{}, err }}
}

// checker makes the checks of one configuration.
type checker struct {
	config *config.Config
	data   string
	uid    int // of whoever asks; -1 when nobody does
	clock  timeline.Clock
	space  func(folder string) (free, total uint64, err error)
	pages  func() ([]statuspage.Page, error)
	bot    func() (*discord.Bot, error) // in Discord; nil when there is none
	issuer func(ctx context.Context, of web.Issuer) error
}

func newChecker(cfg *config.Config, data string) *checker {
	k := &checker{config: cfg, data: data, uid: os.Getuid(), clock: timeline.RealClock{}, space: diskSpace,
		pages:  func() ([]statuspage.Page, error) { return externalPages(cfg, shellLog()) },
		issuer: func(ctx context.Context, of web.Issuer) error { return of.Try(ctx) }}
	k.bot = k.idleBot
	return k
}

// all are the checks of the command.
func (k *checker) all() []checks.Check {
	list := []checks.Check{
		{Name: "configuration", Try: k.configuration},
		{Name: "people", Try: k.people},
		{Name: "senders", Try: k.senders},
		{Name: "data folder", Try: k.dataFolder},
		{Name: "secrets", Try: k.secrets},
		{Name: "database", Try: k.database},
		{Name: "server", Try: k.server},
	}
	if len(k.config.Intake.Alertmanager.URLs) == 0 {
		list = append(list, checks.Check{Name: "alertmanager", Try: k.notReadBack})
	}
	return distinct(append(list, k.outside()...))
}

// daily are those that a running server repeats: what does not change while it
// runs is left out.
func (k *checker) daily(healthy func() error) []checks.Check {
	list := []checks.Check{
		{Name: "senders", Try: k.senders},
		{Name: "data folder", Try: k.dataFolder},
		{Name: "secrets", Try: k.secrets},
		{Name: "database", Try: func(context.Context) (checks.Finding, error) { return checks.Fine("records"), healthy() }},
	}
	return distinct(append(list, k.outside()...))
}

// outside are the checks of outside systems; an issue that brings one adds its line.
func (k *checker) outside() []checks.Check {
	var list []checks.Check
	list = append(list, k.alertmanagers()...)
	list = append(list, k.statusPages()...)
	list = append(list, k.certificate()...)
	list = append(list, k.chat()...)
	list = append(list, k.onCall()...)
	list = append(list, k.machines()...)
	return list
}

// distinct numbers checks that share a name, as when one address is given twice.
func distinct(list []checks.Check) []checks.Check {
	seen := map[string]int{}
	for i, c := range list {
		seen[c.Name]++
		if n := seen[c.Name]; n > 1 {
			list[i].Name = fmt.Sprintf("%s (%d)", c.Name, n)
		}
	}
	return list
}

// checks is the daily service of a server.
func (v *server) checks() bot.Service {
	k := newChecker(v.config, v.data)
	k.uid, k.clock = -1, v.clock
	k.pages = func() ([]statuspage.Page, error) {
		var others []statuspage.Page
		for _, p := range v.system.pages {
			if p != statuspage.Page(v.own) {
				others = append(others, p)
			}
		}
		return others, nil
	}
	k.bot = func() (*discord.Bot, error) {
		if v.guild == nil {
			return nil, nil
		}
		return v.guild.bot, nil
	}
	shown := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wardroom_check_ok",
		Help: "1 while a check of `wardroom check` works, also with a warning; 0 when it failed. Tried daily, what failed hourly."}, []string{"check"})
	observe := func(name string, ok bool) {
		value := 0.0
		if ok {
			value = 1
		}
		shown.WithLabelValues(name).Set(value)
	}
	daily, err := checks.NewDaily(k.daily(v.db.Healthy), v.db, v.clock, observe, v.log)
	if err == nil {
		err = v.metrics.Register(shown)
	}
	return bot.Service{Name: "checks",
		Open: func(context.Context) error { return err },
		Run:  func(ctx context.Context) error { return daily.Run(ctx) },
	}
}

// levelWords stand at the start of a line; what failed is meant to catch the eye.
var levelWords = map[checks.Level]string{checks.OK: "ok", checks.Warning: "warn", checks.Failed: "FAIL"}

// levelColours are green, yellow and red.
var levelColours = map[checks.Level]string{checks.OK: "32", checks.Warning: "33", checks.Failed: "1;31"}

// printResults writes a line for each result, hints below, and a count.
func printResults(out io.Writer, s style, results []checks.Result) error {
	width := 0
	for _, r := range results {
		width = max(width, displayWidth(sanitize(r.Name)))
	}
	margin := strings.Repeat(" ", 4+2+width+2)
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s  %s  %s\n", s.attribute(levelColours[r.Level], pad(levelWords[r.Level], 4)), pad(sanitize(r.Name), width),
			below(margin, sanitizeLines(cmp.Or(r.Sentence, "works"))))
		if r.Hint != "" {
			fmt.Fprintf(&b, "%s%s\n", margin, s.faint(below(margin, "→ "+sanitizeLines(r.Hint))))
		}
	}
	fmt.Fprintf(&b, "\n%s: %d ok, %s, %d failed\n", plural(len(results), "check", "checks"), countLevel(results, checks.OK),
		plural(countLevel(results, checks.Warning), "warning", "warnings"), countLevel(results, checks.Failed))
	_, err := io.WriteString(out, b.String())
	return err
}

// below moves the lines after the first to the column of the margin.
func below(margin, text string) string { return strings.ReplaceAll(text, "\n", "\n"+margin) }

func countLevel(results []checks.Result, l checks.Level) int {
	n := 0
	for _, r := range results {
		if r.Level == l {
			n++
		}
	}
	return n
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// roughly is a duration as people say it: "40 s", "5 min", "3 h", "12 days".
func roughly(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
