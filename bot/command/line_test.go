package command_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

type opts = map[string]string

func TestParseLine(t *testing.T) {
	table := sampleTable(t)
	tests := map[string]struct {
		line string
		want command.Ask
	}{
		"a value runs to the end":            {"/timeline add text:We are investigating", command.Ask{Path: "timeline add", Options: opts{"text": "We are investigating"}}},
		"the slash may be left out":          {"incident ack", command.Ask{Path: "incident ack"}},
		"a value runs to the next option":    {"/timeline add text:Python is offline at:06:36 incident:INC-1", command.Ask{Path: "timeline add", Options: opts{"text": "Python is offline", "at": "06:36", "incident": "INC-1"}}},
		"a colon in a value is no option":    {"/timeline add text:error: foo:bar 10:32", command.Ask{Path: "timeline add", Options: opts{"text": "error: foo:bar 10:32"}}},
		"an option inside a word is none":    {"/timeline add text:what:at:x", command.Ask{Path: "timeline add", Options: opts{"text": "what:at:x"}}},
		"quotes hold options":                {`/timeline add text:"look at: this" at:now`, command.Ask{Path: "timeline add", Options: opts{"text": "look at: this", "at": "now"}}},
		"quotes hold quotes":                 {`/timeline add text:"say \"at:1\" \\ x"`, command.Ask{Path: "timeline add", Options: opts{"text": `say "at:1" \ x`}}},
		"a backslash before others stays":    {`/timeline add text:"C:\temp"`, command.Ask{Path: "timeline add", Options: opts{"text": `C:\temp`}}},
		"quotes that something follows stay": {`/timeline add text:"it works" said joe`, command.Ask{Path: "timeline add", Options: opts{"text": `"it works" said joe`}}},
		"an unclosed quote stays":            {`/timeline add text:"it works at:now`, command.Ask{Path: "timeline add", Options: opts{"text": `"it works`, "at": "now"}}},
		"curly quotes of a phone":            {`/timeline add text:“look at: this”`, command.Ask{Path: "timeline add", Options: opts{"text": "look at: this"}}},
		"names in any case, as phones write": {"/Timeline Add Text:Hello At:now", command.Ask{Path: "timeline add", Options: opts{"text": "Hello", "at": "now"}}},
		"space after the colon":              {"/timeline add text: Hello   at: now", command.Ask{Path: "timeline add", Options: opts{"text": "Hello", "at": "now"}}},
		"an empty value":                     {"/timeline add text: at:now", command.Ask{Path: "timeline add", Options: opts{"text": "", "at": "now"}}},
		"line breaks stay":                   {"/timeline add text:one\ntwo\nat:now", command.Ask{Path: "timeline add", Options: opts{"text": "one\ntwo", "at": "now"}}},
		"the only positional takes it all":   {"/incident declare the site  is down severity:SEV1", command.Ask{Path: "incident declare", Args: []string{"the site  is down"}, Options: opts{"severity": "SEV1"}}},
		"the last positional takes the rest": {`/say INC-1 "two words" and the rest`, command.Ask{Path: "say", Args: []string{"INC-1", "two words", "and the rest"}}},
		"a command of one word":              {"/help", command.Ask{Path: "help"}},
		"control characters are dropped":     {"/incident declare a\x00\x1b[31mb", command.Ask{Path: "incident declare", Args: []string{"a[31mb"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := table.ParseLine(tt.line)
			check(t, err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, err := table.ParseLine(table.Line(got))
			check(t, err)
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("Line %q does not read back (-want +got)\n%s", table.Line(got), diff)
			}
		})
	}
}

func TestParseLineRefuses(t *testing.T) {
	table := sampleTable(t)
	tests := map[string]struct {
		line  string
		code  problem.Code
		words []string
	}{
		"nothing":                   {" / ", problem.Invalid, []string{"empty"}},
		"an option twice":           {"/timeline add text:a text:b", problem.Invalid, []string{"text: is there twice", "quotes"}},
		"an unknown act":            {"/incident explode now", problem.NotFound, []string{`cannot "explode"`}},
		"a word that is no command": {"hello there", problem.NotFound, []string{"no command"}},
		"a very long line":          {"/timeline add text:" + strings.Repeat("x", command.MaxLine), problem.TooLarge, []string{"at most"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := table.ParseLine(tt.line)
			wantProblem(t, err, tt.code, tt.words...)
		})
	}
}

// What Line writes, ParseLine reads as the same request.
func FuzzParseLine(f *testing.F) {
	for _, seed := range []string{
		"/timeline add text:We are investigating at:00:25", `/say INC-1 "a b" c`, `/say "x`, "/incident declare \"a\" b",
		"/timeline add text:“a at:b” at:“", `/timeline add text:"\\" at:\`, "/say  : text: word:\" \" ", "/timeline add\u00a0text:a\u2003at:b",
	} {
		f.Add(seed)
	}
	table := sampleTable(f)
	f.Fuzz(func(t *testing.T, line string) {
		ask, err := table.ParseLine(line)
		if err != nil {
			return
		}
		again, err := table.ParseLine(table.Line(ask))
		if err != nil {
			t.Fatalf("%q: %q: %v", line, table.Line(ask), err)
		}
		if diff := cmp.Diff(ask, again); diff != "" {
			t.Fatalf("%q: %q (-want +got)\n%s", line, table.Line(ask), diff)
		}
	})
}
