package watch

import (
	"fmt"
	"strings"
	"time"

	"wardroom/bot/remediation"
	"wardroom/bot/timeline"
)

// NotBack tells in an incident's timeline, after a repair, what of the time before
// the incident is not back.
type NotBack struct {
	Run remediation.RunID `json:"run"` // the last repair that ended before
	Comparison
}

func (*NotBack) Kind() timeline.Kind { return kindNotBack }
func (p *NotBack) Text() string {
	return fmt.Sprintf("Not back of what was Ready at %s: %s", clock(p.Before, p.At), strings.Join(p.Sentences(), "; "))
}

// Suggests is where to look first.
func (*NotBack) Suggests() []remediation.Suggestion {
	return []remediation.Suggestion{{Label: "Volumes", Path: "volume list"}, {Label: "Nodes", Path: "node list"}}
}

// AllBack tells that everything is.
type AllBack struct {
	Run    remediation.RunID `json:"run"`
	Before time.Time         `json:"before"`
	At     time.Time         `json:"at"`
	Were   int               `json:"were"`
}

func (*AllBack) Kind() timeline.Kind { return kindAllBack }
func (p *AllBack) Text() string {
	return fmt.Sprintf("Verified after %s: all that was Ready at %s is back (%d looked at)", p.Run, clock(p.Before, p.At), p.Were)
}

// BackUnknown tells that it cannot be told after a repair.
type BackUnknown struct {
	Run remediation.RunID `json:"run"`
	Why []string          `json:"why"`
}

func (*BackUnknown) Kind() timeline.Kind { return kindBackUnknown }
func (p *BackUnknown) Text() string {
	return fmt.Sprintf("Not verified after %s, it is UNKNOWN what is back: %s", p.Run, strings.Join(p.Why, "; "))
}

const (
	kindNotBack     = timeline.Kind("baseline.missing")
	kindAllBack     = timeline.Kind("baseline.back")
	kindBackUnknown = timeline.Kind("baseline.unknown")
)
