//! The member index of this history: read from its relations, kept for one state of the files, asked in the words of a
//! [`Scope`](super::scope::Scope).
//!
//! The index itself, its columns and how it adds up, is the crate `regulars-index`. Here stands what ties it to files:
//! [`keeper`] holds the index of the files that it was built from and gives it to a statement only if that sees the same
//! ones; [`file`] has it across starts; [`read`] fills a builder; [`question`] puts identifiers and bounds into the index's numbers.

mod file;
mod keeper;
mod question;
mod read;

pub use self::keeper::{Built, CaughtUp, Grows, Holds, IndexState, IndexStatus, Keeper, PieceStatus, Source};
pub use self::question::Wanted;
pub use self::read::Relations;
