package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"wardroom/bot/problem"
)

// dialogue asks on one stream and reads answers from another.
type dialogue struct {
	in     *bufio.Reader
	out    io.Writer
	yes    bool  // takes every default without asking
	failed error // the first failure to write
}

func newDialogue(in io.Reader, out io.Writer, yes bool) *dialogue {
	return &dialogue{in: bufio.NewReader(in), out: out, yes: yes}
}

// question is one thing to ask.
type question struct {
	text     string // without question mark and default
	proposed string // what Enter takes; "" leaves it out
	help     string // what ? says
	optional bool   // - leaves it out
	// valid returns the answer in its proper form, or what is wrong with it. It may be
	// nil. It is not asked about an answer that is left out.
	valid func(string) (string, error)
}

// ask asks until the answer is valid. It returns ctx's error when that ends, and
// Invalid when the answers end first.
func (d *dialogue) ask(ctx context.Context, q question) (string, error) {
	for {
		answer, err := d.line(ctx, q)
		if err != nil {
			return "", err
		}
		switch {
		case answer == "?":
			d.say("    %s", below("    ", q.help))
			continue
		case answer == "":
			answer = q.proposed
		}
		if answer == "-" && q.optional {
			answer = ""
		}
		if answer == "" {
			if q.optional {
				return "", nil
			}
			d.say("    This one needs an answer; ? explains.")
			if d.yes {
				return "", problem.New(problem.Invalid, "there is no default for %q", q.text).WithHint("answer it: run it without --yes")
			}
			continue
		}
		if q.valid == nil {
			return answer, nil
		}
		proper, err := q.valid(answer)
		if err == nil {
			return proper, nil
		}
		if d.yes {
			return "", problem.New(problem.Invalid, "the default for %q does not work: %v", q.text, err).WithHint("answer it: run it without --yes")
		}
		d.say("    %s.", sanitize(err.Error()))
	}
}

// line shows the question and reads one line, "" with --yes.
func (d *dialogue) line(ctx context.Context, q question) (string, error) {
	shown := q.proposed
	if shown == "" && q.optional {
		shown = "-"
	}
	prompt := "  " + q.text
	if shown != "" {
		prompt += " [" + sanitize(shown) + "]"
	}
	if d.yes {
		d.say("%s: %s", prompt, sanitize(shown))
		return "", nil
	}
	d.print(prompt + ": ")
	type read struct {
		text string
		err  error
	}
	got := make(chan read, 1) // a terminal cannot be interrupted: the reader is left behind
	go func() {
		text, err := d.in.ReadString('\n')
		got <- read{text, err}
	}()
	select {
	case <-ctx.Done():
		d.print("\n")
		return "", ctx.Err()
	case r := <-got:
		if errors.Is(r.err, io.EOF) && r.text == "" {
			d.print("\n")
			return "", problem.New(problem.Invalid, "the answers ended before %q; nothing was written", q.text).
				WithHint("run it in a terminal, or with --yes, which takes every default")
		}
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", r.err
		}
		return strings.TrimSpace(r.text), nil
	}
}

// confirm asks for yes or no.
func (d *dialogue) confirm(ctx context.Context, text string, proposed bool, help string) (bool, error) {
	words := map[bool]string{true: "yes", false: "no"}
	answer, err := d.ask(ctx, question{text: text, proposed: words[proposed], help: help, valid: func(s string) (string, error) {
		switch strings.ToLower(s) {
		case "y", "yes":
			return "yes", nil
		case "n", "no":
			return "no", nil
		}
		return "", fmt.Errorf("%q is neither yes nor no", s)
	}})
	return answer == "yes", err
}

func (d *dialogue) say(format string, args ...any) { d.print(fmt.Sprintf(format, args...) + "\n") }

func (d *dialogue) print(text string) {
	if _, err := io.WriteString(d.out, text); err != nil && d.failed == nil {
		d.failed = err
	}
}
