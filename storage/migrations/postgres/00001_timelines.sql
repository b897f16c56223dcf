-- +goose Up

-- What happened. Rows are written once: the triggers below refuse everything
-- else. Text is ordered by its bytes (COLLATE "C"), as everywhere.
CREATE TABLE entries (
    pos          BIGINT PRIMARY KEY,
    timeline     TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    occurred_at  BIGINT NOT NULL, -- microseconds since 1970, UTC, as all times
    recorded_at  BIGINT NOT NULL,
    actor        TEXT COLLATE "C" NOT NULL,
    cause        TEXT COLLATE "C" NOT NULL,
    supersedes   TEXT COLLATE "C" NOT NULL,
    effects      TEXT COLLATE "C" NOT NULL,
    payload_hash BYTEA    NOT NULL,
    prev_hash    BYTEA    NOT NULL,
    hash         BYTEA    NOT NULL,
    UNIQUE (timeline, seq)
);

-- What led to what: needed to erase along causes. Partial, so that an alert,
-- which nothing caused, pays nothing for it.
CREATE INDEX entries_cause ON entries (cause) WHERE cause <> '';

-- The content of entries, apart from them so that it can be erased.
CREATE TABLE payloads (
    pos  BIGINT PRIMARY KEY,
    salt BYTEA NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);

-- Which payloads may be deleted, and which entry ordered it.
CREATE TABLE erasures (
    pos       BIGINT PRIMARY KEY,
    erased_by BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION only_erased() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM erasures WHERE pos = OLD.pos) THEN
        RAISE EXCEPTION 'a payload is deleted only by an erasure';
    END IF;
    RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER entries_no_update  BEFORE UPDATE ON entries  FOR EACH ROW EXECUTE FUNCTION refuse('entries are append-only');
CREATE TRIGGER entries_no_delete  BEFORE DELETE ON entries  FOR EACH ROW EXECUTE FUNCTION refuse('entries are append-only');
CREATE TRIGGER payloads_no_update BEFORE UPDATE ON payloads FOR EACH ROW EXECUTE FUNCTION refuse('payloads are append-only');
CREATE TRIGGER payloads_no_delete BEFORE DELETE ON payloads FOR EACH ROW EXECUTE FUNCTION only_erased();
CREATE TRIGGER erasures_no_update BEFORE UPDATE ON erasures FOR EACH ROW EXECUTE FUNCTION refuse('erasures are append-only');
CREATE TRIGGER erasures_no_delete BEFORE DELETE ON erasures FOR EACH ROW EXECUTE FUNCTION refuse('erasures are append-only');
CREATE TRIGGER entries_no_truncate  BEFORE TRUNCATE ON entries  EXECUTE FUNCTION refuse('entries are append-only');
CREATE TRIGGER payloads_no_truncate BEFORE TRUNCATE ON payloads EXECUTE FUNCTION refuse('payloads are append-only');
CREATE TRIGGER erasures_no_truncate BEFORE TRUNCATE ON erasures EXECUTE FUNCTION refuse('erasures are append-only');

-- The newest entry of each timeline.
CREATE TABLE timelines (
    timeline    TEXT COLLATE "C" PRIMARY KEY,
    seq         BIGINT NOT NULL,
    hash        BYTEA    NOT NULL,
    recorded_at BIGINT NOT NULL
);

CREATE TABLE claims (
    key      TEXT COLLATE "C" PRIMARY KEY,
    timeline TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL
);

CREATE TABLE timers (
    key      TEXT COLLATE "C" PRIMARY KEY,
    due      BIGINT NOT NULL,
    timeline TEXT COLLATE "C" NOT NULL,
    what     TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX timers_due ON timers (due, key);

CREATE TABLE cursors (
    follower TEXT COLLATE "C" NOT NULL,
    timeline TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL,
    PRIMARY KEY (follower, timeline)
);

CREATE TABLE scratch (
    key TEXT COLLATE "C" PRIMARY KEY,
    doc BYTEA NOT NULL
);

CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- Which process may write: only the one that holds the advisory lock and whose
-- epoch this is. Each transaction of the writer looks at it.
CREATE TABLE owner (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    epoch  BIGINT NOT NULL,
    holder TEXT   NOT NULL -- for people: "host, pid 4711"
);
INSERT INTO owner (one, epoch, holder) VALUES (1, 0, '');

-- When the owner last said that it lives, apart from the row that its
-- transactions lock.
CREATE TABLE heartbeat (
    one  BIGINT      PRIMARY KEY CHECK (one = 1),
    seen TIMESTAMPTZ NOT NULL
);
INSERT INTO heartbeat (one, seen) VALUES (1, now());
