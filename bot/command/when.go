package command

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wardroom/bot/problem"
)

// soon is how far ahead a bare clock time may lie before "the last one" is
// yesterday's: whoever types 00:26 at 00:25 has slipped and means no time 24
// hours ago.
const soon = 5 * time.Minute

const timeHint = `write it as 00:25, "10m ago", "yesterday 23:10", "2021-07-11 00:25", or with a zone as 2021-07-11T00:25Z`

const futureHint = `write it as 09:00, "in 2h", "tomorrow 09:00", "2021-07-11 09:00", or with a zone as 2021-07-11T09:00Z`

// ParseTime reads a time that lies behind, as a person types it at now in zone:
//
//	now   10m ago   2h30m ago   00:25   00:25:10   yesterday 23:10
//	2021-07-11 00:25   2021-07-11T00:25Z   2021-07-11T00:25:00+02:00
//
// A clock time without a date is the last one: today's, or yesterday's when
// today's is still to come. One that comes within the next five minutes is
// refused, because it is a slip. A time without a zone is the team's; "UTC", "Z"
// or the abbreviation that the zone uses then may follow.
//
// Where clocks are turned back, an hour happens twice: the later of the two that
// is not after now is meant; "02:30 CEST" or an offset says it exactly. Where
// clocks are turned forward, an hour is left out: a time in it is refused.
// The result is in UTC and never after now.
func ParseTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	t, err := readTime(text, now, zone, false)
	if err != nil {
		return time.Time{}, err
	}
	if t.After(now) {
		return time.Time{}, problem.New(problem.Invalid, "%s is still to come; it is %s", FormatTime(t, zone), FormatTime(now, zone)).
			WithHint("for something that has happened write a time before now")
	}
	return t.UTC(), nil
}

// ParseFutureTime reads a time that lies ahead. It takes what [ParseTime] takes,
// and "in 2h" and "tomorrow 09:00" for "10m ago" and "yesterday 23:10". A clock
// time without a date is the next one; of an hour that happens twice, the
// earlier one after now.
func ParseFutureTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	t, err := readTime(text, now, zone, true)
	if err != nil {
		return time.Time{}, err
	}
	if !t.After(now) {
		return time.Time{}, problem.New(problem.Invalid, "%s is over; it is %s", FormatTime(t, zone), FormatTime(now, zone)).
			WithHint("write a time after now")
	}
	return t.UTC(), nil
}

// wall is a time as a clock on a wall shows it.
var wall = regexp.MustCompile(`^(?:(\d{4})-(\d{1,2})-(\d{1,2})[ t]+|(today|yesterday|tomorrow)[ ]+)?(\d{1,2}):(\d{2})(?::(\d{2}))?[ ]*([a-z]{1,5}|[+-]\d{2})?$`)

func readTime(text string, now time.Time, zone *time.Location, future bool) (time.Time, error) {
	hint := timeHint
	if future {
		hint = futureHint
	}
	s := strings.ToLower(strings.Join(strings.Fields(text), " "))
	if len(s) > 64 {
		return time.Time{}, problem.New(problem.Invalid, "%q is not a time", clip(s, 30)).WithHint("%s", hint)
	}
	if t, ok, err := relative(s, now, future); ok {
		return t, err
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(s)); err == nil && t.Year() > 1970 && t.Year() < 2200 {
		return t, nil
	}
	m := wall.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, problem.New(problem.Invalid, "%q is not a time", clip(text, 30)).WithHint("%s", hint)
	}
	w, err := newWallTime(m, now, zone)
	if err != nil {
		return time.Time{}, problem.New(problem.Invalid, "%q is not a time: %v", clip(text, 30), err).WithHint("%s", hint)
	}
	if w.dated {
		return w.dateTime(now, future)
	}
	if future {
		return w.next(now)
	}
	return w.last(now)
}

func relative(s string, now time.Time, future bool) (t time.Time, ok bool, err error) {
	if s == "now" {
		return now, true, nil
	}
	length, isPast := strings.CutSuffix(s, " ago")
	if isPast && !future {
		d, err := ParseDuration(length)
		return now.Add(-d).Truncate(time.Second), true, err
	}
	length, isFuture := strings.CutPrefix(s, "in ")
	if isFuture && future {
		d, err := ParseDuration(length)
		return now.Add(d).Truncate(time.Second), true, err
	}
	return time.Time{}, false, nil
}

