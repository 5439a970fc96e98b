//! The member index: what facts of members need of a purchase history, in narrow columns in memory.
//!
//! Members have dense numbers, 0 … n − 1; their receipts lie together, by business date, with local time computed once; the
//! lines of a receipt lie together; each product has the list of the receipts that it is on. So a fact of all members
//! is one pass over arrays, without a hash table, and a fact of one member is a look at its own few rows.
//!
//! A [`Builder`] is fed with receipts and lines as Arrow batches and gives a [`MemberIndex`], which is never changed;
//! [`MemberIndex::tally`] answers [`Use`]s for a range of members. What refunds mean is the contract's, section 3: it
//! stands in [`tally`] once for receipts and once for refunds, and the tests of the project hold it against PostgreSQL.
//!
//! A crate of its own so that it is optimized fully in a release that is otherwise compiled fast. It knows Arrow's
//! arrays, and neither the engine nor the files: who may use an index, and for which files it is true, is decided above.

mod builder;
mod columns;
mod draft;
mod file;
mod ids;
mod interner;
mod pending;
mod piece;
mod question;
mod rows;
mod scores;
mod tally;
mod threads;
mod values;

pub use self::builder::{Builder, Scales, Unfit};
pub use self::columns::MemberIndex;
pub use self::file::Unusable;
pub use self::piece::Piece;
pub use self::question::{Comparison, Condition, Filter, Part, Parts, ProductSet, Use};
pub use self::scores::Scores;
pub use self::tally::{Tally, Work};

#[cfg(test)]
mod tests;
