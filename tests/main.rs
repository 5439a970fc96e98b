//! All integration tests, in one binary: linking the engine many times is slow.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and tells what it did"
)]

mod audiences;
mod crash;
mod definitions;
mod deliveries;
mod driver;
mod facts;
mod faults;
mod history;
mod line_audiences;
mod receiver;
mod server;
mod suites;
mod webhooks;
