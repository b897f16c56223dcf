// Package people knows who can act: persons with their linked identities, the
// roles they hold, and the actors that entries name.
package people

import (
	"fmt"
	"slices"
)

// Role says what a person may ask for. Roles are held by persons, not accounts.
type Role string

const (
	Viewer    Role = "viewer"    // reads
	Responder Role = "responder" // runs incidents
	Lead      Role = "lead"      // additionally merges, erases, freezes and approves
)

// Roles lists every role, the least powerful first.
var Roles = []Role{Viewer, Responder, Lead}

// Covers reports whether holding r is enough where want is asked for. A role that
// does not exist covers nothing and is covered by nothing.
func (r Role) Covers(want Role) bool {
	has, needs := slices.Index(Roles, r), slices.Index(Roles, want)
	return needs >= 0 && has >= needs
}

// Person is a human and the accounts that are proven to be theirs.
type Person struct {
	Name     string // short, unique; what the timeline shows
	FullName string // for post-mortems; may be empty
	Roles    []Role
	UIDs     []int    // Unix users whose shell this is
	Discord  []string // Discord user ids
}

// Has reports whether the person holds role or one that covers it.
func (p Person) Has(role Role) bool {
	return slices.ContainsFunc(p.Roles, func(r Role) bool { return r.Covers(role) })
}

// Actor is the person as entries name them.
func (p Person) Actor() Actor { return Human(p.Name) }

// Directory finds persons by their identities. It is fixed once made.
type Directory struct {
	persons []Person
	byName  map[string]int
	byUID   map[int]int
	byChat  map[string]int
}

// NewDirectory fails when two persons share a name or an identity: an approval
// must never be ambiguous about who gave it.
func NewDirectory(persons []Person) (*Directory, error) {
	d := &Directory{persons: persons, byName: map[string]int{}, byUID: map[int]int{}, byChat: map[string]int{}}
	for i, p := range persons {
		if j, taken := d.byName[p.Name]; taken {
			return nil, fmt.Errorf("people: %q is there twice (entries %d and %d)", p.Name, j+1, i+1)
		}
		d.byName[p.Name] = i
		for _, uid := range p.UIDs {
			if j, taken := d.byUID[uid]; taken {
				return nil, fmt.Errorf("people: Unix user %d belongs to both %q and %q", uid, persons[j].Name, p.Name)
			}
			d.byUID[uid] = i
		}
		for _, id := range p.Discord {
			if j, taken := d.byChat[id]; taken {
				return nil, fmt.Errorf("people: Discord id %s belongs to both %q and %q", id, persons[j].Name, p.Name)
			}
			d.byChat[id] = i
		}
	}
	return d, nil
}

func (d *Directory) All() []Person { return slices.Clone(d.persons) }

func (d *Directory) ByName(name string) (Person, bool)  { return find(d, d.byName, name) }
func (d *Directory) ByUID(uid int) (Person, bool)       { return find(d, d.byUID, uid) }
func (d *Directory) ByDiscord(id string) (Person, bool) { return find(d, d.byChat, id) }

func find[K comparable](d *Directory, index map[K]int, key K) (Person, bool) {
	i, ok := index[key]
	if !ok {
		return Person{}, false
	}
	return d.persons[i], true
}
