package talos

import (
	"path/filepath"
	"strings"
	"unicode"

	"wardroom/bot/config"
)

// Settings are what the configuration says about machines that run Talos.
type Settings struct {
	Config  string // the talosconfig
	Context string // one of it; "": its current one
	Binary  string // talosctl: a name to be found in PATH, or a whole path
}

// DefaultBinary is what is run where the configuration names nothing else.
const DefaultBinary = "talosctl"

// Decode reads the configuration's section talos:
//
//	talos:
//	  config: /run/secrets/talosconfig   # of the role os:operator
//	  context: prod                      # left out: its current one
//	  binary: /usr/local/bin/talosctl    # left out: talosctl, as PATH finds it
func Decode(s config.Section) (Settings, error) {
	form := struct {
		Config  string `yaml:"config"`
		Context string `yaml:"context"`
		Binary  string `yaml:"binary"`
	}{Binary: DefaultBinary}
	if err := s.Decode(&form); err != nil {
		return Settings{}, err
	}
	switch {
	case form.Config == "":
		return Settings{}, s.Fail("config", "is missing: the talosconfig, as `talosctl config new --roles os:operator` makes one")
	case !filepath.IsAbs(form.Config):
		return Settings{}, s.Fail("config", "%.80q is not a whole path: begin it with a slash, so that it does not depend on where Wardroom is started", form.Config)
	case strings.HasPrefix(form.Context, "-") || strings.ContainsFunc(form.Context, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return Settings{}, s.Fail("context", "%.80q is no name of a context: `talosctl config contexts` shows those that there are", form.Context)
	case strings.ContainsRune(form.Binary, filepath.Separator) && !filepath.IsAbs(form.Binary), strings.HasPrefix(form.Binary, "-"), form.Binary == "":
		return Settings{}, s.Fail("binary", "%.80q is neither a name to be found in PATH nor a whole path", form.Binary)
	}
	return Settings{Config: form.Config, Context: form.Context, Binary: form.Binary}, nil
}
