package postmortem_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"go.yaml.in/yaml/v4"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/people"
	"wardroom/bot/postmortem"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// hostile is what labels, notes and names may hold. Every one carries the word
// PAYLOAD, so that a test sees that it is shown.
var hostile = []string{
	`<script>alert("PAYLOAD")</script>`,
	`<img src=x onerror=alert(1)>PAYLOAD`,
	`[PAYLOAD](javascript:alert(1))`,
	`](javascript:alert(1)) PAYLOAD [x](data:text/html,x)`,
	"```\nPAYLOAD\n```\n# heading",
	"`PAYLOAD` and ``` `",
	"# PAYLOAD",
	"1. PAYLOAD", "- PAYLOAD", "+ PAYLOAD", "> PAYLOAD", "* PAYLOAD", "= PAYLOAD", "a) PAYLOAD", "#. PAYLOAD", "(b) PAYLOAD",
	"javascript:PAYLOAD", "file:///PAYLOAD", "PAYLOAD\n=======", "---\nPAYLOAD: yes\n---", "...\nPAYLOAD",
	"| PAYLOAD | b |\n|---|---|\n| c | d |",
	".. raw:: html\n\n   <b>PAYLOAD</b>", "PAYLOAD::\n\n  literal", "text PAYLOAD::", ":role:`PAYLOAD`", "`PAYLOAD <javascript:x>`__", "PAYLOAD_ `x`_ |sub| [1]_", ":field: PAYLOAD",
	"!!! danger PAYLOAD", "??? note PAYLOAD", "=== PAYLOAD", "{: onclick=alert(1) .PAYLOAD}", "{{ PAYLOAD }} {% raw %}", "[^1]: PAYLOAD", "[PAYLOAD]: javascript:x", "$$PAYLOAD$$ ~~x~~ ==y== ^z^",
	"&lt;script&gt;PAYLOAD &#60;b&#62;", `\<b>PAYLOAD \\`, "</details></summary></pre></style><b>PAYLOAD", "-->PAYLOAD<!-- more -->", "PAYLOAD\x1b[31mred\x07 \u202eevil\u202c \u200b",
	`"PAYLOAD": "yes" 'x' #y`, "__PAYLOAD__ **x** _y_ *z*", "https://example.org/PAYLOAD?<script>", "\\\nPAYLOAD\\",
}

// hostileNights puts each text wherever outside text can stand, into an incident
// of its own: the first into INC-1.
func hostileNights(t *testing.T) *rig {
	n := night{rig: newRig(t, time.Date(2021, 7, 11, 0, 40, 0, 0, time.UTC)), joe: people.Human("joe")}
	var drafts []timeline.Draft
	for i, text := range hostile {
		add := func(actor people.Actor, occurred string, p timeline.Payload) {
			drafts = append(drafts, timeline.Draft{Timeline: timeline.Incident(i + 1), Actor: actor, OccurredAt: n.at(occurred), Payload: p})
		}
		am := people.Source(text)
		add(am, "00:31", &incident.Declared{Title: text, Severity: alert.SEV2, StartedAt: n.at("00:31"), StartedWhy: text})
		add(am, "00:31", &alert.Joined{Alerts: []alert.Brief{n.brief(text, text, text, alert.Firing, "00:31", nil)}})
		add(people.Human(text), "00:32", &incident.Acknowledged{})
		add(n.joe, "00:33", &incident.Noted{Body: text, IsCause: true, Source: text})
		add(n.joe, "00:33", &incident.Noted{Body: "several\n\n" + text, Source: "https://example.org/" + text})
		add(n.joe, "00:34", &incident.Noted{Body: "Follow-up: " + text})
		add(n.joe, "00:34", &incident.Noted{Body: "Obstacle: " + text})
		add(n.joe, "00:35", &incident.Assigned{Role: "lead", Person: text})
		add(n.joe, "00:36", &statuspage.Posted{Title: text, State: statuspage.Investigating, Body: text, First: true, Components: map[string]statuspage.Level{text: statuspage.Degraded}})
	}
	n.record(n.at("00:40"), drafts...)
	return n.rig
}

var unsafe = regexp.MustCompile(`(?i)<script|<img|<b>|href="(javascript|data):|<h[1-6][^>]*>\s*PAYLOAD|<del>|<hr>PAYLOAD|\x1b|\x{202e}`)

