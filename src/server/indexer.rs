//! Builds the member index of the history, and again when its files have changed.
//!
//! Every few seconds it looks at the files, as a statement would. While it builds, statements are answered as before: from
//! the index of the files that they see, or from the files. What fails is told once, and tried again when files change.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;

/// How often it looks.
const TICK: Duration = Duration::from_secs(5);

/// Looks again and again; dropped, it stops, and an index on its way is none.
pub async fn run(engine: Arc<Engine>) {
    loop {
        build(&engine).await;
        tokio::time::sleep(TICK).await;
    }
}

/// Builds it if there is something to do, on the threads that compute.
async fn build(engine: &Arc<Engine>) {
    let (history, clock) = (Arc::clone(&engine.history), Arc::clone(&engine.clock));
    let built = engine.queries.run(async move { history.build_index(clock.as_ref()).await }).await;
    if !matches!(built, Ok(false)) {
        // They hold the index before this one.
        engine.plans.clear();
    }
    match built {
        Ok(false) => {}
        Ok(true) => {
            if let Some(status) = engine.history.index_status() {
                tracing::info!(
                    members = status.members,
                    rows = status.rows,
                    bytes = status.bytes,
                    "member index {} in {} ms",
                    if status.is_from_file { "read from its file" } else { "built" },
                    status.took.map_or(0, |took| took.num_milliseconds())
                );
            }
        }
        Err(error) => tracing::warn!("the member index cannot be built, questions are answered without it: {error}"),
    }
}
