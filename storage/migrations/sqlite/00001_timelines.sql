-- +goose Up

-- What happened. Rows are written once: the triggers below refuse everything
-- else. recursive_triggers must be on, or INSERT OR REPLACE slips past them.
CREATE TABLE entries (
    pos          INTEGER PRIMARY KEY,
    timeline     TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    occurred_at  INTEGER NOT NULL, -- microseconds since 1970, UTC, as all times
    recorded_at  INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    cause        TEXT    NOT NULL,
    supersedes   TEXT    NOT NULL,
    effects      TEXT    NOT NULL,
    payload_hash BLOB    NOT NULL,
    prev_hash    BLOB    NOT NULL,
    hash         BLOB    NOT NULL,
    UNIQUE (timeline, seq)
) STRICT;

-- What led to what: needed to erase along causes. Partial, so that an alert,
-- which nothing caused, pays nothing for it.
CREATE INDEX entries_cause ON entries (cause) WHERE cause <> '';

-- The content of entries, apart from them so that it can be erased.
CREATE TABLE payloads (
    pos  INTEGER PRIMARY KEY,
    salt BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Which payloads may be deleted, and which entry ordered it.
CREATE TABLE erasures (
    pos       INTEGER PRIMARY KEY,
    erased_by INTEGER NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payloads_no_update BEFORE UPDATE ON payloads
BEGIN SELECT RAISE(ABORT, 'payloads are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payloads_no_delete BEFORE DELETE ON payloads
WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE pos = OLD.pos)
BEGIN SELECT RAISE(ABORT, 'a payload is deleted only by an erasure'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER erasures_no_update BEFORE UPDATE ON erasures
BEGIN SELECT RAISE(ABORT, 'erasures are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER erasures_no_delete BEFORE DELETE ON erasures
BEGIN SELECT RAISE(ABORT, 'erasures are append-only'); END;
-- +goose StatementEnd

-- The newest entry of each timeline.
CREATE TABLE timelines (
    timeline    TEXT    PRIMARY KEY,
    seq         INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE claims (
    key      TEXT    PRIMARY KEY,
    timeline TEXT    NOT NULL,
    seq      INTEGER NOT NULL
) STRICT;

CREATE TABLE timers (
    key      TEXT    PRIMARY KEY,
    due      INTEGER NOT NULL,
    timeline TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    data     TEXT    NOT NULL
) STRICT;
CREATE INDEX timers_due ON timers (due, key);

CREATE TABLE cursors (
    follower TEXT    NOT NULL,
    timeline TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (follower, timeline)
) STRICT;

CREATE TABLE scratch (
    key TEXT PRIMARY KEY,
    doc BLOB NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
