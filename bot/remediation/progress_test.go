package remediation_test

import (
	"strings"
	"testing"

	"wardroom/bot/remediation"
)

func TestABarFitsIntoItsWidth(t *testing.T) {
	for total := 1; total <= 60; total++ {
		last := -1
		for done := 0; done <= total; done++ {
			p := remediation.Progress{Done: done, Total: total, Bar: strings.Repeat("▰", done) + strings.Repeat("▱", total-done)}
			bar := p.BarWithin(14)
			full, width := strings.Count(bar, "▰"), len([]rune(bar))
			if width != min(total, 14) || full < last || (full == width) != (done == total) || (full == 0) != (done == 0) {
				t.Fatalf("%d of %d: %s", done, total, bar)
			}
			last = full
		}
	}
}
