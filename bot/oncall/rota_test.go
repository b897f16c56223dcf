package oncall

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func rota(t testing.TB, s RotaSpec) *Rota {
	t.Helper()
	r, err := NewRota(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const stamp = "2006-01-02 15:04 MST"

func TestHandoversStayAtTheirHourWhenTheClocksChange(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	r := rota(t, RotaSpec{People: []string{"joe", "chris"}, Handover: Handover{time.Monday, 9, 0}, Zone: berlin,
		Since: time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)})
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ at, person, until string }{
		{"2026-03-16 08:59", "", "2026-03-16 09:00 CET"},
		{"2026-03-16 09:00", "joe", "2026-03-23 09:00 CET"},
		{"2026-03-29 01:59", "chris", "2026-03-30 09:00 CEST"}, // the clocks go forward in between
		{"2026-03-30 08:59", "chris", "2026-03-30 09:00 CEST"},
		{"2026-03-30 09:00", "joe", "2026-04-06 09:00 CEST"},
		{"2026-10-25 02:30", "chris", "2026-10-26 09:00 CET"}, // and back
		{"2026-10-26 08:59", "chris", "2026-10-26 09:00 CET"},
		{"2026-10-26 09:00", "joe", "2026-11-02 09:00 CET"},
	} {
		person, until := r.OnCall(at(c.at))
		if got := until.In(berlin).Format(stamp); person != c.person || got != c.until {
			t.Errorf("%s: want %q until %s, got %q until %s", c.at, c.person, c.until, person, got)
		}
	}
}

func TestAHandoverInTheHourThatIsLeftOutHappensOnce(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	r := rota(t, RotaSpec{People: []string{"joe", "chris"}, Handover: Handover{time.Sunday, 2, 30}, Zone: berlin})
	for _, from := range []time.Time{time.Date(2026, 3, 28, 12, 0, 0, 0, berlin), time.Date(2026, 10, 24, 12, 0, 0, 0, berlin)} {
		shifts := r.Schedule(from, 3)
		if shifts[0].Person == shifts[1].Person || shifts[0].Person != shifts[2].Person {
			t.Errorf("turns: %+v", shifts)
		}
		length := shifts[1].To.Sub(shifts[1].From)
		if off := (length - 7*24*time.Hour).Abs(); off > time.Hour {
			t.Errorf("the turn that begins %s lasts %s", shifts[1].From.In(berlin).Format(stamp), length)
		}
	}
}

func TestOverridesTakePrecedenceAndTheLaterOneHolds(t *testing.T) {
	day := func(d, h int) time.Time { return time.Date(2026, 1, d, h, 0, 0, 0, time.UTC) }
	r := rota(t, RotaSpec{People: []string{"joe", "chris", "dana"}, Handover: Handover{time.Monday, 9, 0}, Since: day(5, 0), Overrides: []Override{
		{day(6, 0), day(10, 0), "chris"}, {day(7, 0), day(8, 0), "eve"}, {day(9, 0), day(11, 0), "joe"},
	}})
	want := []Shift{
		{"", day(1, 0), day(5, 9)}, {"joe", day(5, 9), day(6, 0)}, {"chris", day(6, 0), day(7, 0)}, {"eve", day(7, 0), day(8, 0)}, {"chris", day(8, 0), day(9, 0)},
		{"joe", day(9, 0), day(12, 9)}, // the override goes over into joe's own turn
		{"chris", day(12, 9), day(19, 9)},
	}
	got := r.Schedule(day(1, 0), len(want))
	for n := range want {
		if got[n].Person != want[n].Person || !got[n].From.Equal(want[n].From) || !got[n].To.Equal(want[n].To) {
			t.Errorf("shift %d: want %v, got %v", n, want[n], got[n])
		}
	}
	for at, order := range map[time.Time]string{
		day(1, 0): "joe chris dana", // nobody is on call: those who come next
		day(5, 9): "joe chris dana", day(6, 0): "chris dana joe", day(7, 0): "eve joe chris dana", day(20, 0): "dana joe chris",
	} {
		if got := strings.Join(r.Order(at), " "); got != order {
			t.Errorf("%s: want %s, got %s", at.Format(stamp), order, got)
		}
	}
	if r.After(day(5, 9), "dana") != "joe" || r.After(day(7, 0), "eve") != "joe" || r.After(day(5, 9), "nobody") != "joe" {
		t.Error("after the last comes the first")
	}
	if !slices.Equal(r.People(), []string{"joe", "chris", "dana", "eve"}) {
		t.Error(r.People())
	}
}

func TestOneAloneIsAlwaysOnCall(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := rota(t, RotaSpec{People: []string{"joe"}})
	if p, until := r.OnCall(now); p != "joe" || !until.IsZero() || r.After(now, "joe") != "joe" || len(r.Schedule(now, 5)) != 1 {
		t.Error(p, until)
	}
	only := rota(t, RotaSpec{Overrides: []Override{{now, now.Add(time.Hour), "joe"}}})
	if got := only.Schedule(now.Add(-time.Hour), 9); len(got) != 3 || got[0].Person != "" || got[1].Person != "joe" || got[2].Person != "" || !got[2].To.IsZero() {
		t.Errorf("gaps: %v", got)
	}
	if only.After(now.Add(2*time.Hour), "joe") != "" || len(only.Order(now.Add(2*time.Hour))) != 0 {
		t.Error("nobody is there to be woken")
	}
}

// TestEveryInstantBelongsToOneTurn holds all of it to properties, in zones with
// every kind of change.
func TestEveryInstantBelongsToOneTurn(t *testing.T) {
	names := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRota(RotaSpec{People: []string{"a", "b", "c"}, Zone: z, Handover: Handover{time.Weekday(rapid.IntRange(0, 6).Draw(t, "day")),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")}})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_500_000_000, 2_000_000_000).Draw(t, "at"), 0)
		n := r.turn(at)
		if r.handover(n).After(at) || !r.handover(n+1).After(at) {
			t.Fatalf("%s is not in turn %d", at, n)
		}
		person, until := r.OnCall(at)
		if next, _ := r.OnCall(until); !until.After(at) || next == person || next != r.After(at, person) {
			t.Fatalf("%s has it until %s, then %s", person, until, next)
		}
		if last, _ := r.OnCall(until.Add(-time.Nanosecond)); last != person {
			t.Fatalf("%s does not have it to the end: %s", person, last)
		}
	})
}

func TestEverythingWrongWithARotaComesAtOnce(t *testing.T) {
	now := time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)
	_, err := NewRota(RotaSpec{People: []string{"joe", "joe"}, Handover: Handover{Weekday: time.Monday}, Since: now, Overrides: []Override{{now, now, "joe"}}})
	for _, want := range []string{"joe is there twice", "2026-01-06 is a Tuesday, and the handover is on a Monday: write 2026-01-05 or 2026-01-12", "must end after it begins"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if _, err := NewRota(RotaSpec{}); err == nil {
		t.Error("a rota of nobody was taken")
	}
	for _, in := range []string{"", "monday", "9:00", "monday 24:00", "monday 9", "funday 09:00", "monday 09:00 x"} {
		if h, err := ParseHandover(in); err == nil {
			t.Errorf("%q was taken as %s", in, h)
		}
	}
	for _, in := range []string{"Monday 09:00", "mon  9:00"} {
		if h, err := ParseHandover(in); err != nil || h.String() != "monday 09:00" {
			t.Errorf("%q: %s, %v", in, h, err)
		}
	}
}
