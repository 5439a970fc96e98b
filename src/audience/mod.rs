//! Keeping lists true: what a refresh does, which options an audience has, when one is due.
//!
//! A refresh plans the list's query against one catalog snapshot, writes its rows to a new file and puts the run into the
//! transaction's draft; the commit shows it. Until then, and for who began before, the old rows are what the list holds.
//!
//! Not here: names and their changes (`catalog`), the statements (`statement`), the file's life (`storage::member_file`).

pub mod failure;
pub mod options;
pub mod refresh;
pub mod schedule;
