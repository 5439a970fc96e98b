-- Who may do what with a relation: "0=r,16390=arw", an OID (0 is PUBLIC) and PostgreSQL's letters; NULL is the default.
ALTER TABLE relation ADD COLUMN access TEXT;
