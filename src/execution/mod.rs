//! Running a plan within bounds: the runtime that computes, back-pressure, cancellation.
//!
//! Queries run on a runtime of their own, so that the wire answers while the processors are busy. A result crosses
//! to the session through a channel of a few batches: a slow reader slows the plan, and a reader that goes away ends it.

pub mod cancellation;
pub mod plan_cache;
pub mod scroll;
pub mod slots;

use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use arrow::array::RecordBatch;

use self::cancellation::Abandonment;
use crate::error::{Error, Result, message};

/// Batches that may wait between a plan and its reader.
const BATCHES_WAITING_MAX: usize = 2;
/// Stack of a thread that parses, plans or drops a statement: all of that recurses over it, and the guard in `sql`
/// is sized for this stack. Only what is used of it takes memory.
pub const STACK_BYTES: usize = 64 << 20;

/// The threads that plan and compute.
#[derive(Debug)]
pub struct QueryRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl QueryRuntime {
    /// `threads`: how many statements' tasks may compute at the same moment.
    pub fn new(threads: usize) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| message::io_failed(&error))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs work that belongs to one statement; dropping the returned future ends it, where it waits or at its next
    /// [`cancellation::checkpoint`].
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let abandonment = Abandonment::default();
        let task = AbortOnDrop(self.handle.spawn(abandonment.over(work)));
        let mut task = Awaited { task, abandonment };
        match (&mut task.task.0).await {
            Ok(result) => result,
            Err(error) => Err(task_failed(error)),
        }
    }

    /// Runs a plan; the stream's batches have the plan's schema. Dropping the stream ends the plan.
    pub fn stream(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> BoxStream<'static, Result<RecordBatch>> {
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
        let task = self.handle.spawn(async move {
            let mut batches = match execute_stream(plan, context) {
                Ok(batches) => batches,
                Err(error) => {
                    // A reader that went away needs no error.
                    let _gone = sender.send(Err(Error::from(error))).await;
                    return;
                }
            };
            while let Some(batch) = batches.next().await {
                let failed = batch.is_err();
                if sender.send(batch.map_err(Error::from)).await.is_err() || failed {
                    return;
                }
            }
        });
        let reading = Reading { receiver, task: Some(AbortOnDrop(task)) };
        stream::unfold(reading, Reading::next).boxed()
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        // Waiting for the threads is not possible where this may be dropped (inside another runtime).
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Reading {
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: Option<AbortOnDrop<()>>,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<RecordBatch>, Self)> {
        if let Some(batch) = self.receiver.recv().await {
            return Some((batch, self));
        }
        // The channel also closes when the task panics: that must not look like the end of the rows.
        let mut task = self.task.take()?;
        match (&mut task.0).await {
            Ok(()) => None,
            Err(error) => Some((Err(task_failed(error)), self)),
        }
    }
}

struct Awaited<T> {
    task: AbortOnDrop<T>,
    abandonment: Abandonment,
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.abandonment.declare();
    }
}

#[derive(Debug)]
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn task_failed(error: tokio::task::JoinError) -> Error {
    if error.is_cancelled() {
        return message::shutting_down();
    }
    message::internal("the statement failed because of a bug").with_cause(error)
}
