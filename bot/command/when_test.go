package command_test

import (
	"testing"
	"time"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParseTimeReadsWhatLiesBehind(t *testing.T) {
	tests := map[string]struct{ text, now, zone, want string }{
		"now":                                  {"now", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:42:00Z"},
		"today's":                              {"00:25", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"this very minute":                     {"00:42", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:42:00Z"},
		"yesterday's, when today's is to come": {"23:10", "2021-07-11T00:42:00Z", "UTC", "2021-07-10T23:10:00Z"},
		"one digit":                            {"0:25", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"with seconds":                         {"00:25:10", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:25:10Z"},
		"minutes ago":                          {"10m ago", "2021-07-11T00:42:30Z", "UTC", "2021-07-11T00:32:30Z"},
		"hours and minutes ago":                {"2h30m ago", "2021-07-11T00:42:00Z", "UTC", "2021-07-10T22:12:00Z"},
		"in words":                             {"10 minutes ago", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:32:00Z"},
		"yesterday":                            {"yesterday 23:10", "2021-07-11T23:42:00Z", "UTC", "2021-07-10T23:10:00Z"},
		"today":                                {"Today 00:25", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"a date":                               {"2021-07-11 00:25", "2021-08-01T00:00:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"a date with T":                        {"2021-07-11T00:25", "2021-08-01T00:00:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"a date with T and Z":                  {"2021-07-11T00:25Z", "2021-08-01T00:00:00Z", "Europe/Berlin", "2021-07-11T00:25:00Z"},
		"RFC 3339":                             {"2021-07-11T02:25:00+02:00", "2021-08-01T00:00:00Z", "UTC", "2021-07-11T00:25:00Z"},
		"the team's zone":                      {"02:25", "2021-07-11T00:42:00Z", "Europe/Berlin", "2021-07-11T00:25:00Z"},
		"UTC beside the team's zone":           {"00:25 UTC", "2021-07-11T00:42:00Z", "Europe/Berlin", "2021-07-11T00:25:00Z"},
		"the zone's own abbreviation":          {"02:25 CEST", "2021-07-11T00:42:00Z", "Europe/Berlin", "2021-07-11T00:25:00Z"},
		"over midnight in the team's zone":     {"23:59", "2021-07-10T22:30:00Z", "Europe/Berlin", "2021-07-10T21:59:00Z"},
		"an offset of half an hour":            {"06:00", "2021-07-11T00:42:00Z", "Asia/Kolkata", "2021-07-11T00:30:00Z"},

		// On 2021-10-31 clocks went from 03:00 CEST back to 02:00 CET at 01:00Z.
		"an hour that came twice: the later":                {"2021-10-31 02:30", "2021-11-01T00:00:00Z", "Europe/Berlin", "2021-10-31T01:30:00Z"},
		"an hour that came twice: said exactly":             {"2021-10-31 02:30 CEST", "2021-11-01T00:00:00Z", "Europe/Berlin", "2021-10-31T00:30:00Z"},
		"an hour that came twice: by offset":                {"2021-10-31T02:30:00+02:00", "2021-11-01T00:00:00Z", "Europe/Berlin", "2021-10-31T00:30:00Z"},
		"before it came the second time: the first":         {"02:30", "2021-10-31T01:15:00Z", "Europe/Berlin", "2021-10-31T00:30:00Z"},
		"after it came the second time: the second":         {"02:30", "2021-10-31T01:45:00Z", "Europe/Berlin", "2021-10-31T01:30:00Z"},
		"a dated one before it came the second time":        {"2021-10-31 02:30", "2021-10-31T01:15:00Z", "Europe/Berlin", "2021-10-31T00:30:00Z"},
		"the day after clocks were turned forward":          {"02:30", "2021-03-29T10:00:00Z", "Europe/Berlin", "2021-03-29T00:30:00Z"},
		"a day whose hour is left out, before it: the last": {"02:30 CET", "2021-03-28T00:10:00Z", "Europe/Berlin", "2021-03-27T01:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := command.ParseTime(tt.text, at(tt.now), zone(t, tt.zone))
			check(t, err)
			if !got.Equal(at(tt.want)) {
				t.Errorf("%q at %s = %s, want %s", tt.text, tt.now, got, tt.want)
			}
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	tests := map[string]struct{ text, now, zone, says string }{
		"nothing":                    {"", "2021-07-11T00:42:00Z", "UTC", "is not a time"},
		"words":                      {"a while ago", "2021-07-11T00:42:00Z", "UTC", "not a length of time"},
		"half a day":                 {"7:36pm", "2021-07-11T00:42:00Z", "UTC", "hours count to 24 here"},
		"too long ago":               {"99999h ago", "2021-07-11T00:42:00Z", "UTC", "is too long: at most ten years"},
		"an hour that is none":       {"25:00", "2021-07-11T00:42:00Z", "UTC", "00:00 to 23:59"},
		"a day that is none":         {"2021-02-30 10:00", "2021-07-11T00:42:00Z", "UTC", "no such day"},
		"a date alone":               {"2021-07-11", "2021-07-11T00:42:00Z", "UTC", "is not a time"},
		"a zone of elsewhere":        {"00:25 PST", "2021-07-11T00:42:00Z", "Europe/Berlin", "zone \"PST\" is not known"},
		"a date to come":             {"2021-07-12 00:25", "2021-07-11T00:42:00Z", "UTC", "still to come"},
		"the day after":              {"tomorrow 10:00", "2021-07-11T00:42:00Z", "UTC", "still to come"},
		"a slip into the future":     {"00:45", "2021-07-11T00:42:00Z", "UTC", "yesterday 00:45"},
		"an hour that was left out":  {"02:30", "2021-03-28T10:00:00Z", "Europe/Berlin", "clocks were turned forward"},
		"a dated one in that hour":   {"2021-03-28 02:30", "2021-03-29T10:00:00Z", "Europe/Berlin", "clocks were turned forward"},
		"what lies ahead":            {"in 2h", "2021-07-11T00:42:00Z", "UTC", "is not a time"},
		"the wrong one of two zones": {"2021-07-11 02:25 CET", "2021-07-11T10:42:00Z", "Europe/Berlin", "is not CET"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := command.ParseTime(tt.text, at(tt.now), zone(t, tt.zone))
			if err == nil {
				t.Fatalf("read as %s", got)
			}
			wantProblem(t, err, problem.Invalid, tt.says)
		})
	}
}

func TestParseFutureTime(t *testing.T) {
	tests := map[string]struct{ text, now, zone, want string }{
		"today's":                             {"09:00", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T09:00:00Z"},
		"tomorrow's, when today's is over":    {"00:25", "2021-07-11T00:42:00Z", "UTC", "2021-07-12T00:25:00Z"},
		"this very minute is over":            {"00:42", "2021-07-11T00:42:00Z", "UTC", "2021-07-12T00:42:00Z"},
		"in two hours":                        {"in 2h", "2021-07-11T00:42:00Z", "UTC", "2021-07-11T02:42:00Z"},
		"tomorrow":                            {"tomorrow 09:00", "2021-07-11T00:42:00Z", "Europe/Berlin", "2021-07-12T07:00:00Z"},
		"an hour that comes twice: the first": {"02:30", "2021-10-31T00:00:00Z", "Europe/Berlin", "2021-10-31T00:30:00Z"},
		"after the first: the second":         {"02:30", "2021-10-31T00:45:00Z", "Europe/Berlin", "2021-10-31T01:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := command.ParseFutureTime(tt.text, at(tt.now), zone(t, tt.zone))
			check(t, err)
			if !got.Equal(at(tt.want)) {
				t.Errorf("%q at %s = %s, want %s", tt.text, tt.now, got, tt.want)
			}
		})
	}
	for _, text := range []string{"10m ago", "yesterday 10:00", "2021-07-11 00:25", "now", "in 11 years"} {
		if got, err := command.ParseFutureTime(text, at("2021-07-11T00:42:00Z"), time.UTC); err == nil {
			t.Errorf("%q read as %s", text, got)
		}
	}
}

func TestFormatTime(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	tests := map[string]struct {
		t    string
		zone *time.Location
		want string
	}{
		"UTC":                     {"2021-07-11T00:25:00Z", time.UTC, "2021-07-11 00:25 UTC"},
		"another zone":            {"2021-07-11T00:25:00Z", berlin, "2021-07-11 02:25 CEST (00:25 UTC)"},
		"another day there":       {"2021-07-10T22:25:00Z", berlin, "2021-07-11 00:25 CEST (2021-07-10 22:25 UTC)"},
		"a zone that is UTC then": {"2021-01-11T00:25:00Z", zone(t, "Europe/London"), "2021-01-11 00:25 UTC"},
		"no zone: UTC":            {"2021-07-11T00:25:00Z", nil, "2021-07-11 00:25 UTC"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := command.FormatTime(at(tt.t), tt.zone); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if got := command.FormatTime(time.Time{}, time.UTC); got != "unknown" {
		t.Errorf("zero time is %q", got)
	}
	r := command.NewRequest(nil, command.Caller{}, at("2021-07-11T00:42:00Z"), berlin, nil)
	if got := r.FormatTime(at("2021-07-11T00:25:00Z")); got != "02:25 CEST (00:25 UTC)" {
		t.Errorf("today is %q", got)
	}
	if got := r.FormatTime(at("2021-07-09T00:25:00Z")); got != "2021-07-09 02:25 CEST (00:25 UTC)" {
		t.Errorf("another day is %q", got)
	}
}

func TestDurations(t *testing.T) {
	good := map[string]time.Duration{
		"90m": 90 * time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour, "2h30m": 150 * time.Minute,
		"1.5 hours": 90 * time.Minute, "2 weeks": 14 * 24 * time.Hour, "1h 5m": 65 * time.Minute, "0s": 0, "10 MIN": 10 * time.Minute,
	}
	for text, want := range good {
		if got, err := command.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-5m", "5x", "m", "99999999999999999999h", "1e9h", "11 years", "4000d", "2h and"} {
		if got, err := command.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s", text, got)
		}
	}
	shown := map[time.Duration]string{
		45 * time.Second: "45s", 5*time.Minute + 59*time.Second: "5m", 150 * time.Minute: "2h 30m", 2 * time.Hour: "2h", 76 * time.Hour: "3d 4h", -time.Hour: "0s",
	}
	for d, want := range shown {
		if got := command.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%s) = %q, want %q", d, got, want)
		}
	}
}

// Whatever is typed, a time that is read lies on the right side of now, and the
// echo in the team's zone reads back as the same minute.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"00:25", "10m ago", "yesterday 23:10", "2021-10-31 02:30", "2021-07-11T00:25Z", "in 2h", "02:30 CET", "1 d ago", "9:00 utc", "2021-03-28 02:30", "tomorrow 3:00"} {
		f.Add(seed, int64(1635641100), int64(7))
		f.Add(seed, int64(1616893200), int64(0))
	}
	zones := []*time.Location{time.UTC, zone(f, "Europe/Berlin"), zone(f, "America/New_York"), zone(f, "Asia/Kolkata"), zone(f, "Australia/Lord_Howe")}
	f.Fuzz(func(t *testing.T, text string, unix, pick int64) {
		if unix < 0 || unix > 4102444800 {
			return
		}
		z := zones[uint64(pick)%uint64(len(zones))]
		now := time.Unix(unix, 0)
		if got, err := command.ParseFutureTime(text, now, z); err == nil && !got.After(now) {
			t.Fatalf("%q at %s in %s is %s: not ahead", text, now, z, got)
		}
		got, err := command.ParseTime(text, now, z)
		if err != nil {
			return
		}
		if got.After(now) {
			t.Fatalf("%q at %s in %s is %s: not behind", text, now, z, got)
		}
		echo := got.In(z).Format("2006-01-02 15:04 MST")
		again, err := command.ParseTime(echo, now, z)
		if named := len(echo) > 17 && echo[17] != '+' && echo[17] != '-'; named && (err != nil || !again.Equal(got.Truncate(time.Minute))) {
			t.Fatalf("%q at %s in %s is %s; its echo %q is %s, %v", text, now, z, got, echo, again, err)
		}
	})
}
