package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"

	"go.yaml.in/yaml/v4"

	"wardroom/bot/problem"
)

// fileMax is many times what a configuration needs.
const fileMax = 1 << 20

// Default is the configuration of a file in which nothing is written.
func Default() *Config {
	c, err := parse(&source{read: readFile}, nil)
	if err != nil {
		// A test holds the defaults to this; the message is for whoever edits them.
		return &Config{Warnings: []Mistake{{Message: "the defaults do not hold together: " + err.Error()}}}
	}
	return c
}

// Load reads a configuration. It returns a NotFound problem when there is no
// such file, and an Invalid one that holds every mistake in it, with those that the
// owners of sections find. Secrets are read from their files now, and not again.
func Load(path string, owners ...Owner) (*Config, error) {
	data, _, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.New(problem.NotFound, "there is no configuration %s", path).
			WithHint("`wardroom init` writes one; without --config Wardroom works on its defaults")
	case err != nil:
		return nil, fmt.Errorf("configuration: %w", err)
	case len(data) > fileMax:
		return nil, problem.New(problem.TooLarge, "%s is larger than a configuration may be (%d KiB)", path, fileMax>>10)
	}
	return parse(&source{name: path, dir: filepath.Dir(path), read: readFile}, data, owners...)
}

// Owner says what is wrong with the sections of a package, by what [Section.Decode] and
// [Section.Fail] return, joined where it is more than one. It looks at nothing else: the
// rest may be as wrong.
type Owner func(*Config) error

// Parse reads a configuration that is not in a file of its own. name stands in
// messages; relative paths count from dir.
func Parse(name, dir string, data []byte, owners ...Owner) (*Config, error) {
	if len(data) > fileMax {
		return nil, problem.New(problem.TooLarge, "%s is larger than a configuration may be (%d KiB)", name, fileMax>>10)
	}
	return parse(&source{name: name, dir: dir, read: readFile}, data, owners...)
}

func parse(src *source, data []byte, owners ...Owner) (*Config, error) {
	d := &decoder{source: src}
	f := defaults()
	if n := d.document(data); n != nil {
		d.value(n, "", reflect.ValueOf(&f).Elem())
	}
	if syntax := len(d.mistakes) == 1 && d.mistakes[0].Path == syntaxPath; syntax {
		d.mistakes[0].Path = ""
		return nil, problemOf(src.name, d.mistakes)
	}
	c := valid(d, &f)
	for _, mistakesOf := range owners {
		d.take(mistakesOf(c))
	}
	if err := problemOf(src.name, d.mistakes); err != nil {
		return nil, err
	}
	c.Path, c.Warnings = src.name, d.warnings
	return c, nil
}

// syntaxPath marks the mistake after which there is nothing to validate.
const syntaxPath = "\x00"

// anchorName may be what somebody wrote as a password without quotes.
var anchorName = regexp.MustCompile(`(anchor|alias) '[^']*'`)

// document returns the root of the one document in data, nil when it is empty.
func (d *decoder) document(data []byte) *yaml.Node {
	var docs []yaml.Node
	if err := yaml.Load(data, &docs, yaml.WithAllDocuments()); err != nil {
		at := Pos{Path: syntaxPath}
		message := err.Error()
		if e, ok := errors.AsType[*yaml.LoadError](err); ok {
			at.Line, message = e.Mark.Line, e.Message
		}
		d.fail(at, "this is not YAML: %s", anchorName.ReplaceAllString(message, "$1"))
		return nil
	}
	switch {
	case len(docs) == 0 || len(docs[0].Content) == 0:
		return nil
	case len(docs) > 1:
		d.fail(Pos{Line: docs[1].Line, Path: syntaxPath}, "there must be one document, without ---, found %d", len(docs))
		return nil
	}
	return docs[0].Content[0]
}

// resolve makes a path absolute to the folder of the file it is written in.
func (s *source) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) || s.dir == "" {
		return path
	}
	return filepath.Join(s.dir, path)
}

func readFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, fmt.Errorf("%s is a folder", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	return data, info.Mode(), err
}
