// Package timeline is the system of record: append-only, bitemporal,
// hash-chained timelines, the one door through which they grow, and the
// followers that carry what was recorded to the outside.
//
// Everything that happens is an [Entry]. The state of an incident is a fold of
// its entries, kept in tables that are written in the same transaction. The
// package knows kinds of entries only by their small [Payload] interface: the
// package that acts owns its payload types.
package timeline

import (
	"fmt"
	"strconv"
	"strings"

	"wardroom/bot/problem"
)

// ID names a timeline: the log, or one incident.
type ID string

// Log is the team's own timeline: what belongs to no incident.
const Log ID = "log"

const incidentPrefix = "INC-"

// Incident returns the timeline of incident n.
func Incident(n int) ID { return ID(incidentPrefix + strconv.Itoa(n)) }

// Number returns the incident's number; 0 for the log.
func (id ID) Number() int {
	n, err := strconv.Atoi(strings.TrimPrefix(string(id), incidentPrefix))
	if err != nil {
		return 0
	}
	return n
}

// IsIncident reports whether id names an incident's timeline.
func (id ID) IsIncident() bool { return id.Number() > 0 }

// Padded is the form that sorts in file names: INC-0007, log.
func (id ID) Padded() string {
	if n := id.Number(); n > 0 {
		return fmt.Sprintf("%s%04d", incidentPrefix, n)
	}
	return string(id)
}

// ParseID reads what a person types: "INC-7", "inc-0007", "7", "log".
func ParseID(s string) (ID, error) {
	t := strings.ToUpper(strings.TrimSpace(s))
	if t == "LOG" {
		return Log, nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(t, incidentPrefix))
	if err != nil || n < 1 {
		return "", problem.New(problem.Invalid, "%q is not an incident", s).WithHint("write it as INC-7, or 7")
	}
	return Incident(n), nil
}

// Ref names one entry. The zero Ref names none.
type Ref struct {
	Timeline ID
	Seq      int64
}

func (r Ref) IsZero() bool { return r.Timeline == "" }

// String is "INC-1#17", and "" for the zero Ref.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.Timeline) + "#" + strconv.FormatInt(r.Seq, 10)
}

// ParseRef reads "INC-1#17" and "". A bare "17" is refused: callers that know
// the timeline prepend it.
func ParseRef(s string) (Ref, error) {
	if s == "" {
		return Ref{}, nil
	}
	id, seq, ok := strings.Cut(s, "#")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !ok || err != nil || n < 1 {
		return Ref{}, problem.New(problem.Invalid, "%q is not an entry", s).WithHint("write it as INC-1#17")
	}
	t, err := ParseID(id)
	if err != nil {
		return Ref{}, err
	}
	return Ref{t, n}, nil
}

func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r *Ref) UnmarshalText(b []byte) error {
	v, err := ParseRef(string(b))
	if err == nil {
		*r = v
	}
	return err
}
