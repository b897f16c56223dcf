package timeline

import "strings"

// worthHiding decides whether value, assigned to a name of this kind, is a secret
// rather than a word about one: "password: hunter2" against "password: expired".
func worthHiding(kind, value string, whole bool) bool {
	v := strings.Trim(value, "\\\"'` ")
	if v == "" || strings.HasPrefix(v, markerPrefix) || placeholder(v) || isPath(v) {
		return false
	}
	first, rest, _ := strings.Cut(v, " ")
	if ordinary[strings.TrimRight(lowerASCII(first), ".,:;!?")] {
		return false
	}
	switch kind {
	case "password", "passphrase":
		return rest == "" || whole
	case "api-key":
		return rest == "" && (looksRandom(v) || len(v) >= 8 && !strings.ContainsAny(v, "-_./:"))
	}
	return rest == "" && looksRandom(v)
}

// placeholder reports whether v stands for a value that is elsewhere.
func placeholder(v string) bool {
	if strings.Trim(v, "*•.x-_?[](){}<>") == "" {
		return true
	}
	for _, p := range []string{"${", "$(", "{{", "%(", "env:", "vault:", "ref+"} {
		if strings.HasPrefix(v, p) {
			return true
		}
	}
	variable := v[0] == '$' && strings.Trim(v[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
	verb := v[0] == '%' && len(v) == 2
	return variable || verb || v[0] == '<' && v[len(v)-1] == '>'
}

// isPath reports whether v names a file.
func isPath(v string) bool {
	if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "./") && !strings.HasPrefix(v, "~/") {
		return false
	}
	return strings.Count(v, "/") >= 2 && strings.IndexFunc(v, func(r rune) bool {
		return r >= 'A' && r <= 'Z' || r == '+' || r == '='
	}) < 0
}

// looksRandom reports whether v, one word, is rather generated or chosen than a
// name: a run of letters mixed with digits or both cases. The parts of a
// Kubernetes name ("redis-599887d778-wggbl") are too short to count.
func looksRandom(v string) bool {
	if isUUID(v) {
		return true
	}
	longest := 0
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("-_./:", r) }) {
		if mixed(part) || len(part) >= 24 {
			longest = max(longest, len(part))
		}
	}
	if !strings.ContainsAny(v, "-_./:") {
		return longest >= 6 || len(v) >= 20
	}
	return longest >= 14 || strings.ContainsAny(v, "!#%&+=~^@*$")
}

// mixed reports whether s has at least two of: letters, digits, letters of both cases.
func mixed(s string) bool {
	var lower, upper, digit, other bool
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = upper || i > 0 // a capital at the beginning is only a sentence's
			lower = lower || i == 0
		case c >= '0' && c <= '9':
			digit = true
		default:
			other = true
		}
	}
	return (lower || upper) && digit || lower && upper || other && (lower || upper || digit)
}

func isUUID(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (v[i] == '-') || !dash && !hexSet[v[i]] {
			return false
		}
	}
	return true
}

// ordinary words follow "password:" where people and programs write about
// passwords. None of them is a password anybody should have.
var ordinary = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
a accepted access added all already an and any are as ask at auth authentication authorization bad be been being
but by bytes can can't cannot change changed changing check column contains could created default denied deleted
did didn't disabled does doesn't don't empty enabled encrypted ends entered error exceeded exists expected expire
expired expires expiring failed failing failure fails field file for forgotten format found from generated had has
hash hashed have hidden how if in incorrect int invalid invalidated is isn't it key leaked length let's like limit
login login. lost manager mismatch missing more must na new next nil no none not null of off ok old on only optional
or our over passed please policy prompt protected provided read redacted refresh refreshed rejected removed renewed
required reset resetting returned reused revoked rotate rotated rotation same secret see sent set shared should since
stdin still store stored string text than that the their then there they this to token too true false type unable
undefined unknown unset until update updated updates use used user username using valid validation value via was we
weak were what when where which who why will with without won't would wrong yes you your`) {
		m[w] = true
	}
	return m
}()
