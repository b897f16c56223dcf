package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/problem"
)

// ruleInFile is what a rule would lead to, with where it stands.
type ruleInFile struct {
	alert.RuleVerdict
	File    string
	Outcome string // "open SEV2", "notify", "ignore"
	Route   string // the route that decides; empty when Unnamed
	Unnamed bool   // no route names it: it falls to the one that matches all, or to none
}

// rulesCheck is what `check --rules` prints.
type rulesCheck struct {
	alert.RulesReport `json:"-"`
	Files             []string       `json:"files"`
	Recording         int            `json:"recording_rules"`
	Outcomes          map[string]int `json:"outcomes"`
	Verdicts          []ruleInFile   `json:"rules"`
}

// checkRules prints what the alerts of rules files would lead to.
func (p *program) checkRules(files []string, stdin io.Reader, out io.Writer) error {
	cfg, _, err := p.load()
	if err != nil {
		return err
	}
	report, err := readRules(files, stdin, cfg.Routes)
	if err != nil {
		return err
	}
	if p.shell.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(report)
	}
	_, err = io.WriteString(out, report.text(p.shell.format, cfg))
	return err
}

// readRules reads all files and returns all their errors at once.
func readRules(files []string, stdin io.Reader, routes alert.Routes) (*rulesCheck, error) {
	c := &rulesCheck{Files: files, Outcomes: map[string]int{}, Verdicts: []ruleInFile{}}
	var errs []error
	for _, name := range files {
		report, err := readRulesFile(name, stdin, routes)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				errs = append(errs, fmt.Errorf("  %s: %s", name, strings.TrimPrefix(line, "rules: ")))
			}
			continue
		}
		c.Recording += report.Recording
		for _, v := range report.Rules {
			r := ruleInFile{RuleVerdict: v, File: name, Outcome: v.Route.Outcome(), Unnamed: len(v.Route.Match) == 0 && v.Route.Source == ""}
			if !r.Unnamed {
				r.Route = v.Route.String()
			}
			c.Rules = append(c.Rules, v)
			c.Verdicts = append(c.Verdicts, r)
			c.Outcomes[r.Outcome]++
		}
	}
	if len(errs) > 0 {
		return nil, problem.New(problem.Invalid, "not all rules can be read:\n%v", errors.Join(errs...))
	}
	slices.SortStableFunc(c.Verdicts, func(a, b ruleInFile) int { return cmp.Compare(outcomeRank(a.Outcome), outcomeRank(b.Outcome)) })
	return c, nil
}

func readRulesFile(name string, stdin io.Reader, routes alert.Routes) (alert.RulesReport, error) {
	if name == "-" {
		return alert.CheckRules(stdin, routes)
	}
	f, err := os.Open(name)
	if err != nil {
		return alert.RulesReport{}, errors.Unwrap(err)
	}
	defer f.Close()
	return alert.CheckRules(f, routes)
}

// outcomes in the order in which they wake people.
var outcomes = []string{"open SEV1", "open SEV2", "open SEV3", "open SEV4", "notify", "ignore"}

func outcomeRank(o string) int { return slices.Index(outcomes, o) }

func (c *rulesCheck) text(s style, cfg *config.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Summary())
	if c.Recording > 0 {
		fmt.Fprintf(&b, "%s beside them, which alert nobody\n", plural(c.Recording, "recording rule", "recording rules"))
	}
	b.WriteString("\n")
	for _, o := range outcomes {
		if n := c.Outcomes[o]; n > 0 || o == "notify" || o == "ignore" {
			b.WriteString(strings.TrimRight(fmt.Sprintf("%s %3d  %s", s.bold(pad(o, 9)), n, wrapWords(c.names(o), 15, s.width)), " ") + "\n")
		}
	}
	c.writeUnnamed(&b, s)
	c.writeUnsure(&b)
	c.writeFor(&b, s, cfg)
	return b.String()
}

