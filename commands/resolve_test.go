package commands_test

import (
	"testing"
	"time"

	"wardroom/bot/problem"
	checks "wardroom/bot/watch"
)

func TestNobodyResolvesWhatIsNotBackWithoutSeeingIt(t *testing.T) {
	lost := checks.Comparison{Before: night("00:24"), At: night("07:00"), Were: 4,
		Lost: []checks.Lost{{Kind: "Deployment", Name: "default/redis", Wanted: 1, Was: 1, Since: night("01:01"), UsedBy: []string{"default/bot"}}}}
	unknown := checks.Comparison{Unknown: []string{"the cluster does not answer since 06:50 UTC"}}
	open := func(t *testing.T) *watch {
		w := newWatch(t)
		w.says("00:32", "joe", "/incident declare title:Nodes fail")
		return w
	}
	t.Run("it is shown first", func(t *testing.T) {
		w := open(t)
		w.lost = lost
		w.says("07:00", "joe", "/incident resolve at:08:55 reason:volumes are attached")
		w.says("07:01", "joe", "/incident resolve anyway:yes")
		w.golden("resolve-not-back")
	})
	t.Run("what cannot be told stops nobody", func(t *testing.T) {
		w := open(t)
		w.lost = unknown
		w.says("07:00", "joe", "/incident resolve")
		w.golden("resolve-unknown")
	})
	t.Run("a cluster that cannot be read stops nobody", func(t *testing.T) {
		w := open(t)
		w.blind = problem.New(problem.Unavailable, "the cluster does not answer")
		w.says("07:00", "joe", "/incident resolve")
		w.golden("resolve-blind")
	})
	t.Run("all is back", func(t *testing.T) {
		w := open(t)
		w.lost = checks.Comparison{Before: time.Now(), Were: 4}
		w.says("07:00", "joe", "/incident resolve")
		w.golden("resolve-back")
	})
}
