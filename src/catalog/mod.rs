//! The one truth about names: which relations exist, what they mean, who depends on whom.

pub mod object;
