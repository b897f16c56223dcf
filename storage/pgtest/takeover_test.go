//go:build postgres

package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wardroom/bot/timeline"
	"wardroom/storage"
	"wardroom/storage/pgtest"
	"wardroom/storage/storagetest"
)

// takeoverGoal is how soon a standby is to own the database; takeoverLimit fails.
const (
	takeoverGoal  = 10 * time.Second
	takeoverLimit = 30 * time.Second
)

// replica records without end, and says what was acknowledged.
func replica(url, name string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	codec, err := timeline.NewCodec([]timeline.KindSpec{timeline.KindOf[storagetest.Noted](timeline.Key)})
	if err != nil {
		fmt.Println("ERR", err)
		return 1
	}
	opts := storage.Options{Codec: codec, Folds: []timeline.Fold{storagetest.Fold}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	db, err := storage.OpenPostgres(ctx, url, opts, func(owner string) error { fmt.Println("STANDBY", owner); return nil })
	if err != nil {
		fmt.Println("ERR", err)
		return 1
	}
	fmt.Println("OWNS")
	go func() {
		<-db.Lost()
		fmt.Println("LOST")
		os.Exit(3)
	}()
	var group sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range 8 {
		group.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				next++
				claim := fmt.Sprintf("%s/%d", name, next)
				mu.Unlock()
				_, err := db.Update(context.Background(), func(timeline.View) (timeline.Decision, error) {
					return timeline.Decision{Entries: []timeline.Draft{{Timeline: timeline.Incident(1),
						Payload: &storagetest.Noted{Note: claim, Row: name}, Effects: timeline.Effects{Take: []string{claim}}}}}, nil
				})
				if err == nil {
					fmt.Println("ACK", claim)
				}
			}
		})
	}
	group.Wait()
	if err := db.Close(); err != nil {
		fmt.Println("ERR", err)
		return 1
	}
	return 0
}

// process is a replica as the test sees it.
type process struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	acked []string
	said  map[string]bool
	news  chan struct{} // receives when it said something
	ended chan struct{}
}

func start(t *testing.T, url, name string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], name), said: map[string]bool{}, news: make(chan struct{}, 1), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "WARDROOM_OWNER="+url)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			word, rest, _ := strings.Cut(lines.Text(), " ")
			p.mu.Lock()
			p.said[word] = true
			if word == "ACK" {
				p.acked = append(p.acked, rest)
			}
			p.mu.Unlock()
			select {
			case p.news <- struct{}{}:
			default:
			}
		}
		_ = p.cmd.Wait() // how it ended is seen by what it said
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// until waits for a process to come to something.
func (p *process) until(t *testing.T, what string, come func() bool) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		p.mu.Lock()
		is := come()
		p.mu.Unlock()
		if is {
			return
		}
		select {
		case <-p.news:
		case <-p.ended:
			p.mu.Lock()
			defer p.mu.Unlock()
			if !come() {
				t.Fatalf("it ended before it %s", what)
			}
			return
		case <-timeout:
			t.Fatalf("it never %s", what)
		}
	}
}

func (p *process) acks(t *testing.T, n int) {
	t.Helper()
	p.mu.Lock()
	n += len(p.acked)
	p.mu.Unlock()
	p.until(t, "recorded", func() bool { return len(p.acked) >= n })
}

func (p *process) says(t *testing.T, word string) {
	t.Helper()
	p.until(t, "said "+word, func() bool { return p.said[word] })
}

// TestAStandbyTakesOver: the owner dies, hangs or is cut off under load. Nothing that
// it acknowledged is lost, and coming back it records nothing.
func TestAStandbyTakesOverWhenTheOwnerIsKilled(t *testing.T) {
	onEach(t, takeover(func(p *process, _ *pgtest.Wire) error { return p.cmd.Process.Kill() }, nil))
}

func TestAStandbyTakesOverWhenTheOwnerHangs(t *testing.T) {
	onEach(t, takeover(func(p *process, _ *pgtest.Wire) error { return p.cmd.Process.Signal(syscall.SIGSTOP) },
		func(p *process, _ *pgtest.Wire) error { return p.cmd.Process.Signal(syscall.SIGCONT) }))
}

func TestAStandbyTakesOverWhenTheOwnerIsCutOff(t *testing.T) {
	onEach(t, takeover(func(_ *process, w *pgtest.Wire) error { w.Cut(true); return nil },
		func(_ *process, w *pgtest.Wire) error { w.Cut(false); return nil }))
}

// An owner that is closed has let go of the database when Close returns, so that a
// process that is started anew does not find itself in its own way.
func TestTheNextOwnerNeedNotWait(t *testing.T) {
	onEach(t, func(t *testing.T, server string) {
		url := schemaOf(t, server, t.TempDir())
		opts, _ := storagetest.Options(t)
		for range 20 {
			db, err := storage.OpenPostgres(t.Context(), url, opts, storage.NoStandby)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func takeover(fail, mend func(*process, *pgtest.Wire) error) func(*testing.T, string) {
	return func(t *testing.T, server string) {
		url := schemaOf(t, server, t.TempDir())
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("%s:%d", config.Host, config.Port)
		way, err := pgtest.NewWire(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(way.Close)
		first := start(t, strings.Replace(url, address, way.Addr(), 1), "first")
		first.acks(t, 200)
		second := start(t, url, "second")
		second.says(t, "STANDBY")
		first.acks(t, 200)

		began := time.Now()
		if err := fail(first, way); err != nil {
			t.Fatal(err)
		}
		second.acks(t, 1)
		took := time.Since(began)
		t.Logf("counted: a standby records %.1f s after the owner is gone; the goal is %s", took.Seconds(), takeoverGoal)
		if took > takeoverLimit {
			t.Errorf("it took %s", took)
		}
		if mend != nil {
			if err := mend(first, way); err != nil {
				t.Fatal(err)
			}
			first.says(t, "LOST")
		}
		<-first.ended
		second.acks(t, 200)
		if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-second.ended

		opts, _ := storagetest.Options(t)
		db, err := storage.OpenPostgres(t.Context(), url, opts, storage.NoStandby)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		storagetest.Sound(t, db)
		held(t, db, first, second)
	}
}

// held looks for what was acknowledged, and at the order in which two processes wrote.
func held(t *testing.T, db *storage.DB, first, second *process) {
	t.Helper()
	err := db.View(t.Context(), func(v timeline.View) error {
		for _, claim := range append(first.acked, second.acked...) {
			if _, there, err := v.Claim(claim); err != nil || !there {
				t.Errorf("%s was acknowledged and is lost (%v)", claim, err)
			}
		}
		taken := false
		for after := int64(0); ; {
			list, err := v.Entries(timeline.Incident(1), after, 1000)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, e := range list {
				by, _, _ := strings.Cut(e.Payload.Text(), "/")
				taken = taken || by == "second"
				if taken && by == "first" {
					t.Errorf("%s was recorded by a process that no longer owned the database", e.Ref)
				}
			}
			after = list[len(list)-1].Seq
		}
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("counted: %d acknowledged before and %d after, none lost", len(first.acked), len(second.acked))
}
