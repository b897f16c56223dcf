package render

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

func TestRoutesReadAsTheyAreWritten(t *testing.T) {
	for want, r := range map[string]Route{
		"do/incident/ack?incident=INC-7":               {Act: Do, Ask: command.Ask{Path: "incident ack", Options: map[string]string{"incident": "INC-7"}}},
		"form/status/post?incident=INC-7":              {Act: Form, Ask: command.Ask{Path: "status post", Options: map[string]string{"incident": "INC-7"}}},
		"do/help":                                      {Act: Do, Ask: command.Ask{Path: "help"}},
		"pick/status/post:state":                       {Act: Pick, Field: "state", Ask: command.Ask{Path: "status post"}},
		"send/timeline/add?at=00:25&text=50%25+of+it":  {Act: Send, Ask: command.Ask{Path: "timeline add", Options: map[string]string{"text": "50% of it", "at": "00:25"}}},
		"do/status/backdate?at=2021-07-11T00:25:00Z":   {Act: Do, Ask: command.Ask{Path: "status backdate", Options: map[string]string{"at": "2021-07-11T00:25:00Z"}}},
		"type/node/drain?0=lke13311-16405&1=x&sure=no": {Act: Type, Ask: command.Ask{Path: "node drain", Args: []string{"lke13311-16405", "x"}, Options: map[string]string{"sure": "no"}}},
	} {
		if got := r.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

var (
	word      = rapid.StringMatching(`[a-z][a-z0-9-]{0,31}`)
	drawRoute = rapid.Custom(func(t *rapid.T) Route {
		r := Route{Act: rapid.SampledFrom(acts).Draw(t, "act")}
		r.Ask.Path = strings.Join(rapid.SliceOfN(word, 1, 2).Draw(t, "path"), " ")
		r.Ask.Options = rapid.MapOfN(word, rapid.String(), 0, 4).Draw(t, "options")
		r.Ask.Args = rapid.SliceOfN(rapid.String(), 0, 12).Draw(t, "args")
		if r.Act == Pick {
			r.Field = word.Draw(t, "field")
		}
		return r
	})
)

func TestEveryRouteSurvivesItsCustomID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRoute.Draw(t, "route")
		if rapid.Bool().Draw(t, "bytes") {
			want.Ask.Options["raw"] = string(rapid.SliceOf(rapid.Byte()).Draw(t, "raw"))
		}
		r := newRenderer()
		id, err := r.customID(want)
		if err != nil {
			t.Fatal(err)
		}
		if len(id) > maxCustomID || id == "" {
			t.Fatalf("%d characters: %s", len(id), id)
		}
		for i := range len(id) {
			if id[i] < '!' || id[i] > '~' {
				t.Fatalf("not ASCII: %q", id)
			}
		}
		got, err := r.Route(id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Act != want.Act || got.Field != want.Field || got.Ask.Path != want.Ask.Path || !maps.Equal(got.Ask.Options, want.Ask.Options) || !slices.Equal(got.Ask.Args, want.Ask.Args) {
			t.Fatalf("%+v\n%+v", got, want)
		}
	})
}

func TestOtherCustomIDsAreRefused(t *testing.T) {
	r := newRenderer()
	for _, id := range []string{
		"", "do", "do/", "do//", "/", "eat/incident/ack", "do/incident/ack/now", "do/Incident/ack", "do/incident/../ack",
		"do/incident/ack?", "do/incident/ack?incident", "do/incident/ack?incident=INC-7&", "do/incident/ack?=x", "do/incident/ack?b=1&a=2",
		"do/incident/ack?a=1&a=2", "do/incident/ack?a=%41", "do/incident/ack?a=%4", "do/incident/ack?a=%zz", "do/incident/ack?a=b=c",
		"do/incident/ack?1=a", "do/incident/ack?a=ü", "do/incident/ack:field", "pick/status/post", "pick/status/post:", "pick/status/post:A",
		"do/incident/ack\n", "kept/", "kept/x", "kept/../../../../../../../..", "do/help?a=" + strings.Repeat("x", 100),
	} {
		if got, err := r.Route(id); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q is read as %+v, %v", id, got, err)
		}
	}
	if _, err := r.Route("kept/" + keyOf("what nobody kept")); !problem.Is(err, problem.NotFound) {
		t.Errorf("a key that is not kept: %v", err)
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("do/incident/ack?incident=INC-7")
	f.Add("pick/status/post:state")
	f.Add("do/x?0=a&1=b&c=%0A")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRoute(s); err == nil && r.String() != s {
			t.Errorf("%q is read as %q", s, r)
		}
	})
}
