package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"wardroom/bot/config"
	"wardroom/bot/problem"
)

func (p *program) newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Set Wardroom up, question by question, and try each answer",
		Long: "Asks what Wardroom has to know, part by part: your team, your alerts, your status page,\n" +
			"your Discord, your cluster and its cloud. Each part is tried before the next. Then it writes " + configName + ". Enter\n" +
			"takes the answer in brackets, ? explains a question, --yes takes every default. A\n" +
			configName + " that is there is not replaced unless you say so.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := &wizard{dialogue: newDialogue(p.shell.stdin, p.shell.stdout, p.shell.yes), machine: thisMachine(),
				file: p.configPath(), data: p.dataFolder}
			return w.run(c.Context())
		},
	}
}

// configPath is where the configuration is, or will be.
func (p *program) configPath() string {
	if p.configFile != "" {
		return p.configFile
	}
	if named := os.Getenv(configEnv); named != "" {
		return named
	}
	return filepath.Join(p.dataFolder, configName)
}

// initStage is one part of what has to be known.
type initStage struct {
	name  string
	about string
	// ask fills w.answers.
	ask func(ctx context.Context, w *wizard) error
	// try proves the answers, given the configuration that they make, and tells what it
	// saw. What it makes it throws away. A problem can be answered by other answers.
	try func(ctx context.Context, w *wizard, cfg *config.Config) error
}

// initStages in the order in which they are asked. A part that is new stands here.
func initStages() []initStage {
	return []initStage{
		{"Your team", "who may ask Wardroom for something, and when you mean when you say 00:25", askTeam, tryTeam},
		{"Your alerts", "how Alertmanager reaches Wardroom, and Wardroom it", askAlerts, tryAlerts},
		{"Your status page", "what the public sees", askPage, tryPage},
		{"Your Discord", "where each incident has a room", askDiscord, tryDiscord},
		{"Your cluster", "what repairs are planned for; Wardroom only looks", askCluster, tryCluster},
		{"Your Linode", "who owns the cluster's machines and volumes", askMachines, tryMachines},
	}
}

// wizard leads through the stages.
type wizard struct {
	*dialogue
	machine machine
	file    string // the configuration to write
	data    string // the data folder; "" is the current one
	answers answers
}

func (w *wizard) run(ctx context.Context) error {
	if err := w.begin(); err != nil {
		return err
	}
	stages := initStages()
	w.say("This sets Wardroom up in %s parts, and tries each. Enter takes the answer in brackets,", number(len(stages)))
	w.say("- leaves one out, ? explains.")
	for i, stage := range stages {
		w.say("\n%d. %s: %s", i+1, stage.name, stage.about)
		if err := w.stage(ctx, stage); err != nil {
			return err
		}
	}
	path, err := w.write(ctx)
	if err != nil {
		return err
	}
	return w.finish(path)
}

