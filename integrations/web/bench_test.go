package web_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/timeline"
	"wardroom/integrations/alertmanager"
	"wardroom/integrations/web"
	"wardroom/storage"
)

// BenchmarkIntake drives the whole way in over TCP: HTTP, authentication, JSON,
// the decision, SQLite with an fsync before each answer. Every fingerprint is new.
func BenchmarkIntake(b *testing.B) {
	for _, size := range []struct{ clients, alerts int }{{1, 1}, {64, 1}, {64, 10}, {16, 100}} {
		b.Run(fmt.Sprintf("clients=%d/alerts=%d", size.clients, size.alerts), func(b *testing.B) {
			codec, err := timeline.NewCodec(alert.Kinds)
			if err != nil {
				b.Fatal(err)
			}
			db, err := storage.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Folds: []timeline.Fold{alert.Fold}})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			log := slog.New(slog.DiscardHandler)
			metrics := web.NewMetrics("bench")
			intake := alert.NewIntake(db, codec, timeline.RealClock{}, log, metrics.Meter)
			source := alertmanager.New("", alert.Credential{}.Bearer("bench-token"), log)
			srv, err := web.New(web.Options{Listen: "127.0.0.1:0", Intake: intake, Sources: []alert.Source{source}, Metrics: metrics, Log: log})
			if err != nil {
				b.Fatal(err)
			}
			if err := srv.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			began, cpu := time.Now(), cpuTime(b)
			for range size.clients {
				wg.Go(func() {
					conn, err := net.Dial("tcp", srv.Addr())
					if err != nil {
						b.Error(err)
						return
					}
					defer conn.Close()
					r := bufio.NewReader(conn)
					for {
						n := next.Add(1)
						if n > int64(b.N) {
							return
						}
						if err := send(conn, r, body(n, size.alerts)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "req/s")
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/req")
			b.StopTimer()
			if err := srv.Stop(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
}

// cpuTime is what the process has used, the clients included: it tells on a busy
// machine what the clock on the wall does not.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func body(n int64, alerts int) string {
	var s strings.Builder
	s.WriteString(`{"receiver":"wardroom","status":"firing","alerts":[`)
	for i := range alerts {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, `{"status":"firing","labels":{"alertname":"kubernetes/pod-not-healthy","namespace":"default","pod":"site-%d-%d","severity":"page","instance":"10.2.3.4:9187"},`+
			`"annotations":{"summary":"Pod default/site-%d is not healthy","description":"The pod has been in a non-ready state for more than 15 minutes."},`+
			`"startsAt":"2026-11-21T08:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus:9090/graph?g0.expr=up","fingerprint":"%016x"}`, n, i, n, n<<8|int64(i))
	}
	s.WriteString(`],"groupLabels":{"alertname":"kubernetes/pod-not-healthy"},"commonLabels":{"severity":"page"},"commonAnnotations":{},"externalURL":"http://alertmanager:9093","version":"4","groupKey":"{}:{alertname=\"kubernetes/pod-not-healthy\"}","truncatedAlerts":0}`)
	return s.String()
}

func send(conn net.Conn, r *bufio.Reader, body string) error {
	req := "POST /webhooks/alertmanager HTTP/1.1\r\nHost: wardroom\r\nUser-Agent: Alertmanager/0.34\r\nContent-Type: application/json\r\nAuthorization: Bearer bench-token\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body
	if _, err := conn.Write([]byte(req)); err != nil {
		return err
	}
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
	}
	answer := make([]byte, length)
	if _, err := r.Read(answer); err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") {
		return fmt.Errorf("%s%s", status, answer)
	}
	return nil
}
