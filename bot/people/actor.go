package people

import (
	"fmt"
	"strings"
)

// ActorKind says what sort of thing acted.
type ActorKind string

const (
	KindPerson   ActorKind = "person"   // a human, by the name in the configuration
	KindBot      ActorKind = "bot"      // Wardroom itself
	KindSource   ActorKind = "source"   // a sender of alerts
	KindProvider ActorKind = "provider" // an outside system: a cloud, a cluster, a status page
	KindUnknown  ActorKind = "unknown"  // an identity that is linked to nobody
)

// Actor is whoever did what an entry tells. Its text form, "person:joe", is
// what is stored and hashed.
type Actor struct {
	Kind ActorKind
	Name string // empty for the bot
}

// Bot is Wardroom itself.
var Bot = Actor{Kind: KindBot}

func Human(name string) Actor    { return Actor{KindPerson, name} }
func Source(name string) Actor   { return Actor{KindSource, name} }
func Provider(name string) Actor { return Actor{KindProvider, name} }

// String is the stored form: "bot", "person:joe", "source:alertmanager".
func (a Actor) String() string {
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + ":" + a.Name
}

// Display is the form for people: "joe", "Wardroom", "alertmanager".
func (a Actor) Display() string {
	switch {
	case a.Kind == KindBot:
		return "Wardroom"
	case a.Name != "":
		return a.Name
	}
	return "somebody"
}

// IsPerson reports whether a human that the configuration knows acted.
func (a Actor) IsPerson() bool { return a.Kind == KindPerson }

// ParseActor reads the stored form. It fails on a kind that it does not know.
func ParseActor(s string) (Actor, error) {
	kind, name, _ := strings.Cut(s, ":")
	switch k := ActorKind(kind); k {
	case KindPerson, KindBot, KindSource, KindProvider, KindUnknown:
		return Actor{k, name}, nil
	}
	return Actor{}, fmt.Errorf("actor %q: want person:, bot, source:, provider: or unknown:", s)
}

func (a Actor) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a *Actor) UnmarshalText(b []byte) error {
	v, err := ParseActor(string(b))
	if err == nil {
		*a = v
	}
	return err
}
