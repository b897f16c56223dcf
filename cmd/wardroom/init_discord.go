package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wardroom/bot/config"
	"wardroom/bot/problem"
	checks "wardroom/bot/watch"
	"wardroom/integrations/discord"
	"wardroom/integrations/discord/rest"
)

// discordTokenFile keeps the bot's token in the data folder when it was typed.
const discordTokenFile = "discord.token"

// answeredDiscord is the team's Discord; the zero value is that there is none.
type answeredDiscord struct {
	token config.Secret // as typed; kept in a file when everything is written
	file  string        // that holds the token; "" while it is only typed
	// written says that init itself made the file.
	written bool
	guild   string
	name    string // of the guild, once it was seen
	url     string // of Discord's API; "": its own
	// kept is what an earlier configuration says besides; it is not asked, and stays.
	kept discord.Settings
}

func (d *answeredDiscord) none() bool { return d.file == "" && d.token.IsZero() }

// adopt takes over the section that is there; one that cannot be read is asked anew.
func (d *answeredDiscord) adopt(cfg *config.Config) {
	s, err := discord.Decode(cfg.Discord)
	if cfg.Discord.IsZero() || err != nil {
		return
	}
	d.file, d.guild, d.kept = s.Token.File(), s.Guild, s
	if d.file == "" {
		d.token = s.Token
	}
	if s.URL != discord.DefaultURL {
		d.url = s.URL
	}
}

// Shapes of what is pasted: an id, and a token, which has no blank and no slash.
var (
	discordIDShape = regexp.MustCompile(`^[0-9]{17,20}$`)
	tokenShape     = regexp.MustCompile(`^[\w.-]{20,200}$`)
)

func askDiscord(ctx context.Context, w *wizard) error {
	d := &w.answers.discord
	proposed := d.file
	if proposed == "" && !d.token.IsZero() {
		proposed = "the one that was given"
	}
	token, err := w.ask(ctx, question{text: "The bot's token, or the file that holds it", proposed: proposed, optional: true, valid: w.takeToken,
		help: "At https://discord.com/developers/applications: New Application, then Bot, Reset Token. What you paste is kept in\n" +
			filepath.Join(w.folder(), discordTokenFile) + ", which only you can read. docs/discord.md shows it step by step.\n- is for no Discord: the shell and the web do the same."})
	if err != nil {
		return err
	}
	if token == "" {
		*d = answeredDiscord{url: d.url}
		return nil
	}
	if d.guild, err = w.ask(ctx, question{text: "Your server's id", proposed: d.guild, valid: validDiscordID,
		help: "In Discord: User Settings, Advanced, Developer Mode on. Then hold (or right-click) the server's name: Copy Server ID."}); err != nil {
		return err
	}
	for i := range w.answers.persons {
		p := &w.answers.persons[i]
		ids, err := w.ask(ctx, question{text: "The Discord id of " + p.name, proposed: strings.Join(p.discord, ", "), optional: true,
			valid: func(s string) (string, error) { return w.freshDiscordIDs(i, s) },
			help:  "With the developer mode on, hold (or right-click) the person's name: Copy User ID. Buttons and commands in Discord ask who\nmay do something by it; without one, nothing can be asked for there."})
		if err != nil {
			return err
		}
		p.discord = splitList(ids)
	}
	return nil
}

// takeToken takes a token that is typed, or the file that holds it. The answer that
// is shown again is never the token.
func (w *wizard) takeToken(s string) (string, error) {
	d := &w.answers.discord
	const given = "the one that was given"
	switch {
	case s == given && !d.token.IsZero():
		return s, nil
	case tokenShape.MatchString(s):
		d.token, d.file = config.NewSecret(s), ""
		return given, nil
	}
	b, err := os.ReadFile(s)
	if err != nil {
		return "", errors.New("that is neither a token, which has no blanks, nor a file that can be read")
	}
	if !tokenShape.Match(bytes.TrimSpace(b)) {
		return "", fmt.Errorf("%s does not hold a token", s)
	}
	path, err := filepath.Abs(s)
	d.token, d.file = config.Secret{}, path
	return path, err
}

func validDiscordID(s string) (string, error) {
	if !discordIDShape.MatchString(s) {
		return "", fmt.Errorf("%q is no id: those have 17 to 20 digits", s)
	}
	return s, nil
}

// freshDiscordIDs are ids that nobody else has.
func (w *wizard) freshDiscordIDs(of int, s string) (string, error) {
	ids := splitList(s)
	for _, id := range ids {
		if _, err := validDiscordID(id); err != nil {
			return "", err
		}
		for i, p := range w.answers.persons {
			if i != of && slices.Contains(p.discord, id) {
				return "", fmt.Errorf("%s is the id of %s", id, p.name)
			}
		}
	}
	return strings.Join(ids, ", "), nil
}

