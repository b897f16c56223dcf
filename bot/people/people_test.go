package people

import (
	"strings"
	"testing"
)

func TestRolesCoverTheLesser(t *testing.T) {
	for _, c := range []struct {
		has, want Role
		covers    bool
	}{
		{Lead, Lead, true}, {Lead, Responder, true}, {Lead, Viewer, true},
		{Responder, Lead, false}, {Viewer, Responder, false}, {Viewer, Viewer, true},
		{"admin", Viewer, false}, {"", Viewer, false}, {Lead, "admin", false}, {Lead, "", false}, {"admin", "admin", false},
	} {
		if got := c.has.Covers(c.want); got != c.covers {
			t.Errorf("%q covers %q: %t", c.has, c.want, got)
		}
	}
	if (Person{Roles: []Role{Viewer, Responder}}).Has(Lead) || !(Person{Roles: []Role{Viewer, Responder}}).Has(Viewer) {
		t.Error("a person has what one of their roles covers")
	}
}

func TestAnIdentityBelongsToOnePerson(t *testing.T) {
	for name, persons := range map[string][]Person{
		`"joe" is there twice`:                         {{Name: "joe"}, {Name: "joe"}},
		`Unix user 1000 belongs to both "joe" and "x"`: {{Name: "joe", UIDs: []int{1000}}, {Name: "x", UIDs: []int{1000}}},
		`Discord id 42 belongs to both "joe" and "x"`:  {{Name: "joe", Discord: []string{"42"}}, {Name: "x", Discord: []string{"42"}}},
	} {
		if _, err := NewDirectory(persons); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	d, err := NewDirectory([]Person{{Name: "joe", UIDs: []int{1000, 1001}, Discord: []string{"42"}}, {Name: "chris"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range []func() (Person, bool){
		func() (Person, bool) { return d.ByName("joe") }, func() (Person, bool) { return d.ByUID(1001) }, func() (Person, bool) { return d.ByDiscord("42") },
	} {
		if p, ok := found(); !ok || p.Name != "joe" {
			t.Errorf("found %v", p)
		}
	}
	if _, ok := d.ByUID(0); ok {
		t.Error("an identity that nobody has was found")
	}
}

func TestActorsComeBackAsTheyWere(t *testing.T) {
	for _, a := range []Actor{Bot, Human("joe"), Source("alertmanager"), Provider("linode"), {KindUnknown, "uid 1000"}, Human("a:b")} {
		if back, err := ParseActor(a.String()); err != nil || back != a {
			t.Errorf("%q came back as %v, %v", a, back, err)
		}
	}
	for _, s := range []string{"", "joe", "admin:joe"} {
		if a, err := ParseActor(s); err == nil {
			t.Errorf("ParseActor(%q) = %v, want an error", s, a)
		}
	}
}
