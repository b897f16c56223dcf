package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wardroom/bot/command"
)

// completeTimeout bounds what a person waits for after Tab.
const completeTimeout = 2 * time.Second

// completeCommand lets the shell complete the values of every option, as a flag
// and by place. cobra writes the scripts for bash, zsh and fish.
func (s *shell) completeCommand(cmd *cobra.Command, c *command.Command) {
	var places []command.Option
	for _, o := range c.Options {
		// The flag was added just before: it cannot be missing.
		_ = cmd.RegisterFlagCompletionFunc(o.Name, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return s.propose(cmd.Context(), c, o, typed), cobra.ShellCompDirectiveNoFileComp
		})
		if o.Positional {
			places = append(places, o)
		}
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return s.propose(cmd.Context(), c, places[len(args)], typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// propose asks whoever is reachable, and falls back on what is declared.
func (s *shell) propose(ctx context.Context, c *command.Command, o command.Option, typed string) []string {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	if a, err := s.peek(ctx); err == nil {
		defer func() { _ = a.Close() }() // it only read
		if found, err := a.Complete(ctx, c.Path, o.Name, typed); err == nil {
			var lines []string
			for _, p := range found {
				line := sanitize(p.Value)
				if p.Help != "" {
					line += "\t" + sanitize(p.Help)
				}
				lines = append(lines, line)
			}
			return lines
		}
	}
	var lines []string
	for _, choice := range o.Choices {
		if strings.HasPrefix(strings.ToLower(choice), strings.ToLower(typed)) {
			lines = append(lines, choice)
		}
	}
	return lines
}
