package remediation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// material is what an approval is given for: whatever is not in here may change
// while people wait.
type material struct {
	Remediation string            `json:"remediation"`
	Version     int               `json:"version"`
	Tier        Tier              `json:"tier"`
	Target      Target            `json:"target"`
	Material    map[string]string `json:"material"`
	Hits        map[string]int    `json:"hits"` // replicas of the workloads that lose pods
	Volumes     []string          `json:"volumes"`
	Keepers     []string          `json:"keepers"`
	Unknown     []string          `json:"unknown"`
	LastReady   bool              `json:"last_ready"`
	Control     bool              `json:"control"`
	Own         bool              `json:"own"`
	Findings    []string          `json:"findings"` // codes, with their strength when they refuse
	Steps       []materialStep    `json:"steps"`
	Undoes      RunID             `json:"undoes,omitempty"`
}

type materialStep struct {
	Name string            `json:"name"`
	Args map[string]string `json:"args"`
}

func (p Plan) material() material {
	m := material{
		Remediation: p.Remediation, Version: p.Version, Tier: p.Tier, Target: p.Target, Material: p.Material, Undoes: p.Undoes,
		Hits: map[string]int{}, LastReady: p.Blast.LastReady, Control: p.Blast.Control, Own: p.Blast.Own,
		Unknown: sorted(p.Blast.Unknown),
	}
	for _, h := range p.Blast.Workloads {
		m.Hits[h.Kind+" "+h.String()] = h.Replicas
	}
	for _, h := range p.Blast.Volumes {
		m.Volumes = append(m.Volumes, h.Volume)
	}
	for _, k := range p.Blast.Keepers {
		m.Keepers = append(m.Keepers, k.How+" "+k.Object.String())
	}
	for _, f := range p.Findings {
		code := f.Code
		if f.Strength != Warning {
			code += " (" + string(f.Strength) + ")"
		}
		m.Findings = append(m.Findings, code)
	}
	m.Volumes, m.Keepers, m.Findings = sorted(m.Volumes), sorted(m.Keepers), sorted(m.Findings)
	for _, s := range p.Steps {
		m.Steps = append(m.Steps, materialStep{s.Name, s.Args})
	}
	return m
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// Hash is what an approval names: 64 hexadecimal digits over the material facts of
// the plan. It stays the same while time passes and pods come and go.
func (p Plan) Hash() string {
	b, err := json.Marshal(p.material())
	if err != nil { // a tree of strings and numbers always encodes
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ShortHash is enough of a hash for people and buttons; [Desk.Approve] takes it.
func ShortHash(hash string) string { return hash[:min(len(hash), shortHash)] }

const shortHash = 12

// sees reports whether what somebody saw names hash.
func sees(seen, hash string) bool {
	return len(seen) >= shortHash && strings.HasPrefix(hash, strings.ToLower(seen))
}

// Diff says in words in what material facts p differs from the plan before. shrunk
// reports that all differences are things that no longer break and steps that are
// no longer needed: an approval of the larger plan covers the smaller.
func (p Plan) Diff(before Plan) (words []string, shrunk bool) {
	was, is := before.material(), p.material()
	d := &differences{shrunk: true}
	if was.Remediation != is.Remediation || was.Version != is.Version || was.Undoes != is.Undoes {
		d.grown("it is another repair: %s version %d, not version %d", is.Remediation, is.Version, was.Version)
	}
	if is.Tier > was.Tier {
		d.grown("it is %s, not %s", is.Tier, was.Tier)
	} else if is.Tier < was.Tier {
		d.less("it is only %s, not %s", is.Tier, was.Tier)
	}
	d.target(was.Target, is.Target)
	d.facts(was, is)
	d.lists(was, is)
	d.steps(before, p)
	return d.words, d.shrunk
}

// differences collects them; shrunk holds as long as nothing has grown.
type differences struct {
	words  []string
	shrunk bool
}

func (d *differences) grown(format string, args ...any) {
	d.words, d.shrunk = append(d.words, fmt.Sprintf(format, args...)), false
}

func (d *differences) less(format string, args ...any) {
	d.words = append(d.words, fmt.Sprintf(format, args...))
}

func (d *differences) target(was, is Target) {
	if was == is {
		return
	}
	for _, part := range []struct{ what, was, is string }{
		{"the target", was.Kind + " " + was.Name, is.Kind + " " + is.Name},
		{"its machine", was.Identity.ProviderID, is.Identity.ProviderID},
		{"the cloud's number of the machine", fmt.Sprint(was.Identity.Instance), fmt.Sprint(is.Identity.Instance)},
		{"its boot (it was restarted)", was.Identity.BootID, is.Identity.BootID},
		{"its system", was.Identity.MachineID, is.Identity.MachineID},
		{"its slot", was.Slot, is.Slot},
		{"the volume", fmt.Sprint(was.Volume), fmt.Sprint(is.Volume)},
		{"the object in the cluster", was.UID, is.UID},
		{"who says which machine it is", was.ProvenBy, is.ProvenBy},
	} {
		if part.was != part.is {
			d.grown("%s is another one: %s, not %s", part.what, or(part.is, "unknown"), or(part.was, "unknown"))
		}
	}
}

func (d *differences) facts(was, is material) {
	for _, k := range slices.Sorted(maps.Keys(merged(was.Material, is.Material))) {
		before, had := was.Material[k]
		now, has := is.Material[k]
		switch {
		case !has:
			d.less("%s no longer counts (it was %s)", k, before)
		case !had:
			d.grown("%s is new: %s", k, now)
		case before != now:
			d.grown("%s is %s, not %s", k, now, before)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(is.Hits)) {
		if before, had := was.Hits[k]; !had {
			d.grown("%s is hit too", k)
		} else if before != is.Hits[k] {
			d.grown("%s has %d replicas, not %d", k, is.Hits[k], before)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(was.Hits)) {
		if _, has := is.Hits[k]; !has {
			d.less("%s is no longer hit", k)
		}
	}
	for _, f := range []struct {
		what    string
		was, is bool
	}{
		{"it is the last Ready node", was.LastReady, is.LastReady}, {"it is a control-plane node", was.Control, is.Control}, {"Wardroom runs on it", was.Own, is.Own},
	} {
		if f.is && !f.was {
			d.grown("%s", f.what)
		} else if f.was && !f.is {
			d.less("no longer true: %s", f.what)
		}
	}
}

func (d *differences) lists(was, is material) {
	for _, l := range []struct {
		what    string
		was, is []string
	}{
		{"volume", was.Volumes, is.Volumes}, {"keeper", was.Keepers, is.Keepers},
		{"unknown", was.Unknown, is.Unknown}, {"finding", was.Findings, is.Findings},
	} {
		for _, x := range l.is {
			if !slices.Contains(l.was, x) {
				d.grown("new %s: %s", l.what, x)
			}
		}
		for _, x := range l.was {
			if !slices.Contains(l.is, x) {
				d.less("%s gone: %s", l.what, x)
			}
		}
	}
}

// steps compares the lists of steps: what is only left out makes a plan smaller.
func (d *differences) steps(before, now Plan) {
	key := func(s PlannedStep) string {
		b, _ := json.Marshal(materialStep{s.Name, s.Args}) // strings always encode
		return string(b)
	}
	left := before.Steps
	for n, s := range now.Steps {
		at := slices.IndexFunc(left, func(o PlannedStep) bool { return key(o) == key(s) })
		if at < 0 {
			d.grown("step %d is another one: %s", n+1, cmp.Or(s.Words, s.Name))
			continue
		}
		for _, gone := range left[:at] {
			d.less("step left out: %s", cmp.Or(gone.Words, gone.Name))
		}
		left = left[at+1:]
	}
	for _, gone := range left {
		d.less("step left out: %s", cmp.Or(gone.Words, gone.Name))
	}
}

func or(s, otherwise string) string { return cmp.Or(s, otherwise) }

// merged is a new map of both; b wins.
func merged(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	if m == nil {
		m = map[string]string{}
	}
	maps.Copy(m, b)
	return m
}
