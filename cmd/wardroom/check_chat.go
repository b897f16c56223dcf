package main

import (
	"context"

	checks "wardroom/bot/watch"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/rest"
)

// chat are the checks of Discord; none where there is no Discord.
func (k *checker) chat() []checks.Check {
	bot, err := k.bot()
	switch {
	case err != nil:
		return []checks.Check{{Name: "discord", Try: func(context.Context) (checks.Finding, error) { return checks.Finding{}, err }}}
	case bot == nil:
		return nil
	}
	return bot.Checks()
}

// idleBot is the configured bot without anything to act on, for its checks alone;
// nil when there is no Discord.
func (k *checker) idleBot() (*discord.Bot, error) {
	s, err := discordOf(k.config)
	if err != nil || s == nil {
		return nil, err
	}
	table, err := (&system{}).commandTable()
	if err != nil {
		return nil, err
	}
	return discord.New(discord.Options{
		Token: s.Token.Reveal(), Guild: s.Guild, Category: s.Category, Archive: s.Archive, Overview: s.Overview,
		Table: table, People: k.config.People, Clock: k.clock,
		Rest: rest.New(rest.Options{Token: s.Token.Reveal(), Base: s.URL, Clock: k.clock}),
	})
}
