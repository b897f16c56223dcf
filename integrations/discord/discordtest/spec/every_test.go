package spec

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"wardroom/integrations/discord/discordtest/spec/hostile"
)

// TestEveryRuleHasAPlantedViolation reads the names of the rules from the code, so that
// a new rule cannot come without a request or an answer that breaks it.
func TestEveryRuleHasAPlantedViolation(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(?:add|limit|unique|once)\("([a-z0-9-]+)"`)
	rules := map[string]string{}
	planted := ""
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() == "planted_test.go" || f.Name() == "answer_test.go" {
			planted += string(raw)
		} else if !strings.HasSuffix(f.Name(), "_test.go") {
			for _, m := range named.FindAllStringSubmatch(string(raw), -1) {
				rules[m[1]] = f.Name()
			}
		}
	}
	if len(rules) < 30 {
		t.Errorf("only %d rules were found in the code: %v", len(rules), rules)
	}
	for rule, file := range rules {
		if !strings.Contains(planted, `, "`+rule+`", `) {
			t.Errorf("nothing breaks the rule %s of %s", rule, file)
		}
	}
}

// TestHostileTextsNeverBreakTheChecks: whatever a body holds, the checks say yes or no,
// and what they say can be printed.
func TestHostileTextsNeverBreakTheChecks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	passed, refused := 0, 0
	for range 1000 {
		s := hostile.Text(r)
		var send sent
		switch r.IntN(6) {
		case 0:
			send = post(content(s))
		case 1:
			send = post(`{"content":"` + s + `"}`) // raw: often no JSON at all
		case 2:
			send = post(asJSON(t, map[string]any{"embeds": []any{map[string]any{"title": s, "fields": []any{map[string]any{"name": s, "value": s}}}}, "allowed_mentions": map[string]any{"parse": []string{}}}))
		case 3:
			send = call(asJSON(t, map[string]any{"type": 8, "data": map[string]any{"choices": []any{map[string]any{"name": s, "value": s}}}}))
		case 4:
			send = call(asJSON(t, map[string]any{"type": 9, "data": map[string]any{"title": s, "custom_id": s, "components": []any{s, s}}}))
		case 5:
			send = register(asJSON(t, map[string]any{"name": s, "description": s, "options": []any{s}}))
		}
		said, w := through(t, send, outage)
		switch {
		case said == "" && w.Code == 503:
			passed++
		case said != "" && w.Code == 400 && strings.ToValidUTF8(said, "") == said && len(said) < 12_000:
			refused++
		default:
			t.Errorf("answered %d to %.200q and said %.300q (%d bytes)", w.Code, s, said, len(said))
		}
	}
	if passed < 20 || refused < 500 {
		t.Errorf("%d passed and %d were refused: are the texts still hostile, and some of them harmless?", passed, refused)
	}
}
