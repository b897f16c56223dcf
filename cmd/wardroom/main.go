// Command wardroom is the ChatOps bot for incident response: the server, the
// shell that talks to it, and the tools around its database. This package is the
// composition root, the only place that knows every part.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"wardroom/bot/config"
	"wardroom/bot/problem"
)

// version is set when a release is built.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C again does not want to wait
	p := &program{}
	root, err := p.root()
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if p.shell != nil {
		printError(os.Stderr, err, p.shell.table, p.shell.json)
	} else {
		printError(os.Stderr, err, nil, false)
	}
	return exitCode(err)
}

func (p *program) newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if p.shell.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
					"version": versionText(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "wardroom %s %s %s/%s\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// program is what every subcommand shares.
type program struct {
	configFile string
	dataFolder string
	shell      *shell
}

// configName is the configuration that is found in the data folder without being named.
const configName = "wardroom.yaml"

// configEnv names the configuration where --config does not.
const configEnv = "WARDROOM_CONFIG"

func (p *program) root() (*cobra.Command, error) {
	root := &cobra.Command{
		Use:   "wardroom",
		Short: "Run incidents: alerts become incidents, timelines, status posts and post-mortems",
		Long: "Wardroom is a ChatOps bot for incident response. Without a server running, the\n" +
			"commands work on the database in the data folder; beside one, they ask it.\n\n" +
			"New here? Run `wardroom demo`, then `wardroom serve`.",
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			p := problem.New(problem.NotFound, "wardroom cannot %q", sanitize(args[0])).WithHint("wardroom --help lists what it can")
			c.SuggestionsMinimumDistance = 2
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				p = p.WithHint("did you mean: wardroom %s", strings.Join(near, ", wardroom "))
			}
			return p
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.configFile, "config", "", "the configuration `file` (default: $"+configEnv+", else "+configName+" in the data folder, if it is there)")
	flags.StringVar(&p.dataFolder, "data", "", "the data `folder` (default: the configuration's, else the current one)")
	root.SetFlagErrorFunc(flagFault)

	table, err := (&system{}).commandTable()
	if err != nil {
		return nil, err
	}
	p.shell = newShell(table, p.open, p.peek)
	p.shell.bind(flags)
	asked, err := p.shell.commands(flags)
	if err != nil {
		return nil, err
	}
	root.AddGroup(&cobra.Group{ID: "ask", Title: "What people ask for:"}, &cobra.Group{ID: "run", Title: "Running it:"})
	for _, c := range asked {
		c.GroupID = "ask"
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{p.newServe(), newDemo(), newReplay(), p.newExport(), p.newRunbook(), p.newVerify(), p.newCheck(), p.newInit(), newProbe(), p.newVersion()} {
		c.GroupID = "run"
		root.AddCommand(c)
	}
	if err := p.addExport(root); err != nil {
		return nil, err
	}
	explainArguments(root)
	return root, nil
}

// explainArguments makes a problem of wrong arguments, with the usage as its hint.
func explainArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return problem.New(problem.Invalid, "%s: %v", c.CommandPath(), err).WithHint("usage: %s", c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		explainArguments(sub)
	}
}

// load reads the configuration and settles on the data folder.
func (p *program) load() (*config.Config, string, error) {
	cfg, err := p.readConfig()
	if err != nil {
		return nil, "", err
	}
	data := p.dataFolder
	if data == "" {
		data = cfg.Data
	}
	if data == "" {
		data = "."
	}
	cfg.People, err = withOwner(cfg.People)
	return cfg, data, err
}

func (p *program) readConfig() (*config.Config, error) {
	named := p.configFile
	if named == "" {
		named = os.Getenv(configEnv)
	}
	if named != "" {
		return config.Load(named, owners...)
	}
	found := filepath.Join(p.dataFolder, configName)
	cfg, err := config.Load(found, owners...)
	if problem.Is(err, problem.NotFound) || errors.Is(err, fs.ErrNotExist) {
		return config.Default(), nil
	}
	return cfg, err
}

// newLog makes the process log on standard error.
func newLog(cfg config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
