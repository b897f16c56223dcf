package room

import (
	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/remediation"
	"wardroom/bot/statuspage"
	"wardroom/bot/timeline"
)

// Tone is how a post strikes the eye, where a chat has colours.
type Tone int

const (
	Calm    Tone = iota // what is merely noted
	Alarm               // something broke, at its worst
	Trouble             // something is not as it should be
	Relief              // something is well again
	Public              // the public was told
	Human               // a person took something on
)

// toneOf goes by what a payload tells. A kind of which it knows nothing is plain.
func toneOf(p timeline.Payload) Tone {
	switch p := p.(type) {
	case *incident.Declared:
		return severe(p.Severity)
	case *incident.SeverityChanged:
		return severe(p.To)
	case *incident.StatusChanged:
		switch {
		case p.Reopened:
			return Trouble
		case p.To == incident.Resolved || p.To == incident.Closed || p.To == incident.Monitoring:
			return Relief
		}
	case *incident.Acknowledged, *incident.Assigned, *incident.AlertAcknowledged:
		return Human
	case *alert.Joined:
		return Trouble
	case *alert.Cleared:
		return Relief
	case *timeline.DeliveryFailed:
		return Trouble
	case *statuspage.Posted, *statuspage.Backdated, *statuspage.ComponentSet:
		return Public
	case Mentioner:
		return Alarm
	}
	return runTone(p)
}

// runTone is that of what a repair's entries tell.
func runTone(p timeline.Payload) Tone {
	switch p := p.(type) {
	case *remediation.RunRequested, *remediation.RunExpired, *remediation.RunHeld, *remediation.StepLate, *remediation.RunAborted:
		return Trouble
	case *remediation.RunDrifted:
		if p.Shrunk {
			return Calm
		}
		return Trouble
	case *remediation.StepUnsure, *remediation.StepFailed, *remediation.RunFailed, *remediation.GlassBroken:
		return Alarm
	case *remediation.RunApproved, *remediation.RunRejected, *remediation.RunResumed, *remediation.RunAborting, *remediation.RunTakenOver:
		return Human
	case *remediation.RunDone:
		return Relief
	}
	return Calm
}

func severe(s alert.Severity) Tone {
	if s == alert.SEV1 || s == alert.SEV2 {
		return Alarm
	}
	return Trouble
}
