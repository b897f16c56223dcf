package ownpage_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"wardroom/integrations/ownpage"
)

// What other people's programs rely on stands in the guide.
func TestGuideNamesEveryFieldOfTheJSON(t *testing.T) {
	const path = "../../docs/guide/status-page.md"
	guide, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() == "time" {
			return
		}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if text := string(guide); !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "[]."+name+"`") {
				t.Errorf("%s does not name %s.%s", path, typ.Name(), name)
			}
			look(typ.Field(i).Type)
		}
	}
	look(reflect.TypeFor[ownpage.Status]())
}
