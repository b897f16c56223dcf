package room

import "time"

// Working is whether one outside system can be used now, and what follows when it
// cannot: "Linode ✗ 503 since 00:50: no recycle, no detach".
type Working struct {
	Name  string // "Linode"
	OK    bool
	Since time.Time // since when it is so; zero when that is not known
	Why   string    // what is wrong, in a few words; may be outside text
	Means string    // what cannot be done meanwhile; may be empty
}
