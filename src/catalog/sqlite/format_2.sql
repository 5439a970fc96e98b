-- The catalog's second format: roles, and the secret behind what unknown names are answered with at sign-in.

CREATE TABLE role (
    oid INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_superuser INTEGER NOT NULL CHECK (is_superuser IN (0, 1)),
    inherits INTEGER NOT NULL CHECK (inherits IN (0, 1)),
    can_log_in INTEGER NOT NULL CHECK (can_log_in IN (0, 1)),
    connection_limit INTEGER,
    -- A SCRAM-SHA-256 verifier as PostgreSQL writes it; never a password.
    password TEXT,
    valid_until_us INTEGER
) STRICT;

-- Deferred: within a commit a role may be written again under its members.
CREATE TABLE membership (
    member_oid INTEGER NOT NULL REFERENCES role (oid) ON DELETE CASCADE,
    role_oid INTEGER NOT NULL REFERENCES role (oid) DEFERRABLE INITIALLY DEFERRED,
    oid INTEGER NOT NULL UNIQUE,
    grantor INTEGER NOT NULL,
    is_admin INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
    PRIMARY KEY (member_oid, role_oid)
) STRICT, WITHOUT ROWID;

-- One row.
CREATE TABLE secret (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    bytes BLOB NOT NULL
) STRICT;

INSERT INTO secret (one, bytes) VALUES (1, randomblob(32));
