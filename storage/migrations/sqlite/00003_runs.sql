-- +goose Up

-- Repairs that were asked for, and how far each has come.
CREATE TABLE runs (
    key       TEXT    PRIMARY KEY,
    doc       TEXT    NOT NULL,
    incident  TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    ended_at  INTEGER NOT NULL -- 0 while it is active
) STRICT;
CREATE INDEX runs_incident ON runs (incident, number);
CREATE INDEX runs_active   ON runs (is_active, ended_at);
