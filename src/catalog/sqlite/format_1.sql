-- The catalog's first format. Instants are microseconds since 1970-01-01 UTC.

-- One row: the number of the last commit, and the OID that will be given next.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    next_oid INTEGER NOT NULL
) STRICT;

INSERT INTO meta (one, version, next_oid) VALUES (1, 0, 16384);

CREATE TABLE schema (
    oid INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    comment TEXT
) STRICT;

-- Deferred: within a commit a schema may be written again after its relations.
CREATE TABLE relation (
    oid INTEGER PRIMARY KEY,
    schema_oid INTEGER NOT NULL REFERENCES schema (oid) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL,
    owner INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('table', 'view')),
    present INTEGER NOT NULL CHECK (present IN (0, 1)),
    comment TEXT,
    created_at_us INTEGER NOT NULL,
    replaced_at_us INTEGER,
    UNIQUE (schema_oid, name)
) STRICT;

CREATE TABLE column (
    relation_oid INTEGER NOT NULL REFERENCES relation (oid) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    type_oid INTEGER NOT NULL,
    typmod INTEGER NOT NULL,
    comment TEXT,
    PRIMARY KEY (relation_oid, number)
) STRICT, WITHOUT ROWID;

-- A view's query as its author wrote it.
CREATE TABLE definition (
    relation_oid INTEGER PRIMARY KEY REFERENCES relation (oid) ON DELETE CASCADE,
    text TEXT NOT NULL
) STRICT;

-- The places of names in a definition. What is read may be a system relation, which is in no table here.
CREATE TABLE reference (
    relation_oid INTEGER NOT NULL REFERENCES definition (relation_oid) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    start_byte INTEGER NOT NULL,
    end_byte INTEGER NOT NULL,
    reads_oid INTEGER NOT NULL,
    needs_alias INTEGER NOT NULL CHECK (needs_alias IN (0, 1)),
    PRIMARY KEY (relation_oid, number)
) STRICT, WITHOUT ROWID;

-- Every definition ever saved, never deleted; names as they were then.
CREATE TABLE definition_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    view_oid INTEGER NOT NULL,
    schema_name TEXT NOT NULL,
    view_name TEXT NOT NULL,
    text TEXT NOT NULL,
    qualified TEXT NOT NULL,
    saved_at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX definition_history_of_view ON definition_history (view_oid, number);
