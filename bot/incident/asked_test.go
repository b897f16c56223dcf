package incident_test

import (
	"wardroom/bot/command"
	"wardroom/bot/timeline"
)

func asked(line string) timeline.Payload { return &command.Asked{Line: line, Via: "shell"} }