// wallTime is a clock time with a day: the one written, or that of now.
type wallTime struct {
	day              time.Time // noon of the day in UTC, so that days can be added
	dated            bool
	hour, min, sec   int
	zone             *time.Location
	zoneName, asText string // the abbreviation that was written, and all of it
}

func newWallTime(m []string, now time.Time, zone *time.Location) (wallTime, error) {
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v } // the pattern lets only digits through
	w := wallTime{hour: n(5), min: n(6), sec: n(7), zone: zone, zoneName: m[8], asText: m[5] + ":" + m[6]}
	if w.hour > 23 || w.min > 59 || w.sec > 59 {
		return w, fmt.Errorf("a clock goes from 00:00 to 23:59")
	}
	switch w.zoneName {
	case "z", "utc", "gmt":
		w.zone, w.zoneName = time.UTC, ""
	}
	y, month, d := now.In(w.zone).Date()
	w.day = time.Date(y, month, d, 12, 0, 0, 0, time.UTC)
	switch m[4] {
	case "today":
		w.dated = true
	case "yesterday":
		w.day, w.dated = w.day.AddDate(0, 0, -1), true
	case "tomorrow":
		w.day, w.dated = w.day.AddDate(0, 0, 1), true
	}
	if m[1] != "" {
		w.dated = true
		w.day = time.Date(n(1), time.Month(n(2)), n(3), 12, 0, 0, 0, time.UTC)
		if y, month, d := w.day.Date(); y != n(1) || int(month) != n(2) || d != n(3) {
			return w, fmt.Errorf("there is no such day")
		}
		if n(1) < 1970 || n(1) > 2200 {
			return w, fmt.Errorf("the year is out of range")
		}
	}
	if half := strings.ToLower(w.zoneName); half == "am" || half == "pm" {
		return w, fmt.Errorf("hours count to 24 here, as in 19:36")
	}
	if w.zoneName != "" && !w.usesName(now) {
		return w, fmt.Errorf("the zone %q is not known here", strings.ToUpper(w.zoneName))
	}
	return w, nil
}

// usesName reports whether the zone has the abbreviation at some time of the year.
func (w wallTime) usesName(now time.Time) bool {
	for month := range 12 {
		if name, _ := now.AddDate(0, month, 0).In(w.zone).Zone(); strings.EqualFold(name, w.zoneName) {
			return true
		}
	}
	return false
}

