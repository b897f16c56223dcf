package render

import (
	"wardroom/bot/alert"
	"wardroom/bot/incident"
	"wardroom/bot/room"
)

// Colours of an embed's edge, those of the web console.
const (
	red    = 0xc62828
	orange = 0xef6c00
	yellow = 0xf9a825
	green  = 0x2e7d32
	blue   = 0x1565c0
	violet = 0x6a1b9a
	grey   = 0x757575
)

func colourOf(t room.Tone) int {
	switch t {
	case room.Alarm:
		return red
	case room.Trouble:
		return orange
	case room.Relief:
		return green
	case room.Public:
		return blue
	case room.Human:
		return violet
	}
	return grey
}

// standing is the colour of an incident as it stands.
func standing(s alert.Severity, status incident.Status, merged bool) int {
	switch {
	case merged || status == incident.Parked:
		return grey
	case status == incident.Resolved || status == incident.Closed:
		return green
	case s == alert.SEV1:
		return red
	case s == alert.SEV2:
		return orange
	}
	return yellow
}
