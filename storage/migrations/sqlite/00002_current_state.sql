-- +goose Up

-- Tables of current state: a JSON document under a key, and beside it the
-- columns of its timeline.Schema. `wardroom verify --rebuild` folds them anew.

CREATE TABLE alerts (
    key         TEXT    PRIMARY KEY,
    doc         TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    starts_at   INTEGER NOT NULL,
    incident    TEXT    NOT NULL,
    name        TEXT    NOT NULL
) STRICT;
CREATE INDEX alerts_status   ON alerts (status, starts_at);
CREATE INDEX alerts_incident ON alerts (incident, starts_at);

CREATE TABLE incidents (
    key        TEXT    PRIMARY KEY,
    doc        TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    severity   INTEGER NOT NULL,
    is_open    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX incidents_number ON incidents (number);
CREATE INDEX incidents_open   ON incidents (is_open, number);

CREATE TABLE notices (
    key        TEXT    PRIMARY KEY,
    doc        TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    is_open    INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_started ON notices (started_at);
CREATE INDEX notices_open    ON notices (is_open, started_at);

CREATE TABLE components (
    key      TEXT    PRIMARY KEY,
    doc      TEXT    NOT NULL,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE freezes (
    key       TEXT    PRIMARY KEY,
    doc       TEXT    NOT NULL,
    is_active INTEGER NOT NULL
) STRICT;

CREATE TABLE rooms (
    key      TEXT    PRIMARY KEY,
    doc      TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    external TEXT    NOT NULL
) STRICT;
CREATE INDEX rooms_external ON rooms (external);

CREATE TABLE deliveries (
    key      TEXT    PRIMARY KEY,
    doc      TEXT    NOT NULL,
    follower TEXT    NOT NULL,
    timeline TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    external TEXT    NOT NULL
) STRICT;
CREATE INDEX deliveries_of       ON deliveries (timeline, seq, follower);
CREATE INDEX deliveries_external ON deliveries (follower, external);
