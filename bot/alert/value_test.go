package alert

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNumbersThatStandByThemselves(t *testing.T) {
	for text, want := range map[string][]float64{
		"a service has claimed 34 dangerous table locks": {34},
		"Connections at 84.2% of 100":                    {84.2, 100},
		"load is 1.5k, was 900":                          {1500, 900},
		"uses 3GiB of 8Gi":                               {3 << 30, 8 << 30},
		"latency: 250ms (limit 100ms).":                  {250, 100},
		"value=-3 and 1e3":                               {-3, 1000},
		"node lke13311-16405-5fafd1b46dcf is gone":       nil,
		"10.2.3.4:9187 at 00:31 on 2021-07-11 v1.2.3":    nil,
		"pod redis-599887d778-wggbl":                     nil,
		"5xx rate on h2":                                 {5},
		"34":                                             {34},
		"":                                               nil,
		"長 61。":                                          {61},
		"99999999999999999999999999999999999999999999999": nil,
	} {
		if diff := cmp.Diff(want, numbers(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestFollowingTheNumberThatMoves(t *testing.T) {
	at := time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)
	summary := func(texts ...string) []map[string]string {
		var out []map[string]string
		for _, s := range texts {
			out = append(out, map[string]string{"summary": s})
		}
		return out
	}
	for name, c := range map[string]struct {
		said              []map[string]string
		first, peak, last float64
	}{
		"the only number":                       {summary("34 locks", "61 locks", "40 locks"), 34, 61, 40},
		"falling from the first":                {summary("34 locks", "12 locks"), 34, 34, 12},
		"the one that moves":                    {summary("load over 5 min is 34", "load over 5 min is 61"), 34, 61, 61},
		"stays with it when another moves":      {summary("over 5 min 34 at 2 hosts", "over 5 min 61 at 2 hosts", "over 5 min 61 at 3 hosts", "over 5 min 50 at 3 hosts"), 34, 61, 50},
		"a number appears, then moves":          {summary("too many locks", "61 locks", "70 locks"), 61, 70, 70},
		"no number any more keeps the last":     {summary("34 locks", "61 locks", "locked"), 34, 61, 61},
		"a status code before the duration":     {summary("HTTP 524 for 5 minutes", "HTTP 524 for 9 minutes"), 5, 9, 9},
		"the value alone has not moved yet":     {[]map[string]string{{"value": "3.5"}}, 3.5, 3.5, 3.5},
		"the value appears":                     {[]map[string]string{{"summary": "slow"}, {"summary": "slow", "value": "3.5"}}, 3.5, 3.5, 3.5},
		"the annotation value wins":             {[]map[string]string{{"value": "3.5", "summary": "9 nodes"}, {"value": "7.25", "summary": "4 nodes"}}, 3.5, 7.25, 7.25},
		"the description when summary is still": {[]map[string]string{{"summary": "locks", "description": "34 of 100"}, {"summary": "locks", "description": "61 of 100"}}, 34, 61, 61},
		"negative":                              {summary("at -5", "at -3", "at -9"), -5, -3, -9},
	} {
		t.Run(name, func(t *testing.T) {
			v := firstValue(c.said[0], at)
			for i := range c.said[1:] {
				v = v.follow(c.said[i], c.said[i+1], at, at.Add(time.Duration(i+1)*time.Minute))
			}
			if v == nil || v.First != c.first || v.Peak != c.peak || v.Last != c.last {
				t.Errorf("got %+v, want %v, %v, %v", v, c.first, c.peak, c.last)
			}
		})
	}
}

func TestANumberThatDoesNotMoveIsNoValue(t *testing.T) {
	at := time.Date(2021, 7, 11, 0, 32, 0, 0, time.UTC)
	for name, said := range map[string][]string{
		"said once":               {"HTTP 524 for 5 minutes"},
		"other words beside it":   {"HTTP 524 for 5 minutes", "still HTTP 524 for 5 minutes"},
		"another number joins it": {"HTTP 524 for 5 minutes", "HTTP 524 for 5 minutes on 3 hosts"},
		"it goes away":            {"HTTP 524", "no answer"},
		"it appears":              {"no answer", "HTTP 524"},
	} {
		t.Run(name, func(t *testing.T) {
			text := func(i int) map[string]string {
				return map[string]string{"summary": said[i], "description": "limit 115"}
			}
			v := firstValue(text(0), at)
			for i := range said[1:] {
				v = v.follow(text(i), text(i+1), at, at.Add(time.Minute))
			}
			if v != nil {
				t.Errorf("got %+v, want none", v)
			}
		})
	}
}
