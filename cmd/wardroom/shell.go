package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/socket"
)

// Asker answers the shell: a running Wardroom over its socket, or this process.
type Asker interface {
	Ask(context.Context, command.Ask, timeline.ID) (command.Reply, error)
	// Entries waits for entries after one, at most for wait.
	Entries(ctx context.Context, id timeline.ID, after int64, wait time.Duration) (socket.Page, error)
	Complete(ctx context.Context, path, option, typed string) ([]command.Proposal, error)
	Close() error
}

var (
	_ Asker = (*socket.Client)(nil)
	_ Asker = (*local)(nil)
)

// shell makes a subcommand of every command of the table.
type shell struct {
	table *command.Table
	// open answers requests: over the socket when somebody listens, else in this
	// process, which then owns the data folder until Close.
	open func(context.Context) (Asker, error)
	// peek only reads: over the socket, else from the file, whose lock it leaves alone.
	peek func(context.Context) (Asker, error)
	now  func() time.Time

	stdin          io.Reader
	stdout, stderr io.Writer
	interactive    bool // a person sits at stdin and stdout
	live           bool // a line on stdout can be written over
	format         style
	retry          time.Duration // before a Wardroom that has gone is looked for again

	json bool
	yes  bool
	save string
}

// errUnconfirmed: nothing was carried out, because a person has to say so. What asks
// may have been recorded, as a run that waits.
var errUnconfirmed = errors.New("not confirmed")

// newShell binds a shell to the terminal of this process.
func newShell(table *command.Table, open, peek func(context.Context) (Asker, error)) *shell {
	interactive := isTerminal(os.Stdin) && isTerminal(os.Stdout)
	return &shell{
		table: table, open: open, peek: peek, now: time.Now, retry: watchRetry,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		interactive: interactive,
		live:        interactive && os.Getenv("TERM") != "dumb",
		format:      terminalStyle(os.Stdout),
	}
}

// bind adds the flags that every command has.
func (s *shell) bind(f *pflag.FlagSet) {
	f.BoolVar(&s.json, "json", false, "print the answer as JSON")
	f.BoolVarP(&s.yes, "yes", "y", false, "go on without asking where a command asks first")
	f.StringVar(&s.save, "save", "", "write attached files into this `folder` instead of printing them")
}

// commands are the subcommands, a group each. `help` is left to cobra, which
// also knows what is no command of the table. An option that shares its name
// with a flag of the program in taken is an error.
func (s *shell) commands(taken *pflag.FlagSet) ([]*cobra.Command, error) {
	var all []*cobra.Command
	var faults []error
	for _, g := range s.table.Groups() {
		for _, c := range g.Commands {
			for _, o := range c.Options {
				if taken.Lookup(o.Name) != nil || o.Name == "help" {
					faults = append(faults, fmt.Errorf("/%s: option %q is a flag of the shell", c.Path, o.Name))
				}
			}
		}
		switch {
		case g.Name == "help":
		case len(g.Commands) == 1 && g.Commands[0].Path == g.Name:
			all = append(all, s.command(g.Commands[0]))
		default:
			all = append(all, s.group(g))
		}
	}
	return all, errors.Join(faults...)
}

func (s *shell) group(g command.Group) *cobra.Command {
	group := &cobra.Command{
		Use:   g.Name,
		Short: g.Summary,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			_, err := s.table.Lookup(g.Name + " " + args[0])
			return err
		},
	}
	group.SetFlagErrorFunc(flagFault)
	for _, c := range g.Commands {
		group.AddCommand(s.command(c))
	}
	if g.Name == "incident" {
		group.AddCommand(s.watchCommand())
	}
	return group
}

func flagFault(cmd *cobra.Command, err error) error {
	return problem.New(problem.Invalid, "%v", err).WithHint("%s --help says more", cmd.CommandPath())
}

// command makes the subcommand of c. Every option is a flag with the text that
// the stages parse: the shell knows no types.
func (s *shell) command(c *command.Command) *cobra.Command {
	plain := style{width: s.format.width, table: s.table}
	cmd := &cobra.Command{
		Use:   c.Act() + positionals(c),
		Short: c.Summary,
		Long:  strings.TrimSpace(c.Summary + ".\n\n" + plain.text(c.Description)),
		Args:  cobra.ArbitraryArgs,
	}
	var examples []string
	for _, e := range c.Examples {
		if ask, err := s.table.ParseLine(e); err == nil {
			examples = append(examples, "  "+shellLine(s.table, ask))
		}
	}
	cmd.Example = strings.Join(examples, "\n")
	cmd.SetFlagErrorFunc(flagFault)
	for _, o := range c.Options {
		cmd.Flags().String(o.Name, "", o.Help+flagRemarks(o))
		if o.Type == command.Bool {
			cmd.Flags().Lookup(o.Name).NoOptDefVal = "yes"
		}
	}
	s.completeCommand(cmd, c)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ask := command.Ask{Path: c.Path, Args: args}
		for _, o := range c.Options {
			if f := cmd.Flags().Lookup(o.Name); f.Changed {
				if ask.Options == nil {
					ask.Options = map[string]string{}
				}
				ask.Options[o.Name] = f.Value.String()
			}
		}
		return s.ask(cmd.Context(), ask)
	}
	return cmd
}

