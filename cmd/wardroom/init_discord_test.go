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
	"testing"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	"wardroom/bot/scenario"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/discordtest"
)

// newInitChat is a Discord in whose one server the bot is, with what it needs.
func newInitChat(t *testing.T) *discordtest.Server {
	t.Helper()
	chat, err := discordtest.New(discordtest.Options{Guild: "Example", Token: "simulated.bot.token.of.discord", People: []string{"joe", "ann"},
		Permissions: discordtest.Permission(discord.Permissions), Intents: discordtest.IntentContent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chat.Close)
	return chat
}

// answeredUpToDiscord are the answers of everything that is asked before it.
func answeredUpToDiscord(more ...string) []string {
	return append(enough[:len(enough)-3:len(enough)-3], more...)
}

// chatRig has the answers of everything before Discord, and then these.
func chatRig(t *testing.T, chat *discordtest.Server, more ...string) *initRig {
	r := newInitRig(t, false, answeredUpToDiscord(more...)...)
	r.machine.discord = chat.API()
	return r
}

// settings are what the written configuration says of Discord.
func (r *initRig) settings(cfg *config.Config) discord.Settings {
	r.t.Helper()
	s, err := discord.Decode(cfg.Discord)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.transcript())
	}
	return s
}

func TestInitKeepsATypedTokenInAFileOfItsOwn(t *testing.T) {
	chat := newInitChat(t)
	r := chatRig(t, chat, chat.Token(), chat.GuildID(), chat.UserID("joe"), "-", "-")
	cfg := r.mustRun()
	path := filepath.Join(r.data, discordTokenFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token: %v, %v; want mode 0600", info, err)
	}
	if s := r.settings(cfg); s.Token.Reveal() != chat.Token() || s.Token.File() == "" || s.Guild != chat.GuildID() {
		t.Errorf("got %+v from %s", s, s.Token.File())
	}
	if joe, ok := cfg.People.ByDiscord(chat.UserID("joe")); !ok || joe.Name != "joe" {
		t.Errorf("joe is %+v", joe)
	}
	written := read(t, r.file)
	if strings.Contains(written, chat.Token()) {
		t.Errorf("the token stands in the configuration:\n%s", written)
	}
	// What is printed is what was typed by whoever looks on, once.
	if n := strings.Count(r.out.String(), chat.Token()); n != 1 {
		t.Errorf("the token is shown %d times, and was typed once", n)
	}
	for method := range chat.Requests() {
		if !strings.HasPrefix(method, "GET ") {
			t.Errorf("trying it did a %s", method)
		}
	}
}

func TestInitTakesAFileThatHoldsTheToken(t *testing.T) {
	chat := newInitChat(t)
	file, empty := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "empty")
	if err := errors.Join(os.WriteFile(file, []byte(chat.Token()+"\n"), 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r := chatRig(t, chat, empty, file, chat.GuildID(), "-", "-", "-")
	if s := r.settings(r.mustRun()); s.Token.File() != file || s.Token.Reveal() != chat.Token() {
		t.Errorf("the token is that of %s", s.Token.File())
	}
	if _, err := os.Stat(filepath.Join(r.data, discordTokenFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a second copy: %v", err)
	}
	if !strings.Contains(r.transcript(), "joe has no Discord id") {
		t.Errorf("nobody is told that joe's buttons do nothing:\n%s", r.transcript())
	}
}

// TestInitKeepsWhatItDoesNotAsk holds it to rooms that stay private.
func TestInitKeepsWhatItDoesNotAsk(t *testing.T) {
	chat := newInitChat(t)
	r := chatRig(t, chat, "", "", "", "", "-", "-", "yes")
	old := fmt.Sprintf("discord: {token_file: discord.token, guild: %q, private: true, viewers: [%q], lock_closed: true, overview: status, url: %q}\npeople: {joe: {roles: [lead], uid: 1000, discord: %q}}\n",
		chat.GuildID(), chat.GuildID(), chat.API(), chat.UserID("joe"))
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte(old), 0o600), os.WriteFile(filepath.Join(r.data, discordTokenFile), []byte(chat.Token()), 0o600)); err != nil {
		t.Fatal(err)
	}
	was, err := config.Load(r.file)
	if err != nil {
		t.Fatal(err)
	}
	before, after := r.settings(was), discord.Settings{}
	cfg := r.mustRun()
	after = r.settings(cfg)
	if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", after) || after.Token.Reveal() != chat.Token() || !after.Private {
		t.Errorf("was %+v\nis  %+v\n%s", before, after, r.transcript())
	}
	if _, known := cfg.People.ByDiscord(chat.UserID("joe")); !known {
		t.Error("joe's id is lost")
	}
}

