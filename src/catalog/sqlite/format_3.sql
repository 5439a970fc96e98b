-- Kept lists and their refreshes.

-- A relation of kind 'view' that has a row here is a materialized view.
CREATE TABLE materialized (
    relation_oid INTEGER PRIMARY KEY REFERENCES relation (oid) ON DELETE CASCADE,
    channel TEXT,
    refresh TEXT,
    keep INTEGER NOT NULL,
    minimum INTEGER,
    last_run INTEGER NOT NULL,
    is_populated INTEGER NOT NULL CHECK (is_populated IN (0, 1))
) STRICT;

-- Every refresh ever tried, never deleted; names as they were then. One that failed has an error and no number.
CREATE TABLE run (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    audience_oid INTEGER NOT NULL,
    schema_name TEXT NOT NULL,
    audience_name TEXT NOT NULL,
    number INTEGER,
    error TEXT,
    -- Within the folder of lists; its rows can be read while it is kept.
    file TEXT,
    is_kept INTEGER NOT NULL CHECK (is_kept IN (0, 1)),
    row_count INTEGER,
    bytes INTEGER,
    universe INTEGER,
    -- Days since 1970-01-01.
    as_of INTEGER,
    definition TEXT,
    definition_hash TEXT,
    started_at_us INTEGER NOT NULL,
    finished_at_us INTEGER NOT NULL,
    by_role TEXT NOT NULL,
    CHECK ((number IS NULL) = (error IS NOT NULL)),
    UNIQUE (audience_oid, number)
) STRICT;

ALTER TABLE definition_history ADD COLUMN saved_by TEXT NOT NULL DEFAULT '';