// instants are the moments at which the clock shows w on a day, earliest first:
// none in the hour that is left out, two in the hour that comes twice.
func (w wallTime) instants(day time.Time) []time.Time {
	y, m, d := day.Date()
	shown := time.Date(y, m, d, w.hour, w.min, w.sec, 0, time.UTC)
	var found []time.Time
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := shown.Add(around).In(w.zone).Zone()
		t := shown.Add(-time.Duration(offset) * time.Second).In(w.zone)
		name, used := t.Zone()
		named := w.zoneName == "" || strings.EqualFold(name, w.zoneName)
		if used == offset && named && !slices.ContainsFunc(found, t.Equal) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

func (w wallTime) missing(day time.Time) error {
	if w.zoneName != "" {
		return problem.New(problem.Invalid, "%s is not %s on %s", w.asText, strings.ToUpper(w.zoneName), day.Format(time.DateOnly)).WithHint("leave the zone out, or write the time in UTC")
	}
	return problem.New(problem.Invalid, "%s does not exist on %s in %s: the clocks were turned forward", w.asText, day.Format(time.DateOnly), w.zone).
		WithHint("write the time in UTC, as %sT01:30Z", day.Format(time.DateOnly))
}

func (w wallTime) dateTime(now time.Time, future bool) (time.Time, error) {
	found := w.instants(w.day)
	if len(found) == 0 {
		return time.Time{}, w.missing(w.day)
	}
	if future {
		if i := slices.IndexFunc(found, now.Before); i >= 0 {
			return found[i], nil
		}
		return found[len(found)-1], nil
	}
	for _, t := range slices.Backward(found) {
		if !t.After(now) {
			return t, nil
		}
	}
	return found[0], nil
}

// last is the newest moment not after now at which the clock showed w.
func (w wallTime) last(now time.Time) (time.Time, error) {
	today := w.instants(w.day)
	if len(today) == 0 && w.zoneName == "" {
		return time.Time{}, w.missing(w.day)
	}
	for _, t := range slices.Backward(today) {
		if !t.After(now) {
			return t, nil
		}
	}
	if len(today) > 0 && today[0].Sub(now) <= soon {
		return time.Time{}, problem.New(problem.Invalid, "%s is still to come; it is %s", FormatTime(today[0], w.zone), FormatTime(now, w.zone)).
			WithHint(`for the day before write "yesterday %s"`, w.asText)
	}
	yesterday := w.day.AddDate(0, 0, -1)
	found := w.instants(yesterday)
	if len(found) == 0 {
		return time.Time{}, w.missing(yesterday)
	}
	return found[len(found)-1], nil
}

// next is the earliest moment after now at which the clock shows w.
func (w wallTime) next(now time.Time) (time.Time, error) {
	for _, days := range []int{0, 1} {
		day := w.day.AddDate(0, 0, days)
		found := w.instants(day)
		if i := slices.IndexFunc(found, now.Before); i >= 0 {
			return found[i], nil
		}
		if len(found) == 0 {
			return time.Time{}, w.missing(day)
		}
	}
	return time.Time{}, w.missing(w.day.AddDate(0, 0, 1))
}

// FormatTime says an instant for people: "2021-07-11 00:25 UTC", and where the
// team's zone is another one "2021-07-11 02:25 CEST (00:25 UTC)". The zero time
// is "unknown".
func FormatTime(t time.Time, zone *time.Location) string { return formatTime(t, time.Time{}, zone) }

// formatTime leaves the date out when it is now's.
func formatTime(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "unknown"
	}
	if zone == nil {
		zone = time.UTC
	}
	const date, clock = "2006-01-02 ", "15:04"
	local, utc := t.In(zone), t.UTC()
	layout := date + clock + " MST"
	if !now.IsZero() && local.Format(date) == now.In(zone).Format(date) {
		layout = clock + " MST"
	}
	if _, offset := local.Zone(); offset == 0 {
		return utc.Format(layout)
	}
	inUTC := utc.Format(clock + " UTC")
	if utc.Format(date) != local.Format(date) {
		inUTC = utc.Format(date + clock + " UTC")
	}
	return local.Format(layout) + " (" + inUTC + ")"
}

var (
	durationShape = regexp.MustCompile(`^(?:\d+(?:\.\d+)? ?[a-z]+[ ]?)+$`)
	durationPart  = regexp.MustCompile(`(\d+(?:\.\d+)?) ?([a-z]+)`)
)

// maxDuration keeps a slip of the finger from setting a timer that never comes.
const maxDuration = 10 * 366 * 24 * time.Hour

// ParseDuration reads a length of time as a person types it: "90m", "2h30m",
// "1d", "2 weeks", "1.5 hours". A day has 24 hours. It is never negative and at
// most ten years.
func ParseDuration(text string) (time.Duration, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	bad := problem.New(problem.Invalid, "%q is not a length of time", clip(text, 30)).WithHint("write it as 90m, 2h or 1d")
	if len(s) > 64 || !durationShape.MatchString(s) {
		return 0, bad
	}
	var sum time.Duration
	for _, m := range durationPart.FindAllStringSubmatch(s, -1) {
		unit := durationUnit(m[2])
		n, err := strconv.ParseFloat(m[1], 64)
		if unit == 0 || err != nil {
			return 0, bad
		}
		if n > float64(maxDuration/unit) || sum+time.Duration(n*float64(unit)) > maxDuration {
			return 0, problem.New(problem.Invalid, "%q is too long: at most ten years", clip(text, 30))
		}
		sum += time.Duration(n * float64(unit))
	}
	return sum, nil
}

func durationUnit(s string) time.Duration {
	switch s {
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hr", "hrs", "hour", "hours":
		return time.Hour
	case "d", "day", "days":
		return 24 * time.Hour
	case "w", "week", "weeks":
		return 7 * 24 * time.Hour
	}
	return 0
}

// FormatDuration says a length of time in at most two units: "45s", "5m",
// "2h 30m", "3d 4h".
func FormatDuration(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	two := func(big time.Duration, bigName string, small time.Duration, smallName string) string {
		s := fmt.Sprintf("%d%s", d/big, bigName)
		if rest := d % big / small; rest > 0 {
			s += fmt.Sprintf(" %d%s", rest, smallName)
		}
		return s
	}
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return two(time.Hour, "h", time.Minute, "m")
	}
	return two(24*time.Hour, "d", time.Hour, "h")
}
