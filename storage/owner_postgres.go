package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"wardroom/bot/problem"
)

const (
	// beatEvery is how often the owner says that it lives, and standbys look.
	beatEvery = time.Second
	// OwnerLease is how long it may be silent before a standby ends its connection. Added
	// to the standby's own second and to what opening takes, a takeover stays below ten.
	OwnerLease = 5 * time.Second
)

// advisory is the lock that the owner's connection holds, one for each schema.
// https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
const advisory = "(hashtext('wardroom'), hashtext(current_schema()))"

// owner is the right to write in a database that several processes could write in.
//
// It is held three times over. The advisory lock says at once that a process has died,
// since it goes with its connection. The heartbeat tells of one that hangs or is cut
// off: a standby then ends its connection at the server. And whoever takes over counts
// the epoch up, which every transaction of the writer looks at: a process that was
// thought dead and comes back records nothing.
type owner struct {
	engine *postgresEngine
	log    *slog.Logger
	epoch  int64
	heard  atomic.Pointer[time.Time] // when the newest heartbeat that arrived was sent

	lose   sync.Once
	lost   chan struct{} // closed when another process owns the database
	ending context.CancelFunc
	ended  chan struct{}
}

// name is what people read of a process.
func ownName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, pid %d", host, os.Getpid())
}

// awaitLock waits until conn holds the lock. standby is told who holds it meanwhile,
// whenever that changes.
func awaitLock(ctx context.Context, conn *pgx.Conn, log *slog.Logger, standby Standby) error {
	told := ""
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		got, holder, silent, err := tryLock(ctx, conn)
		if err != nil || got {
			return pgError(err)
		}
		if holder != told {
			if err := standby(holder); err != nil {
				return err
			}
			log.Info("standing by: another process owns the database", slog.String("owner", holder))
			told = holder
		}
		if silent > OwnerLease {
			log.Warn("the owner of the database is silent: its connection is ended", slog.String("owner", holder), slog.Duration("silent", silent))
			if err := endOwner(ctx, conn); err != nil {
				return pgError(err)
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// tryLock takes the lock, or looks who has it. A server that is cut off is an error.
func tryLock(ctx context.Context, conn *pgx.Conn) (got bool, holder string, silent time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, pgWithin)
	defer cancel()
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock"+advisory).Scan(&got); err != nil || got {
		return got, "", 0, err
	}
	holder, silent, err = lookAtOwner(ctx, conn)
	return false, holder, silent, err
}

// lookAtOwner returns who owns the database and how long it has been silent, by the
// server's clock. While the owner still makes the tables it is nobody.
func lookAtOwner(ctx context.Context, conn *pgx.Conn) (holder string, silent time.Duration, err error) {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('heartbeat') IS NOT NULL").Scan(&there); err != nil || !there {
		return "a process that has just begun", 0, err
	}
	var seconds float64
	err = conn.QueryRow(ctx, `SELECT o.holder, extract(epoch FROM clock_timestamp() - h.seen)::float8 FROM owner o, heartbeat h`).Scan(&holder, &seconds)
	if errors.Is(err, pgx.ErrNoRows) {
		return "nobody", 0, nil
	}
	return holder, time.Duration(seconds * float64(time.Second)), err
}

// Owner is who last owned a shared database, and how long ago it said that it lives;
// "" for a file, and where nobody ever did.
func (db *DB) Owner(ctx context.Context) (holder string, silent time.Duration, err error) {
	if _, shared := db.engine.(*postgresEngine); !shared {
		return "", 0, nil
	}
	err = db.pool.read(ctx, func(q querier) error {
		return q.query("SELECT o.holder, (extract(epoch FROM clock_timestamp() - h.seen) * 1000)::bigint FROM owner o, heartbeat h", nil, func(r scanner) error {
			var ms int64
			err := r.scan(&holder, &ms)
			silent = time.Duration(ms) * time.Millisecond
			return err
		})
	})
	return holder, silent, unavailable(err)
}

