package main

import (
	"log/slog"

	"wardroom/bot/config"
	"wardroom/integrations/discord"
	"wardroom/integrations/kubernetes"
	"wardroom/integrations/linode"
	"wardroom/integrations/redis"
	atlassian "wardroom/integrations/statuspage"
	"wardroom/integrations/talos"
)

// owners look at the sections of outside systems as soon as the file is read, so that
// whoever writes it hears of all that is wrong with it at once.
var owners = []config.Owner{
	owner(func(c *config.Config) config.Section { return c.Discord }, discord.Decode),
	owner(func(c *config.Config) config.Section { return c.Kubernetes }, kubernetes.Decode),
	owner(func(c *config.Config) config.Section { return c.Linode }, linode.Decode),
	owner(func(c *config.Config) config.Section { return c.Talos }, talos.Decode),
	owner(func(c *config.Config) config.Section { return c.Redis }, redis.Decode),
	owner(func(c *config.Config) config.Section { return c.StatusPage.Statuspage }, atlassian.Decode),
	mappings,
}

func owner[T any](of func(*config.Config) config.Section, decode func(config.Section) (T, error)) config.Owner {
	return func(c *config.Config) error {
		s := of(c)
		if s.IsZero() {
			return nil
		}
		_, err := decode(s)
		return err
	}
}

// mappings looks at those of generic senders.
func mappings(c *config.Config) error {
	_, err := sources(c.Intake, config.NewSecret("any"), slog.New(slog.DiscardHandler))
	return err
}
