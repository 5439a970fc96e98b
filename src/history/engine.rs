//! The history's own small queries: at open, for the clocks of stores, for `check`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionState;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{collect, execute_stream};

use crate::error::datafusion::own_error;
use crate::error::{Error, Result, SqlState, message};
use crate::storage::parquet_table::StatementFiles;

/// A session of our own, with no names in it: plans refer to tables directly.
#[derive(Debug, Clone)]
pub struct Engine {
    state: Arc<SessionState>,
}

impl Engine {
    pub fn new(runtime: &Arc<RuntimeEnv>) -> Self {
        let state = SessionStateBuilder::new().with_default_features().with_runtime_env(Arc::clone(runtime)).build();
        Self { state: Arc::new(state) }
    }

    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// The same, seeing the files that a statement sees.
    pub fn seeing(&self, files: &Arc<StatementFiles>) -> Self {
        let mut state = SessionState::clone(&self.state);
        state.config_mut().set_extension(Arc::clone(files));
        Self { state: Arc::new(state) }
    }

    /// Runs a plan whose result is small. `what` says what is being read, for messages.
    pub async fn rows(&self, plan: &LogicalPlan, what: &str) -> Result<Vec<RecordBatch>> {
        let run = async {
            let physical = self.state.create_physical_plan(plan).await?;
            collect(physical, self.state.task_ctx()).await
        };
        run.await.map_err(|error| fault(error, what))
    }

    /// Runs a plan whose result is large, batch by batch.
    pub async fn stream(&self, plan: &LogicalPlan, what: &str) -> Result<SendableRecordBatchStream> {
        let run = async {
            let physical = self.state.create_physical_plan(plan).await?;
            execute_stream(physical, self.state.task_ctx())
        };
        run.await.map_err(|error| fault(error, what))
    }
}

/// Our own error if it is one; else a fault of the files, of memory, or ours.
pub fn fault(error: DataFusionError, what: &str) -> Error {
    let error = match own_error(error) {
        Ok(own) => return own,
        Err(error) => error,
    };
    let text = error.strip_backtrace();
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => Error::new(SqlState::OutOfMemory, "out of memory").with_detail(text),
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => message::unreadable_path(what, text),
        DataFusionError::ArrowError(..) | DataFusionError::ParquetError(_) | DataFusionError::Execution(_) => {
            message::unreadable_data(what, text)
        }
        _ => message::internal(format!("{what} cannot be read: {text}")),
    }
    .with_cause(error)
}
