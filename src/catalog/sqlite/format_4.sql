-- Deliveries of kept lists.

-- One for each run and channel, never deleted; names as they were when it began.
CREATE TABLE delivery (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    audience_oid INTEGER NOT NULL,
    schema_name TEXT NOT NULL,
    audience_name TEXT NOT NULL,
    run INTEGER NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('refused', 'sending', 'delivered', 'failed', 'in doubt')),
    error TEXT,
    matched INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    no_consent INTEGER NOT NULL,
    no_identifier INTEGER NOT NULL,
    invalid_identifier INTEGER NOT NULL,
    shared_identifier INTEGER NOT NULL,
    no_text INTEGER NOT NULL,
    held_out INTEGER NOT NULL,
    deliverable INTEGER NOT NULL,
    batches INTEGER NOT NULL,
    -- Within the folder of deliveries.
    recipients TEXT,
    reference TEXT,
    manifest TEXT,
    started_at_us INTEGER NOT NULL,
    finished_at_us INTEGER,
    by_role TEXT NOT NULL
) STRICT;

-- Written before a batch is sent, and again when its fate is known.
CREATE TABLE delivery_batch (
    delivery_id TEXT NOT NULL REFERENCES delivery (id),
    number INTEGER NOT NULL,
    members INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'delivered', 'failed', 'in doubt')),
    accepted INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    sent_at_us INTEGER NOT NULL,
    finished_at_us INTEGER,
    error TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
