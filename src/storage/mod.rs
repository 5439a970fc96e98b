//! Bytes in files and object stores: where a path leads, which Parquet files lie there now, how they are scanned;
//! and the paths of our own home folder, with the files of kept lists.
//!
//! Nothing here knows the contract of the purchase history; that is `history`. User data is only ever read.

pub mod footer;
pub mod location;
pub mod parquet_table;
pub mod watch;

pub mod disk;
pub mod layout;
pub mod member_file;
pub mod member_table;