// tryDiscord asks Discord whether the token is good, whether the bot is in the server
// with what it needs, and who the people are. It changes nothing there.
func tryDiscord(ctx context.Context, w *wizard, cfg *config.Config) error {
	s, err := discordOf(cfg)
	if err != nil {
		return err
	}
	if s == nil {
		w.say("  – nothing to try: without Discord, the shell and the web do the same")
		return nil
	}
	k := newChecker(cfg, w.folder())
	k.clock = w.machine.clock
	bot, err := k.bot()
	if err != nil {
		return err
	}
	for _, c := range bot.Checks() {
		if c.Name == "discord commands" || c.Name == "discord connection" {
			continue // there are none before it runs
		}
		f, err := c.Try(ctx)
		if err != nil {
			return err
		}
		switch f.Level {
		case checks.Failed:
			return problem.New(problem.Unavailable, "%s", f.Sentence).WithHint("%s", f.Hint)
		case checks.Warning:
			w.say("  ! %s: %s", c.Name, sanitize(f.Sentence))
			w.say("    → %s", sanitize(f.Hint))
		default:
			w.works("%s: %s", c.Name, sanitize(f.Sentence))
		}
	}
	return w.tryMembers(ctx, rest.New(rest.Options{Token: s.Token.Reveal(), Base: s.URL, Clock: w.machine.clock}), s.Guild)
}

// tryMembers looks for the people in the server.
func (w *wizard) tryMembers(ctx context.Context, c *rest.Client, server string) error {
	guild, err := c.Guild(ctx, server)
	if err != nil {
		return err
	}
	w.answers.discord.name = guild.Name
	for _, p := range w.answers.persons {
		if len(p.discord) == 0 {
			w.say("  ! %s has no Discord id: what %s taps there is refused", p.name, p.name)
		}
		for _, id := range p.discord {
			m, err := c.GuildMember(ctx, server, id)
			switch {
			case problem.Is(err, problem.NotFound):
				w.say("  ! nobody in the server has the id %s, which is that of %s", id, p.name)
			case err != nil:
				return err
			case m.User != nil:
				w.works("%s is %s in Discord", p.name, sanitize(m.User.Username))
			}
		}
	}
	return nil
}

// keepToken puts a token that was typed into a file that only its owner can read.
// beside says that another configuration stays in force: its token is not touched.
func (w *wizard) keepToken(configFile string, beside bool) error {
	d := &w.answers.discord
	if d.token.IsZero() {
		return nil
	}
	path := filepath.Join(w.folder(), discordTokenFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && beside && strings.TrimSpace(string(old)) != d.token.Reveal() {
		path += ".new"
	}
	if err := writeFile(path, d.token.Reveal()+"\n", 0o600); err != nil {
		return problem.New(problem.Unavailable, "%s cannot be written", path).Because(err)
	}
	d.written = true
	if d.token, d.file = (config.Secret{}), filepath.Base(path); filepath.Dir(path) == filepath.Dir(configFile) {
		return nil // the configuration finds it beside itself
	}
	d.file, err = filepath.Abs(path)
	return err
}

// path is where the token lies, as the configuration names it.
func (d *answeredDiscord) path(configFile string) string {
	if filepath.IsAbs(d.file) {
		return d.file
	}
	return filepath.Join(filepath.Dir(configFile), d.file)
}

// yaml is the section of the configuration.
func (d *answeredDiscord) yaml(line func(format string, args ...any)) {
	line("\n# A room for each incident, with buttons; docs/discord.md has every key.")
	if d.none() {
		line("# discord:\n#   token_file: %s\n#   guild: \"your server's id\"", discordTokenFile)
		return
	}
	line("discord:")
	if d.file != "" {
		line("  token_file: %s", quoted(d.file))
	} else {
		line("  token: %s", quoted(d.token.Reveal()))
	}
	line("  guild: %s", quoted(d.guild))
	k := d.kept
	for _, name := range []struct{ key, is, usual string }{{"category", k.Category, "Incidents"}, {"archive", k.Archive, "Incidents archive"}, {"overview", k.Overview, "incidents"}} {
		if name.is != "" && name.is != name.usual {
			line("  %s: %s", name.key, quoted(name.is))
		}
	}
	if k.Private {
		line("  private: true")
	}
	if len(k.Viewers) > 0 {
		line("  viewers: [%s]", quotedList(k.Viewers))
	}
	if k.LockClosed {
		line("  lock_closed: true")
	}
	if len(k.PublicKey) > 0 {
		line("  public_key: %s", quoted(fmt.Sprintf("%x", []byte(k.PublicKey))))
	}
	if d.url != "" {
		line("  url: %s", quoted(d.url))
	}
}

func quotedList(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = quoted(s)
	}
	return strings.Join(out, ", ")
}

// drill is how the room is tried once the server runs. It pages nobody: rooms of SEV3
// open when somebody acknowledges. "" where there is no Discord.
func (d *answeredDiscord) drill() string {
	if d.none() {
		return ""
	}
	where := "Discord"
	if d.name != "" {
		where = sanitize(d.name)
	}
	return "A drill, in any channel of " + where + ": /incident declare title:Drill severity:SEV3\n" +
		"     Then tap Acknowledge: its room opens. Nobody is paged; close it when you have seen enough."
}
