package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/integrations/socket"
)

// Exit codes of the program, for scripts. They are documented in the guide and
// stay as they are.
const (
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitForbidden   = 4
	exitConflict    = 5
	exitUnavailable = 6
	exitUnsupported = 7 // also: too large
	exitUnconfirmed = 10
	exitInterrupted = 130 // as shells say it of SIGINT
)

// exitCode is what the program ends with after err.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUnconfirmed):
		return exitUnconfirmed
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	switch problem.CodeOf(err) {
	case problem.Invalid:
		return exitInvalid
	case problem.NotFound:
		return exitNotFound
	case problem.Forbidden, problem.Unauthentic:
		return exitForbidden
	case problem.Conflict:
		return exitConflict
	case problem.Unavailable:
		return exitUnavailable
	case problem.TooLarge, problem.Unsupported:
		return exitUnsupported
	}
	return exitInternal
}

// slashCommand finds what a hint says in the language of rooms.
var slashCommand = regexp.MustCompile(`(^|[\s(\x60])/([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)?)`)

// printError says what went wrong and how to mend it. table may be nil; it turns
// "/incident list" into what is typed here.
func printError(w io.Writer, err error, table *command.Table, asJSON bool) {
	if err == nil {
		return
	}
	p, known := errors.AsType[*problem.Error](err)
	switch {
	case errors.Is(err, errUnconfirmed):
		p = problem.New(problem.Conflict, "it was not confirmed, so nothing was carried out").WithHint("--yes goes on without asking")
	case errors.Is(err, context.Canceled):
		p = problem.New(problem.Unavailable, "given up")
	case !known:
		p = problem.New(problem.Internal, "%v", err)
	}
	if asJSON {
		body, _ := json.Marshal(socket.NewProblem(p)) // strings only: it always encodes
		fmt.Fprintf(w, "%s\n", body)
		return
	}
	fmt.Fprintf(w, "wardroom: %s\n", inShell(table, sanitizeLines(p.Message)))
	if p.Hint != "" {
		fmt.Fprintf(w, "  %s\n", hintInShell(table, sanitizeLines(p.Hint)))
	}
	if command.FaultID(p) == "" && p.Err != nil && !asJSON {
		// This process is the operator's: the cause helps.
		fmt.Fprintf(w, "  cause: %s\n", sanitizeLines(p.Err.Error()))
	}
}

func inShell(table *command.Table, text string) string {
	if table == nil {
		return text
	}
	for _, c := range table.Commands() {
		text = strings.ReplaceAll(text, c.Usage(), shellUsage(c))
	}
	return slashCommand.ReplaceAllStringFunc(text, func(found string) string {
		m := slashCommand.FindStringSubmatch(found)
		words := m[2]
		if _, err := table.Lookup(words); err == nil {
			return m[1] + "wardroom " + words
		}
		first, rest := cut(words)
		if _, is := table.Group(first); is {
			return m[1] + "wardroom " + first + rest
		}
		return found
	})
}

// optionValue finds an option in a hint: "person:joe", "at:…".
var optionValue = regexp.MustCompile(`(^|[\s(])([a-z]+):([^\s,;:)]+)`)

// hintInShell is inShell for a hint, which may also name options alone.
func hintInShell(table *command.Table, hint string) string {
	if table == nil {
		return hint
	}
	options := map[string]bool{}
	for _, c := range table.Commands() {
		for _, o := range c.Options {
			options[o.Name] = true
		}
	}
	parts := strings.Split(hint, "`")
	for i, part := range parts {
		if i%2 == 1 && i+1 < len(parts) { // a request, as it is typed
			parts[i] = style{table: table}.typed(part)
			continue
		}
		parts[i] = optionValue.ReplaceAllStringFunc(inShell(table, part), func(found string) string {
			m := optionValue.FindStringSubmatch(found)
			if !options[m[2]] {
				return found
			}
			return m[1] + "--" + m[2] + " " + m[3]
		})
	}
	return strings.Join(parts, "`")
}

// shellUsage is command.Usage for the shell: "wardroom timeline add TEXT [--at …]".
func shellUsage(c *command.Command) string {
	var b strings.Builder
	b.WriteString("wardroom " + c.Path + positionals(c))
	for _, o := range c.Options {
		if o.Positional {
			continue
		}
		if o.Type == command.Bool {
			b.WriteString(" [--" + o.Name + "]")
		} else if o.Required {
			b.WriteString(" --" + o.Name + " …")
		} else {
			b.WriteString(" [--" + o.Name + " …]")
		}
	}
	return b.String()
}

// cut parts the first word from the rest, which keeps its space.
func cut(s string) (first, rest string) {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}
