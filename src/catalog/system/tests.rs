//! psql's own queries, planned and run over the system relations of a small catalog.
//!
//! The catalog is the one over which psql 15 was asked with `psql -E` on PostgreSQL 15 (`tests/slt/psql/*.sql`), with
//! the same OIDs; where the world is the same, the answers are PostgreSQL's.

mod psql;
mod truth;
mod world;
