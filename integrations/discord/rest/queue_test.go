package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/integrations/discord/rest"
)

const tenMinutes = 10 * time.Minute

func wantLater(t *testing.T, err error, at time.Time) {
	t.Helper()
	later, ok := errors.AsType[*timeline.Later](err)
	if !ok {
		t.Fatalf("want Later, got %v", err)
	}
	if d := later.At.Sub(at).Abs(); d > time.Second {
		t.Errorf("want %s, got %s", at, later.At)
	}
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("a wait is not final: %v", err)
	}
}

func TestATenMinuteLimitOnOneRouteDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			asked.add(r)
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/channels/1") {
				w.Header().Set("X-RateLimit-Bucket", "channels") // as when renaming: there is something left
				w.Header().Set("X-RateLimit-Limit", "5")
				w.Header().Set("X-RateLimit-Remaining", "4")
				w.Header().Set("X-RateLimit-Reset-After", "15")
				tooMany(w, tenMinutes, "user")
				return
			}
			answer(w, 200, map[string]any{})
		})
		begin := time.Now()
		wantLater(t, do(t, c, "PATCH", "/channels/1"), begin.Add(tenMinutes))
		wantLater(t, do(t, c, "PATCH", "/channels/1"), begin.Add(tenMinutes))
		if n := asked.count(); n != 1 {
			t.Errorf("asked %d times: the limit was told", n)
		}
		for _, other := range []string{"GET /channels/1", "POST /channels/1/messages", "PATCH /channels/2", "GET /guilds/1"} {
			method, path, _ := strings.Cut(other, " ")
			if err := do(t, c, method, path); err != nil {
				t.Errorf("%s: %v", other, err)
			}
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("something waited %s", d)
		}
		pass(tenMinutes)
		if err := do(t, c, "PATCH", "/channels/1"); err == nil {
			t.Error("the server still refuses")
		}
		if n := asked.count(); n != 6 {
			t.Errorf("asked %d times: it was over", n)
		}
	})
}

func TestTheDeadlineHoldsAlthoughDiscordAsksForMore(t *testing.T) {
	for _, after := range []time.Duration{time.Minute, 1500 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := inMemory(func(w http.ResponseWriter, r *http.Request) { tooMany(w, after, "user") })
				begin := time.Now()
				err := c.Do(within(t, time.Second), rest.Call{Path: "/channels/1"})
				wantLater(t, err, begin.Add(after))
				if d := time.Since(begin); d > time.Second {
					t.Errorf("waited %s", d)
				}
			})
		})
	}
}

func TestAShortLimitIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if asked.add(r) == 1 {
				tooMany(w, 700*time.Millisecond, "user")
				return
			}
			answer(w, 200, map[string]any{"id": "7"})
		})
		begin := time.Now()
		m, err := c.CreateMessage(t.Context(), "1", rest.Message{Content: "x"})
		if err != nil || m.ID != "7" {
			t.Fatal(m, err)
		}
		if d := time.Since(begin); d != 700*time.Millisecond {
			t.Errorf("waited %s: the body is more exact than the header", d)
		}
	})
}

func TestManyCallersKeepALimitInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{name: "messages", limit: 5, window: time.Second}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if l.serve(w, "1", r.URL.Query().Get("n")) {
				answer(w, 200, map[string]any{})
			}
		}, func(o *rest.Options) { o.Patience = 10 * time.Second })
		var all sync.WaitGroup
		var want []string
		for n := range 28 {
			name := fmt.Sprint(n)
			want = append(want, name)
			all.Go(func() {
				if err := c.Do(t.Context(), rest.Call{Method: "POST", Path: "/channels/1/messages", Query: map[string][]string{"n": {name}}}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			synctest.Wait()
		}
		begin := time.Now()
		all.Wait()
		if l.refused != 0 {
			t.Errorf("%d went beyond the limit", l.refused)
		}
		for i, name := range want { // those that go at the same time may overtake each other
			if at := slices.Index(l.order, name); at <= i-l.limit || at >= i+l.limit {
				t.Errorf("%s came as number %d: %v", name, at, l.order)
			}
		}
		if d := time.Since(begin); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("28 of 5 a second took %s", d)
		}
	})
}

func TestOneAtATimeIsExactlyInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{name: "messages", limit: 1, window: time.Second}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if l.serve(w, "1", r.URL.Query().Get("n")) {
				answer(w, 200, map[string]any{})
			}
		}, func(o *rest.Options) { o.Patience = 10 * time.Second })
		var all sync.WaitGroup
		for n := range 9 {
			all.Go(func() {
				if err := c.Do(t.Context(), rest.Call{Path: "/channels/1", Query: map[string][]string{"n": {fmt.Sprint(n)}}}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(l.order) || len(l.order) != 9 {
			t.Errorf("order: %v", l.order)
		}
	})
}

func TestAFullQueueSendsAwayInsteadOfHolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{name: "messages", limit: 1, window: time.Second}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if l.serve(w, "1", "") {
				answer(w, 200, map[string]any{})
			}
		})
		begin := time.Now()
		var all sync.WaitGroup
		var mu sync.Mutex
		done, away := 0, 0
		for range 10 {
			all.Go(func() {
				err := c.Do(t.Context(), rest.Call{Method: "POST", Path: "/channels/1/messages"})
				mu.Lock()
				defer mu.Unlock()
				if _, later := errors.AsType[*timeline.Later](err); later {
					away++
				} else if err == nil {
					done++
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if done != 3 || away != 7 || l.refused != 0 {
			t.Errorf("done %d, sent away %d, refused %d", done, away, l.refused)
		}
		if d := time.Since(begin); d > 2500*time.Millisecond {
			t.Errorf("somebody was held for %s", d)
		}
	})
}

func TestRoutesThatShareABucketShareItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{name: "shared", limit: 2, window: time.Minute}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if l.serve(w, strings.Split(r.URL.Path, "/")[4], r.URL.Path) {
				answer(w, 200, map[string]any{})
			}
		})
		begin := time.Now()
		for _, call := range []struct {
			path string
			ok   bool
		}{
			{"/channels/1/messages", true}, // learns that it is in "shared"
			{"/channels/1/pins", true},     // learns the same
			{"/channels/1/messages", false},
			{"/channels/1/pins", false},
			{"/channels/2/messages", true}, // another major parameter
			{"/channels/2/pins", true},
			{"/channels/2/pins", false},
		} {
			err := do(t, c, "GET", call.path)
			if call.ok && err != nil {
				t.Errorf("%s: %v", call.path, err)
			}
			if !call.ok {
				wantLater(t, err, begin.Add(time.Minute))
			}
		}
		if l.refused != 0 {
			t.Errorf("%d were sent although the limit was known", l.refused)
		}
	})
}

func TestWaitersMoveToTheBucketThatIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{name: "shared", limit: 3, window: time.Second}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			ok := l.serve(w, "1", r.URL.Path)
			pass(100 * time.Millisecond)
			if ok {
				answer(w, 200, map[string]any{})
			}
		}, func(o *rest.Options) { o.Patience = 9 * time.Second })
		var all sync.WaitGroup
		for n := range 12 {
			all.Go(func() {
				if err := do(t, c, "GET", []string{"/channels/1/messages", "/channels/1/pins"}[n%2]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if l.refused > 1 { // two routes learn at the same time
			t.Errorf("%d went beyond the limit", l.refused)
		}
	})
}

func TestFiftyASecondOverAllRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Time
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(r.URL.Path, "/interactions/") {
				times = append(times, time.Now())
			}
			answer(w, 200, map[string]any{})
		}, func(o *rest.Options) { o.Patience = 10 * time.Second })
		begin := time.Now()
		var all sync.WaitGroup
		for n := range 180 {
			all.Go(func() {
				if err := do(t, c, "GET", fmt.Sprintf("/channels/%d", n)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := c.InteractionCallback(t.Context(), "5", "token", rest.Response{Type: 5}); err != nil || time.Since(begin) != 0 {
			t.Errorf("an interaction waited %s: %v", time.Since(begin), err)
		}
		all.Wait()
		slices.SortFunc(times, time.Time.Compare)
		for i := 50; i < len(times); i++ {
			if d := times[i].Sub(times[i-50]); d < time.Second {
				t.Fatalf("51 requests in %s", d)
			}
		}
		if len(times) != 180 || time.Since(begin) > 4*time.Second {
			t.Errorf("%d in %s", len(times), time.Since(begin))
		}
	})
}

func TestAGlobalLimitHoldsForAllButInteractions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if asked.add(r) == 1 {
				tooMany(w, 30*time.Second, "global")
				return
			}
			answer(w, 200, map[string]any{})
		})
		at := time.Now().Add(30 * time.Second)
		wantLater(t, do(t, c, "GET", "/channels/1"), at)
		wantLater(t, do(t, c, "GET", "/guilds/1"), at)
		if err := c.InteractionCallback(t.Context(), "5", "token", rest.Response{Type: 5}); err != nil {
			t.Error(err)
		}
		if n := asked.count(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestAPageOfTheProxyStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			asked.add(r)
			w.Header().Set("Retry-After", "900")
			w.WriteHeader(429)
			fmt.Fprint(w, "<html>error code: 1015</html>")
		})
		at := time.Now().Add(15 * time.Minute)
		wantLater(t, do(t, c, "GET", "/channels/1"), at)
		wantLater(t, do(t, c, "GET", "/guilds/1"), at)
		wantLater(t, c.InteractionCallback(t.Context(), "5", "token", rest.Response{Type: 5}), at)
		if n := asked.count(); n != 1 {
			t.Errorf("asked %d times while the address is turned away", n)
		}
	})
}

func TestASlowAnswerDoesNotHoldUpWhoWaitsToLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked recorder
		c := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if asked.add(r) == 1 {
				<-r.Context().Done()
				return
			}
			answer(w, 200, map[string]any{})
		})
		var all sync.WaitGroup
		all.Go(func() { _ = do(t, c, "POST", "/channels/1/messages") })
		synctest.Wait()
		begin := time.Now()
		if err := do(t, c, "POST", "/channels/1/messages"); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("waited %s", d)
		}
		all.Wait()
	})
}

// still is a clock that never moves.
type still struct{ now time.Time }

func (s still) Now() time.Time { return s.now }
func (s still) At(t time.Time) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

func TestAClockThatStandsStillHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := still{time.Date(2021, 7, 11, 0, 25, 0, 0, time.UTC)}
		c := inMemory(func(w http.ResponseWriter, r *http.Request) { tooMany(w, time.Second, "user") },
			func(o *rest.Options) { o.Clock = clock })
		begin := time.Now()
		wantLater(t, do(t, c, "GET", "/channels/1"), clock.now.Add(time.Second))
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("held for %s", d)
		}
	})
}

func TestManyRefusalsSlowEverythingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inMemory(func(w http.ResponseWriter, r *http.Request) { refuse(w, 403, 50001, "Missing Access") })
		start := time.Now()
		n := 0
		for time.Since(start) < 9*time.Minute {
			err := do(t, c, "GET", fmt.Sprintf("/channels/%d", n+1))
			if later, ok := errors.AsType[*timeline.Later](err); ok {
				pass(time.Until(later.At))
				continue
			}
			n++
		}
		if n < 1000 || n > 1600 {
			t.Errorf("%d refusals in nine minutes: 10,000 in ten block the address", n)
		}
	})
}