func positionals(c *command.Command) string {
	var b strings.Builder
	for _, o := range c.Options {
		switch {
		case o.Positional && o.Required:
			b.WriteString(" " + strings.ToUpper(o.Name))
		case o.Positional:
			b.WriteString(" [" + strings.ToUpper(o.Name) + "]")
		}
	}
	return b.String()
}

func flagRemarks(o command.Option) string {
	var r []string
	if o.Required {
		r = append(r, "required")
	}
	if len(o.Choices) > 0 {
		r = append(r, strings.Join(o.Choices, ", "))
	}
	if o.Default != "" {
		r = append(r, "default "+o.Default)
	}
	if len(r) == 0 {
		return ""
	}
	return " (" + strings.Join(r, "; ") + ")"
}

// maxConfirmations keeps two commands that confirm each other from going on forever.
const maxConfirmations = 3

// ask makes a request, asks the person where the reply does, and prints the last reply.
func (s *shell) ask(ctx context.Context, ask command.Ask) (err error) {
	a, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for range maxConfirmations {
		reply, err := a.Ask(ctx, ask, "")
		if err != nil {
			return err
		}
		if !reply.Confirm || len(reply.Actions) == 0 {
			return s.print(reply)
		}
		if !s.yes {
			if !s.interactive || s.json {
				return errors.Join(s.print(reply), errUnconfirmed)
			}
			s.format.reply(s.stdout, s.table, command.Reply{Text: reply.Text, Embeds: reply.Embeds, Table: reply.Table})
			if !s.confirmed(ctx, reply.Actions[0].Label) {
				return errUnconfirmed
			}
		}
		ask = reply.Actions[0].Ask
	}
	return fmt.Errorf("/%s asks to be confirmed without end", ask.Path)
}

// confirmed asks the person at the terminal; anything but yes is no.
func (s *shell) confirmed(ctx context.Context, label string) bool {
	fmt.Fprintf(s.stdout, "%s? [y/N] ", sanitize(label))
	answer := make(chan string, 1)
	go func() { // a read from a terminal cannot be given up; the process ends with it
		line, _ := bufio.NewReader(io.LimitReader(s.stdin, 100)).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
	case <-ctx.Done():
		return false
	}
}

// print writes a reply: as JSON, or for eyes. The text of attached files goes to
// stdout alone, so that it can be piped, unless they are saved.
func (s *shell) print(r command.Reply) error {
	if s.save != "" {
		for _, f := range r.Files {
			if err := s.saveFile(f); err != nil {
				return err
			}
		}
		r.Files = nil
	}
	if s.json {
		return s.printJSON(r)
	}
	out := s.stdout
	if len(r.Files) > 0 {
		out = s.stderr
	}
	s.format.reply(out, s.table, r)
	for _, f := range r.Files {
		if !strings.HasPrefix(f.ContentType, "text/") && f.ContentType != "application/json" {
			fmt.Fprintf(s.stderr, "%s is not text; --save FOLDER writes it to a file\n", sanitize(f.Name))
			continue
		}
		if _, err := s.stdout.Write(f.Body); err != nil {
			return err
		}
	}
	return nil
}

func (s *shell) printJSON(r command.Reply) error {
	v := any(r)
	if r.Data != nil {
		v = r.Data
	}
	e := json.NewEncoder(s.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// saveFile never follows a name out of the folder and never overwrites.
func (s *shell) saveFile(f command.File) error {
	name := filepath.Base(filepath.Clean("/" + sanitize(f.Name)))
	if name == "/" || name == "." {
		return problem.New(problem.Invalid, "an attached file has no usable name")
	}
	if err := os.MkdirAll(s.save, 0o700); err != nil {
		return problem.New(problem.Unavailable, "the folder %s cannot be made", s.save).Because(err)
	}
	path := filepath.Join(s.save, name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return problem.New(problem.Conflict, "%s is there already", path).WithHint("move it away, or --save into another folder")
	}
	if err != nil {
		return problem.New(problem.Unavailable, "%s cannot be written", path).Because(err)
	}
	_, err = out.Write(f.Body)
	if err := errors.Join(err, out.Close()); err != nil {
		return problem.New(problem.Unavailable, "%s cannot be written", path).Because(err)
	}
	fmt.Fprintf(s.stderr, "wrote %s (%d bytes)\n", path, len(f.Body))
	return nil
}
