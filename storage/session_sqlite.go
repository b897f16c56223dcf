package storage

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// session is one SQLite connection with its prepared statements, used by one
// goroutine at a time. It speaks to the library below modernc's database/sql
// driver: the writer is one goroutine, so what an update costs there bounds what
// the whole program can take in, and the driver spends more on binding by name,
// column types and allocations than SQLite does on the work
// (BenchmarkSessionAgainstDriver measures it).
type session struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*statement
	out   uintptr // room for one pointer that the library returns
	held  []uintptr
	reads bool // it does not write
}

// statement is a prepared statement. Its arguments live in arena, memory of the
// library's own, until the statement is reset.
type statement struct {
	s      *session
	handle uintptr
	arena  uintptr
	size   int
	active bool // being stepped: a nested use prepares another
}

// sqliteError carries SQLite's extended result code.
type sqliteError struct {
	code int32
	text string
}

func (e *sqliteError) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.text, e.code) }

// Code returns the extended result code, as the driver's own error does.
func (e *sqliteError) Code() int { return int(e.code) }

// openSession opens the file at uri, a path or file: URI.
func openSession(uri string, flags int32) (*session, error) {
	s := &session{tls: libc.NewTLS(), stmts: map[string]*statement{}, reads: flags&sqlite3.SQLITE_OPEN_READONLY != 0}
	s.out = sqlite3.Xsqlite3_malloc(s.tls, int32(unsafe.Sizeof(uintptr(0))))
	if s.out == 0 {
		s.tls.Close()
		return nil, fmt.Errorf("sqlite: out of memory")
	}
	name, err := libc.CString(uri)
	if err != nil {
		_ = s.close()
		return nil, err
	}
	defer libc.Xfree(s.tls, name)
	// One goroutine owns the connection, so its mutex would only cost.
	rc := sqlite3.Xsqlite3_open_v2(s.tls, name, s.out, flags|sqlite3.SQLITE_OPEN_NOMUTEX|sqlite3.SQLITE_OPEN_URI, 0)
	s.db = *(*uintptr)(memory(s.out))
	if rc != sqlite3.SQLITE_OK {
		err := s.fail(rc)
		_ = s.close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(s.tls, s.db, 1)
	s.anchor()
	return s, nil
}

// anchor holds one small allocation of each size class. modernc's allocator
// returns a class's page to the kernel with its last allocation, so that work
// which allocates one block and frees it (balancing a B-tree) would map and
// unmap memory each time.
func (s *session) anchor() {
	for size := int32(16); size <= 16<<10; size *= 2 {
		s.held = append(s.held, sqlite3.Xsqlite3_malloc(s.tls, size))
	}
}

// recast casts the anchors of large classes anew, before those are in pages that the
// cache has filled meanwhile: there has to be room beside them.
func (s *session) recast() {
	for i, p := range s.held {
		if size := int32(16) << i; size >= 4096 {
			s.held[i] = sqlite3.Xsqlite3_malloc(s.tls, size)
			sqlite3.Xsqlite3_free(s.tls, p)
		}
	}
}

// memory turns an address of the library's memory, which Go's collector neither
// owns nor moves, into a pointer.
func memory(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

func (s *session) close() error {
	for _, st := range s.stmts {
		st.finalize()
	}
	s.stmts = nil
	var err error
	if s.db != 0 {
		if rc := sqlite3.Xsqlite3_close_v2(s.tls, s.db); rc != sqlite3.SQLITE_OK {
			err = s.fail(rc)
		}
		s.db = 0
	}
	for _, p := range append(s.held, s.out) {
		sqlite3.Xsqlite3_free(s.tls, p)
	}
	s.held, s.out = nil, 0
	s.tls.Close()
	return err
}

func (s *session) fail(rc int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(s.tls, rc))
	if s.db != 0 {
		if m := libc.GoString(sqlite3.Xsqlite3_errmsg(s.tls, s.db)); m != "" && m != text && m != "not an error" {
			text += ": " + m
		}
	}
	return &sqliteError{code: rc, text: text}
}

// prepare returns the cached statement for sql, or a new one while that is in use.
func (s *session) prepare(sql string) (*statement, error) {
	cached, known := s.stmts[sql]
	if known && !cached.active {
		return cached, nil
	}
	text, err := libc.CString(numbered(sql))
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(s.tls, text)
	rc := sqlite3.Xsqlite3_prepare_v3(s.tls, s.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, s.out, 0)
	if rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("%w in %q", s.fail(rc), sql)
	}
	st := &statement{s: s, handle: *(*uintptr)(memory(s.out))}
	if !known {
		s.stmts[sql] = st
	}
	return st, nil
}

func (st *statement) finalize() {
	sqlite3.Xsqlite3_finalize(st.s.tls, st.handle)
	if st.arena != 0 {
		sqlite3.Xsqlite3_free(st.s.tls, st.arena)
	}
}

// release makes the statement ready for its next use.
func (s *session) release(sql string, st *statement) {
	sqlite3.Xsqlite3_reset(s.tls, st.handle)
	st.active = false
	if s.stmts[sql] != st {
		st.finalize()
	}
}

