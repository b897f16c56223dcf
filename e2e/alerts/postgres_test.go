package alerts

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"wardroom/e2e/internal/process"
	"wardroom/storage/pgtest"
)

// maxConnections is what the server of the night had.
const maxConnections = 115

// database is a PostgreSQL and who uses it.
type database struct {
	*pgtest.Server
	t       *testing.T
	clients []*pgx.Conn
}

// newDatabase starts Debian's PostgreSQL below dir.
func newDatabase(t *testing.T, dir string) *database {
	t.Helper()
	found := pgtest.Binaries()
	at := slices.IndexFunc(found, func(bin string) bool { return strings.HasPrefix(bin, "/usr/lib/postgresql/") })
	if at < 0 {
		t.Fatal("there is no PostgreSQL: apt-get install postgresql")
	}
	server, err := pgtest.Start(process.Soon(t), found[at], dir, "-c", fmt.Sprintf("max_connections=%d", maxConnections),
		"-c", "deadlock_timeout=100ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	d := &database{Server: server, t: t}
	admin := d.open(server.URL)
	defer admin.Close(process.Soon(t))
	if _, err := admin.Exec(process.Soon(t), `CREATE ROLE site LOGIN; CREATE TABLE page (id int PRIMARY KEY, hits int NOT NULL);
		GRANT ALL ON page TO site; INSERT INTO page VALUES (1, 0), (2, 0)`); err != nil {
		t.Fatal(err)
	}
	return d
}

// site is how the site reaches it: as a role without any privilege.
func (d *database) site() string {
	u, err := url.Parse(d.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	u.User = url.User("site")
	return u.String()
}

func (d *database) open(url string) *pgx.Conn {
	d.t.Helper()
	c, err := pgx.Connect(process.Soon(d.t), url)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// grow lets the site's clients become n.
func (d *database) grow(n int) {
	d.t.Helper()
	for len(d.clients) < n {
		d.clients = append(d.clients, d.open(d.site()))
	}
}

// saturate lets clients come until the server has no place for anybody: the site's until
// they are refused, then those of whoever looks what is the matter, whom the last places
// are reserved for. It returns what the last one was told.
func (d *database) saturate() string {
	d.t.Helper()
	for _, url := range []string{d.site(), d.URL} {
		for {
			c, err := pgx.Connect(process.Soon(d.t), url)
			if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "53300" { // too_many_connections
				d.t.Logf("client %d: %v", len(d.clients)+1, err)
				if url == d.URL {
					return refused.Message
				}
				break
			}
			if err != nil {
				d.t.Fatal(err)
			}
			d.clients = append(d.clients, c)
		}
	}
	return ""
}

// shrink ends clients, the newest first, until n are left.
func (d *database) shrink(n int) {
	d.t.Helper()
	for len(d.clients) > n {
		last := len(d.clients) - 1
		if err := d.clients[last].Close(process.Soon(d.t)); err != nil {
			d.t.Fatal(err)
		}
		d.clients = d.clients[:last]
	}
}

// deadlock lets two transactions lock two rows in opposite order. PostgreSQL ends one of
// them.
func (d *database) deadlock() {
	d.t.Helper()
	a, b := d.clients[0], d.clients[1]
	ctx := process.Soon(d.t)
	lock := func(ctx context.Context, c *pgx.Conn, row int) error {
		_, err := c.Exec(ctx, "UPDATE page SET hits = hits + 1 WHERE id = $1", row)
		return err
	}
	for row, c := range []*pgx.Conn{a, b} {
		_, err := c.Exec(ctx, "BEGIN")
		if err := errors.Join(err, lock(ctx, c, row+1)); err != nil {
			d.t.Fatal(err)
		}
	}
	first := make(chan error, 1)
	go func() { first <- lock(ctx, a, 2) }()
	err := errors.Join(lock(ctx, b, 1), <-first)
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "40P01" { // deadlock_detected
		d.t.Fatalf("no deadlock: %v", err)
	}
	for _, c := range []*pgx.Conn{a, b} {
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			d.t.Fatal(err)
		}
	}
}

// idle leaves a transaction of a client open; end it with what is returned.
func (d *database) idle() (end func()) {
	d.t.Helper()
	c := d.clients[2]
	if _, err := c.Exec(process.Soon(d.t), "BEGIN"); err != nil {
		d.t.Fatal(err)
	}
	return func() {
		d.t.Helper()
		if _, err := c.Exec(process.Soon(d.t), "COMMIT"); err != nil {
			d.t.Fatal(err)
		}
	}
}