// names lists the alerts with an outcome, each once, with how many rules share it.
func (c *rulesCheck) names(outcome string) []string {
	var names []string
	count := map[string]int{}
	for _, r := range c.Verdicts {
		if r.Outcome != outcome {
			continue
		}
		if count[r.Alert]++; count[r.Alert] == 1 {
			names = append(names, r.Alert)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		shown := sanitize(name)
		if n := count[name]; n > 1 {
			shown += fmt.Sprintf(" (%d)", n)
		}
		if i < len(names)-1 {
			shown += ","
		}
		names[i] = shown
	}
	return names
}

// writeUnnamed lists what no route names: a severity that was forgotten hides there.
func (c *rulesCheck) writeUnnamed(b *strings.Builder, s style) {
	var list []ruleInFile
	width := 0
	for _, r := range c.Verdicts {
		if r.Unnamed && len(r.Unsure) == 0 {
			list = append(list, r)
			width = max(width, displayWidth(sanitize(r.Alert)))
		}
	}
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\nNo route names %s; the last one decides (%s):\n", plural(len(list), "rule", "rules"), list[0].Outcome)
	for _, r := range list {
		severity := "no severity"
		if r.Severity != "" {
			severity = "severity " + sanitize(r.Severity)
		}
		fmt.Fprintf(b, "  %s  %s  %s\n", pad(sanitize(r.Alert), width), pad(severity, 17), s.faint(fmt.Sprintf("%s:%d", r.File, r.Line)))
	}
}

func (c *rulesCheck) writeUnsure(b *strings.Builder) {
	said := false
	for _, r := range c.Verdicts {
		if len(r.Unsure) == 0 {
			continue
		}
		if !said {
			b.WriteString("\nOnly the alert itself will tell: these labels are templates, or come from the expression:\n")
			said = true
		}
		fmt.Fprintf(b, "  %s: %s (%s:%d)\n", sanitize(r.Alert), sanitize(strings.Join(r.Unsure, ", ")), r.File, r.Line)
	}
}

// writeFor says for how many rules it is known how long the condition had held.
func (c *rulesCheck) writeFor(b *strings.Builder, s style, cfg *config.Config) {
	known, longest := 0, alert.RuleVerdict{}
	for _, r := range c.Rules {
		if r.For > 0 {
			known++
		}
		if r.For > longest.For {
			longest = r
		}
	}
	if known == 0 {
		return
	}
	text := fmt.Sprintf("%d of %d rules wait (for:) before they fire, the longest %s (%s). An incident that began with one of them is proposed to have begun that much earlier",
		known, len(c.Rules), config.FormatDuration(longest.For), sanitize(longest.Alert))
	if len(cfg.Intake.Alertmanager.Rules) == 0 {
		text += ", once the files are named under intake.alertmanager.rules"
	}
	fmt.Fprintf(b, "\n%s.\n", wrapWords(strings.Fields(text), 0, s.width))
}

// wrapWords puts words on lines of a width (0: 100), the later ones indented.
func wrapWords(words []string, indent, width int) string {
	if width == 0 {
		width = 100
	}
	var b strings.Builder
	used := indent
	for i, w := range words {
		n := displayWidth(w)
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteString(" ")
			used++
		}
		b.WriteString(w)
		used += n
	}
	return b.String()
}

// MarshalJSON writes the wait as it is written in the file.
func (r ruleInFile) MarshalJSON() ([]byte, error) {
	type plain struct {
		Alert    string   `json:"alert"`
		Group    string   `json:"group,omitempty"`
		File     string   `json:"file"`
		Line     int      `json:"line"`
		For      string   `json:"for,omitempty"`
		Severity string   `json:"severity,omitempty"`
		Outcome  string   `json:"outcome"`
		Route    string   `json:"route,omitempty"`
		Unnamed  bool     `json:"unnamed,omitempty"`
		Unsure   []string `json:"unsure,omitempty"`
	}
	wait := ""
	if r.For >= time.Second {
		wait = config.FormatDuration(r.For)
	}
	return json.Marshal(plain{r.Alert, r.Group, r.File, r.Line, wait, r.Severity, r.Outcome, r.Route, r.Unnamed, r.Unsure})
}
