-- Who may do what with a relation: "0=r,16390=arw", an OID (0 is PUBLIC) and PostgreSQL's letters; NULL is the default.
ALTER TABLE relation ADD COLUMN access TEXT;

-- Which files of the history a refresh saw, as SHA-256; NULL for those before this was kept, and for those that failed.
ALTER TABLE run ADD COLUMN data_version TEXT;
