package e2e

import (
	"strings"
	"testing"

	"wardroom/e2e/internal/process"
)

// The roles of deploy/kubernetes are exactly what is needed: the API server's own
// answers to SelfSubjectAccessReviews say so.
func TestCheckIsCleanWithTheGeneratedRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.bot.Serve()
	if said, clean := r.bot.Check(process.Soon(t)); !clean || !strings.Contains(said, " 0 warnings, 0 failed") {
		t.Errorf("wardroom check complains:\n%s", said)
	}
}
