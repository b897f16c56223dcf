-- +goose Up

-- Tables of current state: a JSON document under a key, and beside it the
-- columns of its timeline.Schema. `wardroom verify --rebuild` folds them anew.

CREATE TABLE alerts (
    key         TEXT COLLATE "C" PRIMARY KEY,
    doc         TEXT COLLATE "C" NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    starts_at   BIGINT NOT NULL,
    incident    TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL
);
CREATE INDEX alerts_status   ON alerts (status, starts_at);
CREATE INDEX alerts_incident ON alerts (incident, starts_at);

CREATE TABLE incidents (
    key        TEXT COLLATE "C" PRIMARY KEY,
    doc        TEXT COLLATE "C" NOT NULL,
    number     BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    severity   BIGINT NOT NULL,
    is_open    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX incidents_number ON incidents (number);
CREATE INDEX incidents_open   ON incidents (is_open, number);

CREATE TABLE notices (
    key        TEXT COLLATE "C" PRIMARY KEY,
    doc        TEXT COLLATE "C" NOT NULL,
    number     BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    is_open    BIGINT NOT NULL
);
CREATE INDEX notices_started ON notices (started_at);
CREATE INDEX notices_open    ON notices (is_open, started_at);

CREATE TABLE components (
    key      TEXT COLLATE "C" PRIMARY KEY,
    doc      TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE freezes (
    key       TEXT COLLATE "C" PRIMARY KEY,
    doc       TEXT COLLATE "C" NOT NULL,
    is_active BIGINT NOT NULL
);

CREATE TABLE rooms (
    key      TEXT COLLATE "C" PRIMARY KEY,
    doc      TEXT COLLATE "C" NOT NULL,
    number   BIGINT NOT NULL,
    external TEXT COLLATE "C" NOT NULL
);
CREATE INDEX rooms_external ON rooms (external);

CREATE TABLE deliveries (
    key      TEXT COLLATE "C" PRIMARY KEY,
    doc      TEXT COLLATE "C" NOT NULL,
    follower TEXT COLLATE "C" NOT NULL,
    timeline TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL,
    external TEXT COLLATE "C" NOT NULL
);
CREATE INDEX deliveries_of       ON deliveries (timeline, seq, follower);
CREATE INDEX deliveries_external ON deliveries (follower, external);
