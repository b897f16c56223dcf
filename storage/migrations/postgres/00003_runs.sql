-- +goose Up

-- Repairs that were asked for, and how far each has come.
CREATE TABLE runs (
    key       TEXT COLLATE "C" PRIMARY KEY,
    doc       TEXT COLLATE "C" NOT NULL,
    incident  TEXT COLLATE "C" NOT NULL,
    number    BIGINT NOT NULL,
    is_active BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL -- 0 while it is active
);
CREATE INDEX runs_incident ON runs (incident, number);
CREATE INDEX runs_active   ON runs (is_active, ended_at);
