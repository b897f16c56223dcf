package render

import (
	"errors"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/problem"
	"wardroom/integrations/discord/rest"
)

// Problem renders an error for the person who asked, and for nobody else: what is
// wrong, and how to mend it. What is no [problem.Error] is an internal error, of
// which only the id is shown.
func (r *Renderer) Problem(err error) rest.Message {
	message, hint := "internal error", ""
	if id := command.FaultID(err); id != "" {
		message += " " + id
		hint = "Wardroom's log says more under " + id
	}
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Message != "" {
		message, hint = p.Message, p.Hint
	}
	text := "✗ " + sentence(capital(message))
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	if hint != "" {
		text += "\n" + sentence(capital(hint))
	}
	m := rest.Message{Flags: rest.Ephemeral}
	m.Content, _ = cutMarkdown(text, maxContent, "…")
	return m
}

// sentence is a problem's own text: plain, may quote what somebody typed, and puts
// commands between backticks.
func sentence(text string) string {
	var b strings.Builder
	rest := squeeze(manyLines(text))
	for {
		before, after, opened := strings.Cut(rest, "`")
		code, behind, closed := strings.Cut(after, "`")
		if !opened || !closed || strings.TrimSpace(code) == "" {
			b.WriteString(command.Escape(rest))
			return b.String()
		}
		b.WriteString(command.Escape(before))
		b.WriteString(command.Code(code))
		rest = behind
	}
}
