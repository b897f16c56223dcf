package storage

import (
	"context"
	"database/sql"
	"errors"

	sqlite3 "modernc.org/sqlite/lib"

	"wardroom/bot/problem"
)

// engineFault returns the problem that err stands for when the database itself,
// not the request, is at fault; nil otherwise.
func engineFault(err error) *problem.Error {
	if f, ok := errors.AsType[pgFault](err); ok {
		return postgresFault(f)
	}
	coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok {
		if errors.Is(err, sql.ErrConnDone) {
			return problem.New(problem.Unavailable, "the database is closed").Because(err)
		}
		return nil
	}
	var sentence, hint string
	switch coded.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		sentence, hint = "the disk is full: nothing can be recorded", "free space on the volume of the data folder; recording resumes by itself"
	case sqlite3.SQLITE_IOERR:
		sentence, hint = "the disk failed to read or write the database", "look at the kernel log and the volume; nothing half-written was kept"
		if coded.Code() == sqlite3.SQLITE_IOERR_WRITE {
			hint = "the volume may be full or over quota; look at the kernel log too"
		}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		sentence, hint = "the database file is damaged", "stop, copy the file aside, run `wardroom verify`, and restore the newest backup if it is not clean"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		sentence, hint = "the database cannot be written", "the file, its folder and the files ending in -wal and -shm must be writable by this user"
	case sqlite3.SQLITE_CANTOPEN:
		sentence, hint = "the database cannot be opened", "the data folder must exist and be writable by this user"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		sentence, hint = "the database is locked by another program", "close other programs that have the file open for writing"
	case sqlite3.SQLITE_NOMEM:
		sentence, hint = "the database ran out of memory", "give the process more memory"
	case sqlite3.SQLITE_NOLFS:
		sentence, hint = "the database has outgrown what the file system allows", "move the data folder"
	default:
		return nil
	}
	return problem.New(problem.Unavailable, "%s", sentence).WithHint("%s", hint).Because(err)
}

// unavailable puts an engine fault into words; every other error stays as it is.
func unavailable(err error) error {
	if err == nil || problem.CodeOf(err) != problem.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if p := engineFault(err); p != nil {
		return p
	}
	return err
}