func number(n int) string {
	if words := []string{"no", "one", "two", "three", "four", "five", "six", "seven"}; n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// begin takes its proposals from the configuration that is there, else from the machine.
func (w *wizard) begin() error {
	w.answers = proposals(w.machine)
	cfg, err := config.Load(w.file)
	switch {
	case problem.Is(err, problem.NotFound):
	case err != nil:
		w.say("%s cannot be read, so the proposals are those for a new one:\n%v\n", w.file, err)
	default:
		w.answers.adopt(cfg, w.machine.uid)
	}
	return nil
}

// stage asks and tries until the answers hold.
func (w *wizard) stage(ctx context.Context, s initStage) error {
	for {
		if err := s.ask(ctx, w); err != nil {
			return err
		}
		w.say("\n  Trying it:")
		cfg, err := w.parse()
		if err == nil {
			err = s.try(ctx, w, cfg)
		}
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		p, known := errors.AsType[*problem.Error](err)
		if !known {
			return err
		}
		if w.yes {
			return p
		}
		w.say("  ✗ %s", below("    ", sanitizeLines(p.Error())))
		if p.Hint != "" {
			w.say("    %s", sanitize(p.Hint))
		}
		again, err := w.confirm(ctx, "Answer this part again", true, "no keeps the answers as they are, although they did not work when they were tried")
		if err != nil || !again {
			return err
		}
		w.say("")
	}
}

// works tells of something that held when it was tried.
func (w *wizard) works(format string, args ...any) { w.say("  ✓ "+format, args...) }

// parse reads the answers as the configuration that they make.
func (w *wizard) parse() (*config.Config, error) {
	return config.Parse(w.file, filepath.Dir(w.file), []byte(w.answers.yaml(w.dataKey())))
}

// dataKey is the key data of the configuration: "" where the file lies in the
// data folder, which is then found without it.
func (w *wizard) dataKey() string {
	folder, data := filepath.Dir(w.file), filepath.Clean(w.data)
	if w.data == "" || folder == data {
		return ""
	}
	if absolute, err := filepath.Abs(data); err == nil {
		return absolute
	}
	return data
}

// folder is the data folder.
func (w *wizard) folder() string {
	if w.data == "" {
		return "."
	}
	return w.data
}

// write puts the configuration and the token in place and returns the path of
// the configuration: another one than asked for when that is not to be replaced.
func (w *wizard) write(ctx context.Context) (string, error) {
	if _, err := w.parse(); err != nil {
		return "", err // nothing that could not be loaded is left behind
	}
	path := w.file
	if _, err := os.Lstat(path); err == nil {
		w.say("")
		if old, err := os.ReadFile(path); err == nil {
			w.sayLost(onlyIn(old, []byte(w.answers.yaml(w.dataKey()))))
		}
		replace, err := w.confirm(ctx, fmt.Sprintf("%s exists. Replace it", path), false,
			"no writes beside it, with the ending .new, so that you can compare; only what was asked here stands in the new one")
		if err != nil {
			return "", err
		}
		if !replace {
			path += ".new"
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, folder := range []string{w.folder(), filepath.Dir(path)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", problem.New(problem.Unavailable, "the folder %s cannot be made", folder).Because(err)
		}
	}
	if _, err := webhookToken(w.folder()); err != nil {
		return "", err
	}
	if err := w.keepToken(path, path != w.file); err != nil {
		return "", err
	}
	if err := writeFile(path, w.answers.yaml(w.dataKey()), 0o644); err != nil { // secrets stand in files of their own
		return "", problem.New(problem.Unavailable, "%s cannot be written", path).Because(err)
	}
	return path, nil
}

// sayLost tells what would be gone with the configuration that is there.
func (w *wizard) sayLost(keys []string) {
	const most = 8
	if len(keys) == 0 {
		return
	}
	names := strings.Join(keys[:min(len(keys), most)], ", ")
	if len(keys) > most {
		names += fmt.Sprintf(" and %d more", len(keys)-most)
	}
	w.say("  ! The one that is there also says, and the new one does not: %s", sanitize(names))
}

// writeFile puts a file in place whole or not at all.
func writeFile(path, text string, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// finish says what to do next.
func (w *wizard) finish(path string) error {
	w.say("\nWritten: %s, and the webhook token %s (mode 0600).", path, filepath.Join(w.folder(), tokenFile))
	if w.answers.discord.written {
		w.say("The bot's token: %s (mode 0600).", w.answers.discord.path(path))
	}
	if path != w.file {
		w.say("Compare it with %s, and put it in its place when you are content.", w.file)
	}
	w.say("\nNext")
	steps := []string{
		"Start it:           wardroom serve" + w.flags(),
		"Send it an alert:\n" + w.answers.curl(w.machine, w.folder()),
	}
	if drill := w.answers.discord.drill(); drill != "" {
		steps = append(steps, drill)
	}
	if w.answers.place != placeNone {
		steps = append(steps, "Let Alertmanager reach it, beside the receiver that you have:\n"+w.answers.receiverSnippet(w.machine, w.folder()),
			"Look what your rules would lead to: wardroom check"+w.flags()+" --rules FILE",
			"Whenever in doubt:                  wardroom check"+w.flags())
	} else {
		steps = append(steps, "Whenever in doubt:  wardroom check"+w.flags())
	}
	if w.answers.fleet.has() {
		steps = append(steps, "What a repair would do, without doing it: wardroom node list"+w.flags()+"\n"+
			"     and the same with --dry-run behind a repair. docs/guide/repairs.md goes on from there.")
	}
	for i, step := range steps {
		w.say("  %d. %s", i+1, step)
	}
	return w.failed
}

// flags are those that lead a command to what was written.
func (w *wizard) flags() string {
	text := ""
	if w.dataKey() != "" {
		return " --config " + shellQuote(w.file)
	}
	if w.data != "" {
		text = " --data " + shellQuote(w.data)
	}
	if filepath.Base(w.file) != configName {
		text += " --config " + shellQuote(w.file)
	}
	return text
}
