package config

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func TestReferenceIsFresh(t *testing.T) {
	golden(t, "../../docs/reference/configuration.md", Reference())
}

func TestExampleIsFreshAndLoads(t *testing.T) {
	golden(t, "../../docs/wardroom.example.yaml", Example())

	secrets := 0
	src := &source{name: "example", read: func(path string) ([]byte, fs.FileMode, error) {
		if strings.HasSuffix(path, ".pem") {
			return authority(t), 0o644, nil
		}
		secrets++
		return []byte("dmFsdWU\n"), 0o600, nil
	}}
	c, err := parse(src, []byte(Example()))
	if err != nil {
		t.Fatal(err)
	}
	if secrets < 3 || c.Public.Host == "" || len(c.People.All()) != 1 || len(c.Intake.Generic) != 1 || len(c.StatusPage.Components) != 1 {
		t.Errorf("the example leaves something out: %+v", c)
	}
	if len(c.Routes) != len(Default().Routes) {
		t.Errorf("the example changes the default routes: %+v", c.Routes)
	}
}

// TestEveryKeyIsExplained fails for a key that the reference would show empty.
func TestEveryKeyIsExplained(t *testing.T) {
	text := Example()
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		for _, f := range fieldsOf(v.Type()) {
			at := join(path, f.Name)
			if help := f.Tag.Get("help"); !strings.HasSuffix(help, ".") {
				t.Errorf("%s: help must be whole sentences, is %q", at, help)
			}
			if !strings.Contains(text, f.Name+":") && !strings.Contains(text, f.Name+fileTwin+":") {
				t.Errorf("%s is not in the example", at)
			}
			switch inner := v.FieldByIndex(f.Index); {
			case isSection(f.Type):
				walk(at, inner)
			case isNamed(f.Type):
				walk(at, reflect.New(f.Type.Elem()).Elem().Field(1))
			case isItems(f.Type):
				walk(at, reflect.New(f.Type.Elem()).Elem())
			case f.Type == secretType || f.Type == sectionType || written(inner) == "":
				if f.Tag.Get("example") == "" {
					t.Errorf("%s has neither a default nor an example", at)
				}
			}
		}
	}
	walk("", reflect.ValueOf(defaults()))
}
