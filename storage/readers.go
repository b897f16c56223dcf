package storage

import (
	"context"

	"wardroom/bot/problem"
)

// maxReaders is how many views run at the same time; further ones wait.
const maxReaders = 8

// readers is the pool of connections that views run on. They cannot write. A
// connection is opened when none is idle, and kept.
type readers struct {
	open   func() (connection, error)
	idle   chan connection
	room   chan struct{} // one for each connection that may yet be opened
	closed chan struct{}
}

func newReaders(open func() (connection, error)) *readers {
	p := &readers{open: open, idle: make(chan connection, maxReaders), room: make(chan struct{}, maxReaders), closed: make(chan struct{})}
	for range maxReaders {
		p.room <- struct{}{}
	}
	return p
}

func (p *readers) take(ctx context.Context) (connection, error) {
	select {
	case <-p.closed:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case s := <-p.idle:
		return s, nil
	default:
	}
	select {
	case s := <-p.idle:
		return s, nil
	case <-p.room:
		s, err := p.open()
		if err != nil {
			p.room <- struct{}{}
			return nil, err
		}
		return s, nil
	case <-p.closed:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read runs f in a read transaction of its own.
func (p *readers) read(ctx context.Context, f func(querier) error) error {
	s, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer func() { p.idle <- s }()
	if err := s.begin(); err != nil {
		return err
	}
	// It fails only where the engine has ended the transaction already.
	defer func() { _ = s.rollback() }()
	return f(reading{ctx, s})
}

// close waits for the views that run and closes their connections.
func (p *readers) close() error {
	close(p.closed)
	var first error
	for range maxReaders {
		select {
		case s := <-p.idle:
			if err := s.close(); first == nil {
				first = err
			}
		case <-p.room:
		}
	}
	return first
}

// reading is a connection inside a view: it stops between rows when ctx ends.
type reading struct {
	ctx context.Context
	s   connection
}

func (r reading) exec(string, ...any) error {
	return problem.New(problem.Internal, "a view cannot write")
}

func (r reading) query(sql string, args []any, each func(scanner) error) error {
	return r.while(r.s.query, sql, args, each)
}

func (r reading) stream(sql string, args []any, each func(scanner) error) error {
	return r.while(r.s.stream, sql, args, each)
}

func (r reading) while(read func(string, []any, func(scanner) error) error, sql string, args []any, each func(scanner) error) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	return read(sql, args, func(row scanner) error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		return each(row)
	})
}
