package storage

import (
	"context"

	"wardroom/bot/problem"
)

// maxReaders is how many views run at the same time; further ones wait.
const maxReaders = 8

// readers is the pool of connections that views run on. They cannot write. A
// connection is opened when it is first needed and kept.
type readers struct {
	open   func() (*session, error)
	free   chan *session // holds nil where none was opened yet
	closed chan struct{}
}

func newReaders(open func() (*session, error)) *readers {
	p := &readers{open: open, free: make(chan *session, maxReaders), closed: make(chan struct{})}
	for range maxReaders {
		p.free <- nil
	}
	return p
}

// read runs f in a read transaction of its own.
func (p *readers) read(ctx context.Context, f func(querier) error) (err error) {
	var s *session
	select {
	case <-p.closed:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	select {
	case s = <-p.free:
	case <-p.closed:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.free <- s }()
	if s == nil {
		if s, err = p.open(); err != nil {
			return err
		}
	}
	if err := s.exec("BEGIN"); err != nil {
		return err
	}
	// It fails only where the engine has ended the transaction already.
	defer func() { _ = s.exec("ROLLBACK") }()
	return f(reading{ctx, s})
}

// close waits for the views that run and closes their connections.
func (p *readers) close() error {
	close(p.closed)
	var first error
	for range maxReaders {
		if s := <-p.free; s != nil {
			if err := s.close(); first == nil {
				first = err
			}
		}
	}
	return first
}

// reading is a session inside a view: it stops between rows when ctx ends.
type reading struct {
	ctx context.Context
	s   *session
}

func (r reading) exec(string, ...any) error {
	return problem.New(problem.Internal, "a view cannot write")
}

func (r reading) query(sql string, args []any, each func(scanner) error) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	return r.s.query(sql, args, func(row scanner) error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		return each(row)
	})
}
