package config

import (
	"crypto/subtle"
	"log/slog"
)

const hidden = "<secret>"

// Secret is a value that no log line, error or dump shows: it prints <secret>.
// Every key that holds one has a twin with the ending _file, which names a file
// whose content is the value, less one line break at its end.
type Secret struct {
	value string
	file  string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value. Call it where the value is used, and nowhere else.
func (s Secret) Reveal() string { return s.value }

// File is the file that the value was read from, "" when it was written inline.
func (s Secret) File() string { return s.file }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == "" }

// Equal compares in constant time. An empty secret equals nothing.
func (s Secret) Equal(presented string) bool {
	return s.value != "" && subtle.ConstantTimeCompare([]byte(s.value), []byte(presented)) == 1
}

func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

func (s Secret) GoString() string { return "config.Secret(" + s.String() + ")" }

// MarshalText serves encoding/json and every other encoder of text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML keeps the value out of YAML too.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue keeps the value out of slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