// TestInitLeavesTheTokenInForce writes a token beside the one of a configuration that
// is not replaced.
func TestInitLeavesTheTokenInForce(t *testing.T) {
	chat := newInitChat(t)
	r := chatRig(t, chat, chat.Token(), chat.GuildID(), "-", "-", "-", "no")
	path := filepath.Join(r.data, discordTokenFile)
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte("timezone: UTC\n"), 0o600), os.WriteFile(path, []byte("another"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.mustRun()
	if got := read(t, path); got != "another" {
		t.Errorf("the token in force is now %q", got)
	}
	cfg, err := config.Load(r.file + ".new")
	if err != nil {
		t.Fatal(err)
	}
	if s := r.settings(cfg); s.Token.File() != path+".new" || s.Token.Reveal() != chat.Token() {
		t.Errorf("the new one names %s", s.Token.File())
	}
}

func TestInitSaysWhatIsWrongWithDiscord(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*discordtest.Server)
		want  []string
		fails bool
	}{
		"away": {func(s *discordtest.Server) { s.Down(true) }, []string{"✗"}, true},
		"permissions lack": {func(s *discordtest.Server) {
			s.SetPermissions(discordtest.Permission(discord.Permissions) &^ discordtest.ManageChannels)
		}, []string{"lacks Manage Channels", "Server Settings"}, true},
		"no message content": {func(s *discordtest.Server) { s.SetIntents(0) }, []string{"Message Content is not granted", "Add to timeline"}, false},
		"administrator":      {func(s *discordtest.Server) { s.SetPermissions(discordtest.Administrator) }, []string{"more than it needs"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			chat := newInitChat(t)
			r := chatRig(t, chat, chat.Token(), chat.GuildID(), chat.UserID("joe"), "no", "-", "-")
			if !c.fails {
				r = chatRig(t, chat, chat.Token(), chat.GuildID(), chat.UserID("joe"), "-", "-")
			}
			c.world(chat)
			r.mustRun() // answers that were kept are written, although they do not work yet
			for _, want := range c.want {
				if !strings.Contains(r.transcript(), want) {
					t.Errorf("lacks %q:\n%s", want, r.transcript())
				}
			}
		})
	}
}

func TestInitWithoutQuestionsFailsWhereDiscordDoesNotAnswer(t *testing.T) {
	chat := newInitChat(t)
	r := newInitRig(t, true)
	text := fmt.Sprintf("listen: 127.0.0.1:%d\ndiscord: {token: wrong.token.of.somebody, guild: %q, url: %q}\n", r.port, chat.GuildID(), chat.API())
	if err := errors.Join(os.MkdirAll(r.data, 0o700), os.WriteFile(r.file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := r.run(t.Context()); !problem.Is(err, problem.Unauthentic) {
		t.Errorf("got %v", err)
	}
}

// TestTheDrillThatInitOffersOpensARoomAndPagesNobody does what init prints.
func TestTheDrillThatInitOffersOpensARoomAndPagesNobody(t *testing.T) {
	f, err := scenario.Read(strings.NewReader("scenario: drill\ntitle: Drill\npeople: {joe: [lead]}\nevents: [{at: \"2021-07-11 00:32\", chat: up}]\nexpect: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	stage, err := newStage(t.Context(), f, t.TempDir(), io.Discard, discordtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	offered := (&answeredDiscord{file: "discord.token"}).drill()
	_, line, _ := strings.Cut(offered, ": ")
	line, _, _ = strings.Cut(line, "\n")
	ctx, cancel := context.WithTimeout(t.Context(), chatTimeout)
	defer cancel()
	joe := stage.chat.As("joe")
	seen, err := joe.Slash(ctx, townSquare, line)
	if err != nil || seen.Answer == nil {
		t.Fatalf("%s: %v, %+v", line, err, seen)
	}
	if err := stage.Settle(ctx); err != nil || stage.channelOf("INC-1") != "" {
		t.Errorf("a room before anybody acknowledged: %v", err)
	}
	if _, err := joe.Click(ctx, seen.Answer, "Acknowledge"); err != nil {
		t.Fatal(err)
	}
	if err := stage.Settle(ctx); err != nil || stage.channelOf("INC-1") == "" {
		t.Errorf("no room: %v", err)
	}
	if strings.Contains(stage.chat.Transcript(), "🔔") {
		t.Errorf("somebody is mentioned:\n%s", stage.chat.Transcript())
	}
	if err := stage.close(t.Context()); err != nil {
		t.Error(err)
	}
}
