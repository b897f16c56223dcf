package storage

import (
	"log/slog"

	sqlite3 "modernc.org/sqlite/lib"
)

// checkpointer moves what is in the WAL into the database beside the writer, on
// a connection of its own. Left to the writer, each checkpoint would hold up a
// commit by several milliseconds (the database's pages lie anywhere, and are
// flushed too): a fifth of its time under load. The writer still does one itself
// where this one falls behind (wal_autocheckpoint), since only a moment without
// new frames lets the WAL start over.
// https://www.sqlite.org/wal.html#checkpointing
type checkpointer struct {
	s      *session
	writer *session
	frames int // that the writer wrote since the last checkpoint was asked for
	log    *slog.Logger
	wake   chan struct{}
	done   chan struct{}
}

// checkpointEvery is after how many frames a checkpoint runs, in pages.
const checkpointEvery = 3000

func newCheckpointer(path string, writer *session, log *slog.Logger) (*checkpointer, error) {
	s, err := openSession(fileURI(path, nil), sqlite3.SQLITE_OPEN_READWRITE)
	if err != nil {
		return nil, err
	}
	c := &checkpointer{s: s, writer: writer, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.loop()
	return c, nil
}

// committed is called by the writer after each commit. Every so often it makes a
// checkpoint run soon; one that runs already is enough.
func (c *checkpointer) committed() {
	if c.frames += c.writer.framesWritten(); c.frames < checkpointEvery {
		return
	}
	c.frames = 0
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) loop() {
	defer close(c.done)
	for range c.wake {
		// PASSIVE waits for nobody. What fails is done by the writer, which tells.
		if err := c.s.exec("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			c.log.Debug("checkpoint failed", slog.Any("error", err))
		}
	}
}

// Close ends the checkpointer; committed must not be called any more.
func (c *checkpointer) Close() error {
	close(c.wake)
	<-c.done
	return c.s.close()
}

// framesWritten is how many pages the session has written since it was last asked.
// It uses the session's room for what the library returns, two numbers of 32 bits.
func (s *session) framesWritten() int {
	rc := sqlite3.Xsqlite3_db_status(s.tls, s.db, sqlite3.SQLITE_DBSTATUS_CACHE_WRITE, s.out, s.out+4, 1)
	if rc != sqlite3.SQLITE_OK {
		return checkpointEvery // then a checkpoint too many
	}
	return int(*(*int32)(memory(s.out)))
}
