//! Running a plan within bounds: cancellation, memory, the runtime that computes.

pub mod cancellation;