// begin of a connection that writes takes the write lock at once: a transaction that
// first reads and then writes could otherwise find that it may not.
func (s *session) begin() error {
	if s.reads {
		return s.exec("BEGIN")
	}
	return s.exec("BEGIN IMMEDIATE")
}

func (s *session) commit() error {
	s.recast()
	return s.exec("COMMIT")
}
func (s *session) rollback() error { return s.exec("ROLLBACK") }

// exec runs one statement that returns no rows.
func (s *session) exec(sql string, args ...any) error {
	st, err := s.prepare(sql)
	if err != nil {
		return err
	}
	st.active = true
	defer s.release(sql, st)
	if err := st.bind(args); err != nil {
		return err
	}
	for {
		switch rc := sqlite3.Xsqlite3_step(s.tls, st.handle); rc {
		case sqlite3.SQLITE_ROW: // a PRAGMA that answers
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return s.fail(rc)
		}
	}
}

// stream is query: rows are read as they are asked for.
func (s *session) stream(sql string, args []any, each func(scanner) error) error {
	return s.query(sql, args, each)
}

// query calls each for every row. each may use the session.
func (s *session) query(sql string, args []any, each func(scanner) error) error {
	st, err := s.prepare(sql)
	if err != nil {
		return err
	}
	st.active = true
	defer s.release(sql, st)
	if err := st.bind(args); err != nil {
		return err
	}
	for {
		switch rc := sqlite3.Xsqlite3_step(s.tls, st.handle); rc {
		case sqlite3.SQLITE_ROW:
			if err := each(st); err != nil {
				return err
			}
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return s.fail(rc)
		}
	}
}

// bind copies the arguments into the statement's arena and binds them to ?1, ?2, …
func (st *statement) bind(args []any) error {
	need := 1
	for _, a := range args {
		switch v := a.(type) {
		case string:
			need += len(v)
		case []byte:
			need += len(v)
		case text:
			need += len(v)
		}
	}
	if need > st.size {
		size := max(need, 2*st.size, 256)
		p := sqlite3.Xsqlite3_malloc(st.s.tls, int32(size))
		if p == 0 {
			return fmt.Errorf("sqlite: out of memory")
		}
		if st.arena != 0 {
			sqlite3.Xsqlite3_free(st.s.tls, st.arena)
		}
		st.arena, st.size = p, size
	}
	at := st.arena
	for n, a := range args {
		i, rc := int32(n+1), int32(0)
		switch v := a.(type) {
		case string:
			copy(unsafe.Slice((*byte)(memory(at)), len(v)), v)
			rc = sqlite3.Xsqlite3_bind_text(st.s.tls, st.handle, i, at, int32(len(v)), sqlite3.SQLITE_STATIC)
			at += uintptr(len(v))
		case text:
			copy(unsafe.Slice((*byte)(memory(at)), len(v)), v)
			rc = sqlite3.Xsqlite3_bind_text(st.s.tls, st.handle, i, at, int32(len(v)), sqlite3.SQLITE_STATIC)
			at += uintptr(len(v))
		case []byte:
			copy(unsafe.Slice((*byte)(memory(at)), len(v)), v)
			rc = sqlite3.Xsqlite3_bind_blob(st.s.tls, st.handle, i, at, int32(len(v)), sqlite3.SQLITE_STATIC)
			at += uintptr(len(v))
		case int64:
			rc = sqlite3.Xsqlite3_bind_int64(st.s.tls, st.handle, i, v)
		case int:
			rc = sqlite3.Xsqlite3_bind_int64(st.s.tls, st.handle, i, int64(v))
		case bool:
			var b int64
			if v {
				b = 1
			}
			rc = sqlite3.Xsqlite3_bind_int64(st.s.tls, st.handle, i, b)
		default:
			return fmt.Errorf("sqlite: argument %d is a %T", i, a)
		}
		if rc != sqlite3.SQLITE_OK {
			return st.s.fail(rc)
		}
	}
	return nil
}

// scan reads the row's columns in order.
func (st *statement) scan(dest ...any) error {
	tls, h := st.s.tls, st.handle
	for n, d := range dest {
		i := int32(n)
		kind := sqlite3.Xsqlite3_column_type(tls, h, i)
		if kind == sqlite3.SQLITE_NULL {
			b, ok := d.(*[]byte)
			if !ok {
				return fmt.Errorf("sqlite: column %d is NULL", n)
			}
			*b = nil
			continue
		}
		_, number := d.(*int64)
		if number != (kind == sqlite3.SQLITE_INTEGER) {
			return fmt.Errorf("sqlite: column %d does not hold a %T", n, d)
		}
		switch v := d.(type) {
		case *int64:
			*v = sqlite3.Xsqlite3_column_int64(tls, h, i)
		case *string:
			*v = string(st.bytes(i))
		case *[]byte:
			*v = append(make([]byte, 0, len(st.bytes(i))), st.bytes(i)...)
		default:
			return fmt.Errorf("sqlite: cannot scan into a %T", d)
		}
	}
	return nil
}

// bytes is the column's content, valid until the next step.
func (st *statement) bytes(i int32) []byte {
	p := sqlite3.Xsqlite3_column_blob(st.s.tls, st.handle, i)
	n := sqlite3.Xsqlite3_column_bytes(st.s.tls, st.handle, i)
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(memory(p)), int(n))
}