func TestOutsideTextIsTextInMarkdown(t *testing.T) {
	// Unsafe rendering lets raw HTML through, as GitHub and MkDocs do.
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	r := hostileNights(t)
	for i, text := range hostile {
		for _, f := range []postmortem.Format{postmortem.Markdown, postmortem.MkDocs} {
			_, body := export(t, r, timeline.Incident(i+1), postmortem.Options{Format: f, Authors: []string{text}})
			front, rest, ok := strings.Cut(strings.TrimPrefix(body, "---\n"), "\n---\n")
			var meta map[string]any
			if err := yaml.Unmarshal([]byte(front), &meta); !ok || err != nil {
				t.Fatalf("%q: front matter %q: %v", text, front, err)
			}
			if len(meta) != map[postmortem.Format]int{postmortem.Markdown: 1, postmortem.MkDocs: 5}[f] {
				t.Errorf("%q: front matter %v", text, meta)
			}
			for _, macro := range []string{"{{", "{%", "{:", "{#"} {
				if strings.Contains(rest, macro) {
					t.Errorf("%s: %q leaves a macro in\n%s", f, text, rest)
				}
			}
			if strings.Count(rest, "<!--") > 1 {
				t.Errorf("%s: %q makes a second teaser", f, text)
			}
			var out bytes.Buffer
			if err := md.Convert([]byte(rest), &out); err != nil {
				t.Fatal(err)
			}
			if bad := unsafe.FindString(stripCode(out.String())); bad != "" {
				t.Errorf("%s: %q makes %q in\n%s", f, text, bad, rest)
			}
			if n := strings.Count(out.String(), "<h"); n-strings.Count(out.String(), "<hr") != 1+9+1+5 {
				t.Errorf("%s: %q makes %d headings\n%s", f, text, n, rest)
			}
			if n := strings.Count(out.String(), "<table"); n != 1 {
				t.Errorf("%s: %q makes %d tables", f, text, n)
			}
			if strings.Contains(text, "PAYLOAD") && strings.Count(out.String(), "PAYLOAD") < 8 {
				t.Errorf("%s: %q is not shown\n%s", f, text, rest)
			}
		}
	}
}

func stripCode(s string) string {
	return regexp.MustCompile(`(?s)<code>[^<]*</code>|<pre>[^<]*</pre>`).ReplaceAllString(s, "")
}

func TestOutsideTextIsTextInHTML(t *testing.T) {
	r := hostileNights(t)
	for i, text := range hostile {
		_, body := export(t, r, timeline.Incident(i+1), postmortem.Options{Format: postmortem.HTML})
		if bad := unsafe.FindString(body); bad != "" {
			t.Errorf("%q makes %q", text, bad)
		}
		for _, tag := range regexp.MustCompile(`<[^>]+>`).FindAllString(body, -1) {
			if strings.Contains(tag, "PAYLOAD") && !strings.HasPrefix(tag, `<a href="https://example.org/`) {
				t.Errorf("%q gets into the tag %s", text, tag)
			}
		}
		for _, tag := range []string{"</details>", "</pre>", "</summary>"} {
			if strings.Count(body, tag) != strings.Count(body, "<"+tag[2:]) {
				t.Errorf("%q closes %s", text, tag)
			}
		}
		if strings.Contains(body, "<style>") && strings.Count(body, "</style>") != 1 {
			t.Errorf("%q closes the style", text)
		}
	}
}

// A line that begins a construct of reStructuredText, outside literal blocks.
var construct = regexp.MustCompile(`(?m)^ *(- |\* - |)(\.\. (raw|include|[a-z]+::)|:[a-z]+: P|[=~^"'#*+-]{4,}$|>>> |\||__ )`)

func TestOutsideTextIsTextInRST(t *testing.T) {
	known := regexp.MustCompile(`(?m)^\.\. list-table::$|^[=~-]{4,}$|^   :header-rows: 1$`)
	literal := regexp.MustCompile(`(?m)^    .*$`)
	r := hostileNights(t)
	for i, text := range hostile {
		_, body := export(t, r, timeline.Incident(i+1), postmortem.Options{Format: postmortem.RST})
		rest := known.ReplaceAllString(literal.ReplaceAllStringFunc(body, func(line string) string {
			if strings.HasPrefix(line, "     - ") {
				return line
			}
			return ""
		}), "")
		if bad := construct.FindString(rest); bad != "" {
			t.Errorf("%q makes %q in\n%s", text, bad, body)
		}
		rest = regexp.MustCompile("``[^`]+``").ReplaceAllString(rest, "") // inline literals
		for _, mark := range []string{"<javascript:x>`_", " javascript:", ":`PAYLOAD`", "|sub|", "`x`_"} {
			if strings.Contains(rest, mark) {
				t.Errorf("%q leaves %q in\n%s", text, mark, body)
			}
		}
	}
}
