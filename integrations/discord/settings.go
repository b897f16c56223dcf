package discord

import (
	"crypto/ed25519"
	"encoding/hex"
	"net/url"
	"unicode/utf8"

	"wardroom/bot/config"
)

// Settings are what the configuration says about Discord.
type Settings struct {
	Token     config.Secret
	Guild     string            // the server's id
	PublicKey ed25519.PublicKey // for interactions over HTTP; nil: they are refused
	// Names of the category in which rooms are made, of the one that they are put
	// away in, and of the channel with one line for each incident.
	Category, Archive, Overview string
	// Private hides rooms from everybody but Wardroom and the roles Viewers, given by
	// their ids; without it a room shows to whoever sees its category.
	Private bool
	Viewers []string
	// LockClosed lets nobody write in the room of a closed incident.
	LockClosed bool
	URL        string // of Discord's API
}

// DefaultURL is where Discord serves its API.
const DefaultURL = "https://discord.com/api/v10"

// Decode reads the configuration's section discord.
func Decode(s config.Section) (Settings, error) {
	form := struct {
		Token     config.Secret `yaml:"token"`
		Guild     string        `yaml:"guild"`
		PublicKey string        `yaml:"public_key"`
		Category  string        `yaml:"category"`
		Archive   string        `yaml:"archive"`
		Overview  string        `yaml:"overview"`
		Private   bool          `yaml:"private"`
		Viewers   []string      `yaml:"viewers"`
		Lock      bool          `yaml:"lock_closed"`
		URL       string        `yaml:"url"`
	}{Category: "Incidents", Archive: "Incidents archive", Overview: "incidents", URL: DefaultURL}
	if err := s.Decode(&form); err != nil {
		return Settings{}, err
	}
	switch {
	case form.Token.IsZero():
		return Settings{}, s.Fail("token", "is missing: Discord's developer portal shows it under Bot; keep it in a file and name that under token_file")
	case form.Guild == "":
		return Settings{}, s.Fail("guild", "is missing: the id of your server, as a right click on its name and Copy Server ID gives it (with the developer mode on, under Advanced)")
	case !snowflake.MatchString(form.Guild):
		return Settings{}, s.Fail("guild", "is not the id of a server: it has only digits; write it in quotes")
	}
	for key, name := range map[string]string{"category": form.Category, "archive": form.Archive, "overview": form.Overview} {
		if n := utf8.RuneCountInString(name); n == 0 || n > 90 { // Discord's limit is 100; a second category gets a number
			return Settings{}, s.Fail(key, "has 1 to 90 characters")
		}
	}
	for _, role := range form.Viewers {
		if !snowflake.MatchString(role) {
			return Settings{}, s.Fail("viewers", "%.40q is not the id of a role: it has only digits; write it in quotes", role)
		}
	}
	if form.Private && len(form.Viewers) == 0 {
		return Settings{}, s.Fail("private", "needs viewers: the ids of the roles that may see rooms, or nobody could")
	}
	o := Settings{Token: form.Token, Guild: form.Guild, Category: form.Category, Archive: form.Archive,
		Overview: form.Overview, Private: form.Private, Viewers: form.Viewers, LockClosed: form.Lock, URL: form.URL}
	if form.PublicKey != "" {
		key, err := hex.DecodeString(form.PublicKey)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return Settings{}, s.Fail("public_key", "is not a public key: 64 hexadecimal digits, as the developer portal shows under General Information")
		}
		o.PublicKey = key
	}
	u, err := url.Parse(form.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return Settings{}, s.Fail("url", "is not an address: write it as %s", DefaultURL)
	}
	return o, nil
}