// endOwner ends the connection that holds the lock, and waits until it is gone.
func endOwner(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid, $1) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND classid::bigint = hashtext('wardroom')::bigint & 4294967295 AND objid::bigint = hashtext(current_schema())::bigint & 4294967295`,
		beatEvery.Milliseconds())
	return err
}

// claim makes the process whose connection holds the lock the owner: it counts the
// epoch up, and says from then on that it lives.
func (o *owner) claim(ctx context.Context, conn *pgx.Conn) error {
	sent := time.Now()
	if err := o.countUp(ctx, conn); err != nil {
		return pgError(err)
	}
	o.heard.Store(&sent)
	o.beat()
	return nil
}

func (o *owner) countUp(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // without effect once it is committed
	if err := tx.QueryRow(ctx, "UPDATE owner SET epoch = epoch + 1, holder = $1 RETURNING epoch", ownName()).Scan(&o.epoch); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE heartbeat SET seen = clock_timestamp()"); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// reconnect gives the writer a new connection after it lost its own, with the lock,
// unless another process took over meanwhile.
func (o *owner) reconnect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := o.engine.connectWriter(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock"+advisory).Scan(&got); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	if got {
		return conn, nil
	}
	// Ours may live on at the server for a moment; only the epoch says that it is another's.
	var epoch int64
	err = conn.QueryRow(ctx, "SELECT epoch FROM owner").Scan(&epoch)
	if err == nil && epoch != o.epoch {
		err = o.deposed()
	}
	if err == nil {
		err = problem.New(problem.Unavailable, "the lock of the database is not free yet")
	}
	return nil, errors.Join(err, conn.Close(ctx))
}

// proven fails in a transaction of a process that no longer owns the database. The row
// stays as it is until the transaction ends.
func (o *owner) proven(q querier) error {
	ours := false
	err := q.query("SELECT epoch FROM owner WHERE epoch = $1 FOR SHARE", []any{o.epoch}, func(scanner) error {
		ours = true
		return nil
	})
	if err == nil && !ours {
		return o.deposed()
	}
	return err
}

func (o *owner) deposed() error {
	o.lose.Do(func() { close(o.lost) })
	return pgFault{ErrDeposed}
}

// ErrDeposed is what a process that was taken over from is told, and tells.
var ErrDeposed = problem.New(problem.Unavailable, "another process has taken over the database: this one records nothing any more").
	WithHint("it was silent for more than %s; started again it stands by", OwnerLease).Because(ErrOwned)

// beat says every second that the owner lives, on a connection of its own, until close.
func (o *owner) beat() {
	ctx, cancel := context.WithCancel(context.Background())
	o.ending, o.ended = cancel, make(chan struct{})
	go func() {
		defer close(o.ended)
		var conn *pgx.Conn
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if conn != nil {
					_ = conn.Close(context.WithoutCancel(ctx))
				}
				return
			case <-tick.C:
			}
			conn = o.beatOnce(ctx, conn)
		}
	}()
}

// beatOnce returns the connection to go on with, nil for a new one.
func (o *owner) beatOnce(ctx context.Context, conn *pgx.Conn) *pgx.Conn {
	within, cancel := context.WithTimeout(ctx, OwnerLease)
	defer cancel()
	var err error
	if conn == nil {
		if conn, err = o.engine.connect(within); err != nil {
			return nil // the writer says so
		}
	}
	sent := time.Now()
	tag, err := conn.Exec(within, "UPDATE heartbeat SET seen = clock_timestamp() WHERE EXISTS (SELECT 1 FROM owner WHERE epoch = $1)", o.epoch)
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil
	}
	if tag.RowsAffected() == 0 {
		_ = o.deposed()
		return conn
	}
	o.heard.Store(&sent)
	return conn
}

// fresh fails when a standby may have lost patience by now: it counts from when the
// server took the newest heartbeat, which is never before that was sent. A second is left
// for the clocks of two machines to differ, and for what is asked for to arrive.
func (o *owner) fresh() error {
	silent := time.Since(*o.heard.Load())
	if silent < OwnerLease-beatEvery {
		return nil
	}
	return problem.New(problem.Unavailable, "this process has not been heard by the database for %s: another one may own it by now", silent.Round(100*time.Millisecond))
}

// Close stops the heartbeat, where there is one.
func (o *owner) Close() error {
	if o.ending == nil {
		return nil
	}
	o.ending()
	<-o.ended
	return nil
}
