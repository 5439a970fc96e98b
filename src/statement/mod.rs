//! What each statement does, one file each.

pub mod outcome;
