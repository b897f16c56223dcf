package e2e

import (
	"fmt"
	"strings"
	"testing"

	"wardroom/bot/remediation"
	"wardroom/e2e/internal/process"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/discordtest"
)

// chat is the team's Discord, from where chris approves. (In the shell everybody who is
// the same Unix user is the same person.)
type chat struct {
	*discordtest.Server
	t *testing.T
}

func newChat(t *testing.T) *chat {
	t.Helper()
	s, err := discordtest.New(discordtest.Options{People: []string{"chris"}, Limits: discordtest.NoLimits,
		Permissions: discordtest.Permission(discord.Permissions), Intents: discordtest.IntentContent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &chat{s, t}
}

// config is the section discord.
func (c *chat) config() string {
	return fmt.Sprintf("discord: {token: %q, guild: %q, url: %q}\n", c.Token(), c.GuildID(), c.API())
}

// room is the channel of an incident, as soon as it is there.
func (c *chat) room(incident string) (id string) {
	c.t.Helper()
	var number int
	if _, err := fmt.Sscanf(incident, "INC-%d", &number); err != nil {
		c.t.Fatal(err)
	}
	process.Await(c.t, "the room of "+incident, process.Patience, func() (bool, string) {
		for _, ch := range c.Channels() {
			if strings.HasPrefix(ch.Name, fmt.Sprintf("inc-%04d", number)) {
				id = ch.ID
			}
		}
		return id != "" && len(c.Commands()) > 0, c.Transcript()
	})
	return id
}

// approve is chris approving the plan of a run as joe has seen it.
func (c *chat) approve(r remediation.Run) {
	c.t.Helper()
	line := fmt.Sprintf("/run approve run:%s plan:%s", r.ID, remediation.ShortHash(r.Hash))
	if r.Plan.Tier == remediation.Destructive {
		line += " confirm:" + remediation.Confirmation(r.Plan.Target)
	}
	seen, err := c.As("chris").Slash(process.Soon(c.t), c.room(string(r.Incident)), line)
	switch {
	case err != nil:
		c.t.Fatalf("chris, %s: %v", line, err)
	case seen.Failed != "" || seen.Answer == nil:
		c.t.Fatalf("chris, %s: %s %+v", line, seen.Failed, seen.Answer)
	}
	c.t.Logf("chris: %s: %s", line, seen.Answer.Text())
}
