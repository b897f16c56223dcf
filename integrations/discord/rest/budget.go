package rest

import "time"

// Discord blocks an address for 10,000 answers of 401, 403 or 429 in ten minutes.
// From a tenth on requests go one a second; at half of it nothing goes.
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
const (
	slowFrom = 1000
	stopFrom = 5000
	slowPace = time.Second
)

// budget counts invalid answers of the last ten minutes, by minute.
type budget struct {
	minutes [11]struct{ minute, count int64 }
}

func (b *budget) count(now time.Time) {
	m := now.Unix() / 60
	slot := &b.minutes[m%int64(len(b.minutes))]
	if slot.minute != m {
		slot.minute, slot.count = m, 0
	}
	slot.count++
}

func (b *budget) spent(now time.Time) (n int64) {
	m := now.Unix() / 60
	for _, slot := range b.minutes {
		if m-slot.minute < int64(len(b.minutes)) {
			n += slot.count
		}
	}
	return n
}

func (b *budget) slow(now time.Time) bool { return b.spent(now) >= slowFrom }

// until is when to look again whether the budget allows anything; zero when it does.
func (b *budget) until(now time.Time) time.Time {
	if b.spent(now) < stopFrom {
		return time.Time{}
	}
	return now.Truncate(time.Minute).Add(time.Minute)
}
